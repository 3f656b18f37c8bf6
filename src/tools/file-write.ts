import type { Host } from "../core/host.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { pathSchema, text } from "./arguments.ts";
import { bytes, shownPath } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";
import { failed } from "./failed.ts";
import { shownDiff } from "./shown-diff.ts";
import { openText, pieceSize } from "./text.ts";

const schema = schemaOf({
  type: "object",
  properties: {
    path: pathSchema("The file, for example src/main.ts"),
    content: { type: "string", description: "The whole new text of the file" },
  },
  required: ["path", "content"],
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

export const fileWrite = builtIn({
  name: "file_write",
  description:
    "Creates a file or replaces all of it; folders on the way are made. Returns what was done and how the text changed.",
  input: schema,
  examples: [
    { request: "Write 'Hello' into greeting.txt", input: { path: "greeting.txt", content: "Hello" } },
    { request: "Create docs/todo.md that says 'Buy milk'", input: { path: "docs/todo.md", content: "Buy milk" } },
  ],
  needs: [{ kind: "write" }],
  effects: () => "write",
  run,
});

async function run(input: Input, { host }: ToolContext): Promise<ToolOutcome> {
  const path = text(input, "path");
  const content = text(input, "content");
  const data = new TextEncoder().encode(content);
  const before = await oldText(host, path);
  const written = await host.fs.write(path, data);
  if (!written.ok) return failed(written.error, host, path);
  const done = `${written.value.created ? "Created" : "Replaced"} ${shownPath(path)} (${bytes(data.length)})`;
  if (written.value.created || before === undefined) return { content: done };
  return {
    content:
      before === content
        ? `${done}: the text is the same as before`
        : `${done}\n${await shownDiff(path, before, content)}`,
  };
}

/** What stood there, if it may be read (write does not include read), is text and is small enough for a diff. */
async function oldText(host: Host, path: string): Promise<string | undefined> {
  if (!(await host.fs.may("read", path))) return undefined;
  const opened = await openText(host, path);
  if (!opened.ok || opened.value.kind !== "text" || opened.value.size > pieceSize) return undefined;
  let whole = "";
  for await (const piece of opened.value.pieces()) {
    if (!piece.ok) return undefined;
    whole += piece.value;
  }
  return whole;
}
