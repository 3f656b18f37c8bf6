import { isJsonObject, type Json } from "../core/json.ts";
import type { ToolCall } from "../core/message.ts";
import { dollars } from "../core/price.ts";
import { cleanLine } from "./clean.ts";

const colors = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2 } as const;

/** Colours a piece of our own text, when colours may be used. */
export function paint(text: string, color: keyof typeof colors, enabled: boolean): string {
  return enabled ? `\u001b[${colors[color]}m${text}\u001b[0m` : text;
}

/**
 * A status on one line of a terminal that is at most `width` columns wide. The cursor goes back to its beginning: when the terminal
 * shrinks, and breaks the line in two, all of it is still behind the cursor, and `clearBelow` leaves nothing of it.
 */
export function statusLine(text: string, width: number, color: boolean): string {
  return `${paint(short(text, width - 1), "dim", color)}\r`;
}

/**
 * Clears from the beginning of the row on; what was typed meanwhile may have moved the cursor to the right. Not from the very first
 * column: where that is the screen's corner tmux takes it for a wish to keep all that is on the screen, and scrolls it away.
 */
export const clearBelow = "\r\u001b[C\u001b[J\r\u001b[K";

/** A duration for people: `3ms`, `1.2s`, `2m05s`, `1h00m`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${pad(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${pad(minutes % 60)}m`;
}

/** A number with its noun: `1 turn`, `3 turns`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** What something cost in US dollars, as the last item of a list; nothing where it was free or is not known. */
export function costItem(cost: number | null | undefined, separator: string): string {
  return cost === null || cost === undefined || cost === 0 ? "" : `${separator}$${dollars(cost)}`;
}

/** A point in time, milliseconds since 1970, in UTC: `2026-07-01 12:00:00Z`. */
export function moment(time: number): string {
  return new Date(time).toISOString().replace("T", " ").replace(/\.\d+/, "");
}

/** At most `width` columns of a text on one line, harmless for a terminal. */
export function short(text: string, width: number): string {
  return Bun.sliceAnsi(cleanLine(text.slice(0, width * 4)), 0, width, { ellipsis: "…" });
}

/** A call on one line: its tool, and the first text among its arguments, which is what most tools act on. */
export function callLabel(call: ToolCall): string {
  const subject = firstText(call.arguments);
  return subject === "" ? cleanLine(call.name) : `${cleanLine(call.name)} '${short(subject, 60)}'`;
}

function firstText(args: string): string {
  let value: Json;
  try {
    value = JSON.parse(args);
  } catch {
    return args; // What a model wrote need not be JSON; its own words say it then.
  }
  if (!isJsonObject(value)) return args;
  return Object.values(value).find((entry) => typeof entry === "string") ?? "";
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}
