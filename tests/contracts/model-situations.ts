import type { Clock } from "../../src/core/host.ts";
import type { Model, ModelRequest, Usage } from "../../src/core/model.ts";

/** What the service does, in no provider's words. `whole`: it answers with one document, though a stream was asked for. */
export type Situation = Doing & { whole?: true };

type Doing =
  | { does: "text"; text: string; stop?: "length" | "refusal" | "unknown"; usage?: Usage; dripMs?: number }
  | Calls
  | { does: "reasoning"; reasoning: string; text: string }
  | { does: "refuse"; status: number; message: string; headers?: Record<string, string> }
  | { does: "fail-inside"; message: string }
  | { does: "break"; at: "event" | "character" | "finish"; by: "end" | "reset"; text: string }
  | { does: "break-call"; call: { name: string; arguments: string } }
  | { does: "stall"; where: "start" | "middle"; text: string }
  | { does: "page"; body: string };

/** `reasoning` is what it thought before; `split` is characters in one event; with `oneId` all calls have the same id. */
export type Calls = {
  does: "calls";
  text: string;
  calls: Array<{ name: string; arguments: string }>;
  reasoning?: string;
  split?: number;
  oneId?: true;
};

/** A row's service is up as long as the process: several suites may run in one. */
export type Row = {
  provider: string;
  /** A model whose service does this, request by request; undefined where the provider has no such situation. */
  model(situations: Situation[], clock: Clock): Model | undefined;
  /** The bodies of the requests that the service got since the model was made; absent where there is no wire. */
  sent?: () => unknown[];
  /** How many connections they came over. */
  connections?: () => number;
  /** What must be sent for `conversation`, and for `pictures`. */
  conversation?: unknown;
  pictures?: unknown;
  /** What must go back, as JSON has it, when the model thought this before its calls; absent where nothing does. */
  goesBack?: (reasoning: string) => string;
};

/** What a service does, with an answer made one document where the situation says so. */
export function delivered<Behaviour extends { kind: string }>(behaviour: Behaviour, { whole }: Situation): Behaviour {
  return whole === undefined || behaviour.kind !== "answer" ? behaviour : { ...behaviour, whole };
}

/** The key of every service of the suite: no message may show it. */
export const key = "sk-contract-secret-1234567890";

export const schema = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };

export const conversation: ModelRequest = {
  instructions: "Be brief",
  messages: [
    { role: "user", text: "Read both" },
    {
      role: "assistant",
      text: "Reading",
      calls: [
        { id: "a", name: "file_read", arguments: '{"path":"one"}' },
        { id: "b", name: "file_read", arguments: '{"path":' },
      ],
    },
    {
      role: "tool",
      results: [
        { id: "a", name: "file_read", content: "1", error: false },
        { id: "b", name: "file_read", content: "Arguments are not JSON", error: true },
      ],
    },
    {
      role: "assistant",
      text: "",
      calls: [{ id: "c", name: "file_list", arguments: "" }],
      opaque: { provider: "another" },
    },
    { role: "tool", results: [{ id: "c", name: "file_list", content: "", error: false }] },
    { role: "assistant", text: "Both are read", calls: [] },
    { role: "user", text: "Thanks" },
  ],
  tools: [{ name: "file_read", description: "Reads a file", input: schema }],
  output: schema,
};

/** An image and a PDF of the user's, and what a tool showed. */
export const pictures: ModelRequest = {
  instructions: "",
  messages: [
    {
      role: "user",
      text: "Compare",
      attachments: [
        { mediaType: "image/png", data: "UE5H" },
        { mediaType: "application/pdf", data: "UERG", name: "plan.pdf" },
      ],
    },
    { role: "assistant", text: "", calls: [{ id: "a", name: "file_read", arguments: '{"path":"c.png"}' }] },
    {
      role: "tool",
      results: [
        {
          id: "a",
          name: "file_read",
          content: "An image",
          error: false,
          attachments: [{ mediaType: "image/jpeg", data: "SlBH" }],
        },
      ],
    },
  ],
  tools: [],
};

/** What a tool showed that not every model can be shown. */
export const shownByTool: ModelRequest = {
  instructions: "",
  messages: [
    { role: "user", text: "Read" },
    { role: "assistant", text: "", calls: [{ id: "a", name: "file_read", arguments: '{"path":"plan.pdf"}' }] },
    {
      role: "tool",
      results: [
        {
          id: "a",
          name: "file_read",
          content: "A document",
          error: false,
          attachments: [{ mediaType: "application/pdf", data: "UERG", name: "plan.pdf" }],
        },
      ],
    },
  ],
  tools: [],
};
