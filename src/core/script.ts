import type { Json } from "./json.ts";
import type { ModelFailure, StopReason, Usage } from "./model.ts";
import type { Template } from "./plan.ts";

/** A value whose strings may have holes: `${{ prompt }}`, `${{ results.0 }}`, `${{ results.last }}`. */
export type TemplateValue =
  | { kind: "text"; template: Template }
  | { kind: "value"; value: Json }
  | { kind: "list"; items: TemplateValue[] }
  | { kind: "map"; entries: Array<[string, TemplateValue]> };

/** A scripted tool call. `raw` is sent as it is, for arguments that are not JSON. */
export type ScriptCall = { name: string; arguments: TemplateValue } | { name: string; raw: string };

/** One request's answer by the scripted model. Delays are milliseconds: before the first byte, and between pieces. */
export type ScriptStep =
  | {
      kind: "reply";
      text: Template;
      calls: ScriptCall[];
      stop: StopReason;
      /** Absent: the scripted model estimates it. */
      usage?: Usage;
      delayMs: number;
      dripMs: number;
    }
  | { kind: "failure"; failure: ModelFailure; delayMs: number };

/** What the scripted model says, request by request. */
export type Script = ScriptStep[];
