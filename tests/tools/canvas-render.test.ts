import { describe, expect, test } from "bun:test";
import { validate } from "../../src/core/json-schema.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { makeCanvasRender } from "../../src/tools/canvas-render.ts";
import { gif, jpeg, pdf, png, webp } from "../helpers/attachments.ts";
import { callTool, type Drawn } from "../helpers/call-tool.ts";
import { memoryHost, type MemoryHostOptions } from "../helpers/memory-host.ts";

const canvasRender = makeCanvasRender();

async function draw(input: JsonObject, options: MemoryHostOptions = {}) {
  const drawn: Drawn[] = [];
  const host = memoryHost(options);
  const outcome = await callTool(canvasRender, input, { host, drawn });
  return { ...outcome, drawn: drawn[0], host };
}

describe("what is drawn", () => {
  test.each<[JsonObject, string, string]>([
    [
      {
        kind: "table",
        title: " Files ",
        columns: ["File", "Size"],
        rows: [
          ["a.ts", 12],
          ["b.ts", null],
          ["c", true],
        ],
      },
      "a table of 2 columns and 3 rows",
      "Files\nFile │ Size\n─────┼─────\na.ts │ 12\nb.ts │\nc    │ true\n",
    ],
    [
      { kind: "bar", labels: ["a", "b"], values: [1, 0] },
      "a bar chart of 2 values",
      `a ${"█".repeat(76)} 1\nb${" ".repeat(78)}0\n`,
    ],
    [{ kind: "tree", text: "a\n\n  b\n" }, "a tree of 2 nodes", "a\n└─ b\n"],
    [{ kind: "diff", before: "a\nb\n", after: "a\nc\n" }, "a diff", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n"],
    [{ kind: "diff", text: "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n" }, "a diff", "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n"],
    [{ kind: "progress", values: [3], max: 4 }, "progress: 3 of 4", `${"█".repeat(57)}${"░".repeat(19)} 75%\n`],
    [{ kind: "markdown", text: "**a** [b](c)" }, "Markdown", "a b (c)\n"],
  ])("%j", async (input, what, text) => {
    const { content, error, drawn } = await draw(input);
    expect({ content, error }).toEqual({ content: `Drawn for the user: ${what}`, error: undefined });
    expect(drawn?.text).toBe(text);
    expect<unknown>(drawn?.picture.kind).toBe(input["kind"]);
  });

  test("a line chart of one series, or of several", async () => {
    expect(await draw({ kind: "line", values: [1, 2], labels: ["a", "b"] })).toMatchObject({
      content: "Drawn for the user: a line chart of 1 line and 2 points",
      drawn: { picture: { series: [{ name: "", values: [1, 2] }] } },
    });
    const series = [
      { name: "x", values: [1] },
      { name: "y", values: [3, 4] },
    ];
    expect(await draw({ kind: "line", series })).toMatchObject({
      content: "Drawn for the user: a line chart of 2 lines and 2 points",
      drawn: { picture: { series } },
    });
  });

  test.each(Object.entries({ png, jpeg, gif, webp }))("an image: %s", async (name, bytes) => {
    const { content, drawn } = await draw({ kind: "image", path: name }, { files: { [name]: bytes } });
    expect(content).toMatch(/^Drawn for the user: a \w+ image of 1x1 pixels, \d+ bytes$/);
    expect(drawn?.picture).toMatchObject({ kind: "image", name, width: 1, height: 1 });
    expect(drawn?.text).toBe(`[image: ${name}, 1x1 pixels]\n`);
  });

  test("a large image is made small enough to be in an event", async () => {
    const large = await new Bun.Image(png).resize(3000, 1500, { fit: "fill" }).png().bytes();
    const { drawn } = await draw({ kind: "image", path: "a.png" }, { files: { "a.png": large } });
    const { picture } = drawn ?? {};
    if (picture?.kind !== "image") throw new Error("No image was drawn");
    expect({ width: picture.width, height: picture.height }).toEqual({ width: 3000, height: 1500 });
    const shown = await new Bun.Image(Buffer.from(picture.data, "base64")).metadata();
    expect(shown).toMatchObject({ width: 640, height: 320, format: "png" });
  });

  test("it can be saved as SVG too", async () => {
    const { content, host } = await draw({ kind: "tree", text: "a\n b", svg: "out/tree.svg" });
    expect(content).toMatch(/^Drawn for the user: a tree of 2 nodes; as SVG in out\/tree.svg \([\d.]+ (?:KB|bytes)\)$/);
    expect(host.text("out/tree.svg")).toStartWith('<svg xmlns="http://www.w3.org/2000/svg"');
  });
});

describe("what cannot be drawn is told, and nothing is drawn", () => {
  test.each<[JsonObject, string]>([
    [{ kind: "table" }, "Give columns and rows"],
    [{ kind: "table", rows: [[], []] }, "Give columns and rows"],
    [
      { kind: "table", columns: ["a"], rows: [[1, 2]] },
      "A row has 2 cells, and there is 1 column: name all of them in columns",
    ],
    [{ kind: "bar" }, "Give values: the numbers to draw"],
    [{ kind: "bar", values: [1], labels: ["a", "b"] }, "There are 2 labels for 1 value: give a label for each value"],
    [{ kind: "bar", values: [1, Infinity] }, "The value at place 2 is too large for a number"],
    [{ kind: "progress", values: [NaN] }, "The value at place 1 is too large for a number"],
    [{ kind: "progress", values: [1], max: Infinity }, "max is too large for a number"],
    [{ kind: "line" }, "Give values, or series: the numbers to draw"],
    [{ kind: "line", series: [{ name: "a", values: [] }] }, "Give values, or series: the numbers to draw"],
    [{ kind: "line", values: [1, 2], labels: ["a"] }, "There is 1 label for 2 points: give as many, or no labels"],
    [{ kind: "line", values: [-Infinity] }, "The value at place 1 is too large for a number"],
    [{ kind: "tree", text: " \n" }, "Give text: a line for each node, two blanks before it for each level"],
    [{ kind: "diff" }, "before and after are the same: there is no diff to draw. Or give text"],
    [{ kind: "markdown" }, "Give text: the Markdown to draw"],
    [{ kind: "image" }, "Give path: the image file to draw"],
    [
      { kind: "image", path: "no.png" },
      "Cannot read 'no.png': no such file or folder; list '.' to see which names there are",
    ],
    [{ kind: "image", path: "a.txt" }, "Cannot draw 'a.txt': it is text, not a PNG, JPEG, GIF or WebP image"],
    [{ kind: "image", path: "a.pdf" }, "Cannot draw 'a.pdf': it is a PDF document, not a PNG, JPEG, GIF or WebP image"],
    [{ kind: "image", path: "cut.png" }, "Cannot draw 'cut.png': it is a PNG image that is cut or damaged"],
    [
      { kind: "image", path: "secret.png" },
      "Cannot read 'secret.png': not granted; go on without it, or say in the answer what is missing",
    ],
    [
      { kind: "tree", text: "a", svg: "locked/a.svg" },
      "Cannot write 'locked/a.svg': not granted; go on without it, or say in the answer what is missing",
    ],
  ])("%j", async (input, message) => {
    const files = { "a.txt": "text", "a.pdf": pdf, "a.png": png, "cut.png": png.slice(0, 40), "secret.png": png };
    const { content, error, drawn } = await draw(input, { files, denied: { read: ["secret.png"], write: ["locked"] } });
    expect({ content, error }).toEqual({ content: message, error: true });
    expect(drawn).toBeUndefined();
  });

  test.each<[JsonObject, string]>([
    [{}, "'kind' is required"],
    [{ kind: "pie" }, "'kind' must be one of"],
    [{ kind: "table", rows: Array.from({ length: 100_000 }, () => [1]) }, "'rows' must have at most 1000"],
    [{ kind: "table", rows: [{ a: 1 }] }, "'rows[0]' must be an array"],
    [{ kind: "bar", values: ["1"] }, "'values[0]' must be a number"],
    [{ kind: "bar", labels: ["x".repeat(2000)], values: [1] }, "'labels[0]' must have at most 1000 characters"],
    [{ kind: "progress", values: [1], max: 0 }, "'max' must be more than 0"],
    [{ kind: "tree", text: "x".repeat(2_000_000) }, "'text' must have at most 100000 characters"],
    [{ kind: "tree", text: "a", width: -1 }, "'width'"],
  ])("what does not fit the schema is refused before: %#", (input, message) => {
    expect(validate(canvasRender.input, input).join("; ")).toContain(message);
  });
});

test("a drawing looks, one of a file reads, one that is saved writes", () => {
  expect(canvasRender.effects({ kind: "tree" })).toBe("none");
  expect(canvasRender.effects({ kind: "image", path: "a" })).toBe("read");
  expect(canvasRender.effects({ kind: "tree", svg: "a.svg" })).toBe("write");
});

test("its examples fit its schema and are drawn", async () => {
  for (const { input } of canvasRender.examples ?? []) expect((await draw(input)).error).toBeUndefined();
});

test("what calls of a turn draw comes in their order, also after one that fails", async () => {
  const large = await new Bun.Image(png).resize(2000, 2000, { fit: "fill" }).png().bytes();
  const host = memoryHost({ files: { "a.png": large } });
  const drawn: Drawn[] = [];
  const tool = makeCanvasRender();
  const inputs: JsonObject[] = [
    { kind: "image", path: "a.png" },
    { kind: "image", path: "no.png" },
    { kind: "diff", before: "a", after: "b" },
    { kind: "tree", text: "a" },
  ];
  await Promise.all(inputs.map((input) => callTool(tool, input, { host, drawn })));
  expect(drawn.map(({ picture }) => picture.kind)).toEqual(["image", "diff", "tree"]);
});
