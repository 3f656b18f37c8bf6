import { describe, expect, test } from "bun:test";
import type { Renderer, Writer } from "../../src/core/render.ts";
import { jsonRenderer } from "../../src/render/json.ts";
import { jsonlRenderer } from "../../src/render/jsonl.ts";
import { progressRenderer } from "../../src/render/progress.ts";
import { queue } from "../../src/render/queue.ts";
import { textRenderer } from "../../src/render/text.ts";
import { verboseRenderer } from "../../src/render/verbose.ts";
import { handClock, sink, streams, type Recorded } from "../render/streams.ts";

type StreamName = keyof typeof streams;
type Expected = Record<StreamName, string | ((recorded: Recorded) => string)>;

const document = ({ result }: Recorded) => `${JSON.stringify(result, null, 2)}\n`;
const lines = ({ events }: Recorded) =>
  events.map((event, index) => `${JSON.stringify(index === 0 ? { version: 1, ...event } : event)}\n`).join("");
const escaped = (text: string) =>
  text.replace(/[\u007f-\u009f\u202e]/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
const sameJson = (make: (recorded: Recorded) => string): Expected => ({
  done: (recorded) => escaped(make(recorded)),
  denied: make,
  drawn: make,
  limit: make,
  service: make,
  cancelled: make,
});

const progress = (stderr: Writer, mode: "live" | "plain" | "none") =>
  progressRenderer({ stderr, mode, color: false, clock: handClock(), columns: () => 60, streaming: false });

const start = "turn 1 · model · 0ms · 0 tokens\r";
const model = "turn 1 · bash_exec 'cat ␛[31mx' · 0ms · 120 tokens\r";
const back = "turn 1 · model · 0ms · 120 tokens\r";
const second = "turn 2 · model · 0ms · 120 tokens\r";
const clear = "\r\u001b[C\u001b[J\r\u001b[K";
const size = { columns: () => 60, rows: () => 10 };
const look = "turn 1: 1.2s, tokens: 100 in, 20 out\n";

const renderers: Record<string, { make: (writer: Writer) => Renderer; expected: Expected }> = {
  text: {
    make: (stdout) => textRenderer({ stdout, stream: false, schema: false, terminal: false }),
    expected: {
      done: "It is \u001b]0;x\u0007\u009b31mred\u202e.\r\n",
      denied: "I could not\n",
      drawn: "",
      limit: "",
      service: "",
      cancelled: "",
    },
  },
  "text on a terminal": {
    make: (stdout) => textRenderer({ stdout, stream: false, schema: false, terminal: true }),
    expected: {
      done: "It is ␛]0;x␇�31mred�.\n",
      denied: "I could not\n",
      drawn: "",
      limit: "",
      service: "",
      cancelled: "",
    },
  },
  "text on a terminal, as Markdown": {
    make: (stdout) => textRenderer({ stdout, stream: false, schema: false, terminal: true, markdown: size }),
    expected: {
      done: "It is ␛]0;x␇�31mred�.\n",
      denied: "I could not\n",
      drawn: "",
      limit: "",
      service: "",
      cancelled: "",
    },
  },
  "text, streamed to a terminal": {
    make: (stdout) => textRenderer({ stdout, stream: true, schema: false, terminal: true }),
    expected: {
      done: "Let me look\nIt is ␛]0;x␇�31mred�.\n",
      denied: "Let me look\nI could not\n",
      drawn: "Let me look\n",
      limit: "Let me look\n",
      service: "Le\n",
      cancelled: "Le\n",
    },
  },
  "text of a schema": {
    make: (stdout) => textRenderer({ stdout, stream: false, schema: true, terminal: false }),
    expected: {
      done: '"It is \\u001b]0;x\\u0007\\u009b31mred\\u202e.\\r\\n"\n',
      denied: '"I could not"\n',
      drawn: '""\n',
      limit: "",
      service: "",
      cancelled: "",
    },
  },
  "text, streamed": {
    make: (stdout) => textRenderer({ stdout, stream: true, schema: false, terminal: false }),
    expected: {
      done: "Let me look\nIt is \u001b]0;x\u0007\u009b31mred\u202e.\r\n",
      denied: "Let me look\nI could not\n",
      drawn: "Let me look\n",
      limit: "Let me look\n",
      service: "Le\n",
      cancelled: "Le\n",
    },
  },
  json: { make: jsonRenderer, expected: sameJson(document) },
  jsonl: { make: jsonlRenderer, expected: sameJson(lines) },
  "progress, plain": {
    make: (stderr) => progress(stderr, "plain"),
    expected: {
      done: `${look}  bash_exec 'cat ␛[31mx': 3ms\nturn 2: 1.2s, tokens: 100 in, 20 out\ndone: 2 turns, 1 call, 240 tokens, 0ms\n`,
      denied: `${look}  bash_exec 'cat ␛[31mx': 0ms, error\nturn 2: 1.2s, tokens: 100 in, 20 out\ndenied: 2 turns, 1 call, 240 tokens, 0ms\n`,
      drawn: `${look}T\na␛[2J\n└─ b\ndone: 1 turn, 1 call, 120 tokens, 0ms\n`,
      limit: `${look}limit: 1 turn, 1 call, 120 tokens, 0ms\n`,
      service: "status 503, waiting 1.5 s (1 of 3)\nwarning: slow service\nservice: 1 turn, 0 calls, 0 tokens, 0ms\n",
      cancelled: "interrupt: 1 turn, 0 calls, 0 tokens, 0ms\n",
    },
  },
  "progress, live": {
    make: (stderr) => progress(stderr, "live"),
    expected: {
      done: `${start}${clear}${model}${clear}${back}${clear}${second}${clear}`,
      denied: `${start}${clear}${model}${clear}${back}${clear}${second}${clear}`,
      drawn: `${start}${clear}${model}${clear}T\na␛[2J\n└─ b\n${model}${clear}`,
      limit: `${start}${clear}${model}${clear}`,
      service: `${start}${clear}status 503, waiting 1.5 s (1 of 3)\n${start}${clear}warning: slow service\n${start}${clear}`,
      cancelled: `${start}${clear}`,
    },
  },
  "progress, none": {
    make: (stderr) => progress(stderr, "none"),
    expected: {
      done: "",
      denied: "",
      drawn: "T\na␛[2J\n└─ b\n",
      limit: "",
      service: "warning: slow service\n",
      cancelled: "",
    },
  },
  verbose: {
    make: (stderr) => verboseRenderer(stderr, false),
    expected: {
      done: 'call bash_exec {"command":"cat \\u001b[31mx"}\nfile ␛[2Jtext\n',
      denied: 'call bash_exec {"command":"cat \\u001b[31mx"}\ndeny: run \'/bin/cat\': not granted\n',
      drawn: 'call bash_exec {"command":"cat \\u001b[31mx"}\n',
      limit: 'call bash_exec {"command":"cat \\u001b[31mx"}\n',
      service: "",
      cancelled: "",
    },
  },
};

async function show(renderer: Renderer, { events, result }: Recorded): Promise<void> {
  for (const event of events) await renderer.event(event);
  await renderer.end(result);
}

const names: StreamName[] = ["done", "denied", "drawn", "limit", "service", "cancelled"];

for (const [name, { make, expected }] of Object.entries(renderers)) {
  describe(`a renderer: ${name}`, () => {
    for (const stream of names) {
      const recorded: Recorded = streams[stream];
      const bytes = expected[stream];
      const whole = typeof bytes === "string" ? bytes : bytes(recorded);

      test(`a run that ends ${stream} is written byte for byte`, async () => {
        const out = sink();
        await show(make(out), recorded);
        expect(out.text()).toBe(whole);
      });
    }

    // Text into a pipe or a file is the answer as it is.
    const raw = name === "text" || name === "text, streamed";
    test(raw ? "a pipe gets the answer as it is" : "nothing that a terminal would obey is written", async () => {
      const out = sink();
      await show(make(out), streams.done);
      const ours = out.text().replaceAll(clear, "").replaceAll("\r", "");
      expect(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/u.test(ours)).toBe(raw);
    });

    test("a slow reader gets all of it, in order", async () => {
      const out = sink();
      const slow: Writer = {
        async write(text) {
          await Bun.sleep(1);
          return out.write(text);
        },
      };
      const waiting = queue([make(slow)]);
      for (const event of streams.denied.events) waiting.push(event);
      await waiting.end(streams.denied.result);
      const quick = sink();
      const joined = queue([make(quick)]);
      for (const event of streams.denied.events) joined.push(event);
      await joined.end(streams.denied.result);
      expect(out.text()).toBe(quick.text());
      const { denied } = expected;
      if (name !== "jsonl") expect(out.text()).toBe(typeof denied === "string" ? denied : denied(streams.denied));
    });

    test("a reader that is gone is no error", async () => {
      expect(await show(make({ write: async () => false }), streams.done)).toBeUndefined();
    });
  });
}
