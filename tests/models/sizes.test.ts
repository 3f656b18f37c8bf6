import { describe, expect, test } from "bun:test";
import { makeMask } from "../../src/core/mask.ts";
import { parseModelName } from "../../src/models/choose.ts";
import { refusalFailure, streamFailure } from "../../src/models/failure.ts";
import { memoryIn, ownWindow } from "../../src/models/memory-window.ts";
import { attachmentTokens, countingOf } from "../../src/models/token-counts.ts";
import { windowOf } from "../../src/models/windows.ts";

async function windowFor(name: string, baseUrl = "http://localhost:1/v1") {
  const parsed = parseModelName(name);
  return parsed.ok ? windowOf(parsed.value, baseUrl) : undefined;
}

describe("a model's window", () => {
  test("of a service is that of the price list, or of its family where it is too new for that", async () => {
    expect(await windowFor("anthropic/claude-sonnet-4-5")).toBe(200_000);
    expect(await windowFor("openai/gpt-4o-mini")).toBe(128_000);
    expect(await windowFor("gemini/gemini-2.5-flash")).toBe(1_048_576);
    expect(await windowFor("openai/gpt-6.9-new")).toBe(400_000);
    expect(await windowFor("openai/davinci-7")).toBeUndefined();
  });

  test("of a service that nobody knows is not guessed by a model's name", async () => {
    expect(await windowFor("openai-compatible/gpt-5")).toBeUndefined();
    expect(await windowFor("openai-compatible/qwen/qwen3-32b", "https://api.groq.com/openai/v1")).toBe(131_072);
  });

  test("on one's own hardware is what the memory is good for, and never more than the model's own", () => {
    const window = (gigabytes: number, longest?: number) => ownWindow("m", { longest }, gigabytes * 1e9).window;
    expect([80, 24, 23.9, 16, 15.9, 8, 7.9, 1].map((gigabytes) => window(gigabytes))).toEqual([
      131_072, 131_072, 32_768, 32_768, 8192, 8192, 4096, 4096,
    ]);
    expect(window(80, 40_960)).toBe(40_960);
    expect(ownWindow("m", {}, undefined)).toEqual({});
  });

  test("that the file wants larger is obeyed, with a warning", () => {
    expect(ownWindow("ollama/m", { longest: 131_072, wanted: 65_536 }, 8e9)).toEqual({
      window: 65_536,
      warning:
        "The context of 'ollama/m' is 65,536 tokens, and 8 GB of memory are good for 8,192: it may be slow, or answer worse",
    });
    expect(ownWindow("ollama/m", { longest: 131_072, wanted: 4000 }, 8e9)).toEqual({ window: 4000 });
  });

  test("is said in gigabytes by REIN_VRAM", () => {
    expect(["24", " 8GB", "1.5 g", "much", "", undefined].map(memoryIn)).toEqual([
      24e9,
      8e9,
      1.5e9,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("a refusal of a request that is too long", () => {
  const bodies = [
    `{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}`,
    `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 202095 tokens > 200000 maximum"}}`,
    '{"error":{"message":"input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000"}}',
    `[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}]`,
    `{"error":{"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`,
  ];
  for (const body of bodies) {
    test(`is known: ${body.slice(0, 90)}`, () => {
      const failure = refusalFailure({ service: "x", status: 400, headers: new Headers(), body }, makeMask([]), 0);
      expect(failure).toMatchObject({ kind: "request", tooLong: true });
    });
  }

  test("is known in the middle of a stream", () => {
    expect(streamFailure("x", { code: "context_length_exceeded", message: "Too long" }, makeMask([])).tooLong).toBe(
      true,
    );
  });

  test("is not taken for another one", () => {
    const body = `{"error":{"message":"Unknown parameter: 'x'"}}`;
    expect(
      refusalFailure({ service: "x", status: 400, headers: new Headers(), body }, makeMask([]), 0).tooLong,
    ).toBeUndefined();
    const busy = `{"error":{"message":"Rate limit reached: reduce the length of your prompts"}}`;
    expect(
      refusalFailure({ service: "x", status: 429, headers: new Headers(), body: busy }, makeMask([]), 0).tooLong,
    ).toBeUndefined();
  });
});

describe("tokens", () => {
  test("are counted by the encoding of the model's family", () => {
    expect(countingOf("openai/gpt-4-0613")).toEqual({ encoding: "cl100k", ratio: 1 });
    expect(countingOf("openai/gpt-5.1")).toEqual({ encoding: "o200k", ratio: 1 });
    expect(countingOf("ollama/gpt-oss:20b").ratio).toBe(1);
    expect(countingOf("anthropic/claude-sonnet-5-5").ratio).toBeGreaterThan(1);
  });

  test("of an image follow from the size that its header tells", () => {
    const png = (width: number, height: number) => {
      const bytes = Buffer.alloc(24);
      bytes.writeUInt32BE(width, 16);
      bytes.writeUInt32BE(height, 20);
      return { mediaType: "image/png", data: bytes.toString("base64") };
    };
    expect(attachmentTokens("anthropic/x", png(1024, 1024))).toBe(1499);
    expect(attachmentTokens("anthropic/x", png(8000, 8000))).toBe(4784);
    expect(attachmentTokens("gemini/x", png(10, 10))).toBe(1120);
    const jpeg = Buffer.from("ffd8ffe000040000ffc00011080200030001", "hex").toString("base64");
    expect(attachmentTokens("openai/x", { mediaType: "image/jpeg", data: jpeg })).toBe(
      Math.ceil((512 * 768) / 850) + 100,
    );
    expect(attachmentTokens("openai/x", { mediaType: "image/webp", data: "AAAA" })).toBe(14_400);
  });

  test("of a PDF follow from its pages", () => {
    const pdf = Buffer.from("%PDF-1.4 /Type /Pages /Type /Page /Type/Page ").toString("base64");
    expect(attachmentTokens("anthropic/x", { mediaType: "application/pdf", data: pdf })).toBe(8000);
  });
});
