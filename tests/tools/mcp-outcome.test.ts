import { describe, expect, test } from "bun:test";
import type { McpContent } from "../../src/core/mcp.ts";
import { callOutcome, contentOutcome } from "../../src/tools/mcp-outcome.ts";
import { pixel } from "../helpers/mcp-server.ts";

const text = (said: string): McpContent => ({ kind: "text", text: said });
const base64 = (said: string) => Buffer.from(said).toString("base64");

describe("what a server's tool gives, as a model gets it", () => {
  test("is its texts, and an error where it says so", async () => {
    const called = { ok: true as const, value: { content: [text("a"), text("b")], error: true } };
    expect(await callOutcome(called)).toEqual({ content: "a\nb", error: true });
    const failed = { ok: false as const, error: { code: "failed" as const, message: "gone" } };
    expect(await callOutcome(failed)).toEqual({ content: "gone", error: true });
  });

  test("has the structure once: where no text says the same", async () => {
    const structured = { sum: 3, of: [1, 2] };
    expect(await contentOutcome([text('{ "of": [1, 2], "sum": 3 }')], structured)).toEqual({
      content: '{ "of": [1, 2], "sum": 3 }',
    });
    expect(await contentOutcome([text("three")], structured)).toEqual({ content: 'three\n{"sum":3,"of":[1,2]}' });
    expect(await contentOutcome([], structured)).toEqual({ content: '{"sum":3,"of":[1,2]}' });
    expect(await contentOutcome([text("3")], { result: 3 })).toEqual({ content: "3" });
  });

  test("shows pictures by what their bytes are, whatever they are called", async () => {
    const outcome = await contentOutcome([{ kind: "media", mediaType: "image/jpeg", data: pixel }]);
    expect(outcome.content).toBe("[a PNG image of 1x1 pixels, 70 bytes]");
    expect(outcome.attachments).toMatchObject([{ mediaType: "image/png", data: pixel }]);
  });

  test("says what cannot be shown", async () => {
    const cut = Buffer.from(pixel, "base64").subarray(0, 40).toString("base64");
    const shown = await contentOutcome([
      { kind: "media", mediaType: "image/png", data: cut },
      { kind: "media", mediaType: "audio/wav", data: base64("RIFF....WAVE") },
      { kind: "blob", uri: "x://zip", mediaType: "application/zip", data: base64("PK\u0003\u0004\0\0") },
    ]);
    expect(shown).toEqual({
      content: [
        "[Not shown: it is a PNG image that is cut or damaged]",
        "[Not shown: audio/wav, 12 bytes]",
        "[Not shown: application/zip, 6 bytes]",
      ].join("\n"),
    });
  });

  test("has resources and links with where they are from", async () => {
    const shown = await contentOutcome([
      { kind: "resource", uri: "note://1", text: "milk" },
      { kind: "blob", uri: "note://2", data: base64("bread") },
      { kind: "link", uri: "note://3", name: "third", description: "More", mediaType: "text/plain" },
      { kind: "link", uri: "note://4", name: "fourth" },
    ]);
    expect(shown.content).toBe(
      "[note://1]\nmilk\n[note://2]\nbread\n[resource third: note://3 (text/plain, More)]\n[resource fourth: note://4]",
    );
  });

  test("of 10 MB is its start and its end, and whole for the journal", async () => {
    const outcome = await contentOutcome([text(`start${"x".repeat(9_999_990)}end`)]);
    expect(outcome.content.length).toBeLessThan(51_000);
    expect(outcome.content.startsWith("startx")).toBe(true);
    expect(outcome.content.endsWith("xend")).toBe(true);
    expect(outcome.whole?.length).toBe(9_999_998);
  });
});
