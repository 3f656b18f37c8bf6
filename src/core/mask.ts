/** Replaces secrets in text that enters a run, so that journal, model and renderers all see the same. */
export type Mask = {
  /** Masks one whole text. */
  text(text: string): string;
  /** Masks a text that comes in pieces: a secret that is cut between two pieces is found as well. */
  stream(): { push(piece: string): string; end(): string };
};

/** Shorter values (a port, "true") are no secrets worth the false matches. */
const shortestSecret = 8;

/** A mask for the given values; each occurrence becomes `[masked]`. */
export function makeMask(secrets: Iterable<string>): Mask {
  const values = [...new Set(secrets)].filter((value) => value.length >= shortestSecret);
  // The longest first, so that a secret which contains another is replaced whole.
  values.sort((a, b) => b.length - a.length);
  const longest = values[0]?.length ?? 1;
  const text = (input: string) => values.reduce((masked, value) => masked.replaceAll(value, "[masked]"), input);
  return {
    text,
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
