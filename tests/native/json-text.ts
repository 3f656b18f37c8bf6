import { random } from "./random.ts";

/** A JSON document made by chance: all kinds of values, escapes, characters and white space. */
export function document(seed: number): string {
  const { below, pick } = random(seed);
  const blank = () => (below(4) === 0 ? pick([" ", "\n", "\t", "\r\n", "  "]) : "");
  const text = () => {
    const parts = [
      "a",
      "key",
      "ü",
      "🦀",
      "漢字",
      "\u2028",
      "\\n",
      '\\"',
      "\\\\",
      "\\/",
      "\\u00e9",
      "\\ud83e\\udd80",
      "\\ud800",
      "longer than eight bytes",
      " ",
    ];
    return `"${Array.from({ length: below(5) }, () => pick(parts)).join("")}"`;
  };
  const number = () =>
    pick(["0", "-0", "7", "-12", "3.25", "1e5", "1E-5", "-0.0e+0", "123456789012345678901234567890", "1e400"]);
  const value = (depth: number): string => {
    const kind = below(depth > 5 ? 4 : 7);
    if (kind === 0) return pick(["true", "false", "null"]);
    if (kind === 1) return number();
    if (kind <= 3) return text();
    const items = Array.from({ length: below(5) }, () => blank() + value(depth + 1) + blank());
    if (kind === 4) return `[${items.join(",") || blank()}]`;
    return `{${items.map((item) => blank() + text() + blank() + ":" + item).join(",") || blank()}}`;
  };
  return blank() + value(0) + blank();
}

/** The text with some bytes changed, removed, doubled, moved or cut: mostly no JSON any more. */
export function broken(seed: number, whole: string): string {
  const { below, pick } = random(seed + 0x5eed);
  const strange = [
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "0",
    "-",
    ".",
    "e",
    "+",
    "t",
    "\0",
    "\n",
    " ",
    "'",
    "/",
    "ü",
    "\ufeff",
    "\u00a0",
    "NaN",
    "\\u",
    "\\x",
  ];
  let text = whole;
  for (let edit = below(3); edit >= 0; edit--) {
    const at = below(text.length + 1);
    const to = at + below(4);
    const rest = {
      insert: pick(strange) + text.slice(at),
      replace: pick(strange) + text.slice(to),
      remove: text.slice(to),
      double: text.slice(at, to) + text.slice(at),
      cut: "",
    };
    text = text.slice(0, at) + rest[pick(["insert", "replace", "remove", "double", "cut"] as const)];
  }
  return text.toWellFormed();
}
