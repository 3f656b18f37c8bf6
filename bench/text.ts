/**
 * What is done with texts, beside the best that JavaScript has for it: tokens counted, Markdown shown on a terminal. What Bun lays out
 * for us, widths and rows, stands beside the native library's renderer, which would draw it where it were faster.
 */
import { countTokens as theirCount } from "gpt-tokenizer/encoding/o200k_base";
import { drawPicture } from "../src/native/canvas.ts";
import { callText } from "../src/native/library.ts";
import { countTokens } from "../src/native/tokens.ts";
import { growingMarkdown, liveMarkdown } from "../src/render/live.ts";
import { markdownText } from "../src/render/markdown.ts";
import { region } from "../src/render/region.ts";
import { documents } from "../tests/render/markdown-documents.ts";
import { compare, type Contest, type Row } from "./native.ts";

export async function textRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const contest of [...(await contests()), ...rendering()]) rows.push(await compare(contest));
  return rows;
}

async function contests(): Promise<Contest[]> {
  const source = await sources(8_000_000);
  const plain = { disallowedSpecial: new Set<string>() };
  // A text is counted once: the other remembers words, and would know all of one that comes again.
  const [ourSlice, theirSlice] = [slices(source), slices(source)];
  const answer = Array.from({ length: 12 }, () => documents.slice(0, 14).join("\n\n")).join("\n\n");
  const pieces = answer.match(/[^]{1,5}/g) ?? [];
  const size = { columns: () => 80, rows: () => 24 };
  return [
    {
      name: "tokens of 500 kB of source code / npm gpt-tokenizer",
      ours: () => countTokens(ourSlice(), "o200k"),
      theirs: () => theirCount(theirSlice(), plain),
      goal: 1 / 3,
      rounds: 11,
    },
    {
      name: `an answer of ${Math.round(answer.length / 1000)} kB as Markdown / Bun.markdown.ansi`,
      ours: () => markdownText(answer, 80),
      theirs: () => Bun.markdown.ansi(answer, { columns: 80 }),
    },
    {
      name: `the same while it comes, in ${pieces.length} pieces / Bun.markdown.ansi of all so far for each`,
      ours: async () => {
        const live = liveMarkdown({ write: async () => true, ...size });
        for (const piece of pieces) await live.push(piece);
        await live.end();
      },
      theirs: () => {
        let soFar = "";
        for (const piece of pieces) Bun.markdown.ansi((soFar += piece), { columns: 80 });
      },
      goal: 1,
      rounds: 7,
    },
  ];
}

const columns = 80;

/** Once of each is over before a clock has ticked. */
const often = 100;

/** Bun's functions, which draw, beside the native renderer's: it takes no escape sequences, so that its styles come from Markdown. */
function rendering(): Contest[] {
  const words = [
    "src/render/region.ts",
    "file_read 'a.txt' · 12ms",
    "naïve 漢字, 한글 and words",
    "\u001b[1mbold\u001b[22m 👩‍👩‍👧",
  ];
  const texts = {
    text: "Some words that are as long as words are, in sentences of a paragraph. ",
    CJK: "漢字かな交じり文は、語の間に空白を置かない。한글은 둔다. ",
  };
  const sizes = [1, 10, 100];
  const styled = "Some \u001b[1mbold\u001b[22m words, \u001b[36mcode\u001b[39m, and *plain* ones. ";
  const source = "Some **bold** words, `code`, and \\*plain\\* ones. ";
  return [
    {
      name: `width of ${words.length * often} labels by Bun / the way to the native library and back`,
      ours: () => times(often, () => words.map((word) => Bun.stringWidth(word))),
      theirs: () => times(often, () => words.map((word) => callText("test.echo", 0, word))),
      goal: 1,
    },
    {
      name: `${often} rows cut to ${columns} columns by Bun / drawn by the native library`,
      ours: () => times(often, () => Bun.sliceAnsi(texts.text.repeat(2), 0, columns, { ellipsis: "…" })),
      theirs: () => timesAsync(often, () => drawn("diff", texts.text)),
      goal: 1,
    },
    ...Object.entries(texts).flatMap(([kind, text]) =>
      sizes.map((kilobytes) => {
        const lines = paragraphs(text, kilobytes);
        return {
          name: `${kilobytes} kB of ${kind} wrapped by Bun / by the native library`,
          ours: () => lines.map((line) => Bun.wrapAnsi(line, columns, { hard: true })),
          theirs: () => drawnInParts("diff", lines),
          goal: 1,
        };
      }),
    ),
    ...sizes.map((kilobytes) => {
      const lines = paragraphs(styled, kilobytes);
      const markdown = paragraphs(source, kilobytes);
      return {
        name: `${kilobytes} kB of styled text wrapped by Bun / by the native library, out of Markdown`,
        ours: () => lines.map((line) => Bun.wrapAnsi(line, columns, { hard: true })),
        theirs: () => drawnInParts("markdown", markdown),
        goal: 1,
      };
    }),
    ...[200, 2000, 8000].map((length) => frame("a paragraph", source.repeat(length / source.length))),
    frame("a list", "- A **bold** word, `code`, a [link](https://example.com/)\n".repeat(35)),
    frame("code", `\`\`\`ts\n${"const answer = question(42); // a line of code\n".repeat(43)}`),
  ];
}

/** Of a block that grows each frame shows the end. */
function frame(kind: string, text: string): Contest {
  const show = () => {
    const { show } = region({ write: async () => true, columns: () => columns, rows: () => 24, reflows: true });
    return (rows: string[]) => show("", [...rows.slice(-20), "", "status"]);
  };
  const [ours, theirs] = [show(), show()];
  const growing = growingMarkdown();
  growing.push(text, columns);
  let words = 0;
  let more = text;
  return {
    name: `a frame of the live region, ${kind} of ${text.length} bytes, by Bun / by the native library`,
    ours: async () => {
      growing.push(`${++words} `, columns);
      await ours(growing.live(columns, 20));
    },
    theirs: async () => {
      more += `${words} `;
      await theirs((await drawn("markdown", more)).split("\n"));
    },
  };
}

function drawn(kind: "diff" | "markdown", text: string): Promise<string> {
  return drawPicture({ kind, text }, { format: "ansi", width: columns });
}

/** A picture has at most 200 rows. */
async function drawnInParts(kind: "diff" | "markdown", lines: string[]): Promise<void> {
  for (let at = 0; at < lines.length; at += 10) await drawn(kind, lines.slice(at, at + 10).join("\n\n"));
}

/** Lines of about a kilobyte. */
function paragraphs(text: string, kilobytes: number): string[] {
  const line = text.repeat(Math.round(1000 / new TextEncoder().encode(text).length)).trimEnd();
  return Array.from({ length: kilobytes }, () => line);
}

function times(count: number, act: () => unknown): void {
  for (let time = 0; time < count; time++) act();
}

async function timesAsync(count: number, act: () => Promise<unknown>): Promise<void> {
  for (let time = 0; time < count; time++) await act();
}

/** That much source code, and what else lies beside it. */
async function sources(size: number): Promise<string> {
  let text = "";
  for (const folder of ["src", "node_modules/openai", "node_modules/yaml", "node_modules/@anthropic-ai/sdk"]) {
    for (const file of [...new Bun.Glob("**/*.{ts,md,js}").scanSync(folder)].sort()) {
      if (text.length < size) text += await Bun.file(`${folder}/${file}`).text();
    }
  }
  return text;
}

/** Another part of the text each time. */
function slices(text: string, length = 500_000): () => string {
  let at = 0;
  return () => {
    if (at + length > text.length) at = 0;
    return text.slice(at, (at += length));
  };
}
