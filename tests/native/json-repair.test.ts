import { expect, test } from "bun:test";
import { describeJson, repairJson } from "../../src/native/json-reader.ts";
import suite from "./fixtures/json-test-suite.json";
import { broken, document } from "./json-text.ts";
import { random } from "./random.ts";

/** A short sample in `make test`; `make campaign` sets REIN_CAMPAIGN for a long one. */
const [rounds, timeout] = process.env["REIN_CAMPAIGN"] === undefined ? [1500, 5000] : [1_000_000, 600_000];

test("JSON of every kind stays as it is", () => {
  for (const [name, base64] of Object.entries(suite.files)) {
    if (!name.startsWith("y_")) continue;
    const text = Buffer.from(base64, "base64").toString();
    expect([name, repairJson(text)]).toEqual([name, { ok: true, text, repairs: [], cut: false }]);
  }
  for (let seed = 0; seed < 300; seed++) {
    const text = document(seed);
    expect(repairJson(text)).toEqual({ ok: true, text, repairs: [], cut: false });
  }
});

test("a text that ends after a comma is cut, one that only lacks its bracket is not", () => {
  const cut = (text: string) => {
    const repaired = repairJson(text);
    return repaired.ok ? repaired.cut : undefined;
  };
  expect(cut('{"path":"a","content":"b",')).toBe(true);
  expect(cut('{"edits":[{"old":"a"},\n')).toBe(true);
  expect(cut('{"path":"a","content":"b"')).toBe(false);
  expect(cut('{"path":"a","content":"b",}')).toBe(false);
});

test(
  "what is repaired is JSON, says what was wrong, and needs no repair again",
  () => {
    let repairs = 0;
    for (let seed = 0; seed < rounds; seed++) {
      const text = broken(seed, document(seed));
      const repaired = repairJson(text);
      const verdict = describeJson(text);
      if (!repaired.ok) {
        expect<unknown>([seed, repaired]).toEqual([seed, verdict]);
        continue;
      }
      expect([seed, repaired.repairs.length === 0]).toEqual([seed, verdict.ok]);
      JSON.parse(repaired.text);
      expect(repairJson(repaired.text)).toEqual({ ok: true, text: repaired.text, repairs: [], cut: false });
      if (!verdict.ok) repairs++;
    }
    expect(repairs).toBeGreaterThan(rounds / 100);
  },
  timeout,
);

/** A value as a careless model writes it. */
function careless(value: unknown, seed: number): string {
  const { below, pick } = random(seed);
  const blank = () => pick(["", " ", "\n", "", " /* why */ ", " // so\n", "# so\n"]);
  const comma = () => (below(2) === 0 ? "," : "");
  const string = (text: string): string => {
    const inner = JSON.stringify(text).slice(1, -1);
    const loose = below(2) === 0 ? inner.replaceAll("\\n", "\n").replaceAll("\\t", "\t") : inner;
    return below(2) === 0 ? `"${loose}"` : `'${loose.replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
  };
  const write = (item: unknown): string => {
    if (typeof item === "string") return string(item);
    if (item === null) return pick(["null", "None"]);
    if (typeof item === "boolean") return item ? pick(["true", "True"]) : pick(["false", "False"]);
    if (typeof item === "number") return String(item);
    if (Array.isArray(item)) {
      const items = item.map((each) => blank() + write(each) + blank());
      return `[${items.join(",")}${items.length > 0 ? comma() : ""}${blank()}]`;
    }
    const members = Object.entries(item ?? {}).map(([key, each]) => {
      const name = /^[a-z_]\w*$/i.test(key) && below(2) === 0 ? key : string(key);
      return `${blank()}${name}${blank()}:${blank()}${write(each)}${blank()}`;
    });
    return `{${members.join(",")}${members.length > 0 ? comma() : ""}${blank()}}`;
  };
  return blank() + write(value) + blank();
}

const value = {
  path: "src/a'b\".ts",
  "a key": ['it\'s "quoted"', "two\nlines\tand // no comment", "# nor this", "/* nor this */", ""],
  nested: { list: [1, -2.5, 1e21, true, false, null, {}, []], word: "True" },
  ünïcode: "🦀 漢字",
};

test("a value that was written carelessly is read as it was meant", () => {
  for (let seed = 0; seed < 500; seed++) {
    const repaired = repairJson(careless(value, seed));
    expect([seed, repaired.ok && JSON.parse(repaired.text)]).toEqual([seed, value]);
  }
});

test("a text that is cut after a value loses nothing, and its brackets are closed", () => {
  const text = JSON.stringify(value);
  for (let end = 1; end < text.length; end++) {
    const repaired = repairJson(text.slice(0, end));
    if (!repaired.ok) continue;
    // Only a closing quote and closing brackets are new; a comma that nothing follows is gone.
    expect(text.slice(0, end)).toStartWith(repaired.text.replace(/"?[\]}]*$/, "").replace(/,$/, ""));
    expect(repaired.text).toMatch(/[\]}]$/);
  }
});

test("what cannot be repaired keeps its verdict", () => {
  expect(repairJson('{"path": src/a.ts}')).toEqual({
    ok: false,
    kind: "invalid",
    message: "Unexpected 's', expected a value",
    offset: 9,
    line: 1,
    column: 10,
  });
});

test("large arguments are repaired too", () => {
  const repaired = repairJson(`{content: ['${'it\\\'s a "line"\n'.repeat(100_000)}',],`);
  expect(repaired.ok && JSON.parse(repaired.text)).toEqual({ content: ['it\'s a "line"\n'.repeat(100_000)] });
});
