import { frame } from "./border.ts";
import { start } from "./library.ts";

/** What is wanted of a page: all of it, what matters of it, or what a CSS selector matches. */
export type PageQuery = {
  /** Where it was found, for its relative links. */
  url: string;
  selector?: string;
  whole?: boolean;
  /** The charset that the server names. */
  charset?: string;
};

/**
 * A page as Markdown. `part`: what of it that is; `matches`: how many elements the selector found; `cut`: it has too many; `refresh`:
 * where it sends who looks at it, and after how long.
 */
export type Page = {
  markdown: string;
  title: string;
  charset: string;
  part: "main" | "whole" | "selected";
  matches: number;
  cut: boolean;
  refresh?: { seconds: number; url: string };
};

/** A web page as Markdown. Throws for a selector that is none, and the reason of an abort. */
export async function pageMarkdown(
  bytes: Uint8Array,
  { url, selector = "", whole = false, charset = "" }: PageQuery,
  signal: AbortSignal,
): Promise<Page> {
  const input = frame([whole ? 1 : 0, url, selector, charset], bytes);
  const { facts, text } = await answer("page.markdown", input, signal);
  return { ...facts, markdown: text };
}

/** Bytes as text, whose charset is named by the server, by an HTML page itself, or guessed. The reason of an abort is thrown. */
export async function decodeText(
  bytes: Uint8Array,
  charset: string,
  signal: AbortSignal,
): Promise<{ text: string; charset: string }> {
  const { facts, text } = await answer("page.text", frame([charset], bytes), signal);
  return { text, charset: facts.charset };
}

/** A line of JSON, and what follows it. */
async function answer(name: string, input: Uint8Array, signal: AbortSignal) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of start(name, input, signal)) chunks.push(chunk);
  signal.throwIfAborted();
  const text = new TextDecoder().decode(Buffer.concat(chunks));
  const end = text.indexOf("\n");
  const facts: Omit<Page, "markdown"> = JSON.parse(text.slice(0, end));
  return { facts, text: text.slice(end + 1) };
}
