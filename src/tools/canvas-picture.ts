import type { Json } from "../core/json.ts";
import { largestAttachment } from "../core/message.ts";
import type { Picture } from "../core/picture.ts";
import { ok, type Result } from "../core/result.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { number, text } from "./arguments.ts";
import { attachmentOf, tooLarge } from "./attachment.ts";
import { grouped, shownPath } from "./bound.ts";
import type { Input } from "./canvas-render.ts";
import { contentOf } from "./content.ts";
import { failed } from "./failed.ts";

/** A picture, and a few words on it for the model. */
export type Made = { picture: Picture; what: string };

type Making = Result<Made, ToolOutcome>;
type Maker = (input: Input, title: { title?: string }, context: ToolContext) => Making | Promise<Making>;

/** What can be drawn, and how it is made of a call's arguments. */
const makers: Readonly<Record<Picture["kind"], Maker>> = {
  table(input, title) {
    const columns = input.columns ?? [];
    const rows = (input.rows ?? []).map((row) => row.map(cellText));
    if (columns.length === 0 && rows.every((row) => row.length === 0)) return refuse("Give columns and rows");
    const widest = Math.max(...rows.map((row) => row.length), 0);
    if (columns.length > 0 && widest > columns.length)
      return refuse(
        `A row has ${widest} cells, and there ${are(columns.length, "column")}: name all of them in columns`,
      );
    const count = Math.max(columns.length, widest);
    return ok({
      picture: { kind: "table", ...title, columns, rows },
      what: `a table of ${counted(count, "column")} and ${counted(rows.length, "row")}`,
    });
  },
  bar(input, title) {
    const made = labelled(input);
    if (!made.ok) return made;
    return ok({
      picture: { kind: "bar", ...title, ...made.value },
      what: `a bar chart of ${counted(made.value.values.length, "value")}`,
    });
  },
  line(input, title) {
    const given = input.series ?? [];
    const single = input.values ?? [];
    const series = given.length > 0 ? given : [{ name: "", values: single }];
    const points = Math.max(...series.map(({ values }) => values.length));
    if (points === 0) return refuse("Give values, or series: the numbers to draw");
    const wrong = infinite(series.flatMap(({ values }) => values));
    if (wrong !== undefined) return refuse(wrong);
    const labels = input.labels ?? [];
    if (labels.length > 0 && labels.length !== points)
      return refuse(`There ${are(labels.length, "label")} for ${counted(points, "point")}: give as many, or no labels`);
    return ok({
      picture: { kind: "line", ...title, labels, series },
      what: `a line chart of ${counted(series.length, "line")} and ${counted(points, "point")}`,
    });
  },
  tree(input, title) {
    const tree = text(input, "text");
    const nodes = tree.split("\n").filter((line) => line.trim() !== "").length;
    if (nodes === 0) return refuse("Give text: a line for each node, two blanks before it for each level");
    return ok({ picture: { kind: "tree", ...title, text: tree }, what: `a tree of ${counted(nodes, "node")}` });
  },
  async diff(input, title, { signal }) {
    const given = text(input, "text");
    const [before, after] = [text(input, "before"), text(input, "after")];
    if (given !== "") return ok({ picture: { kind: "diff", ...title, text: given }, what: "a diff" });
    if (before === after) return refuse("before and after are the same: there is no diff to draw. Or give text");
    const { unifiedDiff } = await import("../native/diff.ts");
    const whole = await unifiedDiff(before, after, { oldName: "before", newName: "after", context: 3 }, signal);
    // Without the two lines that hold the names.
    const changes = whole.slice(whole.indexOf("\n@@") + 1);
    return ok({ picture: { kind: "diff", ...title, text: changes }, what: "a diff" });
  },
  progress(input, title) {
    const made = labelled(input);
    if (!made.ok) return made;
    const { values } = made.value;
    const max = number(input, "max", 100);
    if (!Number.isFinite(max)) return refuse("max is too large for a number");
    const what = `progress: ${values.map((value) => `${value} of ${max}`).join(", ")}`;
    return ok({
      picture: { kind: "progress", ...title, ...made.value, max },
      what: values.length > 5 ? `progress of ${values.length} things` : what,
    });
  },
  markdown(input, title) {
    const source = text(input, "text");
    if (source.trim() === "") return refuse("Give text: the Markdown to draw");
    return ok({ picture: { kind: "markdown", ...title, text: source }, what: "Markdown" });
  },
  image,
};

export const pictureKinds: readonly string[] = Object.keys(makers);

/** The picture that a call asks for; an error says which field is missing or wrong. */
export async function makePicture(input: Input, context: ToolContext): Promise<Making> {
  const kind = text(input, "kind");
  const title = text(input, "title").trim();
  const maker = Object.entries(makers).find(([name]) => name === kind)?.[1];
  if (maker === undefined) return refuse(`kind is one of ${pictureKinds.join(", ")}`);
  return maker(input, title === "" ? {} : { title }, context);
}

/** An image that is shown is no larger than this, in pixels and in bytes. */
const longestSide = 640;
const mostBytes = 300_000;

async function image(input: Input, title: { title?: string }, { host }: ToolContext): Promise<Making> {
  const path = text(input, "path");
  if (path === "") return refuse("Give path: the image file to draw");
  const read = await host.fs.read(path, { offset: 0, limit: largestAttachment + 1 });
  if (!read.ok) return { ok: false, error: await failed(read.error, host, path) };
  const { bytes, size } = read.value;
  const content = contentOf(bytes, bytes.length === size);
  const media = content.kind === "binary" ? content.mediaType : undefined;
  if (content.kind !== "binary" || !media?.startsWith("image/")) {
    const what = content.kind === "binary" ? content.what : "text";
    return refuse(`Cannot draw '${shownPath(path)}': it is ${what}, not a PNG, JPEG, GIF or WebP image`);
  }
  if (size > largestAttachment)
    return refuse(`Cannot draw '${shownPath(path)}': it is ${tooLarge(content.what, size)}`);
  const judged = await attachmentOf(path, { mediaType: media, what: content.what }, bytes);
  if (!judged.ok) return refuse(`Cannot draw '${shownPath(path)}': it is ${judged.error}`);
  const scaled = await scale(bytes);
  return ok({ picture: { kind: "image", ...title, name: shownPath(path), ...scaled }, what: judged.value.what });
}

/** The image as a PNG that is small enough. What was judged can be decoded. */
async function scale(bytes: Uint8Array): Promise<{ width: number; height: number; data: string }> {
  const own = await new Bun.Image(bytes).metadata();
  for (let side = longestSide; ; side /= 2) {
    const factor = Math.min(1, side / Math.max(own.width, own.height));
    const [width, height] = [own.width, own.height].map((one) => Math.max(1, Math.round(one * factor)));
    const png = await new Bun.Image(bytes)
      .resize(width ?? 1, height ?? 1, { fit: "fill" })
      .png()
      .bytes();
    if (png.length <= mostBytes || side < 100)
      return { width: own.width, height: own.height, data: Buffer.from(png).toString("base64") };
  }
}

function labelled(input: Input): Result<{ labels: string[]; values: number[] }, ToolOutcome> {
  const values = input.values ?? [];
  const labels = input.labels ?? [];
  if (values.length === 0) return refuse("Give values: the numbers to draw");
  if (labels.length > 0 && labels.length !== values.length)
    return refuse(
      `There ${are(labels.length, "label")} for ${counted(values.length, "value")}: give a label for each value`,
    );
  const wrong = infinite(values);
  return wrong === undefined ? ok({ labels, values }) : refuse(wrong);
}

/** JSON can hold numbers that no number is large enough for: 1e999. */
function infinite(values: number[]): string | undefined {
  const at = values.findIndex((value) => !Number.isFinite(value));
  return at < 0 ? undefined : `The value at place ${at + 1} is too large for a number`;
}

function cellText(value: Json): string {
  return value === null ? "" : typeof value === "string" ? value : String(value);
}

function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function are(count: number, noun: string): string {
  return `${count === 1 ? "is" : "are"} ${counted(count, noun)}`;
}

function refuse(content: string): { ok: false; error: ToolOutcome } {
  return { ok: false, error: { content, error: true } };
}
