import { resolve } from "node:path";
import type { RemovedCount } from "../core/host.ts";
import { fail, ok, type Failure, type Result } from "../core/result.ts";
import { closeFd, openBeneath, removeTree } from "../native/files.ts";
import type { Gate } from "./gate.ts";
import { absolutePath, canonicalPath, errorText, type Machine } from "./machine.ts";

/**
 * Deletes what a path names; where that is a link, the link. The folder around it is resolved, judged with the name, opened
 * beneath the root, and the tree is walked from there by descriptors.
 */
export async function removePath(
  gate: Gate,
  machine: Machine,
  root: number,
  path: string,
  recursive: boolean,
  signal: AbortSignal,
): Promise<Result<RemovedCount>> {
  const cannot = `Cannot delete '${path}'`;
  const bare = path.replace(/(?<=[^/])\/+$/, "");
  const name = bare.slice(bare.lastIndexOf("/") + 1);
  if (path.includes("\0")) return fail("invalid", `${cannot}: the path holds a NUL byte`);
  if (name === "" || name === "." || name === ".." || name === "~") {
    return fail("invalid", `${cannot}: it is no name of a file or folder in another folder`);
  }
  const absolute = absolutePath(bare, machine.cwd, machine.home);
  const folder = canonicalPath(absolute.slice(0, -name.length));
  const target = folder.ok ? `${folder.value === "/" ? "" : folder.value}/${name}` : resolve(absolute);
  const operation = gate.begin("delete");
  const passed = await operation.pass({ kind: "write", target, shown: path });
  if (!passed.ok) return passed;
  if (!folder.ok) return fail(folder.error.code, `${cannot}: ${folder.error.message}`);
  if (`${machine.cwd}/`.startsWith(`${target}/`)) {
    return fail("invalid", `${cannot}: the working folder is ${target === machine.cwd ? "" : "in "}it`);
  }
  const above = openBeneath(root, folder.value.slice(1) || ".", "folder");
  if (!above.ok) return problem(cannot, above.errno, "");
  try {
    const inside = `${target}/`;
    const closed = gate.closedBelow("write", target).map((denied) => denied.slice(inside.length));
    const { files, folders, stopped } = await removeTree(above.value, name, { recursive, closed }, signal);
    if (stopped === undefined) return ok({ files, folders });
    const where = stopped.path === "" ? path : `${bare}/${stopped.path}`;
    if (stopped.why === "closed") {
      const told = await operation.pass({ kind: "write", target: inside + stopped.path, shown: where });
      if (told.ok) return fail("denied", `${cannot}: '${where}' must stay`);
      const message = `${told.error.message}, so that nothing of '${path}' was deleted`;
      return { ok: false, error: { ...told.error, message } };
    }
    return problem(cannot, stopped.why, stopped.path === "" ? "" : ` at '${where}'`, files + folders);
  } finally {
    closeFd(above.value);
  }
}

/** What went wrong, where, and how much was gone by then: what was looked at and found free may still be in use. */
function problem(cannot: string, why: string, where: string, gone = 0): { ok: false; error: Failure } {
  const known = words[why] ?? { code: "failed", text: errorText(why) };
  const left = gone === 0 ? "" : `, after ${gone} of its files and folders were deleted`;
  return fail(known.code, `${cannot}: ${known.text}${where}${left}`);
}

const words: Record<string, Pick<Failure, "code"> & { text: string }> = {
  folder: { code: "not_a_file", text: "it is a folder" },
  mounted: { code: "invalid", text: "another file system is mounted" },
  deep: { code: "invalid", text: "there are more than 200 folders in each other" },
  cancelled: { code: "cancelled", text: "cancelled" },
  ENOENT: { code: "not_found", text: "no such file or folder" },
  ENOTDIR: { code: "not_a_folder", text: "a part of its path is not a folder" },
  ENOTEMPTY: { code: "failed", text: "something was put into it meanwhile" },
};
