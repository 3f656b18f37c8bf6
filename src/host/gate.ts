import type { Decided } from "../core/host.ts";
import type { AccessRequest, Ask, Decision, Denial, PermissionKind } from "../core/permission.ts";
import { fail, ok, type Failure, type Result } from "../core/result.ts";
import { closedBelow, decide, type Remembered } from "../permit/decide.ts";
import type { Policy } from "../permit/policy.ts";

/** A decision after whoever could be asked was asked. */
export type Verdict = Exclude<Decision, { verdict: "ask" }>;

/** One operation's way through the gate. */
export type Operation = {
  /** Judges and asks, without telling anyone. */
  judge(request: AccessRequest): Promise<Verdict>;
  /** Tells of a decision, before anything follows from it. */
  tell(request: AccessRequest, verdict: Verdict): Promise<void>;
  /** Judges, asks, tells, and makes a failure of a refusal. */
  pass(request: AccessRequest): Promise<Result<void>>;
};

/** The gate as one door sees it. */
export type Gate = {
  /** `action` is a verb for messages: "read". */
  begin(action: string): Operation;
  /** Whether it would be allowed: "maybe" where somebody would be asked. */
  look(kind: PermissionKind, target: string): "yes" | "maybe" | "no";
  /** What stays closed in the tree of a folder that passed: paths, each with all below it. */
  closedBelow(kind: "read" | "write", folder: string): string[];
};

/** The gate of a run. What is answered for the session is shared by all its scopes, and questions never overlap. */
export function makeGate(policy: Policy, ask: Ask | undefined): (decided: Decided, signal: AbortSignal) => Gate {
  const session: Remembered[] = [];
  let lastQuestion: Promise<unknown> = Promise.resolve();

  return (decided, signal) => {
    const canAsk = ask !== undefined;
    /** What a person allows "once" holds for this call, which may look at a file before it reads it. */
    const once: Remembered[] = [];
    let told = "";

    const question = async (request: AccessRequest): Promise<Verdict> => {
      // An answer that came while this question waited may have settled it.
      const decision = decide(policy, request, { canAsk, answers: [...session, ...once] });
      if (decision.verdict !== "ask" || ask === undefined) return settled(decision);
      const refused = {
        ...decision.denial,
        reason: decision.denial.reason.replace("not granted", "refused by the user"),
      };
      const answer = signal.aborted ? "no" : await Promise.race([ask(request, signal), aborted(signal)]);
      // Who was interrupted did not refuse.
      if (signal.aborted) return settled(decision);
      if (answer === "no") return { verdict: "deny", denial: refused };
      const { kind, target } = decision.denial;
      (answer === "session" ? session : once).push({ kind, target });
      return { verdict: "allow", by: "answer" };
    };

    const judge = async (request: AccessRequest): Promise<Verdict> => {
      const decision = decide(policy, request, { canAsk, answers: [...session, ...once] });
      if (decision.verdict !== "ask") return decision;
      const asked = lastQuestion.then(() => question(request));
      lastQuestion = asked.catch(() => undefined);
      const verdict = await asked;
      // A name that was just allowed may lead to an address that must be allowed too.
      return verdict.verdict === "allow" ? judge(request) : verdict;
    };

    const tell = async (request: AccessRequest, verdict: Verdict) => {
      // A call that tries again need not say again what it may.
      const said = JSON.stringify([request, verdict]);
      if (said !== told) await decided(request, verdict);
      told = said;
    };

    return {
      begin: (action) => ({
        judge,
        tell,
        pass: async (request) => {
          if (signal.aborted) return fail("cancelled", `Cannot ${action} '${request.shown}': cancelled`);
          const verdict = await judge(request);
          await tell(request, verdict);
          return verdict.verdict === "allow"
            ? ok(undefined)
            : { ok: false, error: refusal(action, request, verdict.denial) };
        },
      }),
      look: (kind, target) => {
        const decision = decide(policy, { kind, target, shown: target }, { canAsk: true, answers: session });
        return decision.verdict === "ask" ? "maybe" : decision.verdict === "allow" ? "yes" : "no";
      },
      closedBelow: (kind, folder) => closedBelow(policy, kind, folder),
    };
  };
}

/** "Cannot read 'x': not granted (the caller can allow it with --allow-read=x)" */
export function refusal(action: string, request: AccessRequest, denial: Denial): Failure {
  const way = denial.flag === undefined ? "" : ` (the caller can allow it with ${denial.flag})`;
  return { code: "denied", message: `Cannot ${action} '${request.shown}': ${denial.reason}${way}`, denial };
}

function settled(decision: Decision): Verdict {
  return decision.verdict === "ask" ? { verdict: "deny", denial: decision.denial } : decision;
}

function aborted(signal: AbortSignal): Promise<"no"> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve("no"), { once: true });
  });
}
