import { bytes } from "../core/bytes.ts";
import type { Clock } from "../core/host.ts";
import type { Writer } from "../core/render.ts";
import { cleanLine } from "./clean.ts";
import { clearBelow, duration, statusLine } from "./format.ts";

export type PullProgressOptions = {
  stderr: Writer;
  /** `live`: one line, rewritten. `plain`: a line now and then. `none`: only what is pulled, and what goes wrong. */
  mode: "live" | "plain" | "none";
  color: boolean;
  clock: Pick<Clock, "now">;
  columns(): number;
};

/** What is about to be downloaded. `have`: bytes that are here already. */
type Subject = { source: string; path: string; size: number | undefined; licence: string | null; have: number };

const liveMs = 100;
const plainMs = 30_000;

/** How a download goes, on stderr. Calls never wait; `end` waits for all that was written. */
export function pullProgress({ stderr, mode, color, clock, columns }: PullProgressOptions) {
  let written: Promise<unknown> = Promise.resolve();
  let drawn = false;
  let size: number | undefined;
  let from = 0;
  let started = 0;
  let last = 0;
  let told = false;

  const write = (text: string) => void (written = written.then(() => stderr.write(text)));
  const say = (line: string) => {
    write(`${drawn ? clearBelow : ""}${line}\n`);
    drawn = false;
  };

  function status(have: number): string {
    const seconds = (clock.now() - started) / 1000;
    const speed = seconds > 0 ? (have - from) / seconds : 0;
    const done = size === undefined ? bytes(have) : `${percent(have, size)} of ${bytes(size)}`;
    const left = size === undefined || speed <= 0 ? "" : ` · ${duration(((size - have) / speed) * 1000)} left`;
    return `${done} · ${bytes(Math.round(speed))}/s${left}`;
  }

  return {
    begin(subject: Subject): void {
      ({ size, have: from } = subject);
      started = clock.now();
      // A person sees at once that something comes.
      last = mode === "live" ? -Infinity : started;
      const about = [
        size === undefined ? "size unknown" : bytes(size),
        subject.licence === null ? "licence unknown" : `licence ${cleanLine(subject.licence)}`,
        ...(from > 0 ? [`going on at ${bytes(from)}`] : []),
      ];
      // A second request goes on with the same file.
      if (!told) say(`Pulling '${cleanLine(subject.source)}' (${about.join(", ")})\nto '${cleanLine(subject.path)}'`);
      told = true;
    },
    progress(have: number): void {
      if (mode === "none" || clock.now() - last < (mode === "live" ? liveMs : plainMs)) return;
      last = clock.now();
      if (mode === "plain") say(status(have));
      else write(clearBelow + statusLine(status(have), columns(), color));
      drawn = mode === "live";
    },
    retry(why: string, waitMs: number): void {
      say(`${cleanLine(why)}, waiting ${duration(waitMs)}`);
    },
    async end(): Promise<void> {
      if (drawn) write(clearBelow);
      drawn = false;
      await written;
    },
  };
}

function percent(have: number, size: number): string {
  return `${size === 0 ? 100 : Math.floor((have / size) * 100)} %`;
}
