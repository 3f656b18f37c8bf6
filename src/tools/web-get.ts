import { ok, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";
import { Cache } from "./cache.ts";
import { send, type Answer, type Sending } from "./web-send.ts";

/** A GET that asks for a page again only if it has changed. */
export type WebGet = (
  url: URL,
  sending: Omit<Sending, "secrets">,
  context: ToolContext,
) => Promise<Result<{ answer: Answer; cached: boolean }>>;

/** Larger answers are not kept, so that 128 of them fill no memory. */
const mostKept = 1_000_000;

/**
 * Makes the GET of one run. What it knows it uses only when the service has just said that it is still so. With `manual` an answer
 * that redirects is what it gets.
 */
export function makeWebGet(accept: string, redirect: "follow" | "manual"): WebGet {
  const known = new Cache<Answer>();
  return async (url, sending, context) => {
    // Not sent, so that a page is the same for each part of it.
    const key = url.href.replace(/#.*$/, "");
    const request = { method: "GET", headers: { accept }, redirect };
    const before = known.get(key);
    if (before !== undefined && before.bytes.length <= sending.most) {
      const asked = await send(url, { ...request, headers: { accept, ...conditions(before) } }, sending, context);
      if (!asked.ok) return asked;
      // Where it was redirected, another page may have said so.
      if (asked.value.status === 304 && !asked.value.redirected) return ok({ answer: before, cached: true });
      if (asked.value.status !== 304) return kept(asked.value);
    }
    const fresh = await send(url, request, sending, context);
    return fresh.ok ? kept(fresh.value) : fresh;

    function kept(answer: Answer): Result<{ answer: Answer; cached: boolean }> {
      if (isKept(answer)) known.set(key, answer);
      return ok({ answer, cached: false });
    }
  };
}

function isKept({ status, headers, bytes, cut, redirected }: Answer): boolean {
  const marked = headers.has("etag") || headers.has("last-modified");
  const forbidden = /\bno-store\b/i.test(headers.get("cache-control") ?? "");
  return status === 200 && marked && !forbidden && !cut && !redirected && bytes.length <= mostKept;
}

function conditions({ headers }: Answer): Record<string, string> {
  const etag = headers.get("etag");
  const modified = headers.get("last-modified");
  return {
    ...(etag === null ? {} : { "if-none-match": etag }),
    ...(modified === null ? {} : { "if-modified-since": modified }),
  };
}
