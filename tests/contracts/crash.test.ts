import { afterAll, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, truncateSync } from "node:fs";
import { statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { DurableEvent, Nested, Stamped } from "../../src/core/event.ts";

// The executable, killed at any moment and resumed until it is done: what was done is not done again, what had begun is told.

const root = realpathSync(mkdtempSync(join(tmpdir(), "rein-crash-")));
const rein = resolve(import.meta.dir, "../../dist/rein");
afterAll(() => rmSync(root, { recursive: true, force: true }));

const [wantedKills, timeout] = process.env["REIN_CAMPAIGN"] === undefined ? [15, 300_000] : [500, 1_200_000];

const rounds = 8;
const unknown = "Interrupted: whether it took effect is not known";

/** Each round reads twice and has an effect; some spawn an agent, which reads and has two effects. One works in the background. */
const agentFile = `name: crash
model: scripted/script.yaml
prompt: Go
tools: [file_read, bash_exec, spawn_agent, agent_manage]
permissions: { read: [.], run: [bash] }
agents:
  helper:
    instructions: Help
    tools: [file_read, bash_exec]
    permissions: { read: [.], run: [bash] }
`;

function scriptText(): string {
  const read = "{ name: file_read, arguments: { path: agent.yaml, limit: 1 } }";
  const effect = (name: string) => `{ name: bash_exec, arguments: { command: "echo ${name} >> effects" } }`;
  const spawn = (prompt: string, background = false) =>
    `{ name: spawn_agent, arguments: { agent: helper, prompt: ${prompt}, background: ${background} } }`;
  const turn = (...calls: string[]) => `- calls: [${calls.join(", ")}]`;
  const answers = Array.from({ length: rounds }, (_, round) => {
    const agents = round === 0 ? [spawn("b", true)] : round % 3 === 1 ? [spawn(`h${round}`)] : [];
    return turn(...agents, read, read, effect(`w${round}`));
  });
  const wait = turn("{ name: agent_manage, arguments: { action: wait, id: a1 } }");
  const helper = [turn(read, effect("${{ prompt }}x")), turn(read, effect("${{ prompt }}y")), '- text: "helped"'];
  const listed = (lines: string[], by: string) => lines.map((line) => `${by}${line}\n`).join("");
  const main = listed([...answers, wait, '- text: "done, ${{ results.last }}"'], "  ");
  return `answers:\n${main}agents:\n  helper:\n${listed(helper, "    ")}`;
}

type Event = Stamped<DurableEvent> & Nested;

/** The events of the newest run. */
function eventsIn(journal: string): Event[] {
  if (!existsSync(journal)) return [];
  const db = new Database(journal, { readwrite: true, create: false });
  try {
    if (db.query("SELECT 1 FROM sqlite_master WHERE name = 'events'").get() === null) return [];
    const sql = "SELECT event FROM events WHERE run = (SELECT max(number) FROM runs) ORDER BY seq";
    const rows = db.query<{ event: string }, []>(sql).all();
    expect(db.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
    return rows.map(({ event }): Event => JSON.parse(event));
  } finally {
    db.close();
  }
}

/** A folder with the agent, and a journal of its own. */
function scene(name: string) {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "agent.yaml"), agentFile);
  writeFileSync(join(folder, "script.yaml"), scriptText());
  const state = join(root, `${name}-state`);
  return {
    journal: join(state, "rein/rein.db"),
    async rein(args: string[], killAfterMs?: number) {
      const child = Bun.spawn([rein, ...args, "-P", "--output", "json"], {
        cwd: folder,
        env: { PATH: "/usr/bin:/bin", HOME: root, XDG_STATE_HOME: state },
        stdout: "pipe",
        stderr: "pipe",
      });
      const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
      const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      clearTimeout(timer);
      return { killed: child.signalCode === "SIGKILL", code: child.exitCode, out, err };
    },
    effects(): string[] {
      const file = join(folder, "effects");
      return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
    },
  };
}

/** What was told to be on disk before something followed from it. */
function isFlushed(event: Event): boolean {
  if (event.type === "run_end") return true;
  return event.type === "call_start"
    ? event.effects === "external"
    : event.type === "call_end" && event.name === "bash_exec";
}

/** As a power cut leaves it: of what was written since the last flush a part is lost. */
function cutPower(journal: string): void {
  const [state, wal] = [dirname(journal), `${journal}-wal`];
  if (!existsSync(wal)) return;
  const copy = join(root, "copy");
  cpSync(state, copy, { recursive: true });
  truncateSync(wal, Math.max(0, statSync(wal).size - Math.floor(Math.random() * 20_000)));
  const left = new Set(eventsIn(journal).map(({ seq }) => seq));
  const lost = eventsIn(join(copy, "rein.db")).filter(({ seq }) => !left.has(seq));
  if (lost.some(isFlushed)) {
    rmSync(state, { recursive: true });
    cpSync(copy, state, { recursive: true });
  }
  rmSync(copy, { recursive: true });
}

/** Answers, results and effects, each by whose it is: what a run has done. */
function doneIn(events: readonly Event[]) {
  const steps: string[] = [];
  const untold = new Set<string>();
  const commands = new Map<string, string>();
  for (const event of events) {
    const agent = event.agent_id ?? "";
    if (event.type === "turn_end") steps.push(`${agent} answer ${event.turn}`);
    if (event.type === "check") steps.push(`${agent} check`);
    if (event.type === "call_start") commands.set(`${agent} ${event.call.id}`, event.call.arguments);
    if (event.type !== "call_end") continue;
    steps.push(`${agent} call ${event.turn} ${event.id}`);
    const [, name = ""] = /echo (\w+)/.exec(commands.get(`${agent} ${event.id}`) ?? "") ?? [];
    if (event.content === unknown) untold.add(name);
  }
  return { steps: steps.toSorted(), untold };
}

test(
  "every step of a run that is killed again and again is done once, and no effect twice",
  async () => {
    const clean = scene("clean");
    const started = performance.now();
    expect(await clean.rein(["run", "agent.yaml"])).toMatchObject({ code: 0 });
    const took = performance.now() - started;
    const whole = doneIn(eventsIn(clean.journal));
    const effects = clean.effects().toSorted();
    expect(whole.steps.length).toBeGreaterThanOrEqual(60);
    expect(whole.untold.size).toBe(0);

    let kills = 0;
    for (let number = 0; kills < wantedKills; number++) {
      const { journal, rein: start, effects: happened } = scene(`run${number}`);
      let args = ["run", "agent.yaml"];
      for (;;) {
        const ended = await start(args, kills < wantedKills ? Math.random() * took : undefined);
        if (ended.killed) {
          kills++;
          if (Math.random() < 0.3) cutPower(journal);
          args = ["resume", "last"];
          continue;
        }
        // Nothing was asked yet, so that there is nothing to go on with.
        if (/There is no run yet|before it asked anything/.test(ended.err)) {
          args = ["run", "agent.yaml"];
          continue;
        }
        expect(ended).toMatchObject({ code: 0, err: "" });
        expect(JSON.parse(ended.out)).toMatchObject({ outcome: "done", answer: "done, helped" });
        break;
      }
      const { steps, untold } = doneIn(eventsIn(journal));
      expect(steps).toEqual(whole.steps);
      const once = happened().toSorted();
      expect(once).toEqual([...new Set(once)]);
      expect(effects.filter((name) => !once.includes(name) && !untold.has(name))).toEqual([]);
      expect(once.filter((name) => !effects.includes(name))).toEqual([]);
    }
  },
  timeout,
);
