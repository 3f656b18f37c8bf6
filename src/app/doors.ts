import type { Emit } from "../core/event.ts";
import type { Decided, Host } from "../core/host.ts";
import type { Denial } from "../core/permission.ts";
import type { Check } from "../core/plan.ts";
import type { OpenHost } from "../host/host.ts";
import type { CheckOutcome } from "../loop/judge.ts";

/** The doors for one call, or for a check where there is no call. */
export type Doors = (call: string | undefined, denied: (denial: Denial) => void) => Host;

/** Journals what the gate decides, but for what a flag had allowed: that follows from the plan and the call. */
export function makeDoors(host: OpenHost, emit: Emit, signal: AbortSignal): Doors {
  return (call, denied) => {
    const decided: Decided = async ({ kind, target }, decision) => {
      if (decision.verdict === "allow" && decision.by === "grant") return;
      const about = call === undefined ? { kind, target } : { call, kind, target };
      if (decision.verdict === "allow") {
        await emit({ type: "decision", ...about, verdict: "allow", by: "answer" });
      } else if (decision.verdict === "deny") {
        const { reason, flag } = decision.denial;
        denied(decision.denial);
        await emit({
          type: "decision",
          ...about,
          verdict: "deny",
          by: "gate",
          reason,
          ...(flag === undefined ? {} : { flag }),
        });
      }
    };
    return host.scoped(decided, signal);
  };
}

/** The most of a check's output that is kept, in characters. */
const keptOutput = 2000;

/** Runs a check with the answer on its stdin: exit code 0 holds. What it printed explains why it did not. */
export async function judgeBy(check: Check, answer: string, doors: Doors, signal: AbortSignal): Promise<CheckOutcome> {
  const denials: Denial[] = [];
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const printed = { stdout: "", stderr: "" };
  const ended = await doors(undefined, (denied) => denials.push(denied)).process.run(check.run, {
    stdin: new TextEncoder().encode(answer),
    signal,
    onOutput: (stream, bytes) => {
      if (printed[stream].length < keptOutput) printed[stream] += decoders[stream].decode(bytes, { stream: true });
    },
  });
  const [denial] = denials;
  if (!ended.ok) return { ok: false, detail: ended.error.message, ...(denial === undefined ? {} : { denial }) };
  const { code, signal: killed } = ended.value;
  if (code === 0) return { ok: true, detail: "exit code 0" };
  const how = killed === null ? `exit code ${code}` : `ended by ${killed}`;
  // Of two pipes nobody can say what was written first: what explains the failure goes before what was passed on.
  const said = [printed.stderr, printed.stdout].map((text) => text.trim()).filter((text) => text !== "");
  return { ok: false, detail: said.length === 0 ? how : `${how}: ${said.join("\n").slice(0, keptOutput)}` };
}
