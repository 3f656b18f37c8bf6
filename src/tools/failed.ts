import type { Host } from "../core/host.ts";
import { nearest } from "../core/nearest.ts";
import type { Failure } from "../core/result.ts";
import type { ToolOutcome } from "../core/tool.ts";

/** A failure as the model reads it: the host's words, and what to do next where that is known. */
export async function failed(failure: Failure, host: Host, path: string): Promise<ToolOutcome> {
  const next = failure.code === "not_found" ? await nearestPath(host, path) : hints[failure.code];
  return { content: next === undefined ? failure.message : `${failure.message}; ${next}`, error: true };
}

const hints: Partial<Record<Failure["code"], string>> = {
  not_a_file: "list it to see what is in it",
  changed: "read it again before you change it",
  denied: "go on without it, or say in the answer what is missing",
};

/** Names a sibling that is spelled alike, when the folder may be seen. */
async function nearestPath(host: Host, path: string): Promise<string> {
  const slash = path.replace(/\/+$/, "").lastIndexOf("/");
  const folder = slash < 0 ? "." : path.slice(0, slash) || "/";
  const list = (await host.fs.may("read", folder)) ? await host.fs.list(folder) : undefined;
  if (list?.ok !== true) return "list the folder above it to see which names there are";
  const wanted = path.slice(slash + 1);
  const near = nearest(
    wanted,
    list.value.map((entry) => entry.name),
  );
  if (near !== undefined) return `did you mean '${path.slice(0, slash + 1)}${near}'?`;
  return `list '${folder}' to see which names there are`;
}
