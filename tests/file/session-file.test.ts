import { expect, test } from "bun:test";
import type { DurableEvent } from "../../src/core/event.ts";
import { readSessionFile, sessionEvents } from "../../src/file/session-file.ts";
import { sessionJsonl } from "../../src/render/session-export.ts";
import { durable, streams } from "../render/streams.ts";

type Fields<T extends keyof typeof sessionEvents> = Exclude<
  keyof Extract<DurableEvent, { type: T }>,
  keyof (typeof sessionEvents)[T]["entries"] | "launch"
>;
type Missing = { [T in keyof typeof sessionEvents]: Fields<T> }[keyof typeof sessionEvents];
/** A field that an event gets and a file would lose is an error of the compiler. */
const complete: [Missing] extends [never] ? true : Missing = true;

const start = {
  seq: 0,
  time: 1,
  type: "run_start",
  version: 1,
  run_id: "r1",
  agent: "a",
  hash: "h",
  model: "m/x",
  instructions: "x",
};

const read = (...lines: unknown[]) =>
  readSessionFile(
    new TextEncoder().encode(lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n")),
  );

function wrong(...lines: unknown[]): string {
  const found = read(...lines);
  return found.ok ? "read" : `${found.error.line}: ${found.error.message}`;
}

test("what was exported is read back as it was, with its attachments", () => {
  expect(complete).toBe(true);
  const png = new Uint8Array([137, 80, 78, 71, 0, 255]);
  const sha256 = new Bun.CryptoHasher("sha256").update(png).digest("hex");
  const attachments = [{ media_type: "image/png", name: "a\u0000\ud800.png", size: 6, sha256 }];
  for (const stream of Object.values(streams)) {
    const events = durable(stream).map((event) => (event.type === "user" ? { ...event, attachments } : event));
    const text = sessionJsonl({ name: "s\n\u001b", events, kept: new Map([[sha256, png]]) });
    const found = readSessionFile(new TextEncoder().encode(text));
    if (!found.ok) throw new Error(`${found.error.line}: ${found.error.message}`);
    expect(found.value.name).toBe("s\n\u001b");
    expect(found.value.events).toEqual(events);
    const named = events.some((event) => event.type === "user");
    expect([...found.value.kept]).toEqual(named ? [[sha256, Buffer.from(png)]] : []);
  }
});

test("the events that a run prints are read too, without what passed", () => {
  const found = read(
    start,
    { seq: 1, time: 2, type: "text", turn: 1, text: "x" },
    { seq: 2, time: 3, type: "user", text: "y" },
  );
  expect(found.ok && found.value.events.map(({ type }) => type)).toEqual(["run_start", "user"]);
  expect(found.ok && found.value.name).toBeNull();
});

test("how to go on on another machine, and what it changed in files, is left out, as is what is not known", () => {
  const launch = { cwd: "/", file: "/etc/evil.yaml", grants: { all: true, allow: {}, deny: {} } };
  const found = read(
    { ...start, launch, later: 1 },
    { seq: 1, time: 2, type: "file_change", call: "c", path: "/etc/passwd" },
  );
  expect(found).toMatchObject({ ok: true });
  expect(found.ok && JSON.stringify(found.value.events)).toBe(JSON.stringify([start]));
});

test("what is wrong is told with its line and its place", () => {
  const user = { seq: 1, time: 2, type: "user", text: "x" };
  expect(wrong("")).toBe("1: There is no run in the file");
  expect(wrong("[]")).toBe("1: There is no event 'undefined'");
  expect(wrong(start, "{")).toBe("2: It is not a JSON object");
  expect(wrong(start, { ...user, text: 1 })).toBe("2: user.text: Invalid type: Expected string but received 1");
  expect(wrong(start, { ...user, type: "__proto__" })).toBe("2: There is no event '__proto__'");
  expect(wrong(start, { ...user, agent_id: "../x" })).toBe("2: user.agent_id: Expected the id of a sub-agent");
  const within = Array.from({ length: 51 }, () => "a1").join(".");
  expect(wrong(start, { ...user, agent_id: within })).toBe("2: user.agent_id: Expected the id of a sub-agent");
  expect(wrong(start, { ...user, time: 1e300 })).toStartWith("2: user.time: ");
  expect(wrong(user)).toBe("1: The first event must be the 'run_start' of a run");
  expect(wrong(start, { ...user, seq: 0 })).toBe("2: The event has the number 0, and the one before it 0");
  expect(wrong({ ...start, version: 2 })).toBe("1: run_start.version: It was written by a newer version of rein");
  expect(wrong(start, user, start)).toBe("3: A run is in the file twice");
  expect(wrong({ ...start, run_id: "a/../b" })).toBe("1: run_start.run_id: Expected the id of a run");
  const free = { input: 0, output: 0, cached: 0, reasoning: 0 };
  const sampling = { ...user, type: "sampling", server: "s", model: "m", usage: free, duration_ms: 1 };
  expect(wrong(start, { ...sampling, cost: 0 })).toBe("read");
  expect(wrong(start, { ...sampling, cost: -1 })).toStartWith("2: sampling.cost: ");
  const header = { type: "session", version: 1, name: "s" };
  expect(wrong(header)).toBe("1: There is no run in the file");
  expect(wrong(start, header)).toBe("2: A session begins in the first line only");
  expect(wrong({ ...header, name: "" }, start)).toStartWith("1: session.name: ");
});

test("an attachment must be what it says, and nothing may be deeper than anybody could walk", () => {
  const attachment = { type: "attachment", sha256: "0".repeat(64), data: "AAAA" };
  expect(wrong(attachment, start)).toStartWith("1: The attachment has the SHA-256 '709e80c88487a2411e1ee4dfb9f22a86");
  expect(wrong({ ...attachment, data: "%" }, start)).toBe("1: attachment.data: Expected bytes in base64");
  const deep = `{"seq":0,"time":1,"type":"run_start","version":1,"run_id":"r","agent":"a","hash":"h","model":"m","instructions":"","input":{"x":${"[".repeat(5000)}${"]".repeat(5000)}}}`;
  expect(wrong(deep)).toBe("1: run_start.input: Expected a JSON object of at most 200 levels");
  expect(wrong("[".repeat(1_000_000))).toBe("1: It is not a JSON object");
});
