import { expect, test } from "bun:test";
import type { Event, Stamped } from "../../src/core/event.ts";
import type { Renderer } from "../../src/core/render.ts";
import { queue } from "../../src/render/queue.ts";
import { resultOf, stamp } from "./streams.ts";

/** A renderer that takes its next event only when it is told to. */
function stalled(): Renderer & { seen: Stamped[]; release(): void } {
  const seen: Stamped[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    seen,
    release: resolve,
    async event(event) {
      seen.push(event);
      await promise;
    },
    async end() {},
  };
}

const done = resultOf("done");
const text = (words: string, turn = 1): Event => ({ type: "text", turn, text: words });
const output = (words: string, call = "c"): Event => ({ type: "output", call, text: words });
const turn = (number: number): Event => ({ type: "turn_start", turn: number });

/** What a reader sees that wakes up only after all was pushed, the first event apart. */
async function afterAll(events: Event[], bound?: number): Promise<Stamped[]> {
  const reader = stalled();
  const waiting = queue([reader], bound);
  const [first, ...rest] = stamp([turn(0), ...events]);
  if (first) waiting.push(first);
  await Bun.sleep(0);
  for (const event of rest) waiting.push(event);
  reader.release();
  await waiting.end(done);
  return reader.seen.slice(1);
}

test("text of one turn is joined while the reader is slow, and never across turns or other events", async () => {
  const seen = await afterAll([text("a"), text("b"), text("c", 2), turn(3), text("d", 2), text("e", 2)]);
  expect(seen).toMatchObject([text("ab"), text("c", 2), turn(3), text("de", 2)]);
});

test("reasoning and text are not joined with each other, nor output of two calls", async () => {
  const thought: Event = { type: "reasoning", turn: 1, text: "r" };
  const seen = await afterAll([text("a"), thought, thought, output("x"), output("y"), output("z", "d")]);
  expect(seen).toMatchObject([text("a"), { ...thought, text: "rr" }, output("xy"), output("z", "d")]);
});

test("output beyond the bound is dropped with a count where it is missing; durable events and text are kept", async () => {
  const seen = await afterAll([output("12345"), output("6789ab"), turn(1), output("c"), text("t".repeat(50))], 10);
  expect(seen).toMatchObject([
    output("12345"),
    { type: "warning", message: "Dropped 7 characters of tool output: the reader is slow" },
    turn(1),
    text("t".repeat(50)),
  ]);
});

test("output is shown again once the reader has caught up", async () => {
  const seen: Stamped[] = [];
  const waiting = queue([{ event: async (event) => void seen.push(event), end: async () => undefined }], 10);
  for (const event of stamp([output("a".repeat(8)), output("b".repeat(8))])) waiting.push(event);
  await Bun.sleep(0);
  for (const event of stamp([output("c".repeat(8))])) waiting.push(event);
  await waiting.end(done);
  expect(seen.map((event) => event.type)).toEqual(["output", "warning", "output"]);
});

test("a flood that is dropped again and again is told of twice: where it begins, and with the sum where it ends", async () => {
  const seen: Stamped[] = [];
  const waiting = queue([{ event: async (event) => void seen.push(event), end: async () => undefined }], 10);
  const flood = async (times: number) => {
    for (let round = 0; round < times; round++) {
      for (const event of stamp([output("a".repeat(8)), output("b".repeat(8))])) waiting.push(event);
      await Bun.sleep(0);
    }
  };
  await flood(5);
  for (const event of stamp([turn(1)])) waiting.push(event);
  await flood(2);
  await waiting.end(done);
  const warning = (message: string) => ({ type: "warning", message });
  expect(seen.filter(({ type }) => type !== "output")).toMatchObject([
    warning("Dropped 8 characters of tool output: the reader is slow"),
    warning("Dropped 32 more characters of tool output, in 4 other places"),
    turn(1),
    warning("Dropped 8 characters of tool output: the reader is slow"),
    warning("Dropped 8 more characters of tool output, in another place"),
  ]);
});

test("push returns while a reader is stalled, and one queue's reader does not hold another's", async () => {
  const slow = stalled();
  const quick = stalled();
  quick.release();
  const queues = [queue([slow]), queue([quick])];
  for (const event of stamp(Array.from({ length: 1000 }, (_, index) => turn(index)))) {
    for (const one of queues) one.push(event);
  }
  await queues[1]?.end(done);
  expect(slow.seen.length).toBe(1);
  expect(quick.seen.length).toBe(1000);
  slow.release();
  await queues[0]?.end(done);
  expect(slow.seen).toEqual(quick.seen);
});

test("joining leaves the events of other queues as they are", async () => {
  const events = stamp([turn(0), text("a"), text("b")]);
  const slow = stalled();
  const waiting = queue([slow]);
  for (const event of events) waiting.push(event);
  slow.release();
  await waiting.end(done);
  expect(events[1]).toMatchObject(text("a"));
});

test("what a renderer throws is thrown at the end, and not lost", async () => {
  const waiting = queue([{ event: () => Promise.reject(new Error("a bug")), end: async () => undefined }]);
  for (const event of stamp([turn(0), turn(1)])) waiting.push(event);
  await expect(waiting.end(done)).rejects.toThrow("a bug");
});
