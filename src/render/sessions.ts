import { commandLabel } from "../core/command-label.ts";
import type { CompactEvent, DurableEvent, Stamped } from "../core/event.ts";
import { dollars } from "../core/price.ts";
import type { SessionSummary } from "../core/store.ts";
import { clean, cleanJson, cleanLine } from "./clean.ts";
import { callLabel, costItem, count, duration, moment } from "./format.ts";
import { callsOf, type Calls } from "./session-calls.ts";
import { tableText } from "./table.ts";

/** How much of a call's result is shown. */
const resultLines = 5;
const resultWidth = 200;

/** A run, or a call of it, that still goes on or was killed. */
const unfinished = "unfinished";

/** What a narrow terminal is not shown, in this order. */
const dispensable = ["RUNS", "AGENT", "MODEL", "COST"];

/** `rein sessions list`: a table, newest first. With a width no more columns than fit, if the first and the last ones do. */
export function sessionsText(sessions: SessionSummary[], width = Infinity): string {
  const head = ["NAME", "AGENT", "MODEL", "RUNS", "TURNS", "COST", "UPDATED", "OUTCOME"];
  const rows = sessions.map((session) => [
    cleanLine(session.name ?? session.run),
    cleanLine(session.agent),
    cleanLine(session.model),
    `${session.runs}`,
    `${session.turns}`,
    session.cost === null ? "?" : session.cost === 0 ? "0" : `$${dollars(session.cost)}`,
    moment(session.updated),
    session.outcome ?? unfinished,
  ]);
  let shown = [head, ...rows];
  for (const name of dispensable) {
    if (widest(tableText(shown)) <= width) break;
    const at = shown[0]?.indexOf(name) ?? -1;
    shown = shown.map((row) => row.filter((_, column) => column !== at));
  }
  return tableText(shown);
}

function widest(text: string): number {
  return Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)));
}

export function sessionsJson(sessions: SessionSummary[]): string {
  return `${cleanJson(sessions, 2)}\n`;
}

/** `rein sessions show`: what was said and done, with results shortened. Turns are counted over all runs. */
export function sessionText(name: string, events: Stamped<DurableEvent>[]): string {
  const runs = byRun(events);
  let before = 0;
  const blocks = runs.map((run) => {
    const lines = shownRun(run.map((event) => later(event, before)));
    before += run.filter(({ type, agent_id }) => type === "turn_end" && agent_id === undefined).length;
    return lines.join("\n");
  });
  const first = events[0];
  const kind = first?.type === "run_start" && first.run_id === name ? "run" : "session";
  return [`${kind} ${cleanLine(name)} · ${count(runs.length, "run")}${totals(events)}`, ...blocks]
    .map((block) => `${block}\n`)
    .join("\n");
}

/** The event as it is behind so many turns of earlier runs. */
function later(event: Stamped<DurableEvent>, turns: number): Stamped<DurableEvent> {
  if (event.agent_id !== undefined || (event.type !== "turn_end" && event.type !== "compact")) return event;
  return { ...event, turn: event.turn + turns };
}

/** What all turns used together, those of sub-agents too. */
function totals(events: Stamped<DurableEvent>[]): string {
  const turns = events.flatMap((event) => (event.type === "turn_end" ? [event] : []));
  if (turns.length === 0) return "";
  const calls = events.filter(({ type }) => type === "call_end").length;
  const input = turns.reduce((sum, { usage }) => sum + usage.input, 0);
  const output = turns.reduce((sum, { usage }) => sum + usage.output, 0);
  const cost = turns.reduce((sum, turn) => sum + (turn.cost ?? 0), 0);
  const used = [count(turns.length, "turn"), count(calls, "call"), `tokens: ${input} in, ${output} out`];
  return ` · ${used.join(" · ")}${costItem(cost, " · ")}`;
}

export function sessionJson(name: string, events: Stamped<DurableEvent>[]): string {
  return `${cleanJson({ session: name, events }, 2)}\n`;
}

function byRun(events: Stamped<DurableEvent>[]): Stamped<DurableEvent>[][] {
  const runs: Stamped<DurableEvent>[][] = [];
  for (const event of events) {
    if ((event.type === "run_start" && event.agent_id === undefined) || runs.length === 0) runs.push([]);
    runs.at(-1)?.push(event);
  }
  return runs;
}

/** One run; those of its sub-agents stand indented where they began, each whole. */
function shownRun(events: Stamped<DurableEvent>[], within?: string): string[] {
  const own = events.filter((event) => event.agent_id === within);
  const calls = callsOf(own);
  const lines = events.flatMap((event): string[] => {
    const { agent_id: agent } = event;
    if (agent === within) return shown(event, calls);
    if (event.type !== "run_start" || agent === undefined || outer(agent) !== within) return [];
    const theirs = events.filter(({ agent_id: id }) => id === agent || id?.startsWith(`${agent}.`) === true);
    return ["", ...shownRun(theirs, agent).map((line) => line.replace(/^(?=.)/gm, "  ")), ""];
  });
  return [...lines, ...ending(own)].filter((line, index, all) => line !== "" || all[index - 1] !== "");
}

/** The agent that spawned one; undefined where it was the run's own. */
function outer(agent: string): string | undefined {
  const dot = agent.lastIndexOf(".");
  return dot < 0 ? undefined : agent.slice(0, dot);
}

function shown(event: Stamped<DurableEvent>, calls: Calls): string[] {
  switch (event.type) {
    case "run_start":
      if (event.agent_id !== undefined) {
        return [`agent ${cleanLine(event.agent_id)} · ${cleanLine(event.agent)} · ${cleanLine(event.model)}`];
      }
      return [
        `run ${cleanLine(event.run_id)} · ${cleanLine(event.agent)} · ${cleanLine(event.model)} · ${moment(event.time)}`,
      ];
    case "run_resume": {
      const done = `${count(event.turns, "turn")} and ${count(event.calls, "call")} done`;
      return event.agent_id === undefined ? ["", `resumed · ${moment(event.time)} · ${done}`] : [];
    }
    case "user":
      return ["", event.reason === undefined ? "user" : `user (${event.reason})`, indented(event.text)];
    case "turn_end": {
      const tokens = `tokens: ${event.usage.input} in, ${event.usage.output} out`;
      const stop = event.stop === "length" || event.stop === "refusal" ? ` · ${event.stop}` : "";
      const cost = costItem(event.cost, " · ");
      const head = ["", `turn ${event.turn} · ${duration(event.duration_ms)} · ${tokens}${cost}${stop}`];
      return event.message.text === "" ? head : [...head, indented(event.message.text)];
    }
    case "call_start":
      return calls.ended(event) === undefined ? [`  ${callLabel(event.call)} · ${unfinished}`] : [];
    case "call_end": {
      const start = calls.begun(event);
      const label = start === undefined ? cleanLine(event.name) : callLabel(start.call);
      const head = `  ${label} · ${duration(event.duration_ms)}${event.error ? " · error" : ""}`;
      const { whole } = event;
      const kept = whole === undefined ? [] : [`    whole: ${count(whole.size, "byte")}, SHA-256 ${whole.sha256}`];
      return event.content === "" ? [head] : [head, indented(shortened(event.content), "    "), ...kept];
    }
    case "canvas":
      return [indented(event.text, "    ")];
    case "decision": {
      if (event.verdict === "allow") return [];
      return [
        `  denied: ${event.kind} '${cleanLine(event.target)}'${event.reason === undefined ? "" : `: ${cleanLine(event.reason)}`}`,
      ];
    }
    case "attempt_discarded":
      return [
        `  discarded: ${event.shown} characters of text${costItem(event.cost, ", ")}: ${cleanLine(event.reason)}`,
      ];
    case "retry":
      return [`  retry ${event.attempt} of ${event.of}: ${cleanLine(event.reason)}`];
    case "route": {
      const score = event.score === null ? "" : ` ${event.score}`;
      return [`  route${score} · ${event.side} · ${cleanLine(event.model)} · ${cleanLine(event.why)}`];
    }
    case "fallback":
    case "escalate":
      return [`  ${event.type}: ${cleanLine(event.from)} → ${cleanLine(event.to)} · ${cleanLine(event.reason)}`];
    case "compact":
      return ["", compacted(event)];
    case "mcp_server": {
      const tools = event.state === "ready" ? ` · ${count(event.tools, "tool")}` : "";
      const after = event.ready_ms === undefined ? "" : ` · after ${duration(event.ready_ms)}`;
      const why = event.error === undefined ? "" : `: ${cleanLine(event.error)}`;
      return [`  MCP server ${cleanLine(event.name)} · ${event.state}${tools}${after}${why}`];
    }
    case "sampling": {
      const { server, model, usage } = event;
      return [`  asked by ${cleanLine(server)} · ${cleanLine(model)} · tokens: ${usage.input} in, ${usage.output} out`];
    }
    case "limit":
      return [`  limit: ${event.limit}, ${event.value} of ${event.max}`];
    case "check":
      return [`  check ${cleanLine(commandLabel(event.run))}: ${event.ok ? "ok" : "failed"}`];
    case "undo":
      return ["", `taken back: ${count(event.runs.length, "run")}`];
    case "file_change":
    case "turn_start":
    case "run_end":
      return [];
  }
}

/** What was taken out of requests before a turn. */
function compacted({ turn, tokens, cut, removed, summary }: CompactEvent): string {
  const gone = removed.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const done = [
    ...(cut.length === 0 ? [] : ["old tool results cut"]),
    ...(gone === 0 ? [] : [`${count(gone, "message")} ${summary === undefined ? "removed" : "summarized"}`]),
  ];
  return `context before turn ${turn} · ${tokens.before} tokens to ${tokens.after} of ${tokens.limit}: ${done.join(", ")}`;
}

/** A run's last line: how it came out, how long it took. */
function ending(run: Stamped<DurableEvent>[]): string[] {
  const last = run.at(-1);
  if (last === undefined) return [];
  const took = duration(last.time - (run[0]?.time ?? last.time));
  if (last.type !== "run_end") return ["", `${unfinished} · ${took}`];
  const error = last.result.error === null ? [] : [indented(last.result.error.message)];
  const { outcome, exit_code, cost } = last.result;
  return ["", `${outcome} · exit code ${exit_code} · ${took}${costItem(cost, " · ")}`, ...error];
}

function shortened(text: string): string {
  const lines = text.trimEnd().split("\n");
  const kept = lines
    .slice(0, resultLines)
    .map((line) => (line.length > resultWidth ? `${line.slice(0, resultWidth)}…` : line));
  if (lines.length > resultLines) kept.push(`… ${count(lines.length - resultLines, "more line")}`);
  return kept.join("\n");
}

function indented(text: string, by = "  "): string {
  return clean(text)
    .trimEnd()
    .replace(/^(?=.)/gm, by);
}
