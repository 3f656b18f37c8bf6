import { Client } from "@modelcontextprotocol/client";
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/client/validators/cf-worker";
import type { McpServer, McpTransport } from "../core/mcp.ts";
import { answerBy, capabilitiesFor, type Answers } from "./answers.ts";
import { listenTo, type Heard } from "./heard.ts";

export type ClientUse = {
  server: Pick<McpServer, "deadline"> & { transport: McpTransport["kind"] };
  /** Its tools stay as they were at its start. */
  pinned: boolean;
  /** Of rein, as servers are told it. */
  version: string;
  answers: Answers;
  /** Told what it says by itself; absent where nobody listens. */
  heard?(heard: Heard): void;
};

/** The SDK's client of one connection. `retooled` is told that the server has other tools; `legacy`: the older handshake at once. */
export function makeClient(
  { server, pinned, version, answers, heard }: ClientUse,
  mode: "auto" | "legacy",
  retooled: (client: Client) => void,
): Client {
  const isProgram = server.transport === "stdio" || server.transport === "sdk";
  const told = (kind: "prompts" | "resources") => ({
    [kind]: { autoRefresh: false, debounceMs: 0, onChanged: () => heard?.({ kind }) },
  });
  const client: Client = new Client(
    { name: "rein", version },
    {
      capabilities: capabilitiesFor(answers),
      jsonSchemaValidator: new CfWorkerJsonSchemaValidator(),
      // A program that is silent at first gets the other half of its time for the older handshake; whoever is silent over the
      // network is not asked again.
      versionNegotiation: {
        mode,
        probe: { timeoutMs: isProgram ? Math.ceil(server.deadline / 2) : server.deadline },
      },
      listChanged: {
        ...(pinned ? {} : { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => retooled(client) } }),
        ...(heard === undefined ? {} : { ...told("prompts"), ...told("resources") }),
      },
    },
  );
  answerBy(client, answers);
  if (heard !== undefined) listenTo(client, heard);
  return client;
}
