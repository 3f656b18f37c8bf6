import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, pathSchema, text } from "./arguments.ts";
import { grouped, shownPath } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";
import { failed } from "./failed.ts";

const schema = schemaOf({
  type: "object",
  properties: {
    path: pathSchema("The file or folder, for example build/old.txt"),
    recursive: { type: "boolean", description: "Delete a folder with all in it. Default: false" },
  },
  required: ["path"],
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

export const fileDelete = builtIn({
  name: "file_delete",
  description:
    "Deletes a file, or with recursive a folder and all that is in it. It cannot be undone. Of a symbolic link the link is deleted.",
  input: schema,
  examples: [
    { request: "Delete notes.txt", input: { path: "notes.txt" } },
    { request: "Remove the folder build and everything in it", input: { path: "build", recursive: true } },
  ],
  needs: [{ kind: "write" }],
  effects: () => "write",
  run,
});

async function run(input: Input, { host, signal }: ToolContext): Promise<ToolOutcome> {
  const path = text(input, "path");
  const removed = await host.fs.remove(path, { recursive: flag(input, "recursive") }, signal);
  if (!removed.ok && removed.error.code === "not_a_file") {
    return { content: `${removed.error.message}; set recursive: true to delete it with all in it`, error: true };
  }
  if (!removed.ok) return failed(removed.error, host, path);
  const { files, folders } = removed.value;
  if (folders === 0) return { content: `Deleted ${shownPath(path)}` };
  const inside = [counted(files, "file"), counted(folders - 1, "folder")].filter((count) => count !== "");
  const what = inside.length === 0 ? "it was empty" : `with ${inside.join(" and ")} in it`;
  return { content: `Deleted the folder ${shownPath(path)}, ${what}` };
}

function counted(count: number, what: string): string {
  return count === 0 ? "" : `${grouped(count)} ${what}${count === 1 ? "" : "s"}`;
}
