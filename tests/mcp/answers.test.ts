import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { fileUri } from "../../src/mcp/answers.ts";

test("a root's URI leads to its folder, whatever that is called", () => {
  for (const path of ["/", "/home/me", "/a b/c#1", "/what?", "/100%", "/%41", "/\u00fc/\u65e5\u672c", "/a\\b"]) {
    expect(fileURLToPath(fileUri(path))).toBe(path);
  }
});
