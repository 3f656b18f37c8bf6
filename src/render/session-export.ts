import { bytes } from "../core/bytes.ts";
import { commandLabel } from "../core/command-label.ts";
import { eventVersion, type DurableEvent, type Stamped } from "../core/event.ts";
import { attachmentsIn } from "../core/kept.ts";
import type { AttachmentFacts } from "../core/message.ts";
import { clean, cleanJson, cleanLine } from "./clean.ts";
import { costItem, count, duration, moment } from "./format.ts";
import { callsOf, type Calls } from "./session-calls.ts";

type Event = Stamped<DurableEvent>;

/** A session, or a run in none, with the bytes that its events name, by SHA-256. */
export type ExportedSession = { name: string | null; events: readonly Event[]; kept: ReadonlyMap<string, Uint8Array> };

/** Line by line what was journaled, each attachment before the event that names it: what can be imported again. */
export function sessionJsonl({ name, events, kept }: ExportedSession): string {
  const lines: unknown[] = [{ type: "session", version: eventVersion, name }];
  const told = new Set<string>();
  for (const event of events) {
    for (const sha256 of attachmentsIn(event)) {
      const data = told.has(sha256) ? undefined : kept.get(sha256);
      if (data !== undefined) lines.push({ type: "attachment", sha256, data: Buffer.from(data).toString("base64") });
      told.add(sha256);
    }
    lines.push(event);
  }
  return lines.map((line) => `${cleanJson(line)}\n`).join("");
}

/** A piece of a session as a page shows it. */
type Block =
  | { kind: "run" | "agent"; head: string; facts: string; blocks: Block[] }
  | { kind: "user" | "answer" | "note"; head: string; facts: string; text: string; files: readonly AttachmentFacts[] }
  | { kind: "call"; head: string; facts: string; input: string; text: string; files: readonly AttachmentFacts[] };

function blocksOf(events: readonly Event[]): Block[] {
  const runs: Event[][] = [];
  for (const event of events) {
    if ((event.type === "run_start" && event.agent_id === undefined) || runs.length === 0) runs.push([]);
    runs.at(-1)?.push(event);
  }
  return runs.map((run) => runBlock(run, undefined));
}

/** One run, or that of a sub-agent; the sub-agents of it stand where they began. */
function runBlock(events: readonly Event[], within: string | undefined): Block {
  const own = events.filter(({ agent_id }) => agent_id === within);
  const start = own.find((event) => event.type === "run_start");
  const end = own.findLast((event) => event.type === "run_end");
  const took = duration((own.at(-1)?.time ?? 0) - (own[0]?.time ?? 0));
  const outcome = end === undefined ? "unfinished" : `${end.result.outcome}${costItem(end.result.cost, " · ")}`;
  const calls = callsOf(own);
  const blocks = events.flatMap((event): Block[] => {
    const { agent_id: agent } = event;
    if (agent === within) return shown(event, calls);
    const outer = agent?.includes(".") ? agent.slice(0, agent.lastIndexOf(".")) : undefined;
    if (event.type !== "run_start" || agent === undefined || outer !== within) return [];
    return [
      runBlock(
        events.filter(({ agent_id: id }) => id === agent || id?.startsWith(`${agent}.`) === true),
        agent,
      ),
    ];
  });
  const error = end?.result.error;
  if (error) blocks.push({ kind: "note", head: error.message, facts: "", text: error.hint ?? "", files: [] });
  const name = within === undefined ? (start?.run_id ?? "") : within;
  const facts = [start?.model ?? "", start === undefined ? "" : moment(start.time), took, outcome].filter(Boolean);
  return {
    kind: within === undefined ? "run" : "agent",
    head: `${start?.agent ?? ""} (${name})`,
    facts: facts.join(" · "),
    blocks,
  };
}

function note(head: string, text = ""): Block[] {
  return [{ kind: "note", head, facts: "", text, files: [] }];
}

function shown(event: Event, calls: Calls): Block[] {
  switch (event.type) {
    case "user": {
      const facts = event.reason ?? "";
      return [{ kind: "user", head: "User", facts, text: event.text, files: event.attachments ?? [] }];
    }
    case "turn_end": {
      const tokens = `${event.usage.input} tokens in, ${event.usage.output} out`;
      const facts = `${duration(event.duration_ms)} · ${tokens}${costItem(event.cost, " · ")}`;
      return [{ kind: "answer", head: `Turn ${event.turn}`, facts, text: event.message.text, files: [] }];
    }
    case "call_start": {
      const { call } = event;
      const ended = calls.ended(event);
      const facts =
        ended === undefined ? "unfinished" : `${duration(ended.duration_ms)}${ended.error ? " · error" : ""}`;
      const { content: text = "", attachments: files = [] } = ended ?? {};
      return [{ kind: "call", head: call.name, facts, input: call.arguments, text, files }];
    }
    case "call_end": {
      // One that began is shown there; what was refused at once has not.
      if (calls.begun(event) !== undefined) return [];
      const facts = event.error ? "error" : "";
      return [
        { kind: "call", head: event.name, facts, input: "", text: event.content, files: event.attachments ?? [] },
      ];
    }
    case "canvas":
      return note("Shown to the user", event.text);
    case "decision": {
      if (event.verdict === "allow") return [];
      return note(`Denied: ${event.kind} '${event.target}'${event.reason === undefined ? "" : `: ${event.reason}`}`);
    }
    case "fallback":
    case "escalate":
      return note(`${event.from} → ${event.to}: ${event.reason}`);
    case "compact":
      return note(`Context cut from ${event.tokens.before} tokens to ${event.tokens.after}`, event.note?.text ?? "");
    case "file_change":
      return note(`Changed ${event.path}`);
    case "undo":
      return note(`Taken back: ${count(event.runs.length, "run")}`);
    case "limit":
      return note(`Limit: ${event.limit}, ${event.value} of ${event.max}`);
    case "check":
      return note(`Check ${commandLabel(event.run)}: ${event.ok ? "ok" : "failed"}`, event.detail);
    default:
      return [];
  }
}

/** What may stand in a page as itself; anything else is only told of. */
const images = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

function dataUrl({ media_type, sha256 }: AttachmentFacts, kept: ExportedSession["kept"]): string | undefined {
  const data = images.has(media_type) || media_type === "application/pdf" ? kept.get(sha256) : undefined;
  return data === undefined ? undefined : `data:${media_type};base64,${Buffer.from(data).toString("base64")}`;
}

function fileLabel({ name, media_type, size }: AttachmentFacts): string {
  return `${name ?? media_type} (${bytes(size)})`;
}

/** For people, and for places that show Markdown. */
export function sessionMarkdown(session: ExportedSession): string {
  const title = `# ${inline(session.name === null ? "Run" : `Session ${session.name}`)}\n`;
  return [title, ...blocksOf(session.events).map((block) => markdown(block, session, 2))].join("\n");
}

function markdown(block: Block, session: ExportedSession, level: number): string {
  const heading = "#".repeat(Math.min(level, 6));
  const facts = block.facts === "" ? "" : `*${inline(block.facts)}*\n\n`;
  if ("blocks" in block) {
    const inner = block.blocks.map((one) => markdown(one, session, level + 1)).join("\n");
    const whole = `${heading} ${inline(block.head)}\n\n${facts}${inner}`;
    return block.kind === "run" ? whole : quoted(whole);
  }
  const files = block.files.map((file) => {
    const url = dataUrl(file, session.kept);
    if (url === undefined) return `- ${inline(fileLabel(file))}`;
    return `${images.has(file.media_type) ? "!" : ""}[${inline(fileLabel(file))}](${url})`;
  });
  const attached = files.length === 0 ? "" : `${files.join("\n\n")}\n\n`;
  if (block.kind === "call") {
    const input = block.input === "" ? "" : fenced(block.input, "json");
    return `${heading} ${inline(block.head)}\n\n${facts}${input}${block.text === "" ? "" : fenced(block.text, "")}${attached}`;
  }
  if (block.kind === "note") return `> ${inline(block.head)}\n\n${block.text === "" ? "" : fenced(block.text, "")}`;
  const text = block.text === "" ? "" : `${quoted(clean(block.text))}\n`;
  return `${heading} ${inline(block.head)}\n\n${facts}${text}${attached}`;
}

/** Markdown within Markdown: no heading in it is one of the page, and no fence in it holds what comes after it. */
function quoted(text: string): string {
  return `${text.trimEnd().replace(/^/gm, "> ")}\n`;
}

/** A text that is no Markdown, on one line. */
function inline(text: string): string {
  return cleanLine(text).replace(/[\\`*_[\]<>#|~!]/g, "\\$&");
}

/** A text as it is, whatever fences are in it. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${clean(text.trimEnd())}\n${fence}\n\n`;
}

/** One page that holds all it shows, and runs nothing. */
export function sessionHtml(session: ExportedSession): string {
  const title = escaped(session.name === null ? "Run" : `Session ${session.name}`);
  const body = blocksOf(session.events).map((block) => html(block, session));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
${body.join("\n")}
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2, h3 { line-height: 1.2 }
small { font-weight: normal; opacity: .7 }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; font-family: inherit }
details pre { font-family: ui-monospace, monospace; font-size: .85rem; max-height: 40rem; overflow: auto }
summary { cursor: pointer; font-family: ui-monospace, monospace }
article, details { margin: .75rem 0; padding: .5rem 1rem; border-left: 3px solid #8888 }
.user { border-color: #36c; background: #36c1 }
.agent { margin-left: 1rem; border-left: 3px solid #93c; padding-left: 1rem }
.note { border-color: #c80 }
img { max-width: 100%; display: block; margin: .5rem 0 }
`;

function html(block: Block, session: ExportedSession): string {
  const facts = block.facts === "" ? "" : ` <small>${escaped(block.facts)}</small>`;
  const head = `${escaped(block.head)}${facts}`;
  if ("blocks" in block) {
    const level = block.kind === "run" ? 2 : 3;
    const inner = block.blocks.map((one) => html(one, session)).join("\n");
    return `<section class="${block.kind}">\n<h${level}>${head}</h${level}>\n${inner}\n</section>`;
  }
  const files = block.files.map((file) => {
    const label = escaped(fileLabel(file));
    const url = dataUrl(file, session.kept);
    if (url === undefined) return `<p>${label}</p>`;
    if (images.has(file.media_type)) return `<img alt="${label}" src="${url}">`;
    return `<p><a download="${escaped(file.name ?? "attachment.pdf")}" href="${url}">${label}</a></p>`;
  });
  const text = block.text === "" ? "" : `<pre>${escaped(block.text)}</pre>`;
  if (block.kind === "call") {
    const input = block.input === "" ? "" : `<pre>${escaped(block.input)}</pre>`;
    return `<details>\n<summary>${head}</summary>\n${[input, text, ...files].join("\n")}\n</details>`;
  }
  return `<article class="${block.kind}">\n<strong>${head}</strong>\n${[text, ...files].join("\n")}\n</article>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** What cannot be text of a page, and what reorders text around it, is shown as a sign of its own. */
function escaped(text: string): string {
  return text
    .replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}\p{Surrogate}]/gu, "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
