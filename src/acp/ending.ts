import { RequestError, type StopReason } from "@agentclientprotocol/sdk";
import type { Stamped } from "../core/event.ts";
import { exitCode } from "../core/exit.ts";
import type { Problem } from "../core/problem.ts";
import type { RunResult } from "../core/result-document.ts";

/** What a turn's end is told as. */
export class Ending {
  #refused = false;
  #limit: string | undefined;

  see(event: Stamped): void {
    if (event.agent_id !== undefined) return;
    if (event.type === "turn_end") this.#refused = event.stop === "refusal";
    if (event.type === "limit") this.#limit = event.limit;
  }

  of({ outcome, error, exit_code }: RunResult): { reason: StopReason; why?: string } {
    const why =
      error === null ? {} : { why: error.hint === undefined ? error.message : `${error.message}; ${error.hint}` };
    switch (outcome) {
      case "done":
      // Who refused a permission knows of it.
      case "denied":
        return { reason: "end_turn" };
      case "unfit":
        return { reason: this.#refused ? "refusal" : "end_turn", ...why };
      case "limit":
      case "timeout": {
        const length = this.#limit === "tokens" || this.#limit === "output_length";
        return { reason: length ? "max_tokens" : "max_turn_requests", ...why };
      }
      case "interrupt":
      case "terminated":
      case "hangup":
      case "reader_gone":
        return { reason: "cancelled" };
      default:
        throw errorOf({ outcome, message: error?.message ?? `The run ended with code ${exit_code}` });
    }
  }
}

/** A problem as the protocol has it: what the editor asked for wrongly, what needs credentials, and the rest. */
export function errorOf({ outcome, message, hint }: Problem): RequestError {
  const data = { outcome, exit_code: exitCode(outcome), ...(hint === undefined ? {} : { hint }) };
  const text = hint === undefined ? message : `${message} (${hint})`;
  if (outcome === "credentials") return RequestError.authRequired(data, text);
  if (outcome === "usage") return RequestError.invalidParams(data, text);
  return RequestError.internalError(data, text);
}
