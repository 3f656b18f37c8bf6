import { describe, expect, test } from "bun:test";
import type { Picture } from "../../src/core/picture.ts";
import { frame } from "../../src/native/border.ts";
import { drawPicture } from "../../src/native/canvas.ts";
import { callText } from "../../src/native/library.ts";
import { screenModel } from "../helpers/screen-model.ts";

const pixels = await new Bun.Image(await stripes()).png().toBase64();

/** An image of 64x32 pixels: red on the left, blue on the right. */
async function stripes(): Promise<Uint8Array> {
  const row = Array.from({ length: 64 }, (_, x) => (x < 32 ? [0, 0, 255] : [255, 0, 0])).flat();
  const header = Buffer.alloc(54);
  header.write("BM");
  header.writeUInt32LE(54 + row.length * 32, 2);
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(64, 18);
  header.writeInt32LE(32, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  return Buffer.concat([header, ...Array.from({ length: 32 }, () => Buffer.from(row))]);
}

const pictures: Record<string, Picture> = {
  table: {
    kind: "table",
    title: "Files",
    columns: ["Name", "Größe", "Remarks"],
    rows: [
      ["src/main.ts", "1,234", "The entry of the program, which parses the command line and calls the right command"],
      ["日本語.md", "5", "漢字 and 👍🏽 emoji 👨‍👩‍👧"],
      ["x", "12.5%"],
    ],
  },
  bar: {
    kind: "bar",
    title: "Votes",
    labels: ["Alice", "Bob, who has a name that is longer than there is room for", "漢字", "nobody"],
    values: [30, 12.5, -7, 0],
  },
  line: {
    kind: "line",
    title: "Load",
    labels: ["Mon", "Tue", "Wed", "Thu", "Fri"],
    series: [{ name: "", values: [1, 5, 3, 8.5, 2] }],
  },
  lines: {
    kind: "line",
    labels: [],
    series: [
      { name: "cpu", values: [5, 3, 8, 2, 9, 14] },
      { name: "memory", values: [5, 5, 5.5, 6, 6.5, 7] },
    ],
  },
  tree: {
    kind: "tree",
    text: "src\n  core\n    event.ts\n    tool.ts: what a tool is, and what it sees of the world that surrounds it\n  main.ts\nREADME.md",
  },
  diff: { kind: "diff", title: "a.txt", text: "@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n" },
  progress: { kind: "progress", labels: ["build", "test", "deploy"], values: [100, 42, 0], max: 100 },
  markdown: {
    kind: "markdown",
    text: "# A *title*\n\nSome **bold** text with `code` and a [link](https://example.com/), long enough to be wrapped.\n\n- one\n  - nested\n- [x] done\n\n1. first\n\n   more of it\n2. second\n\n> a quote\n\n```js\nlet a = 1;\n\nrun();\n```\n\n| a | b |\n|---|--:|\n| 1 | 漢字 |\n\n---\n\n&#27;[31m <b>html</b>",
  },
  image: { kind: "image", name: "stripes.bmp", width: 64, height: 32, data: pixels },
};

describe.each(Object.entries(pictures))("%s", (_kind, picture) => {
  test.each([40, 80, 120])("%d columns wide", async (width) => {
    const plain = await drawPicture(picture, { format: "plain", width });
    expect(plain).toMatchSnapshot();
    expect(plain).not.toMatch(/(?!\n)\p{Cc}/u);
    for (const line of plain.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
  });

  test("with colours a terminal shows the same text, and no row is broken", async () => {
    const colored = await drawPicture(picture, { format: "ansi", width: 60 });
    const screen = screenModel(60, 24);
    screen.write(colored);
    const text = colored.replace(/\u001b\[[\d;]*m/g, "");
    expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(screen.text()).toBe(text.replace(/ +$/gm, "").trimEnd());
    const marked = picture.kind === "line" || picture.kind === "image";
    if (!marked) expect(text.replace(/ +$/gm, "")).toBe(await drawPicture(picture, { format: "plain", width: 60 }));
  });

  test("as SVG it is one well-formed element without scripts", async () => {
    const svg = await drawPicture(picture, { format: "svg", width: 60 });
    expect(wellFormed(svg)).toEqual(["svg"]);
    expect(svg).not.toMatch(/(?!\n)\p{Cc}|<script|on\w+=|<foreignObject/iu);
  });
});

/** The names of a document's top elements. Throws where one is not closed by its own tag. */
function wellFormed(xml: string): string[] {
  const open: string[] = [];
  const top: string[] = [];
  const rest = xml.replace(
    /<(\/?)([\w]+)((?: [\w:-]+="[^"<]*")*)(\/?)>|([^<]+)/g,
    (_all, end, name, _attributes, alone) => {
      if (name === undefined) return "";
      if (end === "/") {
        if (open.pop() !== name) throw new Error(`'${name}' is closed, and not open`);
      } else {
        if (open.length === 0) top.push(name);
        if (alone !== "/") open.push(name);
      }
      return "";
    },
  );
  if (rest !== "" || open.length > 0) throw new Error(`Not well-formed: ${rest.slice(0, 80)} ${open.join(" ")}`);
  return top;
}

describe("an image", () => {
  const { image } = pictures;
  if (image?.kind !== "image") throw new Error("There is no image");

  test("is half blocks in 256 colours, or in all of them", async () => {
    const [ansi, real] = await Promise.all([
      drawPicture(image, { format: "ansi", width: 40 }),
      drawPicture(image, { format: "true", width: 40 }),
    ]);
    const first = ansi.split("\n")[0] ?? "";
    expect(first).toStartWith("\u001b[38;5;196;48;5;196m▀");
    expect(Bun.stripANSI(first)).toBe("▀".repeat(40));
    expect(real).toStartWith("\u001b[38;2;255;0;0;48;2;255;0;0m▀");
    expect(ansi.trimEnd().split("\n").at(-1)).toContain("[image: stripes.bmp, 64x32 pixels]");
  });

  test("is a PNG in pieces for a terminal that speaks kitty's protocol, which is asked for no answer", async () => {
    const noise = Buffer.from(Array.from({ length: 9000 }, (_, at) => (at * 7919) % 251)).toString("base64");
    const shown = await drawPicture({ ...image, data: noise }, { format: "ansi", width: 40, graphics: "kitty" });
    const pieces = [...shown.matchAll(/\u001b_G([^;]*);([^\u001b]*)\u001b\\/g)];
    expect(pieces.map(([, keys]) => keys)).toEqual(["a=T,f=100,q=2,c=40,r=10,m=1", "m=1", "m=0"]);
    expect(pieces.map(([, , data]) => data).join("")).toBe(noise);
    expect(shown.slice(shown.lastIndexOf("\u001b\\") + 2)).toBe("\n[image: stripes.bmp, 64x32 pixels]\n");
  });

  test("is sixels with a palette for a terminal that knows these", async () => {
    const shown = await drawPicture(image, { format: "ansi", width: 40, graphics: "sixel" });
    const sixels = /^\u001bP0;1q"1;1;64;32((?:#\d+;2;\d+;\d+;\d+)+)([^\u001b]*)\u001b\\\n/.exec(shown);
    expect(sixels?.[1]).toContain(";2;100;0;0");
    // Six bands; in each both colours, 32 pixels wide.
    const bands = (sixels?.[2] ?? "").split("-").slice(0, -1);
    expect(bands.length).toBe(6);
    for (const [at, band] of bands.entries()) {
      const full = at < 5 ? "~" : "B";
      expect(band.match(/!\d+[^#$]/g)?.toSorted()).toEqual(["!32?", "!32?", `!32${full}`, `!32${full}`].toSorted());
    }
  });

  test("that is none is refused", async () => {
    for (const data of ["", "AAAA", pixels.slice(0, 60)]) {
      const broken = drawPicture({ ...image, data }, { format: "ansi", width: 40 });
      expect(await broken.catch(() => "refused")).toBe("refused");
    }
  });
});

describe("hostile pictures", () => {
  const plain = (picture: Picture, width = 80) => drawPicture(picture, { format: "plain", width });

  test("widths that are none are taken to the nearest that is", async () => {
    for (const picture of Object.values(pictures)) {
      for (const width of [0, -5, 1, 9.7, NaN, Infinity, -Infinity, 1e9]) {
        for (const format of ["plain", "ansi", "svg"] as const) {
          const drawn = await drawPicture(picture, { format, width });
          if (format !== "svg")
            for (const line of drawn.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(500);
        }
      }
    }
  });

  test("control characters become visible ones", async () => {
    const text = "a\u001b[31mb\u0007\u009bc\u202ed\u2066\u200f\r\u2028";
    const all: Picture[] = [
      { kind: "table", title: text, columns: [text], rows: [[text]] },
      { kind: "bar", title: text, labels: [text], values: [1] },
      { kind: "line", labels: [text, text], series: [{ name: text, values: [1, 2] }] },
      { kind: "tree", text },
      { kind: "diff", text },
      { kind: "markdown", text: `${text} \`${text}\` [${text}](${text})\n\n\`\`\`\n${text}\n\`\`\`` },
      { kind: "image", name: text, width: 1, height: 1, data: pixels },
    ];
    for (const picture of all) {
      for (const format of ["plain", "svg"] as const) {
        const drawn = await drawPicture(picture, { format, width: 80 });
        expect(drawn).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}\u2028]/u);
        expect(drawn).toContain("a␛[31mb");
      }
    }
  });

  test("what has no room is counted", async () => {
    const rows = Array.from({ length: 1000 }, (_, row) =>
      Array.from({ length: 30 }, (_, column) => `${row}:${column}`),
    );
    const drawn = await plain({ kind: "table", columns: [], rows }, 300);
    expect(drawn.trimEnd().split("\n").length).toBe(201);
    expect(drawn).toEndWith("… 800 more rows\n");
    const lines = "+line\n".repeat(100_000);
    expect(await plain({ kind: "diff", text: lines })).toEndWith("… 99800 more rows\n");
    const values = Array.from({ length: 1000 }, (_, at) => at);
    expect(await plain({ kind: "bar", labels: [], values })).toEndWith("… 800 more rows\n");
    expect((await plain({ kind: "markdown", text: "word ".repeat(20_000) })).split("\n").length).toBe(202);
  });

  test("a tree that is deeper than the screen is wide says how deep", async () => {
    const text = Array.from({ length: 1000 }, (_, level) => `${" ".repeat(level)}node ${level}`).join("\n");
    const drawn = await plain({ kind: "tree", text });
    for (const line of drawn.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(drawn).toContain("(100) node 100");
  });

  test("huge labels are cut, and a character with a thousand accents is one", async () => {
    const label = "x".repeat(100_000);
    const bars = await plain({ kind: "bar", labels: [label], values: [5] });
    expect(bars).toBe(`${"x".repeat(25)}… ${"█".repeat(51)} 5\n`);
    const zalgo = await plain({ kind: "tree", text: `e${"\u0301".repeat(1000)}` });
    expect(zalgo).toBe(`e${"\u0301".repeat(8)}\n`);
  });

  test.each([
    ["the largest and the smallest", [Number.MAX_VALUE, -Number.MAX_VALUE, 0]],
    ["the tiniest", [Number.MIN_VALUE, 0, -Number.MIN_VALUE]],
    ["one", [7]],
    ["the same ones", [1e300, 1e300, 1e300]],
    ["zeros", [0, -0]],
    ["close ones", [1e15, 1e15 + 0.125]],
  ])("numbers: %s", async (_name, values) => {
    for (const width of [10, 80]) {
      for (const picture of [
        { kind: "bar", labels: [], values },
        { kind: "line", labels: [], series: [{ name: "", values }] },
        { kind: "progress", labels: [], values, max: Number.MIN_VALUE },
      ] satisfies Picture[]) {
        const drawn = await plain(picture, width);
        for (const line of drawn.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
      }
    }
  });

  test("numbers that are none are refused", async () => {
    for (const value of [NaN, Infinity]) {
      expect(await plain({ kind: "bar", labels: [], values: [value] }).catch(String)).toContain(
        "Cannot draw the number",
      );
    }
  });

  test("no input makes the library panic", () => {
    const whole = frame(["plain", 80, "title", "table", 2, "a", "b", 1, 2, "c", "d"], "");
    for (let length = 0; length < whole.length; length++) {
      expect(callText("canvas.draw", 0, whole.subarray(0, length)).ok).toBe(false);
    }
    expect(callText("canvas.draw", 0, frame(["plain", 80, "", "table", 2 ** 32 - 1], ""))).toEqual({
      ok: false,
      error: "Input too short",
    });
  });

  test("all of them end when nobody waits for them any more", async () => {
    const text = "word ".repeat(20_000);
    const signal = AbortSignal.abort(new Error("stop"));
    const drawing = drawPicture({ kind: "markdown", text }, { format: "plain", width: 80 }, signal);
    expect(await drawing.catch((error: unknown) => String(error))).toBe("Error: stop");
  });
});
