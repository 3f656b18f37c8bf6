import type { Stamped } from "../core/event.ts";
import { clean } from "./clean.ts";

/** What a terminal can show, as its variables say: all colours in text, and images by a protocol. */
export type Pictures = { trueColor: boolean; graphics?: "kitty" | "sixel" };

/** A picture as lines for a terminal of that width. Where it cannot be drawn, and in a log, it is as its event has it. */
export async function pictureText(
  event: Extract<Stamped, { type: "canvas" }>,
  { pictures, color, columns }: { pictures?: Pictures | undefined; color: boolean; columns: number },
): Promise<string> {
  if (pictures === undefined) return clean(event.text);
  const { trueColor, graphics } = pictures;
  const format = color ? (trueColor ? "true" : "ansi") : "plain";
  try {
    const { drawPicture } = await import("../native/canvas.ts");
    // The last column stays free: what stands there makes some terminals begin a row.
    return await drawPicture(event.picture, { format, width: columns - 1, graphics: color ? graphics : undefined });
  } catch {
    return clean(event.text);
  }
}
