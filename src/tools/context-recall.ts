import type { Recalled, RecallDoor, RecallQuery } from "../core/recall.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { number, text } from "./arguments.ts";
import { grouped } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";

/** The most characters of a page of one result, of one part of a turn, and around a text that was found. */
const mostOfPage = 20_000;
const mostOfPart = 4000;
const mostAround = 300;

/** The most places where a text is found, and parts of a turn. */
const mostPlaces = 20;
const mostParts = 100;

const schema = schemaOf({
  type: "object",
  properties: {
    call: {
      type: "string",
      description: "The id of a call whose whole result is wanted, as the note on what was left out has it",
    },
    turn: {
      type: "integer",
      minimum: 1,
      description: "A turn of this run: what was answered, called and returned in it",
    },
    text: { type: "string", description: "A text to search for in all that was said, called and returned" },
    offset: {
      type: "integer",
      minimum: 0,
      description: "With call: the first character to return, counted from 0. Default: 0",
    },
  },
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

/** What no longer stands in the conversation, out of the agent's own journal. */
export const contextRecall: Tool = builtIn({
  name: "context_recall",
  description:
    "Finds again what was left out of this conversation because it grew too long: the whole result of a call, a turn of this run, or " +
    "the places where a text stands. Give one of call, turn and text.",
  input: schema,
  examples: [
    { request: "What did that call return in full?", input: { call: "call_12" } },
    { request: "Where was the port mentioned?", input: { text: "port" } },
  ],
  needs: [],
  effects: () => "none",
  run,
});

async function run(input: Input, { recall }: ToolContext): Promise<ToolOutcome> {
  if (recall === undefined) return { content: "There is no conversation to recall anything of", error: true };
  const query = queryOf(input);
  if (query === undefined) return { content: "Give one of 'call', 'turn' and 'text'", error: true };
  const found = await recall.find(query, "call" in query ? 1 : "turn" in query ? mostParts : mostPlaces);
  if (!found.ok) return { content: found.error.message, error: true };
  const [newest] = found.value;
  if (newest === undefined) return { content: `There is nothing of ${shownQuery(query)}`, error: true };
  if ("call" in query) return page(newest, number(input, "offset", 0), recall);
  // A turn is told from its start.
  const parts = "turn" in query ? found.value.toReversed() : found.value;
  const told: string[] = [];
  for (const part of parts) {
    const shown = "text" in query ? around(await wholeOf(part, recall), query.text) : start(part);
    told.push(`${headOf(part)}\n${shown}`);
  }
  return { content: told.join("\n\n") };
}

function queryOf(input: Input): RecallQuery | undefined {
  const call = text(input, "call", "");
  const words = text(input, "text", "");
  const turn = number(input, "turn", 0);
  const given: RecallQuery[] = [
    ...(call === "" ? [] : [{ call }]),
    ...(turn === 0 ? [] : [{ turn }]),
    ...(words === "" ? [] : [{ text: words }]),
  ];
  return given.length === 1 ? given[0] : undefined;
}

function shownQuery(query: RecallQuery): string {
  if ("call" in query) return `a call '${query.call}'`;
  return "turn" in query ? `a turn ${query.turn}` : `the text '${query.text}'`;
}

async function page(event: Recalled, offset: number, recall: RecallDoor): Promise<ToolOutcome> {
  const whole = await wholeOf(event, recall);
  if (offset >= whole.length && offset > 0) {
    return {
      content: `The result has ${grouped(whole.length)} characters, none from ${grouped(offset)} on`,
      error: true,
    };
  }
  const end = Math.min(whole.length, offset + mostOfPage);
  const shown = whole.slice(offset, end).toWellFormed();
  if (offset === 0 && end === whole.length) return { content: shown };
  const more = end < whole.length ? `; go on with offset ${end}` : "";
  return { content: `${shown}\n[characters ${grouped(offset)} to ${grouped(end)} of ${grouped(whole.length)}${more}]` };
}

function headOf(event: Recalled): string {
  if (event.type === "user") return "[prompt]";
  if (event.type === "turn_end") return `[turn ${event.turn}, answer]`;
  return `[turn ${event.turn}, result of ${event.name}, call '${event.id}']`;
}

function textOf(event: Recalled): string {
  if (event.type === "user") return event.text;
  if (event.type === "call_end") return event.content;
  const { text: said, calls } = event.message;
  const called = calls.map(({ id, name, arguments: values }) => `${name} (call '${id}') ${values}`);
  return [...(said === "" ? [] : [said]), ...called].join("\n");
}

/** The text as it was before it was cut for the model, where that is kept. */
async function wholeOf(event: Recalled, recall: RecallDoor): Promise<string> {
  const kept =
    event.type === "call_end" && event.whole !== undefined ? await recall.whole(event.whole.sha256) : undefined;
  return (kept?.ok === true ? kept.value : undefined) ?? textOf(event);
}

function start(event: Recalled): string {
  const whole = textOf(event);
  const left = whole.length - mostOfPart;
  if (left <= 0) return whole;
  return `${whole.slice(0, mostOfPart).toWellFormed()}\n[${grouped(left)} more characters]`;
}

function around(whole: string, words: string): string {
  const at = Math.max(0, whole.toLowerCase().indexOf(words.toLowerCase()) - mostAround / 2);
  const shown = whole.slice(at, at + words.length + mostAround).toWellFormed();
  return `${at > 0 ? "…" : ""}${shown}${at + shown.length < whole.length ? "…" : ""}`;
}
