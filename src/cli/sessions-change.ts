import { changeStore, clock, readStore } from "../app.ts";
import { keptRuns } from "../app/journal.ts";
import { forkSession, resolveName } from "../app/sessions.ts";
import { bytes } from "../core/bytes.ts";
import { ok, type Result } from "../core/result.ts";
import { badSessionName } from "../core/session-name.ts";
import type { Pruned } from "../core/store.ts";
import { cleanLine } from "../render/clean.ts";
import { count } from "../render/format.ts";
import type { Handler } from "./command.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import { refused } from "./sessions.ts";
import { usageError } from "./usage.ts";

export const forkCommand: Handler = async (args, io) => {
  const command = { name: "sessions fork" };
  const [typed = "", to] = args.positionals;
  const turn = args.one("--at");
  if (turn !== undefined && !/^[1-9]\d{0,8}$/.test(turn))
    return usageError({ message: `Cannot use '--at ${turn}': expected the number of a turn` }, io, command);
  const bad = to === undefined ? undefined : badSessionName(to);
  if (bad !== undefined) return usageError({ message: bad }, io, command);
  // What is not there is looked for without a journal being made.
  const from = await readStore(io.env, (store) => resolveName(store, typed));
  if (!from.ok) return refused(from.error, io);
  const at = turn === undefined ? undefined : Number(turn);
  const forked = await changeStore(io.env, (store) => forkSession(store, from.value, { to, at, id: clock.id }));
  if (!forked.ok) return refused(forked.error, io);
  await io.stdout.write(`${cleanLine(forked.value)}\n`);
  return 0;
};

export const removeCommand: Handler = async (args, io) => {
  // All are looked for before any is removed.
  const found = await readStore(io.env, async (store) => {
    const names = new Map<string, { kind: "session" | "run"; name: string }>();
    for (const typed of args.positionals) {
      const one = await resolveName(store, typed);
      if (!one.ok) return one;
      names.set(`${one.value.kind} ${one.value.name}`, one.value);
    }
    return ok([...names.values()]);
  });
  if (!found.ok) return refused(found.error, io);
  const removed = await changeStore(io.env, async (store): Promise<Result<string[]>> => {
    const lines: string[] = [];
    for (const what of found.value) {
      const gone = await store.remove(what);
      if (!gone.ok) return gone;
      lines.push(`Removed ${what.kind} ${cleanLine(what.name)} · ${told(gone.value)}`);
      await io.stdout.write(`${lines.at(-1)}\n`);
    }
    return ok(lines);
  });
  return removed.ok ? 0 : refused(removed.error, io);
};

export const pruneCommand: Handler = async (args, io) => {
  const command = { name: "sessions prune" };
  const rule = ruleOf(args);
  if (!rule.ok) return usageError(rule.error, io, command);
  const there = await readStore(io.env, async (store) => store.runs(1));
  if (!there.ok) return refused(there.error, io);
  const none: Pruned = { runs: 0, bytes: 0 };
  const gone =
    there.value.length === 0
      ? ok(none)
      : await changeStore(io.env, (store) => store.prune({ now: clock.now(), ...rule.value }));
  if (!gone.ok) return refused(gone.error, io);
  await io.stdout.write(`Removed ${told(gone.value)}\n`);
  return 0;
};

function told({ runs, bytes: size }: Pruned): string {
  return `${count(runs, "run")}, ${bytes(size)}`;
}

const times = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const sizes = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 } as const;

function ruleOf(args: Arguments): Result<{ age: number; bytes: number }, UsageProblem> {
  const older = args.one("--older");
  const age = older === undefined ? keptRuns.age : amount(older, times);
  if (age === undefined) return wrong(`Cannot use '--older ${older}': expected a time such as '12h' or '30d'`);
  const max = args.one("--max");
  const size = max === undefined ? keptRuns.bytes : amount(max, sizes);
  if (size === undefined) return wrong(`Cannot use '--max ${max}': expected a size such as '500MB' or '1GB'`);
  return ok({ age, bytes: size });
}

/** A number with a unit; undefined where it is none. 0 needs no unit. */
function amount(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const found = /^(\d{1,9}(?:\.\d{1,3})?)([a-zA-Z]*)$/.exec(text);
  const [, number = "", unit = ""] = found ?? [];
  if (found === null) return undefined;
  if (Number(number) === 0 && unit === "") return 0;
  const size = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return size === undefined ? undefined : Number(number) * size;
}

function wrong(message: string): { ok: false; error: UsageProblem } {
  return { ok: false, error: { message } };
}
