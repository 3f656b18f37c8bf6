/** The fake chat service of a spec case: its file `server` holds one behaviour a line, as JSON, taken in order. */
import { type Behaviour, startOpenAIServer } from "./openai-server.ts";

export type SpecServer = { port: string; env: Record<string, string>; stop(): Promise<void> };

export function startServer(text: string): SpecServer {
  const behaviours: Behaviour[] = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line));
  const server = startOpenAIServer(behaviours);
  return {
    port: new URL(server.baseUrl).port,
    env: { OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: "test-key" },
    stop: server.stop,
  };
}
