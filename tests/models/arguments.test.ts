import { expect, test } from "bun:test";
import type { Message } from "../../src/core/message.ts";
import { anthropicRequest } from "../../src/models/anthropic-request.ts";
import { responsesRequest } from "../../src/models/responses-request.ts";

test("a tool's name that a model made up goes back as one that every service takes", () => {
  const names = ["functions.file_read", "", "lire le fichier", "x".repeat(300)];
  const calls = names.map((name, index) => ({ id: `c${index}`, name, arguments: "{}" }));
  const messages: Message[] = [{ role: "assistant", text: "", calls }];
  const request = { instructions: "", messages, tools: [] };
  const target = { model: "m", origin: "o", options: {} };
  for (const make of [anthropicRequest, responsesRequest]) {
    const sent = JSON.stringify(make(target, request));
    for (const name of ["functions_file_read", "unnamed", "lire_le_fichier", "x".repeat(64)]) {
      expect(sent).toContain(`"name":"${name}"`);
    }
  }
});
