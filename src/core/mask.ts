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

/** A mask for the given values; each occurrence becomes `[masked]`, also as a URL or JSON has it. */
export function makeMask(secrets: Iterable<string>): Mask {
  let values: string[] = [];
  let longest = 1;
  const add = (more: Iterable<string>) => {
    const all = new Set([...values, ...[...more].flatMap(forms)]);
    // The longest first, so that a secret which contains another is replaced whole.
    values = [...all].filter((value) => value.length >= shortestSecret).toSorted((a, b) => b.length - a.length);
    longest = values[0]?.length ?? 1;
  };
  add(secrets);
  const text = (input: string) => values.reduce((masked, value) => masked.replaceAll(value, "[masked]"), input);
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

function forms(value: string): string[] {
  const formed = value.toWellFormed();
  const asField = new URLSearchParams([["", formed]]).toString().slice(1);
  return [value, encodeURIComponent(formed), asField, JSON.stringify(value).slice(1, -1)];
}
