/** Replaces secrets in text that enters a run, so that journal, model and renderers all see the same. */
export type Mask = {
  /** Masks one whole text. */
  text(text: string): string;
  /** Masks a text that comes in pieces: a secret that is cut between two pieces is found as well. */
  stream(): { push(piece: string): string; end(): string };
  /** Masks this too from now on. */
  add(secrets: Iterable<string>): void;
};

/** Shorter values (a port, "true") are no secrets worth the false matches. */
const shortestSecret = 8;

/** So much of a secret, where a text was cut within it, is masked too. */
const shortestRest = 4;

/** How tools mark where they cut a text. */
const cuts = /(\n\[[\d,]+ characters left out[^\]\n]*\]\n|…)/;

/**
 * A mask for the given values; each occurrence becomes `[masked]`, also as a URL, JSON or base64 has it, and what is left of one
 * beside the mark of a cut.
 */
export function makeMask(secrets: Iterable<string>): Mask {
  let values: string[] = [];
  let longest = 1;
  let found: RegExp | undefined;
  let rests: RegExp | undefined;
  const known = new Set<string>();
  const add = (more: Iterable<string>) => {
    const unknown = [...more].filter((value) => !known.has(value));
    if (unknown.length === 0) return;
    for (const value of unknown) known.add(value);
    const all = new Set([...values, ...unknown.flatMap(forms)]);
    // The longest first, so that a secret which contains another is replaced whole.
    values = [...all].filter((value) => value.length >= shortestSecret).toSorted((a, b) => b.length - a.length);
    longest = values[0]?.length ?? 1;
    if (values.length === 0) return;
    found = new RegExp(values.map(literal).join("|"), "g");
    const ends = values.flatMap((value) => [value.slice(0, shortestRest), value.slice(-shortestRest)]);
    rests = new RegExp([...new Set(ends)].map(literal).join("|"));
  };
  add(secrets);
  const whole = (input: string) => (found === undefined ? input : input.replace(found, "[masked]"));
  const text = (input: string) => {
    const masked = whole(input);
    return rests?.test(masked) === true && cuts.test(masked) ? withoutRests(masked, values) : masked;
  };
  return {
    text,
    add,
    stream() {
      let held = "";
      return {
        push(piece) {
          held = whole(held + piece);
          const ready = held.slice(0, Math.max(0, held.length - longest + 1));
          held = held.slice(ready.length);
          return ready;
        },
        end() {
          const rest = held;
          held = "";
          return rest;
        },
      };
    },
  };
}

/** Masks what is left of a value before and after each mark of a cut. */
function withoutRests(text: string, values: readonly string[]): string {
  const parts = text.split(cuts);
  const masked = parts.map((part, index) => {
    if (index % 2 === 1) return part;
    const from = index === 0 ? 0 : Math.max(...values.map((value) => endOfRest(part, value)));
    const to = index === parts.length - 1 ? part.length : Math.min(...values.map((value) => startOfRest(part, value)));
    if (from >= to) return part === "" ? "" : "[masked]";
    return `${from === 0 ? "" : "[masked]"}${part.slice(from, to)}${to === part.length ? "" : "[masked]"}`;
  });
  return masked.join("");
}

/** Where the start of a value begins with which a text ends; its length where there is none. */
function startOfRest(text: string, value: string): number {
  const start = value.slice(0, shortestRest);
  let at = text.indexOf(start, Math.max(0, text.length - value.length));
  while (at >= 0 && !value.startsWith(text.slice(at))) at = text.indexOf(start, at + 1);
  return at < 0 ? text.length : at;
}

/** Where the end of a value ends with which a text begins; 0 where there is none. */
function endOfRest(text: string, value: string): number {
  const end = value.slice(-shortestRest);
  const first = text.slice(0, value.length);
  let at = first.lastIndexOf(end);
  while (at >= 0 && !value.endsWith(first.slice(0, at + shortestRest))) {
    at = at === 0 ? -1 : first.lastIndexOf(end, at - 1);
  }
  return at < 0 ? 0 : at + shortestRest;
}

/** A value as texts may have it. */
function forms(value: string): string[] {
  const formed = value.toWellFormed();
  const asUrl = encodeURIComponent(formed);
  const asField = new URLSearchParams([["", formed]]).toString().slice(1);
  const asJson = JSON.stringify(value).slice(1, -1);
  const written = [
    value,
    asUrl,
    lowerEscapes(asUrl),
    asField,
    lowerEscapes(asField),
    asJson,
    asJson.replaceAll("/", "\\/"),
  ];
  return value.length < shortestSecret ? written : [...written, ...base64Forms(formed)];
}

function lowerEscapes(text: string): string {
  return text.replace(/%../g, (escape) => escape.toLowerCase());
}

/**
 * What a value becomes in base64: by itself, and within something longer (`user:password`), where it begins at one of three places
 * of a group. There, what its first and last bytes share a letter with is not known, and that letter stays.
 */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value);
  const within = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  const whole = bytes.toString("base64");
  return [whole, whole.replaceAll("=", ""), ...within].flatMap((text) => [
    text,
    text.replaceAll("+", "-").replaceAll("/", "_"),
  ]);
}

function literal(text: string): string {
  return text.replace(/[$()*+./?[\\\]^{|}-]/g, "\\$&");
}
