import type { DurableEvent, Emit } from "../core/event.ts";
import type { KeptText } from "../core/message.ts";
import type { Doors } from "./doors.ts";

/** Doors that keep what calls change in files. */
export type KeepChanges = (doors: Doors, emit: Emit) => Doors;

type FileChange = Extract<DurableEvent, { type: "file_change" }>;

/** A file that has more bytes is not kept: it cannot be taken back. */
export const largestKept = 10_000_000;

/** Before a call writes or deletes a file, what was there goes into the journal, as far as the agent may read it. */
export function keepChanges(keep: (bytes: Uint8Array) => Promise<KeptText | undefined>): KeepChanges {
  return (doors, emit) => (call, denied) => {
    const host = doors(call, denied);
    if (call === undefined) return host;
    const id = call;
    const { fs } = host;

    async function before(path: string): Promise<Pick<FileChange, "before">> {
      if (!(await fs.may("read", path))) return {};
      const read = await fs.read(path, { offset: 0, limit: largestKept + 1 });
      if (!read.ok) return read.error.code === "not_found" ? { before: null } : {};
      if (read.value.size > largestKept) return {};
      const kept = await keep(read.value.bytes);
      return kept === undefined ? {} : { before: kept };
    }

    /** Told once it is done: what was refused has changed nothing. */
    async function changing<T extends { ok: boolean }>(
      path: string,
      after: string | null,
      act: () => Promise<T>,
    ): Promise<T> {
      const was = await before(path);
      const place = absolute(path, host.cwd);
      const done = await act();
      if (done.ok) await emit({ type: "file_change", call: id, path: place, ...was, after });
      return done;
    }

    return {
      ...host,
      fs: {
        ...fs,
        write: (path, bytes, options) =>
          changing(path, new Bun.CryptoHasher("sha256").update(bytes).digest("hex"), () =>
            fs.write(path, bytes, options),
          ),
        remove: (path, options, signal) => changing(path, null, () => fs.remove(path, options, signal)),
      },
    };
  };
}

/** Where a file is, whatever the working folder of who takes it back. */
function absolute(path: string, cwd: string): string {
  if (path.startsWith("/") || path.startsWith("~/")) return path;
  return `${cwd}/${path.replace(/^(\.\/)+/, "")}`;
}
