import type { AgentDoor } from "./agents.ts";
import type { Clock, Host } from "./host.ts";
import type { JsonObject, JsonSchema } from "./json.ts";
import type { Attachment } from "./message.ts";
import type { ToolExample } from "./model.ts";
import type { Need } from "./permission.ts";
import type { Picture } from "./picture.ts";
import type { RecallDoor } from "./recall.ts";

/**
 * What a call does to the world. Neighbouring `none` and `read` calls of a turn run together; `write` and `external` wait for
 * all before them and hold all after them.
 */
export type Effects = "none" | "read" | "write" | "external";

/** What a call sees: the doors to the outside, a signal that ends it, the time, and a way to show output while it runs. */
export type ToolContext = {
  host: Host;
  signal: AbortSignal;
  clock: Pick<Clock, "now" | "sleep">;
  /** Shows a piece of output as it comes (a passing event). The result must still hold what the model needs. */
  output(text: string): void;
  /** Draws something for the user; `text` is how it looks without colours, 80 columns wide. */
  draw(picture: Picture, text: string): Promise<void>;
  /** The agent's own journal; absent outside of a run. */
  recall?: RecallDoor;
  /** The run's sub-agents; absent where the agent file names none. */
  agents?: AgentDoor;
};

/**
 * What a call came to. `error` marks a failure that the model reads and can act on; `attachments` it is shown with the text;
 * `cached`: the tool knew it from an earlier call; `whole`: what `content` shows only parts of, for the journal.
 */
export type ToolOutcome = {
  content: string;
  error?: boolean;
  attachments?: Attachment[];
  cached?: true;
  whole?: string;
};

/** One tool. `input` has been validated against its schema before `effects` or `run` see it. */
export type Tool = {
  name: string;
  description: string;
  input: JsonSchema;
  /** Calls that a small model is shown before it is asked. */
  examples?: readonly ToolExample[];
  /** Without a grant for each of these the tool can do nothing at all. */
  needs: Need[];
  effects(input: JsonObject): Effects;
  run(input: JsonObject, context: ToolContext): Promise<ToolOutcome>;
};
