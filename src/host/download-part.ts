import { isJsonObject } from "../core/json.ts";
import type { Problem } from "../core/problem.ts";
import { readNote, removeFile } from "./model-files.ts";

/** A file to get, and what is known of it before. */
export type DownloadRequest = {
  url: string;
  headers: Record<string, string>;
  folder: string;
  /** Its name in the folder. While it is not whole it has `.part` after it, with a note of what it is in `.part.json`. */
  file: string;
  size: number | undefined;
  sha256: string | undefined;
  /** What it must begin with, so that not a page of a login is loaded to its end. */
  magic: string;
};

/** What is known of the part of a file that is here. */
export type Note = { url: string; etag: string | null; sha256: string | null };

/** One attempt that failed in a way that another one may not. */
export class Passing extends Error {
  constructor(
    message: string,
    /** How long the server asked us to wait, and what it is a failure of when no further attempt is made. */
    readonly more: { waitMs?: number; problem?: Problem } = {},
  ) {
    super(message);
  }
}

/** What no further attempt can mend. */
export class Failed extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

export function partPath({ folder, file }: DownloadRequest): string {
  return `${folder}/${file}.part`;
}

export function notePath(request: DownloadRequest): string {
  return `${partPath(request)}.json`;
}

export function removePart(request: DownloadRequest): void {
  removeFile(partPath(request));
  removeFile(notePath(request));
}

/** Whether the part that a note is of can be a beginning of this file: by its hash, or by a tag that the server checks. */
export function isSame(note: Note | undefined, { url, sha256 }: DownloadRequest): boolean {
  if (note === undefined) return false;
  return sha256 === undefined ? note.url === url && note.etag !== null : note.sha256 === sha256;
}

/** A weak tag says nothing of the bytes. */
export function isStrongTag(tag: unknown): tag is string {
  return typeof tag === "string" && /^"[\x21\x23-\x7e]*"$/.test(tag);
}

export function noteOf(path: string): Note | undefined {
  const note = readNote(path);
  if (!isJsonObject(note)) return undefined;
  const { url, etag, sha256 } = note;
  if (typeof url !== "string") return undefined;
  return { url, etag: isStrongTag(etag) ? etag : null, sha256: typeof sha256 === "string" ? sha256 : null };
}
