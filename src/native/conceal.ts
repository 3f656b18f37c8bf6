import { dlopen, toArrayBuffer, type Pointer } from "bun:ffi";
import { readFileSync } from "node:fs";
import { isSecretName } from "../core/secret-name.ts";

/**
 * Takes the values of these variables, and of others that are called like secrets, out of the memory that `/proc/PID/environ` shows,
 * and closes what else of us is there to other processes of this user: memory, descriptors, tracing. Who may trace anybody (root
 * with all capabilities) can still read our memory.
 */
export function concealSecrets(names: readonly string[]): void {
  const block = environmentBlock();
  for (let at = 0; at < block.length;) {
    const zero = block.indexOf(0, at);
    const end = zero < 0 ? block.length : zero;
    const [name = ""] = block.toString("latin1", at, end).split("=", 1);
    if (names.includes(name) || isSecretName(name)) block.fill(0, Math.min(at + name.length + 1, end), end);
    at = end + 1;
  }
  const libc = dlopen("libc.so.6", { prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" } });
  const setDumpable = 4;
  libc.symbols.prctl(setDumpable, 0, 0, 0, 0);
  libc.close();
}

/** What our environment was when we were started, in place. Bun has copied it long ago. */
function environmentBlock(): Buffer {
  // The program's name comes second, in parentheses, and may hold anything.
  const fields = readFileSync("/proc/self/stat", "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  const [start, end] = [Number(fields[47]), Number(fields[48])];
  return Buffer.from(toArrayBuffer(start as Pointer, 0, end - start));
}
