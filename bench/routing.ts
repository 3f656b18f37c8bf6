/**
 * What each scorer of a route does with a fixed workload (routing/prompts.jsonl: simple and complex prompts, by their labels),
 * beside all to one model and a perfect choice. The decisions are the real ones; which answers are good, how many tokens
 * they have and how long they take is modelled below; prices are those of the price list.
 *
 * `bun bench/routing.ts` writes its section of docs/cost.md, `--train` prints the weights of `features` that fit the training part,
 * `--run` has the executable decide and pay for the held-out part, by scripted models, and compares.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultKeywords, defaultThreshold, type Route, type Scorer } from "../src/core/route.ts";
import { judgedBy } from "../src/app/candidates.ts";
import { decideRoute } from "../src/loop/route.ts";
import { featuresOf, measures, weights } from "../src/loop/route-features.ts";
import { priceOf } from "../src/models/prices.ts";
import { countTokens } from "../src/native/tokens.ts";

type Part = "train" | "held-out";
type Prompt = { label: "simple" | "complex"; part: Part; tools: number; prompt: string };

/** The complex model, as it is priced; the simple one is local and costs nothing. */
const cloud = "anthropic/claude-sonnet-5-5";

/** Of the prices, so that the figures stay the same. */
const priced = Date.UTC(2026, 10, 1);

/** Tokens of a run: the instructions, a tool's description, and what a turn writes and reads. */
const model = {
  instructions: 60,
  tool: 110,
  result: 300,
  simple: { turns: 2, written: 120 },
  complex: { turns: 6, written: 300, alone: 900 },
  /** Seconds to the first token, and tokens a second read and written. */
  local: { wait: 0.2, read: 500, write: 40 },
  cloud: { wait: 0.8, read: 5000, write: 80 },
} as const;

type Run = { input: number; output: number; requests: number };

/** What a run with a good answer uses. */
function runOf({ label, tools }: Prompt, tokens: number, equal: boolean): Run {
  if (equal) return { input: 600, output: 200, requests: 1 };
  const first = model.instructions + model.tool * tools + tokens;
  if (tools === 0)
    return { input: first, output: label === "simple" ? model.simple.written : model.complex.alone, requests: 1 };
  const { turns, written } = model[label];
  let input = 0;
  for (let turn = 0; turn < turns; turn++) input += first + turn * (written + model.result);
  return { input, output: turns * written, requests: turns };
}

function seconds({ input, output, requests }: Run, where: "local" | "cloud"): number {
  const { wait, read, write } = model[where];
  return requests * wait + input / read + output / write;
}

type Choice = { score: number; complex: boolean };
type Task = Prompt & { tokens: number; choices: Record<Exclude<Scorer, "cascade">, Choice> };

export async function workload(): Promise<Task[]> {
  const lines = (await Bun.file(join(import.meta.dir, "routing/prompts.jsonl")).text()).trimEnd().split("\n");
  return Promise.all(
    lines.map(async (line): Promise<Task> => {
      const prompt: Prompt = JSON.parse(line);
      const choose = async (scorer: Scorer): Promise<Choice> => {
        const route: Route = {
          simple: [],
          complex: [],
          threshold: defaultThreshold,
          scorer,
          keywords: defaultKeywords,
        };
        const { score, side } = await decideRoute(route, judgedBy({ ...prompt, attachments: [] }));
        return { score: score ?? 0, complex: side === "complex" };
      };
      const choices = { keywords: await choose("keywords"), features: await choose("features") };
      return { ...prompt, tokens: await countTokens(prompt.prompt, "o200k"), choices };
    }),
  );
}

/** How a prompt is answered: by which models, in turn. */
type Way = { name: string; models(task: Task): Array<"local" | "cloud"> };

const sideOf = (complex: boolean) => [complex ? ("cloud" as const) : ("local" as const)];

const ways: readonly Way[] = [
  { name: "all cloud", models: () => ["cloud"] },
  { name: "all local", models: () => ["local"] },
  { name: "perfect", models: ({ label }) => sideOf(label === "complex") },
  { name: "`keywords`", models: ({ choices }) => sideOf(choices.keywords.complex) },
  { name: "`features`", models: ({ choices }) => sideOf(choices.features.complex) },
  { name: "`cascade`", models: ({ label }) => (label === "complex" ? ["local", "cloud"] : ["local"]) },
];

type Figures = {
  name: string;
  share: number;
  /** Simple prompts that the complex model got alone, and complex ones that only the simple one got. */
  dear: number;
  poor: number;
  seconds: number;
  cost: number;
  /** With the poor answers made again by the complex model. */
  whole: number;
};

type Cost = (run: Run) => number;

function figures(way: Way, tasks: readonly Task[], cost: Cost, equal: boolean): Figures {
  const sum = { name: way.name, share: 0, dear: 0, poor: 0, seconds: 0, cost: 0, whole: 0 };
  const times: number[] = [];
  for (const task of tasks) {
    const run = runOf(task, task.tokens, equal);
    const models = way.models(task);
    const paid = models.includes("cloud") ? cost(run) : 0;
    const poor = task.label === "complex" && !models.includes("cloud");
    sum.share += models.includes("cloud") ? 1 / tasks.length : 0;
    sum.dear += task.label === "simple" && models.includes("cloud") ? 1 : 0;
    sum.poor += poor ? 1 : 0;
    sum.cost += paid;
    sum.whole += paid + (poor ? cost(run) : 0);
    times.push(models.reduce((total, where) => total + seconds(run, where), 0));
  }
  times.sort((one, other) => one - other);
  return { ...sum, seconds: times[times.length >> 1] ?? 0 };
}

function table(tasks: readonly Task[], cost: Cost, equal: boolean): string[] {
  const rows = ways.map((way) => figures(way, tasks, cost, equal));
  const all = rows[0]?.whole ?? 0;
  const perfect = rows[2]?.whole ?? 0;
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
  const cells = rows.map((row) => [
    row.name,
    percent(row.share),
    String(row.dear),
    String(row.poor),
    `${row.seconds.toFixed(1)} s`,
    `$${row.cost.toFixed(3)}`,
    `$${row.whole.toFixed(3)}`,
    (row.whole / perfect).toFixed(2),
    percent(1 - row.whole / all),
  ]);
  const head = [
    "",
    "to complex",
    "simple to complex",
    "complex to simple",
    "median time",
    "cost",
    "with redone",
    "of perfect",
    "saved",
  ];
  const scorers = rows.slice(3);
  const names = (some: Figures[]) => some.map(({ name }) => name).join(", ") || "none";
  return [
    ...[head, head.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`),
    "",
    `At most 1.1 times the cost of a perfect choice, with redone: ${names(scorers.filter(({ whole }) => whole <= 1.1 * perfect))}. ` +
      `80 % saved: ${names(scorers.filter(({ whole }) => whole <= 0.2 * all))}; ` +
      `before anything is redone: ${names(scorers.filter((row) => row.cost <= 0.2 * all))}.`,
  ];
}

function cloudCost(): Cost {
  const price = priceOf({ model: cloud }, (name) => (name === "ANTHROPIC_API_KEY" ? "x" : undefined));
  if (price === undefined) throw new Error(`The price of '${cloud}' is not known`);
  return ({ input, output }) => price.cost({ input, output, cached: 0, reasoning: 0 }, priced);
}

/** The section of docs/cost.md, whole. */
export async function routingSection(): Promise<string> {
  const tasks = await workload();
  const cost = cloudCost();
  const held = tasks.filter(({ part }) => part === "held-out");
  const train = tasks.filter(({ part }) => part === "train");
  const count = (label: Prompt["label"]) => tasks.filter((task) => task.label === label).length;
  const hundred = (run: Run) => (cost(run) * 1e6).toFixed(0);
  return [
    `The bench (\`bench/routing.ts\`) has ${tasks.length} prompts, ${count("simple")} that a small model can do and ` +
      `${count("complex")} that it cannot, by labels that their author gave them. The weights of \`features\` were fitted to one ` +
      "half, and the tables show the other; but one hand wrote both halves, and chose what is looked at after it had seen how " +
      "earlier choices did, so do not expect as much of prompts of yours: `rein route --stats` tells. The decisions are those of rein. Answers are modelled: the simple model is local, costs " +
      "nothing and fails at each complex prompt; the checks of the `cascade` find each of these; a run without tools is one " +
      `request, with tools ${model.simple.turns} of ${model.simple.written} tokens or ${model.complex.turns} of ` +
      `${model.complex.written}. The complex model is \`${cloud}\` by its list price of November 2026. _With redone_ adds what it ` +
      "costs to have poor answers made again by the complex model: all to the local one costs no more than a perfect choice then, and is " +
      "wrong at first each time that it matters.",
    "",
    `The half that nothing was fitted to, ${held.length} prompts, 80 % of them simple:`,
    "",
    ...table(held, cost, false),
    "",
    "Complex prompts are long runs, so that even a perfect choice saves less than their share of requests. Were all runs of the " +
      `same length (${hundred({ input: 600, output: 200, requests: 1 })} millionths of a dollar each):`,
    "",
    ...table(held, cost, true),
    "",
    "The half that the weights were fitted to, for comparison:",
    "",
    ...table(train, cost, false),
  ].join("\n");
}

const begin = "<!-- routing: written by bench/routing.ts -->";
const end = "<!-- end of routing -->";
const page = join(import.meta.dir, "../docs/cost.md");

/** Puts the section between its marks. */
export function withSection(text: string, section: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/cost.md has no place for the figures: ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${section}\n\n${text.slice(to)}`;
}

/** How much more a complex prompt counts than a simple one, and what holds weights small. */
const heavier = 3;
const ridge = 0.02;

/** Logistic regression by gradient descent. */
export async function fit(tasks: readonly Task[]): Promise<Record<keyof typeof weights, number>> {
  const fitted = { ...weights };
  for (const name of Object.keys(fitted)) if (isWeight(name)) fitted[name] = 0;
  const samples = await Promise.all(
    tasks.map(async ({ prompt, tools, label }) => ({
      measured: measures(
        await featuresOf(prompt, { tokens: (text) => countTokens(text, "o200k"), attached: 0, tools }),
      ),
      target: label === "complex" ? 1 : 0,
      weight: label === "complex" ? heavier : 1,
    })),
  );
  for (let round = 0; round < 4000; round++) {
    const step = { ...fitted };
    for (const name of Object.keys(step)) if (isWeight(name)) step[name] = name === "bias" ? 0 : ridge * fitted[name];
    for (const { measured, target, weight } of samples) {
      const sum = measured.reduce((total, [name, value]) => total + fitted[name] * value, 0);
      const error = (weight * (1 / (1 + Math.exp(-sum)) - target)) / samples.length;
      for (const [name, value] of measured) step[name] += error * value;
    }
    for (const name of Object.keys(fitted)) if (isWeight(name)) fitted[name] -= 0.3 * step[name];
  }
  for (const name of Object.keys(fitted)) if (isWeight(name)) fitted[name] = Math.round(fitted[name] * 100) / 100;
  return fitted;
}

function isWeight(name: string): name is keyof typeof weights {
  return Object.hasOwn(weights, name);
}

/** Has the executable run the held-out part, each prompt by scripted models that use what is modelled, and compares. */
async function runs(): Promise<void> {
  const tasks = (await workload()).filter(({ part }) => part === "held-out");
  const cost = cloudCost();
  const [input, output] = [cost({ input: 1e6, output: 0, requests: 1 }), cost({ input: 0, output: 1e6, requests: 1 })];
  const folder = await mkdtemp(join(tmpdir(), "rein-routing-"));
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, XDG_STATE_HOME: join(folder, "state") };
  const names = ["file_read", "file_search", "file_list", "bash_exec", "file_edit"];
  try {
    for (const scorer of ["keywords", "features", "cascade"] as const) {
      const way = ways.find(({ name }) => name === `\`${scorer}\``);
      if (way === undefined) throw new Error(`No way is called '${scorer}'`);
      let [wrong, paid, expected] = [0, 0, 0];
      for (const [index, task] of tasks.entries()) {
        const run = runOf(task, task.tokens, false);
        const usage = `usage: { input: ${run.input}, output: ${run.output} }`;
        const place = join(folder, `${scorer}-${index}`);
        await mkdir(place);
        await Bun.write(
          join(place, "small.yaml"),
          `- text: ${task.label === "simple" ? "good" : "poor"}\n  ${usage}\n`,
        );
        await Bun.write(join(place, "big.yaml"), `- text: good\n  ${usage}\n`);
        const agent = {
          model: { simple: "small", complex: "big", scorer },
          models: {
            small: { model: "scripted/small.yaml" },
            big: { model: "scripted/big.yaml", price: { input, output } },
          },
          prompt: task.prompt,
          tools: names.slice(0, task.tools),
          permissions: { read: ["."], write: ["."], run: ["grep", "bash"] },
          ...(scorer === "cascade" ? { checks: [{ run: ["grep", "-q", "good"] }] } : {}),
        };
        await Bun.write(join(place, "agent.yaml"), JSON.stringify(agent));
        const rein = join(import.meta.dir, "../dist/rein");
        const child = Bun.spawn([rein, "run", "agent.yaml", "-P", "--output", "json"], {
          cwd: place,
          env,
          stderr: "pipe",
        });
        const result: { model: string; cost: number } = JSON.parse(await new Response(child.stdout).text());
        const models = way.models(task);
        const answered = models.at(-1) === "cloud" ? "scripted/big.yaml" : "scripted/small.yaml";
        if (result.model !== answered) wrong++;
        paid += result.cost;
        expected += models.includes("cloud") ? cost(run) : 0;
      }
      const told = `${tasks.length} runs, $${paid.toFixed(4)} paid, $${expected.toFixed(4)} expected, ${wrong} decided otherwise`;
      process.stdout.write(`${scorer}: ${told}\n`);
      if (wrong > 0 || Math.abs(paid - expected) > 1e-6) process.exitCode = 1;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  if (process.argv.includes("--train")) {
    const train = (await workload()).filter(({ part }) => part === "train");
    process.stdout.write(`${JSON.stringify(await fit(train), null, 2)}\n`);
  } else if (process.argv.includes("--run")) {
    await runs();
  } else {
    const section = await routingSection();
    await Bun.write(page, withSection(await Bun.file(page).text(), section));
    process.stdout.write(`${section}\n`);
  }
}
