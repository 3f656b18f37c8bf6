import { readdirSync, statSync, type Dirent } from "node:fs";
import { resolve } from "node:path";
import { permissionKinds } from "../core/permission.ts";
import type { InputSpec, Plan } from "../core/plan.ts";
import { maxFileBytes } from "../file/source.ts";
import { readAgent } from "./agent-file.ts";
import { commands } from "./commands.ts";
import { realFolder } from "./files.ts";
import type { Flag } from "./flags.ts";
import { about, inputFlagName } from "./input-flags.ts";
import { topics } from "./topics.ts";

/** Something that can stand where the cursor is, and what it is. */
export type Candidate = { value: string; about?: string };

/** Where the words are typed. */
export type Surroundings = { cwd: string; env: Record<string, string | undefined> };

/** What stands before the word: the command, its arguments, and the agent file among them when it can be read. */
export type Context = Surroundings & {
  plan: Plan | undefined;
  command: string;
  positionals: readonly string[];
  /** The flag whose value is wanted. */
  flag?: string;
};

type Completer = (typed: string, context: Context) => Candidate[] | Promise<Candidate[]>;

/** By a flag's name, or by a command and what its help calls the argument; then by what the value is called. */
export const completers: Readonly<Record<string, Completer>> = {
  "--session": sessions,
  "sessions show NAME": sessions,
  "sessions fork NAME": sessions,
  "sessions export NAME": sessions,
  "sessions rm NAME": sessions,
  "sessions import FILE": (typed, context) => filesFrom(typed, context, /\.jsonl$/),
  "sessions prune --older": () => ["12h", "7d", "30d"].map(plain),
  "sessions prune --max": () => ["100MB", "1GB"].map(plain),
  "resume RUN|last": async (typed, context) => [
    { value: "last", about: "the newest run" },
    ...(await sessions(typed, context)),
  ],
  "models pull MODEL": async () => (await names()).pullableNames.map(plain),
  "models rm NAME": localModels,
  "models info NAME|PATH": async (typed, context) => [
    ...(await localModels(typed, context)),
    ...filesFrom(typed, context, /\.gguf$/),
  ],
  "tools call NAME": async () => (await names()).toolNames.map(plain),
  "mcp tools --server": (_, context) => serverNames(context).map(plain),
  "mcp call SERVER/TOOL": (_, context) => serverNames(context).map((name) => plain(`${name}/`)),
  "mcp call --input": () => [],
  "mcp login NAME": (_, context) => serverNames(context).map(plain),
  "tools call --input": (typed, context) => inputValues(undefined, typed, context),
  "help TOPIC": helpWords,
  "init FILE|FOLDER": (typed, context) => filesFrom(typed, context),
  SHELL: () => ["bash", "zsh", "fish"].map(plain),
  AGENT: (typed, context) => filesFrom(typed, context, /\.ya?ml$/),
  FILE: (typed, context) => filesFrom(typed, context),
  "FILE|FOLDER": (typed, context) => filesFrom(typed, context, /\.ya?ml$/),
  MODEL: models,
  TIME: () => ["10s", "1m", "10m"].map(plain),
  WHEN: () => ["12h", "7d", "2w"].map(plain),
  "cost --compare": sidesOf,
  "NAME=VALUE": settings,
  PATHS: (typed, context) => listed(typed, (last) => [...requested(context), ...filesFrom(last, context)]),
  HOSTS: (typed, context) => listed(typed, () => requested(context)),
  PROGRAMS: (typed, context) => listed(typed, () => requested(context)),
  NAMES: (typed, context) => listed(typed, () => requested(context)),
};

/** The candidates for a flag's value, or for a positional argument. */
export async function valuesOf(
  what: Flag | { position: string },
  typed: string,
  context: Context,
): Promise<Candidate[]> {
  if ("position" in what) {
    const { position } = what;
    const completer =
      completers[`${context.command} ${position}`] ?? completers[position === "FILE" ? "AGENT" : position];
    return completer?.(typed, context) ?? [];
  }
  const input = Object.entries(context.plan?.input ?? {}).find(([name]) => inputFlagName(name) === what.name);
  if (input !== undefined) return inputValues(input[1], typed, context);
  if (what.value?.choices !== undefined) return what.value.choices.map(plain);
  const completer =
    completers[`${context.command} ${what.name}`] ?? completers[what.name] ?? completers[what.value?.name ?? ""];
  const found = completer?.(typed, { ...context, flag: what.name });
  return found ?? [];
}

function serverNames({ plan }: Context): string[] {
  return plan?.mcp.map(({ name }) => name) ?? [];
}

function plain(value: string): Candidate {
  return { value };
}

/** Files and folders that begin as typed; of the files only those that `wanted` matches. */
export function filesFrom(typed: string, { cwd, env }: Surroundings, wanted = /^/): Candidate[] {
  const folder = typed.slice(0, typed.lastIndexOf("/") + 1);
  const begin = typed.slice(folder.length);
  const path = resolve(cwd, atHome(folder, env));
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    return []; // There is no such folder.
  }
  return entries
    .filter(({ name }) => name.startsWith(begin) && (begin !== "" || !name.startsWith(".")))
    .map((entry) => ({ name: entry.name, folder: isFolder(entry, path) }))
    .filter((entry) => entry.folder || wanted.test(entry.name))
    .map((entry) => plain(`${folder}${entry.name}${entry.folder ? "/" : ""}`))
    .toSorted((a, b) => (a.value < b.value ? -1 : 1));
}

function isFolder(entry: Dirent, path: string): boolean {
  return entry.isDirectory() || (entry.isSymbolicLink() && realFolder(`${path}/${entry.name}`) !== undefined);
}

/** A path that no shell has read: `~/` is the home. */
export function atHome(path: string, env: Surroundings["env"]): string {
  const home = env["HOME"];
  return path.startsWith("~/") && home ? `${home}${path.slice(1)}` : path;
}

/** The agent of a file as it was typed. Only a plain file is read: a FIFO could wait forever. */
export function namedAgent(typed: string, { cwd, env }: Surroundings): Plan | undefined {
  const file = resolve(cwd, atHome(typed, env));
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile() || stat.size > maxFileBytes) return undefined;
  } catch {
    return undefined; // A part of its path is no folder, or closed to us.
  }
  const checked = readAgent(file, cwd);
  return checked.ok ? checked.value : undefined;
}

/** `NAME=`, then the value: for a file behind `@`. */
function settings(typed: string, context: Context): Candidate[] {
  const inputs = context.plan?.input ?? {};
  const equals = typed.indexOf("=");
  if (equals < 0) return Object.entries(inputs).map(([name, spec]) => ({ value: `${name}=`, about: about(spec) }));
  const name = typed.slice(0, equals);
  const spec = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
  const values = inputValues(spec, typed.slice(equals + 1), context);
  return values.map((one) => ({ ...one, value: `${name}=${one.value}` }));
}

function inputValues(spec: InputSpec | undefined, typed: string, context: Context): Candidate[] {
  if (typed.startsWith("@")) return filesFrom(typed.slice(1), context).map(({ value }) => plain(`@${value}`));
  if (spec?.type === "boolean") return ["true", "false"].map(plain);
  if (spec?.enum !== undefined) return spec.enum.map((choice) => plain(String(choice)));
  return typed === "" ? [{ value: "@", about: "the content of a file" }] : [];
}

/** The last of a comma-separated list; those before it stay. */
function listed(typed: string, complete: (last: string) => Candidate[]): Candidate[] {
  const begun = typed.slice(0, typed.lastIndexOf(",") + 1);
  const taken = new Set(begun.split(","));
  const found = complete(typed.slice(begun.length)).filter(({ value }) => !taken.has(value));
  return once(found).map((one) => ({ ...one, value: begun + one.value }));
}

/** `cloud=MODEL,local=MODEL`: the side that is missing, and the models behind it. */
async function sidesOf(typed: string, context: Context): Promise<Candidate[]> {
  const begun = typed.slice(0, typed.lastIndexOf(",") + 1);
  const side = /^(cloud|local)=/.exec(typed.slice(begun.length))?.[0];
  if (side === undefined)
    return listed(typed, () => ["cloud=", "local="].filter((one) => !begun.includes(one)).map(plain));
  const found = await models(typed.slice(begun.length + side.length), context);
  return found.map((one) => ({ ...one, value: begun + side + one.value }));
}

/** Of several candidates of the same value the first. */
function once(found: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return found.filter(({ value }) => !seen.has(value) && seen.add(value));
}

/** What the agent file requests of a permission flag's kind: nothing else can be granted. */
function requested({ plan, flag }: Context): Candidate[] {
  const kind = permissionKinds.find((one) => flag?.endsWith(`-${one}`));
  return kind === undefined
    ? []
    : (plan?.permissions[kind] ?? []).map((value) => ({ value, about: "requested by the file" }));
}

function names() {
  return import("../app/names.ts");
}

async function sessions(_typed: string, { env }: Context): Promise<Candidate[]> {
  return (await (await names()).sessionNames(env)).map(plain);
}

async function localModels(_typed: string, { cwd, env }: Context): Promise<Candidate[]> {
  return (await (await names()).localModelNames({ cwd, environment: env })).map(plain);
}

/** The models that a name could mean. */
export async function modelNames(typed: string, context: Context): Promise<string[]> {
  return (await models(typed, context)).map(({ value }) => value);
}

async function models(typed: string, context: Context): Promise<Candidate[]> {
  const script = /^scripted\//.exec(typed)?.[0];
  const weights = /^local\/(?=[./~])/.exec(typed)?.[0];
  const begun = script ?? weights;
  if (begun !== undefined) {
    const files = filesFrom(typed.slice(begun.length), context, script === undefined ? /\.gguf$/ : /\.ya?ml$/);
    return files.map(({ value }) => plain(begun + value));
  }
  const { serviceRows } = await import("../app/services.ts");
  const own = Object.keys(context.plan?.models ?? {}).map((value) => ({ value, about: "of the agent file" }));
  const services = serviceRows.flatMap(({ provider, aliases, model, service }): Candidate[] => [
    ...(model === null || provider === "local" ? [] : [{ value: `${provider}/${model}`, about: service }]),
    ...[provider, ...aliases].map((name) => ({ value: `${name}/`, about: service })),
  ]);
  const local = await localModels(typed, context);
  const here = local.map(({ value }) => ({ value: `local/${value}`, about: "a model of the models folder" }));
  return [...own, ...services, ...here, { value: "scripted/", about: "what a file says" }];
}

/** Commands, then the words of a group, the files of a command, and topics. */
function helpWords(typed: string, context: Context): Candidate[] {
  const [first] = context.positionals;
  const shown = commands.filter(({ hidden }) => !hidden);
  if (first === undefined) {
    const words = [...shown, ...topics].map(({ name, summary }) => ({
      value: name.replace(/ .*/, ""),
      about: summary,
    }));
    return once(words);
  }
  if (shown.some(({ name, inputs }) => name === first && inputs)) return filesFrom(typed, context, /\.ya?ml$/);
  return shown
    .filter(({ name }) => name.startsWith(`${first} `))
    .map(({ name, summary }) => ({ value: name.slice(first.length + 1), about: summary }));
}
