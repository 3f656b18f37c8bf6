import type { Clock } from "../core/host.ts";

/** The machine's own time and chance. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
    }),
  random: () => Math.random(),
  id: () => ulid(Date.now(), crypto.getRandomValues(new Uint8Array(16))),
};

/** A ULID in lower case: 10 digits of time, then 16 of chance, in Crockford's base 32. */
function ulid(time: number, chance: Uint8Array): string {
  let id = "";
  for (let rest = time, digits = 0; digits < 10; digits++, rest = Math.floor(rest / 32)) id = digit(rest % 32) + id;
  for (const byte of chance) id += digit(byte % 32);
  return id;
}

function digit(value: number): string {
  return "0123456789abcdefghjkmnpqrstvwxyz".charAt(value);
}
