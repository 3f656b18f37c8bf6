import { expect, test } from "bun:test";
import { pullProgress } from "../../src/render/pull.ts";

const clear = "\r\u001b[C\u001b[J\r\u001b[K";
const subject = { source: "acme/x:x.gguf", path: "/m/x.gguf", size: 4_000_000, licence: "mit", have: 0 };
const head = "Pulling 'acme/x:x.gguf' (4.0 MB, licence mit)\nto '/m/x.gguf'\n";

/** What is written to a terminal of 60 columns; `wait` lets time pass. */
function progress(mode: "live" | "plain" | "none") {
  let written = "";
  let now = 0;
  const stderr = { write: async (text: string) => (written += text) !== "" };
  const shown = pullProgress({ stderr, mode, color: false, clock: { now: () => now }, columns: () => 60 });
  return {
    ...shown,
    wait: (ms: number) => void (now += ms),
    async written() {
      await shown.end();
      return written;
    },
  };
}

test("on a terminal one line is rewritten, ten times a second at most, and gone at the end", async () => {
  const shown = progress("live");
  shown.begin(subject);
  shown.wait(50);
  shown.progress(100_000);
  shown.wait(50);
  shown.progress(200_000);
  shown.wait(100);
  shown.progress(1_000_000);
  expect(await shown.written()).toBe(
    `${head}${clear}2 % of 4.0 MB · 2.0 MB/s · 1.9s left\r${clear}25 % of 4.0 MB · 5.0 MB/s · 600ms left\r${clear}`,
  );
});

test("a log has a line every half minute", async () => {
  const shown = progress("plain");
  shown.begin({ ...subject, have: 1_000_000 });
  shown.wait(29_000);
  shown.progress(1_290_000);
  shown.wait(1000);
  shown.progress(1_300_000);
  expect(await shown.written()).toBe(
    `${head.replace("mit", "mit, going on at 1.0 MB")}32 % of 4.0 MB · 10.0 kB/s · 4m30s left\n`,
  );
});

test("into a pipe only what is pulled is said, and what goes wrong", async () => {
  const shown = progress("none");
  shown.begin({ ...subject, size: undefined, licence: null });
  shown.wait(60_000);
  shown.progress(1_000_000);
  shown.retry("the connection ended early", 1000);
  shown.begin({ ...subject, have: 1_000_000 });
  expect(await shown.written()).toBe(
    "Pulling 'acme/x:x.gguf' (size unknown, licence unknown)\nto '/m/x.gguf'\nthe connection ended early, waiting 1.0s\n",
  );
});

test("a second request goes on with the line, and what a server says is harmless for a terminal", async () => {
  const shown = progress("live");
  shown.begin({ ...subject, source: "a/\u001b[31mx", licence: "\u009b2J\nmit", size: undefined });
  shown.progress(500);
  shown.retry("\u001b]0;x\u0007", 1000);
  shown.begin({ ...subject, have: 500 });
  shown.progress(600);
  const text = await shown.written();
  expect(
    text
      .replaceAll(clear, "")
      .replaceAll("\r", "")
      .match(/(?!\n)\p{Cc}/gu),
  ).toBeNull();
  expect(text.match(/Pulling/g)).toHaveLength(1);
});
