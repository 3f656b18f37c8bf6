import { commandLabel } from "../core/command-label.ts";
import { paidIn, type Stamped } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Renderer, Writer } from "../core/render.ts";
import { cleanLine } from "./clean.ts";
import { pictureText, type Pictures } from "./picture.ts";
import { callLabel, clearBelow, costItem, count, duration, paint, statusLine } from "./format.ts";

export type ProgressOptions = {
  stderr: Writer;
  /** `live`: one status line, rewritten. `plain`: a line per turn and call. `none`: warnings only. */
  mode: "live" | "plain" | "none";
  color: boolean;
  /** What the terminal can show of pictures; absent where it is none, or can show nothing but lines. */
  pictures?: Pictures | undefined;
  clock: Pick<Clock, "now" | "sleep">;
  /** Width of the terminal, asked each time. */
  columns(): number;
  /** The answer's text appears on this same terminal as it comes: the status line makes room for it. */
  streaming: boolean;
};

/** Progress can be hidden while something else, a question, has the terminal. */
export type Progress = Renderer & {
  hide(): Promise<void>;
  show(): Promise<void>;
  /** Where others write to the same stderr: above the status line, whole lines at a time. */
  above: Writer;
};

/** A status line is drawn anew at least this often; a plain log is silent for at most this long. */
const liveMs = 1000;
const plainMs = 30_000;

/** What is said of a status whose reason everybody knows. */
const statusWords: Record<number, string> = { 429: "Rate limited", 503: "Overloaded", 529: "Overloaded" };

/** What is said of sub-agents too. */
const said: ReadonlySet<Stamped["type"]> = new Set(["warning", "retry", "fallback", "escalate"]);

/** `--progress`, on stderr. Shares a queue with the renderer that streams to the same terminal, and comes before it. */
export function progressRenderer(options: ProgressOptions): Progress {
  const { stderr, mode, color, clock } = options;
  const stop = new AbortController();
  const calls = new Map<string, string>();
  /** The sub-agents that work, by their ids. */
  const agents = new Map<string, Agent>();
  /** Calls that were made, and the tokens of all turns. */
  let made = 0;
  let tokens = 0;
  let cost = 0;
  let turn = 0;
  let started: number | undefined;
  let written = clock.now();
  /** The status line is on the screen; the terminal belongs to streamed text, or to a question. */
  let drawn = false;
  let streaming = false;
  let hidden = false;
  let held: string[] = [];
  let partial = "";

  const elapsed = () => duration(clock.now() - (started ?? clock.now()));

  function status(): string {
    const running = [...calls.values()];
    const doing = running.length > 1 ? `${running[0]} and ${running.length - 1} more` : (running[0] ?? "model");
    return `turn ${turn} · ${doing} · ${elapsed()} · ${count(tokens, "token")}${costItem(cost, " · ")}`;
  }

  /** Writes lines above the status line. Where the terminal is not ours, they wait. */
  async function say(...lines: string[]): Promise<void> {
    held.push(...lines);
    if (streaming || hidden) return;
    const text = held.map((line) => `${line}\n`).join("");
    held = [];
    written = clock.now();
    if (mode !== "live") {
      if (text !== "") await stderr.write(text);
      return;
    }
    const live = started !== undefined && !stop.signal.aborted;
    const line = live ? statusLine(status(), options.columns(), color) : "";
    const before = drawn ? clearBelow : "";
    drawn = live;
    if (before + text + line !== "") await stderr.write(before + text + line);
  }

  async function clear(): Promise<void> {
    if (drawn) await stderr.write(clearBelow);
    drawn = false;
  }

  async function tick(): Promise<void> {
    while (!stop.signal.aborted) {
      const quiet = clock.now() - written;
      await clock.sleep(mode === "live" ? liveMs : Math.max(plainMs - quiet, 1), stop.signal);
      if (stop.signal.aborted) return;
      if (mode === "live") await say();
      else if (clock.now() - written >= plainMs) await say(`still running: ${status()}`);
    }
  }

  /** The plain log's line for an event, undefined where it has none. */
  function line(event: Stamped): string | undefined {
    if (event.type === "turn_end") {
      const { input, output } = event.usage;
      return `turn ${event.turn}: ${duration(event.duration_ms)}, tokens: ${input} in, ${output} out${costItem(event.cost, ", ")}`;
    }
    if (event.type === "call_end") {
      const label = calls.get(event.id) ?? cleanLine(event.name);
      return `  ${label}: ${duration(event.duration_ms)}${event.error ? `, ${paint("error", "red", color)}` : ""}`;
    }
    if (event.type === "route") return `route: ${cleanLine(event.model)} (${event.side}): ${cleanLine(event.why)}`;
    if (event.type === "check") return `check ${cleanLine(commandLabel(event.run))}: ${event.ok ? "ok" : "failed"}`;
    if (event.type === "run_end") {
      const counts = `${count(turn, "turn")}, ${count(made, "call")}, ${count(tokens, "token")}${costItem(event.result.cost, ", ")}`;
      return `${event.result.outcome}: ${counts}, ${elapsed()}`;
    }
    return undefined;
  }

  /** The line for what is said in every mode. */
  function notice(event: Stamped): string | undefined {
    if (event.type === "warning") return `${paint("warning:", "yellow", color)} ${cleanLine(event.message)}`;
    if (event.type === "retry" && mode !== "none") {
      const why = statusWords[event.status ?? 0] ?? cleanLine(event.reason);
      return `${why}, waiting ${(event.wait_ms / 1000).toFixed(1)} s (${event.attempt} of ${event.of})`;
    }
    if (event.type === "run_resume" && mode !== "none")
      return `goes on after ${count(event.turns, "turn")} and ${count(event.calls, "call")}`;
    // Another model has another price, and other strengths.
    if (event.type === "fallback") {
      const from = cleanLine(event.from);
      return `${paint("warning:", "yellow", color)} ${cleanLine(event.reason)}: '${cleanLine(event.to)}' answers for '${from}'`;
    }
    if (event.type === "escalate" && mode !== "none")
      return `${cleanLine(event.reason)}: '${cleanLine(event.to)}' goes on`;
    return mode === "plain" ? line(event) : undefined;
  }

  /** Takes in what a model call has used. */
  function pay(event: Stamped): { tokens: number; cost: number } | undefined {
    const paid = paidIn(event);
    if (paid === undefined) return undefined;
    const one = { tokens: paid.usage.input + paid.usage.output, cost: paid.cost ?? 0 };
    tokens += one.tokens;
    cost += one.cost;
    return one;
  }

  /** What is said of a sub-agent: warnings, waits, and one line when it has ended. */
  async function ofAgent(id: string, event: Stamped): Promise<void> {
    const paid = pay(event);
    if (paid !== undefined) for (const agent of around(id)) agents.get(agent)?.add(paid.tokens, paid.cost);
    if (event.type === "run_start" || event.type === "run_resume")
      agents.set(id, new Agent(cleanLine(event.agent), event.time));
    const agent = agents.get(id);
    if (event.type === "turn_start") agent?.turn();
    if (event.type === "call_start") {
      made++;
      agent?.call();
    }
    if (said.has(event.type)) {
      const text = notice(event);
      if (text !== undefined) await say(text);
    }
    if (event.type !== "run_end" || agent === undefined) return;
    agents.delete(id);
    if (mode === "plain") await say(`  agent ${agent.line(cleanLine(id), event.result.outcome, event.time)}`);
    else if (mode === "live") await say();
  }

  return {
    async event(event) {
      if (event.type === "canvas") {
        const text = await pictureText(event, { ...options, columns: options.columns() });
        return say(text.trimEnd());
      }
      if (event.agent_id !== undefined) return ofAgent(event.agent_id, event);
      if (started === undefined) {
        started = event.time;
        if (mode !== "none") void tick();
      }
      if (event.type === "text" && options.streaming && event.text !== "") {
        streaming = true;
        await clear();
        return;
      }
      // By now the streamed line was ended, at the end of its turn.
      if (event.type === "turn_start" || event.type === "call_start" || event.type === "run_end") streaming = false;
      if (event.type === "turn_start") turn = event.turn;
      pay(event);
      const text = notice(event);
      if (event.type === "call_start") {
        calls.set(event.call.id, callLabel(event.call));
        made++;
      }
      if (event.type === "call_end") calls.delete(event.id);
      if (event.type === "run_end") stop.abort();
      const changed = event.type === "turn_start" || event.type === "call_start" || event.type === "call_end";
      if (text !== undefined) await say(text);
      else if (mode === "live" && (changed || stop.signal.aborted)) await say();
    },
    async end() {
      stop.abort();
      streaming = false;
      hidden = false;
      await say();
    },
    async hide() {
      hidden = true;
      await clear();
    },
    async show() {
      hidden = false;
      await say();
    },
    above: {
      async write(text) {
        const lines = (partial + text).split("\n");
        partial = lines.pop() ?? "";
        if (lines.length > 0) await say(...lines);
        return true;
      },
    },
  };
}

/** What a sub-agent has used so far, with its own sub-agents. */
class Agent {
  #turns = 0;
  #calls = 0;
  #tokens = 0;
  #cost = 0;
  readonly #name: string;
  readonly #started: number;

  constructor(name: string, started: number) {
    this.#name = name;
    this.#started = started;
  }

  turn(): void {
    this.#turns++;
  }

  call(): void {
    this.#calls++;
  }

  add(tokens: number, cost: number): void {
    this.#tokens += tokens;
    this.#cost += cost;
  }

  line(id: string, outcome: string, ended: number): string {
    const counts = `${count(this.#turns, "turn")}, ${count(this.#calls, "call")}, ${count(this.#tokens, "token")}${costItem(this.#cost, ", ")}`;
    return `${this.#name} (${id}): ${outcome}, ${counts}, ${duration(ended - this.#started)}`;
  }
}

/** An agent and those around it: `a1.a2` and `a1`. */
function around(id: string): string[] {
  const parts = id.split(".");
  return parts.map((_, index) => parts.slice(0, index + 1).join("."));
}
