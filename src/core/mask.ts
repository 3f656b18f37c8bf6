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

/** A mask for the given values; each occurrence becomes `[masked]`, also as a URL, JSON or base64 has it. */
export function makeMask(secrets: Iterable<string>): Mask {
  let values: string[] = [];
  let longest = 1;
  let found: RegExp | undefined;
  const add = (more: Iterable<string>) => {
    const all = new Set([...values, ...[...more].flatMap(forms)]);
    // The longest first, so that a secret which contains another is replaced whole.
    values = [...all].filter((value) => value.length >= shortestSecret).toSorted((a, b) => b.length - a.length);
    longest = values[0]?.length ?? 1;
    found = values.length === 0 ? undefined : new RegExp(values.map(literal).join("|"), "g");
  };
  add(secrets);
  const text = (input: string) => (found === undefined ? input : input.replace(found, "[masked]"));
  return {
    text,
    add,
    stream() {
      let held = "";
      return {
        push(piece) {
          held = text(held + piece);
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
