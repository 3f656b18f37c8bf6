/** What the native library does beside the best that JavaScript has for it. A function stays native only while it wins here. */
import { createTwoFilesPatch } from "diff";
import { jsonrepair } from "jsonrepair";
import { mkdtempSync, rmSync } from "node:fs";
import { NodeHtmlMarkdown } from "node-html-markdown";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Picture } from "../src/core/picture.ts";
import { drawPicture } from "../src/native/canvas.ts";
import { unifiedDiff } from "../src/native/diff.ts";
import { describeJson, JsonReader, repairJson } from "../src/native/json-reader.ts";
import { pageMarkdown } from "../src/native/web-page.ts";
import { markdownText } from "../src/render/markdown.ts";
import { tableLines } from "../src/render/markdown-table.ts";
import { median } from "./measure.ts";

/** Medians of both sides, and the median of the pairs' ratios: below 1 we are faster. `goal` is the most the ratio may be. */
export type Row = { name: string; ours: number; theirs: number; ratio: number; unit: string; goal?: number };

export type Contest = { name: string; ours(): unknown; theirs(): unknown; goal?: number; rounds?: number };

export async function nativeRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const contest of contests()) rows.push(await compare(contest));
  rows.push(await loading());
  return rows;
}

function contests(): Contest[] {
  const findings = JSON.stringify(
    Array.from({ length: 5000 }, (_, index) => ({
      title: `Finding ${index} in the "parser"`,
      file: `src/file-${index % 40}.ts`,
      line: index * 7,
      score: index / 3,
      tags: ["correctness", "naïve", null, true],
    })),
  );
  // A file_write call's arguments as they stream: some 4 KB in pieces of a token each, looked at after each piece.
  const written = JSON.stringify({ path: "src/a.ts", text: "export const answer = 42; // ünïcode\n".repeat(100) });
  const pieces = written.match(/[^]{1,12}/g) ?? [];
  const careless = written.replace('"path"', "path").replace(/\}$/, ",}");
  const cells = Array.from({ length: 190 }, (_, row) => [
    `src/file-${row}.ts`,
    `${row * 7}`,
    "naïve 漢字, and some words",
  ]);
  const table: Picture = { kind: "table", columns: ["File", "Size", "Remarks"], rows: cells };
  const rows = [["File", "Size", "Remarks"], ...cells].map((row) => row.map((text) => ({ align: "left", text })));
  const page = "## Title\n\nSome **bold** words, `code` and a [link](https://example.com/).\n\n- one\n- two\n\n".repeat(
    15,
  );
  const article = new TextEncoder().encode(webPage(200));
  const options = { oldName: "a", newName: "b", context: 3 };
  const source = lines(1000);
  const edited = source.replaceAll("line 44", "changed 44");
  const large = lines(6000);
  const rewritten = large.replaceAll("7 of", "seven of");
  return [
    {
      name: `web page of ${Math.round(article.length / 1000)} kB to Markdown / npm node-html-markdown`,
      ours: () => pageMarkdown(article, { url: "https://example.com/", whole: true }, new AbortController().signal),
      theirs: () => NodeHtmlMarkdown.translate(new TextDecoder().decode(article)),
      goal: 1,
    },
    {
      name: "what matters of the same page, found and made Markdown / npm node-html-markdown on all of it",
      ours: () => pageMarkdown(article, { url: "https://example.com/" }, new AbortController().signal),
      theirs: () => NodeHtmlMarkdown.translate(new TextDecoder().decode(article)),
    },
    {
      name: `verdict on a JSON document of ${Math.round(findings.length / 1000)} kB / JSON.parse`,
      ours: () => describeJson(findings),
      theirs: () => JSON.parse(findings),
      goal: 1,
    },
    {
      name: `streamed JSON arguments, ${pieces.length} pieces / JSON.parse of all so far for each`,
      ours: () => {
        using reader = new JsonReader();
        for (const piece of pieces) {
          reader.push(piece);
          reader.status();
        }
      },
      theirs: () => {
        let soFar = "";
        for (const piece of pieces) parses((soFar += piece));
      },
      goal: 1,
    },
    {
      name: "arguments of 4 kB that are almost JSON, repaired / npm jsonrepair",
      ours: () => repairJson(careless),
      theirs: () => jsonrepair(careless),
      goal: 1,
    },
    {
      name: "a table of 190 rows with wide characters, drawn 80 columns wide / the same with Bun.stringWidth and Bun.wrapAnsi",
      ours: () => drawPicture(table, { format: "plain", width: 80 }),
      theirs: () => tableLines(rows, 80).join("\n"),
      goal: 1,
    },
    {
      name: "a page of Markdown, drawn 80 columns wide / Bun.markdown, laid out in JavaScript",
      ours: () => drawPicture({ kind: "markdown", text: page }, { format: "ansi", width: 80 }),
      theirs: () => markdownText(page, 80),
      goal: 1,
    },
    {
      name: "diff of 1,000 lines, a few changed / npm diff",
      ours: () => unifiedDiff(source, edited, options),
      theirs: () => createTwoFilesPatch("a", "b", source, edited, undefined, undefined, { context: 3 }),
      goal: 1,
    },
    {
      name: "diff of 6,000 lines, every tenth changed, on a thread / npm diff",
      ours: () => unifiedDiff(large, rewritten, options),
      theirs: () => createTwoFilesPatch("a", "b", large, rewritten, undefined, undefined, { context: 3 }),
      goal: 1,
      rounds: 3,
    },
  ];
}

function lines(count: number): string {
  return Array.from({ length: count }, (_, index) => `  line ${index} of a file;\n`).join("");
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Runs both in turn, A B A B, after rounds that do not count. */
export async function compare({ name, ours, theirs, goal, rounds = 25 }: Contest): Promise<Row> {
  const samples: [number[], number[]] = [[], []];
  for (let round = rounds > 3 ? -5 : -1; round < rounds; round++) {
    for (const [index, act] of [ours, theirs].entries()) {
      const from = performance.now();
      await act();
      const took = performance.now() - from;
      if (round >= 0) samples[index]?.push(took);
    }
  }
  return toRow(name, samples, goal);
}

/** Loading in a compiled program: ours from sealed memory, and Bun's own way, by a file in the temp folder. Ours: below 2 ms. */
async function loading(): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), "rein-bench-native-"));
  try {
    const program = join(folder, "load");
    const source = `import { dlopen } from "bun:ffi";
      import { call } from ${JSON.stringify(join(import.meta.dir, "../src/native/library.ts"))};
      import so from ${JSON.stringify(join(import.meta.dir, "../dist/native/librein_core.so"))} with { type: "file" };
      const from = performance.now();
      if (process.argv[2] === "ours") call("test.echo", 0, "");
      else dlopen(so, { rein_cancel: { args: ["i32"], returns: "void" } }).symbols.rein_cancel(0);
      console.log(performance.now() - from);`;
    await Bun.write(`${program}.ts`, source);
    await Bun.build({ entrypoints: [`${program}.ts`], compile: { outfile: program }, minify: true, bytecode: true });
    const samples: [number[], number[]] = [[], []];
    for (let round = -1; round < 15; round++) {
      for (const [index, way] of ["ours", "theirs"].entries()) {
        const child = Bun.spawn([program, way], { stdout: "pipe", env: { TMPDIR: folder, BUN_TMPDIR: folder } });
        const took = Number(await child.stdout.text());
        if (round >= 0) samples[index]?.push(took);
      }
    }
    return toRow("loading the library from sealed memory (bar: 2 ms) / from the temp folder", samples, undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function toRow(name: string, [ours, theirs]: [number[], number[]], goal: number | undefined): Row {
  const ratio = median(ours.map((value, index) => value / (theirs[index] ?? NaN)));
  return {
    name,
    ours: median(ours),
    theirs: median(theirs),
    ratio,
    unit: "ms",
    ...(goal === undefined ? {} : { goal }),
  };
}

/** A page with a menu, paragraphs with links, lists and tables, as articles have them. */
function webPage(sections: number): string {
  const menu = Array.from(
    { length: 40 },
    (_, item) => `<li class="item"><a href="/topic/${item}">Topic ${item}</a></li>`,
  );
  const section = (number: number) => `<section class="part"><h2 id="s${number}">Section ${number}</h2>
    <p>The <b>harbour</b> was rebuilt in <em>three</em> years, see <a href="../map/${number}?x=1&amp;y=2">the map</a>, and so on.</p>
    <ul><li>one &amp; two</li><li><code>ls -l</code></li></ul>
    <table><tr><th>Name</th><th>Tons</th></tr><tr><td>Ada</td><td>${number}</td></tr></table></section>`;
  const parts = Array.from({ length: sections }, (_, number) => section(number));
  return `<!doctype html><html><head><meta charset="utf-8"><title>Ships</title><style>p{color:red}</style></head><body>
    <nav><ul>${menu.join("\n")}</ul></nav><main><article>${parts.join("\n")}</article></main><footer>Imprint</footer></body></html>`;
}
