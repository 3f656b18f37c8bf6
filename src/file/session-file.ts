import * as v from "valibot";
import { eventVersion, type DurableEvent, type Stamped } from "../core/event.ts";
import { exits } from "../core/exit.ts";
import type { Json } from "../core/json.ts";
import { mcpTransports } from "../core/mcp.ts";
import { permissionKinds } from "../core/permission.ts";
import { ok, type Result } from "../core/result.ts";
import { scorers, sides } from "../core/route.ts";

type Event = Stamped<DurableEvent>;

/** A session as it was exported. `kept`: the bytes that its events name, by SHA-256. */
export type SessionFile = { name: string | null; events: Event[]; kept: Map<string, Uint8Array> };

/** What is wrong with a file of a session, and in which line. */
export type SessionFileProblem = { line: number; message: string };

const text = v.string();
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const amount = v.pipe(v.number(), v.finite());
/** The ledger adds them up: one below 0 would pay for others. */
const price = v.pipe(amount, v.minValue(0));
const yes = v.literal(true);
const sha256 = v.pipe(text, v.regex(/^[0-9a-f]{64}$/, "Expected a SHA-256 in hex"));
const runId = v.pipe(text, v.regex(/^[A-Za-z0-9_-]{1,100}(\.a\d{1,9}){0,50}$/, "Expected the id of a run"));
const agentId = v.pipe(text, v.regex(/^a\d{1,9}(\.a\d{1,9}){0,49}$/, "Expected the id of a sub-agent"));

/** More levels than anything real has would overflow the stack of whoever walks them. */
const deepest = 200;
const json = v.custom<Json>((value) => isShallow(value), "Expected a JSON value of at most 200 levels");
const object = v.custom<{ [key: string]: Json }>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value) && isShallow(value),
  "Expected a JSON object of at most 200 levels",
);

function isShallow(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return false;
    level = level.flatMap((one): unknown[] => (typeof one === "object" && one !== null ? Object.values(one) : []));
  }
  return true;
}

const place = { from: count, to: count };
const usage = v.object({
  input: count,
  output: count,
  cached: count,
  reasoning: count,
  cache_write: v.exactOptional(count),
  cache_write_1h: v.exactOptional(count),
});
const paid = { usage, cost: v.exactOptional(price), notional: v.exactOptional(yes), estimated: v.exactOptional(yes) };
const keptText = v.object({ size: count, sha256 });
const attachments = v.exactOptional(
  v.array(v.object({ media_type: text, name: v.exactOptional(text), size: count, sha256 })),
);
const call = v.object({ id: text, name: text, arguments: text });
const denial = { kind: v.picklist(permissionKinds), target: text, flag: v.exactOptional(text) };
const title = { title: v.exactOptional(text) };
const texts = v.array(text);
const hashes = v.exactOptional(v.record(text, text));
const numbers = v.array(amount);

const picture = v.variant("kind", [
  v.object({ kind: v.literal("table"), ...title, columns: texts, rows: v.array(texts) }),
  v.object({ kind: v.literal("bar"), ...title, labels: texts, values: numbers }),
  v.object({
    kind: v.literal("line"),
    ...title,
    labels: texts,
    series: v.array(v.object({ name: text, values: numbers })),
  }),
  v.object({ kind: v.literal("tree"), ...title, text }),
  v.object({ kind: v.literal("diff"), ...title, text }),
  v.object({ kind: v.literal("progress"), ...title, labels: texts, values: numbers, max: amount }),
  v.object({ kind: v.literal("markdown"), ...title, text }),
  v.object({ kind: v.literal("image"), ...title, name: text, width: count, height: count, data: text }),
]);

const result = v.object({
  outcome: v.picklist(exits.map(({ name }) => name)),
  exit_code: count,
  answer: json,
  error: v.nullable(v.object({ message: text, hint: v.exactOptional(text) })),
  model: v.nullable(text),
  usage: v.record(
    text,
    v.object({
      ...usage.entries,
      requests: count,
      cost: v.nullable(price),
      first_token_ms: amount,
      tokens_per_second: amount,
    }),
  ),
  cost: v.nullable(price),
  denied: v.array(v.object({ ...denial, reason: text })),
  run_id: runId,
  notional: v.exactOptional(yes),
  partial: v.exactOptional(text),
});

/** A run that began. How to go on with it is of the machine that it ran on, and is left out. */
type Begun = Omit<Extract<DurableEvent, { type: "run_start" }>, "launch">;

/** What is not taken over: to take back changes of files that another machine had would change files of this one. */
type Left = "file_change";
type Kept = Exclude<DurableEvent["type"], Left>;
const left: ReadonlySet<unknown> = new Set(["file_change", "text", "reasoning", "output", "warning"]);

const version = v.pipe(count, v.maxValue(eventVersion, "It was written by a newer version of rein"));

/** Each event as it is in a file. What these do not name is left out: fields are only ever added. */
export const sessionEvents = {
  run_start: v.object({
    type: v.literal("run_start"),
    version,
    run_id: runId,
    agent: text,
    hash: text,
    files: hashes,
    model: text,
    session: v.exactOptional(text),
    instructions: text,
    call: v.exactOptional(text),
    input: v.exactOptional(object),
  }),
  run_resume: v.object({
    type: v.literal("run_resume"),
    version,
    run_id: runId,
    agent: text,
    hash: text,
    files: hashes,
    model: text,
    turns: count,
    calls: count,
  }),
  user: v.object({
    type: v.literal("user"),
    text,
    reason: v.exactOptional(v.picklist(["repair", "check"])),
    attachments,
  }),
  turn_start: v.object({
    type: v.literal("turn_start"),
    turn: count,
    share: v.exactOptional(amount),
    prefix: v.exactOptional(text),
  }),
  compact: v.object({
    type: v.literal("compact"),
    turn: count,
    reason: v.picklist(["tokens", "messages", "refused", "asked"]),
    tokens: v.object({ before: amount, after: amount, limit: amount }),
    cut: v.array(v.object({ ...place, keep: count })),
    removed: v.array(v.object(place)),
    turns: v.array(v.object(place)),
    note: v.exactOptional(v.object({ at: count, text })),
    summary: v.exactOptional(v.object({ ...paid, from_cache: v.exactOptional(yes), model: text, duration_ms: amount })),
  }),
  turn_end: v.object({
    type: v.literal("turn_end"),
    turn: count,
    message: v.object({ role: v.literal("assistant"), text, calls: v.array(call), opaque: v.exactOptional(json) }),
    stop: v.picklist(["end", "tool_calls", "length", "refusal"]),
    model: v.exactOptional(text),
    ...paid,
    from_cache: v.exactOptional(yes),
    duration_ms: amount,
    first_token_ms: amount,
  }),
  call_start: v.object({
    type: v.literal("call_start"),
    turn: count,
    call,
    effects: v.picklist(["none", "read", "write", "external"]),
    repaired: v.exactOptional(texts),
  }),
  call_end: v.object({
    type: v.literal("call_end"),
    turn: count,
    id: text,
    name: text,
    content: text,
    error: v.boolean(),
    duration_ms: amount,
    attachments,
    cached: v.exactOptional(yes),
    whole: v.exactOptional(keptText),
    misfit: v.exactOptional(yes),
    interrupted: v.exactOptional(yes),
  }),
  undo: v.object({ type: v.literal("undo"), runs: v.array(runId) }),
  canvas: v.object({ type: v.literal("canvas"), call: text, picture, text }),
  decision: v.object({
    type: v.literal("decision"),
    call: v.exactOptional(text),
    ...denial,
    verdict: v.picklist(["allow", "deny"]),
    by: v.picklist(["grant", "answer", "gate"]),
    reason: v.exactOptional(text),
  }),
  attempt_discarded: v.object({
    type: v.literal("attempt_discarded"),
    turn: count,
    model: text,
    reason: text,
    shown: count,
    ...paid,
  }),
  retry: v.object({
    type: v.literal("retry"),
    turn: count,
    attempt: count,
    of: count,
    wait_ms: amount,
    reason: text,
    status: v.exactOptional(count),
  }),
  route: v.object({
    type: v.literal("route"),
    side: v.picklist(sides),
    model: text,
    scorer: v.picklist(scorers),
    score: v.nullable(amount),
    threshold: amount,
    why: text,
  }),
  fallback: v.object({
    type: v.literal("fallback"),
    turn: v.exactOptional(count),
    from: text,
    to: text,
    reason: text,
    status: v.exactOptional(count),
  }),
  escalate: v.object({ type: v.literal("escalate"), turn: count, from: text, to: text, reason: text }),
  mcp_server: v.object({
    type: v.literal("mcp_server"),
    name: text,
    transport: v.picklist(mcpTransports),
    state: v.picklist(["starting", "ready", "failed", "restarting", "down", "closed"]),
    tools: count,
    ready_ms: v.exactOptional(amount),
    error: v.exactOptional(text),
  }),
  sampling: v.object({ type: v.literal("sampling"), server: text, model: text, ...paid, duration_ms: amount }),
  limit: v.object({
    type: v.literal("limit"),
    limit: v.picklist([
      "turns",
      "tool_calls",
      "tokens",
      "cost",
      "time",
      "output_length",
      "same_failure",
      "same_denial",
    ]),
    value: amount,
    max: amount,
  }),
  check: v.object({ type: v.literal("check"), run: texts, ok: v.boolean(), detail: text }),
  run_end: v.object({ type: v.literal("run_end"), result, interrupted: v.exactOptional(yes) }),
} satisfies {
  [T in Kept]: v.GenericSchema<unknown, T extends "run_start" ? Begun : Extract<DurableEvent, { type: T }>>;
};

const stamp = v.object({
  seq: count,
  // As far as there are dates of four digits.
  time: v.pipe(count, v.maxValue(253_402_300_799_999)),
  agent_id: v.exactOptional(agentId),
});
const header = v.object({ type: v.literal("session"), version, name: v.nullable(v.pipe(text, v.minLength(1))) });
const attachment = v.object({
  type: v.literal("attachment"),
  sha256,
  data: v.pipe(text, v.base64("Expected bytes in base64")),
});

/**
 * Reads what `rein sessions export` wrote, or the events that `--output jsonl` prints. All of it must be right: whoever reads a
 * journal trusts it.
 */
export function readSessionFile(bytes: Uint8Array): Result<SessionFile, SessionFileProblem> {
  let line = 0;
  const wrong = (message: string) => ({ ok: false as const, error: { line: Math.max(1, line), message } });
  const file: SessionFile = { name: null, events: [], kept: new Map() };
  let seq = -1;
  for (const row of rowsOf(bytes)) {
    line++;
    const value = jsonOf(row);
    if (value === undefined) return wrong("It is not a JSON object");
    const { type } = value;
    if (type === "session") {
      const read = v.safeParse(header, value, { abortEarly: true });
      if (!read.success) return wrong(problem("session", read.issues));
      if (line > 1) return wrong("A session begins in the first line only");
      file.name = read.output.name;
    } else if (type === "attachment") {
      const read = v.safeParse(attachment, value, { abortEarly: true });
      if (!read.success) return wrong(problem("attachment", read.issues));
      const data = Buffer.from(read.output.data, "base64");
      const real = new Bun.CryptoHasher("sha256").update(data).digest("hex");
      if (real !== read.output.sha256)
        return wrong(`The attachment has the SHA-256 '${real}' and not the one that it names`);
      file.kept.set(real, data);
    } else if (!left.has(type)) {
      const read = eventOf(value);
      if (!read.ok) return wrong(read.error);
      const event = read.value;
      if (event.type === "run_start" && event.agent_id === undefined) seq = -1;
      else if (file.events.length === 0) return wrong("The first event must be the 'run_start' of a run");
      if (event.seq <= seq) return wrong(`The event has the number ${event.seq}, and the one before it ${seq}`);
      seq = event.seq;
      file.events.push(event);
    }
  }
  if (file.events.length === 0) return wrong("There is no run in the file");
  const starts = file.events.flatMap((event) =>
    event.type === "run_start" && event.agent_id === undefined ? [event.run_id] : [],
  );
  if (new Set(starts).size < starts.length) return wrong("A run is in the file twice");
  return ok(file);
}

function* rowsOf(bytes: Uint8Array): Generator<string> {
  const decoder = new TextDecoder();
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at);
    const stop = end < 0 ? bytes.length : end;
    yield decoder.decode(bytes.subarray(at, stop));
    at = stop + 1;
  }
}

function jsonOf(row: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(row);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // The line says it all.
  }
}

function isKept(type: unknown): type is Kept {
  return typeof type === "string" && Object.hasOwn(sessionEvents, type);
}

function eventOf(value: Record<string, unknown>): Result<Event, string> {
  const { type } = value;
  if (!isKept(type)) return { ok: false, error: `There is no event '${String(type).slice(0, 40)}'` };
  const stamped = v.safeParse(stamp, value, { abortEarly: true });
  if (!stamped.success) return { ok: false, error: problem(type, stamped.issues) };
  const event = v.safeParse(sessionEvents[type], value, { abortEarly: true });
  if (!event.success) return { ok: false, error: problem(type, event.issues) };
  return ok({ ...stamped.output, ...event.output });
}

/** What is wrong first, and where in the line. */
function problem(type: string, [issue]: [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]): string {
  const path = v.getDotPath(issue);
  return `${type}${path === null ? "" : `.${path}`}: ${issue.message.slice(0, 200)}`;
}
