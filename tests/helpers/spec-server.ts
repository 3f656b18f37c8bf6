/** The fake services of a spec case: each of these files holds one behaviour a line, as JSON, taken in order. */
import { startAnthropicServer } from "./anthropic-server.ts";
import { startHub } from "./hub-server.ts";
import { startMcpSite } from "./mcp-site.ts";
import { startOllamaServer } from "./ollama-server.ts";
import { startOpenAIServer } from "./openai-server.ts";
import { startResponsesServer } from "./responses-server.ts";
import { startSpecSite } from "./site-server.ts";

export type SpecServer = { port: string; env: Record<string, string>; stop(): Promise<void> };

type Started = { baseUrl: string; stop(): Promise<void> };
type Row = { start(lines: string): Started; env(baseUrl: string): Record<string, string> };

const rows: Record<string, Row> = {
  server: {
    start: (lines) => startOpenAIServer(behaviours(lines)),
    env: (url) => ({ OPENAI_BASE_URL: url, OPENAI_API_KEY: "test-key" }),
  },
  "server-responses": {
    start: (lines) => startResponsesServer(behaviours(lines)),
    env: (url) => ({ OPENAI_BASE_URL: url, OPENAI_API_KEY: "test-key" }),
  },
  "server-anthropic": {
    start: (lines) => startAnthropicServer(behaviours(lines)),
    env: (url) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: "test-key" }),
  },
  "server-ollama": {
    start: (lines) => startOllamaServer(behaviours(lines)),
    env: (url) => ({ OLLAMA_HOST: url.replace("http://", "") }),
  },
  "server-gemini": {
    start: (lines) => startOpenAIServer(behaviours(lines), "/v1beta/openai"),
    env: (url) => ({ GOOGLE_GEMINI_BASE_URL: new URL(url).origin, GEMINI_API_KEY: "test-key" }),
  },
  // One page a line.
  "server-site": {
    start: (lines) => startSpecSite(behaviours(lines)),
    env: (url) => ({ SITE: new URL(url).host }),
  },
  // The MCP server of the contract suite over each remote transport, and one page beside it a line.
  "server-mcp": {
    start: (lines) => startMcpSite(behaviours(lines)),
    env: (url) => ({ MCP_SITE: new URL(url).host }),
  },
  // One repository a line.
  "server-hub": {
    start: (lines) => startHub(behaviours(lines)),
    env: (url) => ({ HF_ENDPOINT: url }),
  },
  "server-huggingface": {
    start: (lines) => startOpenAIServer(behaviours(lines)),
    env: (url) => ({ HF_INFERENCE_ENDPOINT: url, HF_TOKEN: "test-key" }),
  },
};

export const serverFiles: readonly string[] = Object.keys(rows);

/** Starts the service that a file of `serverFiles` describes. */
export function startServer(file: string, lines: string): SpecServer {
  const row = rows[file];
  if (row === undefined) throw new Error(`No service for '${file}'`);
  const { baseUrl, stop } = row.start(lines);
  return { port: new URL(baseUrl).port, env: row.env(baseUrl), stop };
}

function behaviours(lines: string) {
  return lines
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line));
}
