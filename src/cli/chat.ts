import { existsSync, statSync } from "node:fs";
import { clock } from "../app.ts";
import { openTalk } from "../app/converse.ts";
import { secrecyOf } from "../app/secrecy.ts";
import type { Course } from "../chat/course.ts";
import type { Outside } from "../chat/desk.ts";
import { exitCode, type Interruption } from "../core/exit.ts";
import type { Ask, Confirm, PermissionKind } from "../core/permission.ts";
import type { InputValues, Plan } from "../core/plan.ts";
import { ok, type Result } from "../core/result.ts";
import { badSessionName } from "../core/session-name.ts";
import type { Talk } from "../core/talk.ts";
import { clean, cleanLine } from "../render/clean.ts";
import { readScript, readText } from "./agent-file.ts";
import { answerOf, permissionQuestion } from "./ask.ts";
import { attachPath } from "./attach.ts";
import { chatHistory } from "./chat-history.ts";
import { lineTerminal, rawTerminal } from "./chat-terminal.ts";
import type { Handler } from "./command.ts";
import { atHome, filesFrom, modelNames } from "./complete-values.ts";
import { fileLimit, readNamed, writeNew } from "./files.ts";
import type { Arguments } from "./flags.ts";
import { grantsFrom } from "./grants.ts";
import { isDumb, type Io } from "./io.ts";
import { leavingNothing } from "./journaling.ts";
import { bareAgent } from "./one-shot.ts";
import { ownCommands } from "./own-commands.ts";
import { terminalPictures } from "./pictures.ts";
import { givenInput, typedInput } from "./run-input.ts";
import { reportProblem } from "./run-output.ts";
import { loadAgent } from "./run.ts";
import { usageError } from "./usage.ts";

type Answered = Array<{ kind: PermissionKind; target: string }>;

/** What a chat is on: rows that are drawn anew, or lines. */
type Front = { open(): Promise<void>; close(): Promise<void>; course: Course };

/** Talks with an agent, or with a model, on a terminal. */
export const chatCommand: Handler = async (args, io) => {
  if (!io.stdinIsTerminal || !io.stdout.terminal) {
    const hint = "'rein run FILE PROMPT --session NAME' goes on with a conversation without one";
    return usageError({ message: "'rein chat' needs a terminal on stdin and stdout", hint }, io, { name: "chat" });
  }
  const named = args.one("--session");
  const both = named !== undefined && args.has("--ephemeral");
  const bad = named === undefined ? undefined : badSessionName(named);
  const wrong = both ? "'--session' does not go with '--ephemeral'" : bad;
  if (wrong !== undefined) return usageError({ message: wrong }, io, { name: "chat" });
  const [file] = args.positionals;
  if (file === "-")
    return usageError({ message: "The agent file '-' is read from stdin, but that is a terminal" }, io, {
      name: "chat",
    });
  const loaded = file === undefined ? ok(bareAgent(io.cwd, "chat")) : await loadAgent(file, args, io);
  if (!loaded.ok) return reportProblem(loaded.error, args, io);
  const plan = args.has("--ephemeral") ? leavingNothing(loaded.value) : loaded.value;
  const given = await givenInput(args, plan.input);
  const input = given.ok ? typedInput(plan, given.value) : given;
  if (!input.ok) return usageError(input.error, io, { name: "chat" });

  const ending = new AbortController();
  const leave = endOnSignals(ending);
  const front = await openFront(plan, io, args.has("--ephemeral"), ending.signal);
  await front.open();
  const { course } = front;
  let closed = false;
  const close = async () => {
    if (!closed) await front.close();
    closed = true;
  };
  let talk: Talk | undefined;
  const answered: Answered = [];
  try {
    const made = await course.during("making ready", async (signal) => {
      const interrupts = AbortSignal.any([signal, ending.signal]);
      const opened = await openTalk({
        plan,
        grants: grantsFrom(args),
        model: args.one("--model"),
        session: {
          name: named ?? dated(clock.now()),
          asked: named !== undefined,
          ephemeral: args.has("--ephemeral"),
        },
        input: input.value,
        cwd: io.cwd,
        environment: io.env,
        ask: asked(plan, course, answered),
        confirm: confirmed(course),
        tell: async (text) => course.desk.print(`${clean(text)}\n`),
        line: (question, until) => course.ask(question, until),
        interrupts,
        files: { script: readScript, text: readText },
      });
      if (!opened.ok) return opened;
      talk = opened.value;
      // What cannot be had is told before the first word.
      const tools = await talk.tools(interrupts);
      return tools.ok ? opened : tools;
    });
    if (!made.ok) {
      await close();
      return await reportProblem(made.error, args, io);
    }
    const code = await course.talk(outsideOf(made.value, plan, input.value, answered, args, io));
    await close();
    const said = await made.value.events();
    // A name that nobody chose is told, so that it can be gone on with.
    if (named === undefined && !args.has("--ephemeral") && said.ok && said.value.length > 0)
      await io.stdout.write(goingOn(file, made.value.session()));
    return code;
  } finally {
    await close();
    await talk?.close();
    leave();
  }
};

async function openFront(plan: Plan, io: Io, ephemeral: boolean, signal: AbortSignal): Promise<Front> {
  const history = chatHistory(io);
  const { mask } = secrecyOf(plan, [], io.env);
  const remember = (text: string) => {
    // A line that begins with a blank is not kept, as in a shell; one with a secret in it neither.
    if (!ephemeral && !text.startsWith(" ") && mask.text(text) === text) history.add(text);
  };
  const dumb = isDumb(io.env);
  const look = { color: io.stdout.color, pictures: dumb ? undefined : terminalPictures(io.env) };
  const options = { look, clock, remember, signal };
  if (dumb) {
    const { Lines } = await import("../chat/lines.ts");
    return new Lines({ ...options, terminal: lineTerminal(io) });
  }
  const { Screen } = await import("../chat/screen.ts");
  return new Screen({ ...options, terminal: rawTerminal(io), history: history.entries });
}

function outsideOf(talk: Talk, plan: Plan, input: InputValues, answered: Answered, args: Arguments, io: Io): Outside {
  const { memory } = plan;
  const place = { cwd: io.cwd, env: io.env };
  return {
    talk,
    now: clock.now,
    attach: (path) => attachPath(atHome(path, io.env)),
    exists: (path) => existsSync(atHome(path, io.env)) && statSync(atHome(path, io.env)).isFile(),
    save: (path, text) => {
      const written = writeNew(atHome(path, io.env), text);
      return written.ok ? written : { ok: false, error: written.error.message };
    },
    files: (typed) => filesFrom(typed, place).map(({ value }) => value),
    models: async (typed) => modelNames(typed, { ...place, plan, command: "chat", positionals: args.positionals }),
    sessions: async () => (await import("../app/names.ts")).sessionNames(io.env),
    answered,
    commands: ownCommands(plan, io, input),
    memory: memory === undefined ? undefined : () => notes(memory),
  };
}

/** The notes of the agent's memory. Before the first one is written there is no file. */
function notes(path: string): Result<string, string> {
  if (!existsSync(path)) return ok("");
  const read = readNamed(path, fileLimit);
  return read.ok ? ok(new TextDecoder().decode(read.value)) : { ok: false, error: read.error.message };
}

function asked(plan: Plan, course: Course, answered: Answered): Ask {
  return async (request, signal) => {
    const rule = `--allow-${request.kind}=${request.target}`;
    const line = await course.ask(`${permissionQuestion(plan.name, request)} (as a rule: ${rule})`, signal);
    const answer = answerOf(line ?? "");
    if (answer === "session") answered.push({ kind: request.kind, target: request.target });
    return answer;
  };
}

function confirmed(course: Course): Confirm {
  return async (question, signal) => answerOf((await course.ask(`${question} [y/N]`, signal)) ?? "") === "once";
}

/** How a chat is gone on with. */
function goingOn(file: string | undefined, session: string): string {
  const words = ["rein", "chat", ...(file === undefined ? [] : [file]), "--session", session];
  return `To go on: ${words.map((word) => (/^[\w./-]+$/.test(word) ? word : `'${cleanLine(word)}'`)).join(" ")}\n`;
}

/** The name of a session that nobody named: by local time, to the second. */
function dated(time: number): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const at = new Date(time);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `chat-${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
}

const endings = { SIGTERM: "terminated", SIGHUP: "hangup" } as const satisfies Record<string, Interruption>;

/** Makes signals end a chat in order, with their codes; of Ctrl-C the terminal knows. */
function endOnSignals(ending: AbortController): () => void {
  const handlers = (["SIGTERM", "SIGHUP"] as const).map((signal) => {
    const how = endings[signal];
    const handle = () => (ending.signal.aborted ? process.exit(exitCode(how)) : ending.abort(how));
    process.on(signal, handle);
    return () => void process.off(signal, handle);
  });
  return () => handlers.forEach((remove) => remove());
}
