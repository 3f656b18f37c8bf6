import type { DurableEvent } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { Mask } from "../core/mask.ts";
import type { Model } from "../core/model.ts";
import type { Ask } from "../core/permission.ts";
import type { InputValues, Plan } from "../core/plan.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { Result } from "../core/result.ts";
import type { Tool } from "../core/tool.ts";
import type { OpenHost } from "../host/host.ts";
import type { Machine } from "../host/machine.ts";
import { modelsOf, type Choice } from "../models/choose.ts";
import { describe } from "../permit/describe.ts";
import type { Policy } from "../permit/policy.ts";
import { bytesPerToken, decide, standing, type Decision, type ReadyChoice } from "./candidates.ts";
import type { McpRun } from "./mcp.ts";
import { chosenModels, modelNeeds, passNeeds } from "./model.ts";
import { keepAnswers } from "./needs.ts";
import { foldersOf, largestOf, readyModels } from "./ready-models.ts";
import type { PreparedRun, RunRequest, Texts } from "./request.ts";
import type { Resumed } from "./resume.ts";
import { startRun } from "./start.ts";
import { asText, fillIn, joined, templateValues } from "./texts.ts";

/** All that a run needs, judged and open. */
export type Equipped = {
  request: RunRequest;
  clock: Clock;
  machine: Machine;
  policy: Policy;
  host: OpenHost;
  mask: Mask;
  secretNames: readonly string[];
  ask?: Ask;
  /** What children get as `REIN_INPUT_<NAME>`. */
  inputs: Map<string, string>;
  /** The models that were made, by what they stand for. */
  held: Map<string, Model>;
  servers?: McpRun;
  /** Those that need no server. */
  tools: Tool[];
  /** What was decided before there was a journal. */
  answers: DurableEvent[];
  /** A look may have none. */
  chosen: Result<Choice, Problem>;
  choice: Result<ReadyChoice, Problem>;
  signal: AbortSignal;
  close(): Promise<void>;
};

/** A run that can be looked at, and started; in a conversation again and again. */
export function preparedRun(equipped: Equipped): PreparedRun {
  const { request, clock, machine, policy, host, mask, secretNames, ask, inputs, held } = equipped;
  const { servers, tools, answers, chosen, choice, signal, close } = equipped;
  const { plan, environment, resumed } = request;
  /** What answers: another model can take its place between two runs. */
  let using = choice.ok && chosen.ok ? { ready: choice.value, chosen: chosen.value, request } : undefined;
  const ready = using?.ready;
  const promptLimit = largestOf(ready) * bytesPerToken;
  const id = resumed?.id ?? clock.id();
  const fill = (texts: Texts, prompt = true) =>
    fillIn(prompt ? request : { ...request, plan: withoutPrompt(plan) }, id, promptLimit, mask, texts);
  /** What a run was asked when it began. Instructions of a file that has changed are as they are now. */
  const askedAtFirst = ({ instructions, prompt, attachments, hash, input }: Resumed) => {
    const same = { ok: true as const, value: { instructions, prompt, attachments } };
    if (hash === plan.hash) return same;
    const filled = fill({ input, prompt: undefined, files: [] }, false);
    return filled.ok
      ? { ok: true as const, value: { ...same.value, instructions: filled.value.instructions } }
      : filled;
  };
  let offered: Tool[] | undefined;
  const offer = async (input: InputValues, until: AbortSignal): Promise<Result<Tool[], Problem>> => {
    if (offered === undefined) {
      for (const [name, value] of Object.entries(input)) inputs.set(name, mask.text(asText(value)));
      const all = await servers?.ready(templateValues(request, id, input), tools, until);
      if (all?.ok === false) return all;
      offered = all?.value ?? tools;
    }
    return { ok: true, value: offered };
  };
  /** The instructions with what the servers say of themselves, once these are ready. */
  const withWords = (instructions: string) =>
    offered === undefined ? instructions : joined(instructions, servers?.instructions());
  /** A model is made once, however many runs it has. */
  const stand = async (decision: Decision): Promise<Model> => {
    const names = [decision.list, ...(decision.stronger === undefined ? [] : [decision.stronger])];
    const key = JSON.stringify(names.map(({ candidates }) => candidates.map(({ name }) => name)));
    const model = held.get(key) ?? (await standing(decision, !request.streamed));
    held.set(key, model);
    return model;
  };
  return {
    id,
    signal,
    promptLimit,
    async look(texts) {
      const filled = fill(texts);
      if (!filled.ok) return filled;
      const offered = tools.map(({ name, description, input }) => ({ name, description, input }));
      const { instructions, prompt } = filled.value;
      const { viewCrew } = await import("./crew-view.ts");
      const agents = viewCrew(request, policy);
      if (!agents.ok) return agents;
      const permissions = describe(policy);
      const { attachments } = filled.value;
      const task = { prompt, attachments, tools: plan.tools.length };
      const decision = ready === undefined ? undefined : await decide(ready, task);
      // A model that was named and has no key yet is told by its name.
      const named = chosen.ok ? (modelsOf(chosen.value)[0]?.spec.model ?? null) : null;
      const [model = named, ...fallback] = (decision?.list.candidates ?? []).map(({ name }) => name);
      const route = decision?.routed ?? null;
      const seen = { instructions, prompt, tools: offered, agents: agents.value, permissions };
      return { ok: true, value: { plan, model, fallback, route, ...seen } };
    },
    async start(texts, observe, turn) {
      const filled = resumed === undefined ? fill(texts, turn?.first) : askedAtFirst(resumed);
      if (!filled.ok) return filled;
      if (using === undefined) throw new Error("A dry run has no model to start");
      const run = turn ?? { id, signal };
      const all = await offer(texts.input, run.signal);
      if (!all.ok) return all;
      const { prompt, attachments } = filled.value;
      const decision = await decide(
        using.ready,
        { prompt, attachments, tools: plan.tools.length },
        resumed?.past.events.filter(({ agent_id }) => agent_id === undefined),
      );
      answers.push(...decision.events);
      const model = await stand(decision);
      const { list, stronger } = decision;
      const models = { models: list.models, ...(stronger === undefined ? {} : { stronger: stronger.models }) };
      const named = { ...models, ...foldersOf(using.request, using.chosen), agents: [] };
      // A run that goes on has them from its start.
      const own = filled.value.instructions;
      const instructions = resumed?.hash === plan.hash ? own : withWords(own);
      const made = {
        id: run.id,
        signal: run.signal,
        machine,
        host,
        policy,
        clock,
        model,
        named,
        mask,
        secretNames,
      };
      const asked = ask === undefined ? using.request : { ...using.request, ask };
      const more = turn === undefined ? {} : { turn };
      return startRun(
        asked,
        { ...made, servers, tools: all.value, answers, input: texts.input, ...filled.value, instructions, ...more },
        observe,
      );
    },
    async useModel(name) {
      const changed = { ...request, model: name };
      const other = chosenModels(plan, name, environment);
      if (!other.ok) return other;
      const needs = modelsOf(other.value).flatMap((one) => modelNeeds(one, plan.folder, machine.home));
      const allowed = await passNeeds(needs, host, keepAnswers(answers), signal);
      if (!allowed.ok) return problemOf("denied", allowed.error.message);
      const made = await readyModels(changed, other.value, host, clock);
      if (!made.ok) return made;
      using = { ready: made.value, chosen: other.value, request: changed };
      return { ok: true, value: undefined };
    },
    parts: {
      host,
      policy,
      mask,
      servers,
      instructions(input) {
        const filled = fill({ input, prompt: undefined, files: [] }, false);
        return filled.ok ? { ok: true, value: withWords(filled.value.instructions) } : filled;
      },
      tools: offer,
      model: async () =>
        using && stand(await decide(using.ready, { prompt: "", attachments: [], tools: plan.tools.length })),
    },
    close,
  };
}

/** The same where the file's own prompt was said before. */
function withoutPrompt({ prompt: _said, ...plan }: Plan): Plan {
  return plan;
}
