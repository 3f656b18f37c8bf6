import type { Denial } from "./permission.ts";

/** An outcome that its caller expects: a value, or a failure to show or act on. Never an exception. */
export type Result<T, E = Failure> = { ok: true; value: T } | { ok: false; error: E };

export type FailureCode =
  | "denied"
  | "not_found"
  | "exists"
  | "changed"
  | "not_a_file"
  | "not_a_folder"
  | "too_large"
  | "invalid"
  | "unsupported"
  | "timeout"
  | "cancelled"
  | "failed";

/** Why something did not happen. `message` names the action and quotes values: "Cannot read 'x': not granted". */
export type Failure = { code: FailureCode; message: string; denial?: Denial };

export function ok<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

export function fail(code: FailureCode, message: string): { ok: false; error: Failure } {
  return { ok: false, error: { code, message } };
}
