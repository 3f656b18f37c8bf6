import { readFileSync } from "node:fs";
import file from "../../dist/native/rein-jail" with { type: "file" };
import { sealedMemfd } from "./border.ts";

/**
 * The static executable that every child is started through, in sealed memory: a descriptor to start it from as
 * `/proc/self/fd/<descriptor>`. The caller closes it.
 */
export function openJail(): number {
  return sealedMemfd(readFileSync(file), "rein-jail");
}
