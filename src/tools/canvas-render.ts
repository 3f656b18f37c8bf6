import type { Picture } from "../core/picture.ts";
import { ok, type Result } from "../core/result.ts";
import type { Effects, Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { pathSchema, text } from "./arguments.ts";
import { bytes, shownPath } from "./bound.ts";
import { builtIn, schemaOf, type BuiltIn, type FromSchema } from "./built-in.ts";
import { makePicture, pictureKinds } from "./canvas-picture.ts";
import { failed } from "./failed.ts";

/** The most of each, so that a drawing stays one. */
const most = { rows: 1000, columns: 30, points: 1000, series: 8, cell: 1000, text: 100_000 };

const label = schemaOf({ type: "string", maxLength: most.cell });
const values = schemaOf({ type: "array", maxItems: most.points, items: { type: "number" } });

const schema = schemaOf({
  type: "object",
  properties: {
    kind: { type: "string", enum: [...pictureKinds], description: "What to draw" },
    title: { type: "string", maxLength: most.cell, description: "A heading above it" },
    columns: { type: "array", maxItems: most.columns, items: label, description: "table: the columns' names" },
    rows: {
      type: "array",
      maxItems: most.rows,
      items: {
        type: "array",
        maxItems: most.columns,
        items: { type: ["string", "number", "boolean", "null"], maxLength: most.cell },
      },
      description: "table: the rows, each a list of cells in the order of the columns",
    },
    labels: {
      type: "array",
      maxItems: most.points,
      items: label,
      description: "bar, progress: a name for each value. line: a name for each point",
    },
    values: { ...values, description: "bar, line, progress: the numbers" },
    series: {
      type: "array",
      maxItems: most.series,
      items: {
        type: "object",
        properties: { name: { ...label, description: "What the line shows" }, values },
        required: ["name", "values"],
        additionalProperties: false,
      },
      description: "line: several lines instead of values",
    },
    max: { type: "number", exclusiveMinimum: 0, description: "progress: the value that is all. Default: 100" },
    text: {
      type: "string",
      maxLength: most.text,
      description:
        "tree: a line for each node, two blanks before it for each level. diff: a unified diff. markdown: it",
    },
    before: { type: "string", maxLength: most.text, description: "diff: the old text" },
    after: { type: "string", maxLength: most.text, description: "diff: the new text" },
    path: pathSchema("image: the file, a PNG, JPEG, GIF or WebP"),
    svg: pathSchema("Also write the drawing into this file, as SVG, for example chart.svg"),
  },
  required: ["kind"],
  additionalProperties: false,
});

export type Input = FromSchema<typeof schema>;

/** Calls of a turn may be made together; what they draw comes in their order. */
export function makeCanvasRender(): Tool {
  let drawn: Promise<void> = Promise.resolve();
  return builtIn({
    ...canvasRender,
    run(input, context) {
      const before = drawn;
      const { promise, resolve } = Promise.withResolvers<void>();
      drawn = before.then(() => promise);
      return run(input, context, before).finally(resolve);
    },
  });
}

const canvasRender: Omit<BuiltIn<typeof schema>, "run"> = {
  name: "canvas_render",
  description:
    "Draws something for the user to see: a table, a bar or line chart, a tree, a diff, progress, Markdown or an image. " +
    "Each kind takes only some of the fields: table columns and rows; bar labels and values; " +
    "line labels and values, or several series; tree and markdown text; diff text, or before and after; " +
    "progress labels, values and max; image path. You are told what was drawn, you do not see it.",
  input: schema,
  examples: [
    {
      request: "Show the sizes of a.ts (12) and b.ts (7) as a table",
      input: { kind: "table", columns: ["File", "Size"], rows: [["a.ts", 12], ["b.ts", 7]] }, // prettier-ignore
    },
    {
      request: "Draw a bar chart: 3 passed, 1 failed",
      input: { kind: "bar", title: "Tests", labels: ["passed", "failed"], values: [3, 1] },
    },
    { request: "Show the folder src with main.ts in it", input: { kind: "tree", text: "src\n  main.ts" } },
  ],
  needs: [],
  effects,
};

function effects(input: Input): Effects {
  if (text(input, "svg") !== "") return "write";
  return input.kind === "image" ? "read" : "none";
}

async function run(input: Input, context: ToolContext, before: Promise<void>): Promise<ToolOutcome> {
  const made = await makePicture(input, context);
  if (!made.ok) return made.error;
  const { picture, what } = made.value;
  const { drawPicture } = await import("../native/canvas.ts");
  // What cannot be drawn is found here, and told to the model, not by those who show it.
  const plain = await drawPicture(picture, { format: "plain", width: 80 }, context.signal);
  const saved = await save(picture, text(input, "svg"), context);
  if (!saved.ok) return saved.error;
  await before;
  await context.draw(picture, plain);
  return { content: `Drawn for the user: ${what}${saved.value}` };
}

/** Writes the picture as SVG where that is asked for, and says so. */
async function save(picture: Picture, path: string, context: ToolContext): Promise<Result<string, ToolOutcome>> {
  if (path === "") return ok("");
  const { drawPicture } = await import("../native/canvas.ts");
  const svg = await drawPicture(picture, { format: "svg", width: 100 }, context.signal);
  const data = new TextEncoder().encode(svg);
  const written = await context.host.fs.write(path, data);
  if (!written.ok) return { ok: false, error: await failed(written.error, context.host, path) };
  return ok(`; as SVG in ${shownPath(path)} (${bytes(data.length)})`);
}
