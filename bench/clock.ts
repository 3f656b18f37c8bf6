/** CLOCK_MONOTONIC, the same in all processes of a machine. Bun's own clocks begin with their process. */
import { dlopen, FFIType, ptr } from "bun:ffi";

const clockMonotonic = 1;
const time = new BigInt64Array(2);
const libc = dlopen("libc.so.6", { clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 } });

export function monotonicNs(): number {
  libc.symbols.clock_gettime(clockMonotonic, ptr(time));
  return Number(time[0] ?? 0n) * 1e9 + Number(time[1] ?? 0n);
}
