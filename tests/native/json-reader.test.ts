import { expect, test } from "bun:test";
import type { Json } from "../../src/core/json.ts";
import { describeJson, JsonReader, type JsonVerdict } from "../../src/native/json-reader.ts";
import { callText } from "../../src/native/library.ts";
import suite from "./fixtures/json-test-suite.json";
import { broken, document } from "./json-text.ts";
import { random } from "./random.ts";

/** A short sample in `make test`; `make campaign` sets REIN_CAMPAIGN for a long one. */
const [rounds, timeout] = process.env["REIN_CAMPAIGN"] === undefined ? [1500, 5000] : [1_000_000, 600_000];

const encoder = new TextEncoder();

/** Strict JSON from the two files that are too large to keep. */
const large = {
  "n_structure_100000_opening_arrays.json": "[".repeat(100_000),
  "n_structure_open_array_object.json": '[{"":'.repeat(50_000) + "\n",
};

const files: Array<[string, Uint8Array]> = [
  ...Object.entries(suite.files).map(([name, text]): [string, Uint8Array] => [name, Buffer.from(text, "base64")]),
  ...Object.entries(large).map(([name, text]): [string, Uint8Array] => [name, encoder.encode(text)]),
];

/** What the platform's own strict parser says, or undefined for bytes that are not UTF-8. */
function platformAccepts(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

function fed(pieces: Iterable<string | Uint8Array>): JsonVerdict {
  const reader = new JsonReader();
  for (const piece of pieces) if (!reader.push(piece)) break;
  return reader.end();
}

function* split<T extends { length: number; slice(from: number, to: number): T }>(
  whole: T,
  size: () => number,
): Iterable<T> {
  for (let at = 0; at < whole.length;) {
    const next = at + size();
    yield whole.slice(at, next);
    at = next;
  }
}

test("the conformance corpus is whole", () => {
  const counts = { y: 0, n: 0, i: 0 };
  for (const [name] of files) counts[name.startsWith("y_") ? "y" : name.startsWith("n_") ? "n" : "i"]++;
  expect(counts).toEqual({ y: 95, n: 188, i: 35 });
});

test("every file of the conformance corpus gets its verdict, however it is cut", () => {
  const { below } = random(1);
  for (const [name, bytes] of files) {
    const whole = describeJson(bytes);
    // What the specification leaves open is decided as JSON.parse does, on bytes that are UTF-8.
    const expected = name.startsWith("y_") || (name.startsWith("i_") && platformAccepts(bytes));
    expect([name, whole.ok]).toEqual([name, expected]);
    expect([name, fed(split(bytes, () => 1))]).toEqual([name, whole]);
    for (let round = 0; round < 3; round++) expect([name, fed(split(bytes, () => below(9)))]).toEqual([name, whole]);
  }
});

test(
  "a text is JSON exactly when JSON.parse says so, and its value is the same",
  () => {
    for (let seed = 0; seed < rounds; seed++) {
      const { below } = random(seed);
      const whole = document(seed);
      const text = below(3) === 0 ? whole : broken(seed, whole);
      let value: Json = null;
      let accepted = true;
      try {
        value = JSON.parse(text);
      } catch {
        accepted = false;
      }
      const verdict = describeJson(text);
      expect([seed, text, verdict.ok]).toEqual([seed, text, accepted]);
      expect([seed, fed(split(text, () => below(5)))]).toEqual([seed, verdict]);
      if (!accepted) continue;
      using reader = new JsonReader({ keep: true });
      for (const piece of split(encoder.encode(text), () => below(7))) reader.push(piece);
      expect([seed, reader.value()]).toEqual([seed, value]);
    }
  },
  timeout,
);

test(
  "bytes are JSON exactly when they are UTF-8 and JSON.parse takes them",
  () => {
    for (let seed = 0; seed < rounds; seed++) {
      const { below, pick } = random(seed);
      const bytes = encoder.encode(document(seed));
      for (let edit = below(3); edit >= 0; edit--) {
        bytes[below(bytes.length)] = pick([below(256), 0x80, 0xbf, 0xc0, 0xe0, 0xed, 0xf0, 0xf4, 0xff, 0x22]);
      }
      const verdict = describeJson(bytes);
      expect([seed, verdict.ok]).toEqual([seed, platformAccepts(bytes)]);
      expect([seed, fed(split(bytes, () => 1 + below(3)))]).toEqual([seed, verdict]);
    }
  },
  timeout,
);

test(
  "an error stands at the first byte that no continuation could mend",
  () => {
    for (let seed = 0; seed < rounds / 3; seed++) {
      const bytes = encoder.encode(broken(seed, document(seed)));
      const verdict = describeJson(bytes);
      if (verdict.ok) continue;
      const before = describeJson(bytes.subarray(0, verdict.offset));
      expect(before.ok || before.kind).not.toBe("invalid");
      if (verdict.kind === "cut") expect(verdict.offset).toBe(bytes.length);
      else expect(describeJson(bytes.subarray(0, verdict.offset + 1))).toEqual(verdict);
    }
  },
  timeout,
);

test("each beginning of a document is cut, never invalid", () => {
  for (let seed = 0; seed < 30; seed++) {
    const bytes = encoder.encode(document(seed).trimEnd());
    const reader = new JsonReader();
    for (const byte of bytes) {
      expect(reader.push(Uint8Array.of(byte))).toBe(true);
      expect(reader.status().state).not.toBe("invalid");
    }
    expect(reader.end()).toEqual({ ok: true });
  }
});

test("a cut text says inside what and at which path", () => {
  using reader = new JsonReader();
  reader.push('{"findings": [\n  {"title": "Off by');
  expect(reader.status()).toEqual({
    state: "cut",
    inside: "string",
    path: "/findings/0/title",
    message: "Cut inside a string at '/findings/0/title'",
    offset: 34,
    line: 2,
    column: 20,
  });
});

test("a wrong text says where and what was expected", () => {
  expect(describeJson('{"path": "ü",\n "mode": rw}')).toEqual({
    ok: false,
    kind: "invalid",
    offset: 24,
    line: 2,
    column: 10,
    message: "Unexpected 'r', expected a value",
  });
});

test("a character of two halves may be cut between them", () => {
  const text = '"🦀"';
  for (let at = 0; at <= text.length; at++) expect(fed([text.slice(0, at), text.slice(at)])).toEqual({ ok: true });
  using reader = new JsonReader({ keep: true });
  for (const half of text.split("")) reader.push(half);
  expect(reader.value()).toBe("🦀");
});

test("white space between the parts is not kept", () => {
  using reader = new JsonReader({ keep: true });
  reader.push(' { "a b" : [ 1 , ');
  expect(reader.value()).toBeUndefined();
  reader.push("null ] }\n");
  expect(reader.value()).toEqual({ "a b": [1, null] });
});

test("of two members with one key the last counts", () => {
  using reader = new JsonReader({ keep: true });
  reader.push('{"a":1,"a":2}');
  expect(reader.value()).toEqual({ a: 2 });
});

test("a reader frees what it holds, once", () => {
  const live = () => callText("test.live", 0, "");
  const before = live();
  {
    using reader = new JsonReader();
    expect(live()).not.toEqual(before);
    expect(reader.end()).toMatchObject({ ok: false, kind: "cut" });
    expect(() => reader.push("1")).toThrow("The JSON reader is closed");
  }
  expect(live()).toEqual(before);
});
