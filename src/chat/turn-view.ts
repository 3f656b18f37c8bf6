import type { Stamped } from "../core/event.ts";
import { clean, cleaner, cleanLine } from "../render/clean.ts";
import { errorText } from "../render/error.ts";
import { callLabel, costItem, count, duration, paint, short } from "../render/format.ts";
import { growingMarkdown } from "../render/live.ts";
import { pictureText, type Pictures } from "../render/picture.ts";

export type Look = {
  color: boolean;
  /** Width of the terminal, asked each time. */
  columns(): number;
  /** What the terminal can show of pictures; absent where it can show nothing but lines. */
  pictures: Pictures | undefined;
  /** Answers are laid out; else they are written as they come. */
  markdown: boolean;
};

/** What a turn, or several, came to. */
export type Totals = { tokens: number; cost: number };

/** A call that can be opened: the run it is of, and its id. */
export type Opened = { run: string; call: string };

/** Frames of what turns while something is under way. */
const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const frameMs = 100;

/** How much of an error stands on a call's line. */
const errorWidth = 80;
/** What a narrow terminal leaves of an error, and of what a call acts on. */
const leastError = 24;
const leastLabel = 12;

/**
 * Turns the events of a turn into text that is printed for good, and into rows that change. `opened` is told of each call, and says
 * its number.
 */
export function turnView(look: Look, started: number, opened: (call: Opened) => number) {
  const { color } = look;
  const text = growingMarkdown();
  const plain = cleaner();
  const calls = new Map<string, string>();
  const agents = new Map<string, { name: string; started: number }>();
  const totals: Totals = { tokens: 0, cost: 0 };
  let run = "";
  let doing = "thinking";
  /** What was printed last: an answer and the lines of calls stand apart. */
  let last: "none" | "text" | "line" = "none";
  /** The line of an answer that is written as it comes is not ended. */
  let open = false;

  const dim = (line: string) => paint(line, "dim", color);

  function answer(piece: string): string {
    if (piece === "") return "";
    const apart = last === "line" ? "\n" : "";
    if (look.markdown) {
      const done = text.push(piece, look.columns());
      if (done === "") return "";
      last = "text";
      return apart + done;
    }
    last = "text";
    open = !piece.endsWith("\n");
    return apart + plain.push(piece);
  }

  /** The answer is over for now. */
  function closed(): string {
    const rest = look.markdown ? text.end(look.columns()) : plain.end() + (open ? "\n" : "");
    open = false;
    if (rest === "") return "";
    const apart = look.markdown && last === "line" ? "\n" : "";
    last = "text";
    return apart + rest;
  }

  function line(said: string): string {
    const before = closed();
    const apart = last === "text" ? "\n" : "";
    last = "line";
    return `${before}${apart}${said}\n`;
  }

  function warning(message: string): string {
    return line(`${paint("warning:", "yellow", color)} ${cleanLine(message)}`);
  }

  function pay({ usage, cost }: { usage: { input: number; output: number }; cost?: number }): void {
    totals.tokens += usage.input + usage.output;
    totals.cost += cost ?? 0;
  }

  function ended(event: Extract<Stamped, { type: "call_end" }>): string {
    const label = calls.get(event.id) ?? cleanLine(event.name);
    calls.delete(event.id);
    const number = opened({ run, call: event.id });
    const mark = event.error ? paint("✗", "red", color) : paint("✓", "green", color);
    const facts = ` · ${duration(event.duration_ms)} · [${number}]`;
    // A call is one row: the rest is there when it is opened.
    const room = look.columns() - facts.length - 2;
    const named = short(label, Math.max(leastLabel, event.error ? room - leastError : room));
    const said = `${mark} ${named}${dim(facts)}`;
    if (!event.error) return line(said);
    const left = Math.max(leastError, room - Bun.stringWidth(named)) - 3;
    return line(`${said} · ${paint(short(event.content, Math.min(errorWidth, left)), "red", color)}`);
  }

  /** What is said of an event of the agent itself. */
  async function own(event: Stamped): Promise<string> {
    switch (event.type) {
      case "run_start":
        run = event.run_id;
        return "";
      case "turn_start":
        doing = "thinking";
        return "";
      case "text":
        doing = "answering";
        return answer(event.text);
      case "reasoning":
        doing = "thinking";
        return "";
      case "turn_end":
        pay(event);
        return closed();
      case "attempt_discarded":
        pay(event);
        return "";
      case "call_start":
        calls.set(event.call.id, callLabel(event.call));
        return closed();
      case "call_end":
        return ended(event);
      case "limit":
      case "check":
        return "";
      case "escalate":
        return line(`${cleanLine(event.reason)}: '${cleanLine(event.to)}' goes on`);
      case "compact":
        return line(dim(`context: ${event.tokens.before} tokens to ${event.tokens.after}`));
      case "mcp_server":
        if (event.state === "ready" || event.state === "starting") return "";
        return warning(`MCP server '${event.name}': ${event.error ?? event.state}`);
      case "sampling":
        pay(event);
        return line(dim(`asked by '${cleanLine(event.server)}'`));
      case "run_end":
        return outcome(event);
      default:
        return "";
    }
  }

  function outcome({ result, time }: Extract<Stamped, { type: "run_end" }>): string {
    const before = closed();
    const took = `${duration(time - started)} · ${count(totals.tokens, "token")}${costItem(totals.cost, " · ")}`;
    const error = result.outcome === "interrupt" ? "Interrupted\n" : errorText(result, color);
    const apart = last === "none" ? "" : "\n";
    return `${before}${apart}${error}${dim(took)}\n`;
  }

  return {
    totals,
    /** Whether events came. */
    begun: () => run !== "",
    /** What an event prints: whole lines, unless the answer is written as it comes. */
    async event(event: Stamped): Promise<string> {
      if (event.type === "canvas") {
        const shown = await pictureText(event, { ...look, columns: look.columns() });
        return line(shown.trimEnd());
      }
      if (event.type === "warning") return warning(event.message);
      if (event.type === "retry") {
        const wait = `waiting ${(event.wait_ms / 1000).toFixed(1)} s (${event.attempt} of ${event.of})`;
        return line(dim(`${cleanLine(event.reason)}, ${wait}`));
      }
      if (event.type === "fallback") return warning(`${event.reason}: '${event.to}' answers for '${event.from}'`);
      const id = event.agent_id;
      if (id === undefined) return own(event);
      if (event.type === "run_start") agents.set(id, { name: cleanLine(event.agent), started: event.time });
      if (event.type === "turn_end" || event.type === "attempt_discarded") pay(event);
      const agent = agents.get(id);
      if (event.type !== "run_end" || agent === undefined) return "";
      agents.delete(id);
      const { outcome: how } = event.result;
      return line(dim(`agent ${agent.name} (${cleanLine(id)}): ${how} · ${duration(event.time - agent.started)}`));
    },
    /** A line of something else that happened meanwhile. */
    aside: line,
    /** What is left when no event comes any more. */
    end: closed,
    /** The rows of the answer that are not printed yet. */
    live: (width: number, height: number): string[] => {
      const rows = look.markdown ? text.live(width, height) : [];
      return rows.length > 0 && last === "line" ? ["", ...rows] : rows;
    },
    /** What is under way. */
    status(now: number): string {
      const running = [...calls.values(), ...[...agents.values()].map(({ name }) => `agent ${name}`)];
      const what = running.length > 1 ? `${running[0]} and ${running.length - 1} more` : (running[0] ?? doing);
      const used = totals.tokens === 0 ? "" : ` · ${count(totals.tokens, "token")}${costItem(totals.cost, " · ")}`;
      return `${frame(now)} ${what} · ${duration(Math.max(0, now - started))}${used}`;
    },
  };
}

export type TurnView = ReturnType<typeof turnView>;

/** What turns, at a time. */
export function frame(now: number): string {
  return frames.charAt(Math.floor(now / frameMs) % frames.length);
}

/** A diff in its colours. */
export function diffText(diff: string, color: boolean): string {
  return clean(diff).replace(/^[-+].*$/gm, (row) =>
    /^(---|\+\+\+)/.test(row) ? row : paint(row, row.startsWith("+") ? "green" : "red", color),
  );
}
