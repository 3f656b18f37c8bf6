/** A duration as it is written: `500ms`, `30s`, `1.5m`, `1h`. */
export const durationPattern = /^\d+(\.\d+)?(ms|s|m|h)$/;

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** The milliseconds of a duration that fits the pattern. */
export function milliseconds(text: string): number {
  const unit = text.endsWith("ms") ? "ms" : text.endsWith("s") ? "s" : text.endsWith("m") ? "m" : "h";
  return Math.round(Number.parseFloat(text) * units[unit]);
}

/** A duration in the largest unit that holds it without a fraction. */
export function durationText(ms: number): string {
  const unit = (["h", "m", "s"] as const).find((name) => ms % units[name] === 0) ?? "ms";
  return `${ms / units[unit]}${unit}`;
}
