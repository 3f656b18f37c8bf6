import type { Picture } from "../core/picture.ts";
import { frame } from "./border.ts";
import { callText, start } from "./library.ts";

/** How a picture is to be drawn. */
export type Drawing = {
  /** Plain text, text with colours (`true`: images in all of them, else in 256), or SVG. */
  format: "plain" | "ansi" | "true" | "svg";
  /** In columns. */
  width: number;
  /** How the terminal shows images itself, where it can. */
  graphics?: "kitty" | "sixel" | undefined;
};

/** Up to this many bytes are drawn quicker than a thread starts. */
const small = 16_384;

/** An image is shown at most this large, in columns and rows, and as sixels in pixels. */
const most = { columns: 80, rows: 30, width: 640, height: 480 };

/** A picture as lines of text, each ending in a line end, or as SVG. Nothing in it is obeyed by a terminal but what draws it. */
export async function drawPicture(picture: Picture, drawing: Drawing, signal?: AbortSignal): Promise<string> {
  const width = Math.trunc(Math.min(Math.max(drawing.width, 10), 500)) || 10;
  if (picture.kind === "image") return drawImage(picture, { ...drawing, width }, signal);
  const { fields, rest } = content(picture);
  return run("canvas.draw", frame([drawing.format, width, picture.title ?? "", picture.kind, ...fields], rest), signal);
}

type Image = Extract<Picture, { kind: "image" }>;
type Field = number | string;

async function drawImage(picture: Image, drawing: Drawing, signal: AbortSignal | undefined): Promise<string> {
  const { name, width, height, title = "" } = picture;
  const part = Math.min(1, most.width / Math.max(width, height));
  const shown = [width, height].map((side) => Math.max(1, Math.round(side * part)));
  const caption = `[image: ${name}, ${width}x${height} pixels]`;
  const draw = (format: Drawing["format"], rest: Uint8Array | string) =>
    run("canvas.draw", frame([format, drawing.width, title, "image", caption, ...shown], rest), signal);
  if (drawing.format === "svg") return draw("svg", picture.data);
  if (drawing.format === "plain") return draw("plain", "");
  const size = cells(picture, drawing.width);
  if (drawing.graphics === "kitty") return kitty(picture.data, size) + (await draw("plain", ""));
  const png = new Bun.Image(Buffer.from(picture.data, "base64"));
  if (drawing.graphics === "sixel") {
    const pixels = { fit: "inside", withoutEnlargement: true } as const;
    const indexed = await png.resize(most.width, most.height, pixels).png({ palette: true, dither: true }).bytes();
    return `${await run("canvas.sixel", indexed, signal)}\n${await draw("plain", "")}`;
  }
  const scaled = await png
    .resize(size.columns, size.rows * 2, { fit: "fill" })
    .png()
    .bytes();
  return draw(drawing.format, scaled);
}

/** How many columns and rows an image takes: a character is about twice as high as it is wide. */
function cells({ width, height }: Image, columns: number): { columns: number; rows: number } {
  const scale = Math.min(Math.min(columns, most.columns) / width, (most.rows * 2) / height, 1);
  return { columns: Math.max(1, Math.round(width * scale)), rows: Math.max(1, Math.round((height * scale) / 2)) };
}

/** A PNG for terminals that speak kitty's protocol; `q=2` keeps them from answering. */
function kitty(data: string, { columns, rows }: { columns: number; rows: number }): string {
  const pieces = data.match(/.{1,4096}/g) ?? [];
  const written = pieces.map((piece, at) => {
    const first = at === 0 ? `a=T,f=100,q=2,c=${columns},r=${rows},` : "";
    return `\u001b_G${first}m=${at < pieces.length - 1 ? 1 : 0};${piece}\u001b\\`;
  });
  return `${written.join("")}\n`;
}

function content(picture: Exclude<Picture, Image>): { fields: Field[]; rest: string } {
  switch (picture.kind) {
    case "table":
      return { fields: [...texts(picture.columns), picture.rows.length, ...picture.rows.flatMap(texts)], rest: "" };
    case "bar":
      return { fields: labelled(picture.labels, picture.values), rest: "" };
    case "progress":
      return { fields: [picture.max, ...labelled(picture.labels, picture.values)], rest: "" };
    case "line": {
      const series = picture.series.flatMap(({ name, values }) => [name, values.length, ...values]);
      return { fields: [...texts(picture.labels), picture.series.length, ...series], rest: "" };
    }
    default:
      return { fields: [], rest: picture.text };
  }
}

function texts(list: readonly string[]): Field[] {
  return [list.length, ...list];
}

function labelled(labels: readonly string[], values: readonly number[]): Field[] {
  return [values.length, ...values.flatMap((value, at) => [labels[at] ?? "", value])];
}

async function run(name: string, input: Uint8Array, signal: AbortSignal | undefined): Promise<string> {
  const quick = input.length <= small && name === "canvas.draw";
  if (quick) {
    const drawn = callText(name, 0, input);
    if (!drawn.ok) throw new Error(drawn.error);
    return drawn.value;
  }
  const decoder = new TextDecoder();
  let drawn = "";
  for await (const piece of start(name === "canvas.draw" ? "canvas.draw_large" : name, input, signal))
    drawn += decoder.decode(piece, { stream: true });
  return drawn;
}
