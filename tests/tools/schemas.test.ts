import { describe, expect, test } from "bun:test";
import { isJsonObject, type Json, type JsonObject } from "../../src/core/json.ts";
import type { Host } from "../../src/core/host.ts";
import { makeMask } from "../../src/core/mask.ts";
import { fail, ok } from "../../src/core/result.ts";
import type { Tool, ToolOutcome } from "../../src/core/tool.ts";
import { runCalls, type CallContext, type FinishedCall } from "../../src/loop/calls.ts";
import { noPast, Past } from "../../src/loop/past.ts";
import { loadTools, noSetting, toolNames, toolNeeds } from "../../src/tools/index.ts";
import { memoryHost } from "../helpers/memory-host.ts";
import { testClock } from "../helpers/clock.ts";
import { random } from "../native/random.ts";
import { broken, fitting } from "./schema-values.ts";

// What the loop makes of arguments by chance, for each built-in tool, by the schema that the tool publishes.

const each = 100;

/** The one variable that web_search needs. */
const searching: Host["env"] = {
  get: async () => ok("http://127.0.0.1:1"),
  look: (name) => (name === "SEARXNG_URL" ? "yes" : "no"),
};

/** Calls a tool once for each text of arguments, through the loop. */
async function callWith(tool: Tool, texts: string[]): Promise<FinishedCall[]> {
  const context: CallContext = {
    tools: new Map([[tool.name, tool]]),
    room: { bytes: 1e9 },
    past: new Past(
      noPast,
      async () => undefined,
      () => undefined,
    ),
    host: () => ({ ...memoryHost(), env: searching }),
    agents: () => ({ start: async () => fail("not_found", "There are no agents"), runs: () => [] }),
    emit: async () => undefined,
    keep: async () => [],
    keepText: async () => undefined,
    clock: testClock(),
    signal: new AbortController().signal,
    mask: makeMask([]),
    explainJson: async () => "it is cut",
    repairJson: async () => undefined,
  };
  const calls = texts.map((text, index) => ({ id: `c${index}`, name: tool.name, arguments: text }));
  return runCalls(calls, 1, context);
}

/** The tool with another `run`, which keeps what it was given. */
function watched(tool: Tool): { tool: Tool; given: Json[] } {
  const given: Json[] = [];
  const run = async (input: JsonObject): Promise<ToolOutcome> => {
    given.push(input);
    return { content: "" };
  };
  return { tool: { ...tool, run }, given };
}

/** The tool with a `run` that notes the names of the arguments that it asks for. */
function spied(tool: Tool): { tool: Tool; names: Set<string> } {
  const names = new Set<string>();
  const noting: ProxyHandler<JsonObject> = {
    get(input, name) {
      if (typeof name === "string") names.add(name);
      return Reflect.get(input, name);
    },
  };
  return { tool: { ...tool, run: (input, context) => tool.run(new Proxy(input, noting), context) }, names };
}

function times<T>(make: (chance: ReturnType<typeof random>) => T, seed: number): T[] {
  const chance = random(seed);
  return Array.from({ length: each }, () => make(chance));
}

describe.each(toolNames.map((name, seed) => [name, seed] as const))("%s", (name, seed) => {
  const load = async (): Promise<Tool> => {
    const [tool] = await loadTools([name], { ...noSetting, memory: "/work/notes.md" });
    if (tool === undefined) throw new Error(`No tool '${name}'`);
    return tool;
  };

  test("is called with whatever fits its schema, as it came", async () => {
    const { tool, given } = watched(await load());
    const inputs = times((chance) => fitting(tool.input, chance), seed);
    const finished = await callWith(tool, inputs.map((input) => JSON.stringify(input))); // prettier-ignore
    expect(finished.filter(({ misfit }) => misfit).map(({ result }) => result.content)).toEqual([]);
    expect(given).toEqual(inputs);
  });

  test("is never called with what does not fit its schema", async () => {
    const { tool, given } = watched(await load());
    const inputs = times((chance) => broken(tool.input, chance), seed);
    const finished = await callWith(tool, inputs.map((input) => JSON.stringify(input))); // prettier-ignore
    expect(given).toEqual([]);
    expect(finished.every(({ misfit, result }) => misfit && result.error)).toBe(true);
    for (const { result } of finished)
      expect(result.content).toMatch(/^The arguments (do not fit '|must be a JSON object)/);
  });

  test("answers whatever fits its schema, where there is nothing to reach, does not throw, and reads no other argument", async () => {
    const { tool, names } = spied(await load());
    const inputs = times((chance) => fitting(tool.input, chance), seed + 1000);
    const finished = await callWith(tool, inputs.map((input) => JSON.stringify(input))); // prettier-ignore
    expect(finished).toHaveLength(each);
    const thrown = finished.map(({ result }) => result.content).filter((said) => said.startsWith(`'${name}' failed: `));
    expect([...new Set(thrown)]).toEqual([]);
    const { properties } = tool.input;
    expect(Object.keys(isJsonObject(properties) ? properties : {})).toEqual(expect.arrayContaining([...names]));
    expect(names.size).toBeGreaterThan(0);
  });
});

test("what is known of the tools before their code is loaded is what they say", async () => {
  const loaded = await loadTools(toolNames);
  expect(loaded.map(({ name, needs }) => [name, needs])).toEqual(
    toolNames.map((name) => [name, [...(toolNeeds[name] ?? [])]]),
  );
});
