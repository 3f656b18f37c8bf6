import { expect, test } from "bun:test";
import type { DurableEvent, Stamped } from "../../src/core/event.ts";
import { sessionHtml, sessionMarkdown } from "../../src/render/session-export.ts";
import { durable, streams } from "./streams.ts";

const evil = `</pre><script>alert(1)</script><img src=x onerror="alert(2)">' & \u001b[31m \u202e`;
const png = new Uint8Array([137, 80, 78, 71]);
const image = { media_type: "image/png", name: `a".png${evil}`, size: 4, sha256: "1" };
const kept = new Map([
  ["1", png],
  ["2", png],
]);

/** The stream with what is hostile wherever there is a text. */
const events: Stamped<DurableEvent>[] = durable(streams.done).map((event) => {
  if (event.type === "user")
    return { ...event, text: evil, attachments: [image, { ...image, media_type: `text/html"${evil}`, sha256: "2" }] };
  if (event.type === "turn_end") return { ...event, message: { ...event.message, text: evil } };
  if (event.type === "call_start") return { ...event, call: { ...event.call, name: evil, arguments: evil } };
  if (event.type === "call_end") return { ...event, name: evil, content: evil };
  if (event.type === "run_start") return { ...event, agent: evil, model: evil };
  return event;
});

test("a page has nothing of a model or a tool but as text, runs nothing and asks nobody for anything", () => {
  const html = sessionHtml({ name: evil, events, kept });
  expect(html).not.toMatch(/<script|<img src=x|\son\w+="|[\u001b\u202e]/i);
  // What is a tag is ours.
  const tags = new Set([...html.matchAll(/<([a-z0-9]+)/g)].map(([, tag]) => tag));
  expect([...tags].toSorted()).toEqual([
    "article",
    "body",
    "details",
    "h1",
    "h2",
    "head",
    "html",
    "img",
    "meta",
    "p",
    "pre",
    "section",
    "small",
    "strong",
    "style",
    "summary",
    "title",
  ]);
  expect(html).toContain(`src="data:image/png;base64,${Buffer.from(png).toString("base64")}"`);
  expect(html).toContain("default-src 'none'");
  // What could run is not embedded.
  expect(html).not.toContain("data:text/html");
  expect(html).not.toMatch(/(src|href)="(?!data:)/);
});

test("a sub-agent's run stands in the run that it belongs to", () => {
  const own = durable(streams.done);
  const nested = own.map((event) => ({ ...event, agent_id: "a1" }));
  const all = [...own.slice(0, 3), ...nested, ...own.slice(3)];
  const html = sessionHtml({ name: "s", events: all, kept: new Map() });
  expect(html.match(/<section class="agent">/g)).toHaveLength(1);
  expect(html.indexOf('class="agent"')).toBeGreaterThan(html.indexOf('class="run"'));
  const markdown = sessionMarkdown({ name: "s", events: all, kept: new Map() });
  expect(markdown).toContain("> ### demo (a1)\n");
});

test("Markdown has results whole, in fences that nothing in them ends", () => {
  const fence = "```\n# not a heading\n````\n";
  const told = durable(streams.done).map((event) => (event.type === "call_end" ? { ...event, content: fence } : event));
  const markdown = sessionMarkdown({ name: "a*b", events: told, kept: new Map() });
  expect(markdown).toStartWith("# Session a\\*b\n");
  expect(markdown).toContain("`````\n```\n# not a heading\n````\n`````\n");
});

test("what somebody said holds nothing of the page but itself, in Markdown, and nothing that a terminal obeys", () => {
  const text = "```\nnever closed\n### Turn 9\u001b[2J";
  const told = durable(streams.done).map((event) => (event.type === "user" ? { ...event, text } : event));
  const lines = sessionMarkdown({ name: "s", events: told, kept: new Map() }).split("\n");
  expect(lines).toContain("> never closed");
  expect(lines).toContain("> ### Turn 9␛[2J");
  expect(lines.join("")).not.toContain("\u001b");
});
