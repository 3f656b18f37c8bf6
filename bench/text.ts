/** What is done with texts, beside the best that JavaScript has for it: tokens counted, Markdown shown on a terminal. */
import { countTokens as theirCount } from "gpt-tokenizer/encoding/o200k_base";
import { countTokens } from "../src/native/tokens.ts";
import { liveMarkdown } from "../src/render/live.ts";
import { markdownText } from "../src/render/markdown.ts";
import { documents } from "../tests/render/markdown-documents.ts";
import { compare, type Contest, type Row } from "./native.ts";

export async function textRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const contest of await contests()) rows.push(await compare(contest));
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
