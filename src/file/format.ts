import type { McpServer } from "../core/mcp.ts";
import type { Plan } from "../core/plan.ts";
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  parseDocument,
  visit,
  type Document,
  type Scalar,
  type ScalarTag,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { stringifyString } from "yaml/util";
import * as v from "valibot";
import { agentSchema } from "./schema.ts";

/** What stands in one line may be as long as this; what the author folded is folded here. */
const lineWidth = 120;

/**
 * An agent file's text as it is written here: keys in the order of the reference, two blanks of indentation, `[a, b]` and
 * `{ a: b }`, one newline at the end. Comments, quotes and the choice of flow or block stay as they are. The text is good YAML.
 */
export function formatAgent(source: string): string {
  const text = source.replaceAll("\r\n", "\n");
  // Said of the whole file, shebang line included: it stays in front, whichever key it stands before.
  const head = /^(?:[ \t]*(?:#.*)?\n)*/.exec(text)?.[0] ?? "";
  const body = text.slice(head.length);
  const oneLine = new WeakSet<Scalar>();
  const document = parseDocument(body, {
    version: "1.2",
    uniqueKeys: false,
    customTags: (tags) => tags.map((tag) => (isTextTag(tag) ? { ...tag, stringify: writeText(oneLine) } : tag)),
  });
  if (!hasAnchors(document)) sortKeys(agentSchema, document.contents);
  const first = isMap(document.contents) ? document.contents.items[0]?.key : undefined;
  if (isScalar(first)) first.spaceBefore = false;
  visit(document, {
    Map: (_, map) => padded(map, " "),
    Seq: (_, list) => padded(list, ""),
    Scalar(_, scalar) {
      if (scalar.range && !body.slice(scalar.range[0], scalar.range[1]).includes("\n")) oneLine.add(scalar);
    },
  });
  const written = document.toString({ lineWidth, flowCollectionPadding: true });
  const lines = head.split("\n").map((line) => line.trim());
  const shown = lines
    .join("\n")
    .replace(/^\n+/, "")
    .replace(/\n{3,}/g, "\n\n");
  return shown + written;
}

/** The comments of a text, in any order: what a new text of the same must have as well. */
export function commentsOf(text: string): string[] {
  const comments: string[] = [];
  let inScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    // A lexeme of one control character says what comes next.
    if (!inScalar && lexeme.startsWith("#")) comments.push(lexeme.trim());
    inScalar = lexeme === scalarComes;
  }
  return comments.filter((comment) => comment !== "#").toSorted();
}

/** A plan as far as its text's form does not matter; agents within the file have its hash too, and servers their places. */
export function withoutHash(plan: Plan): Plan {
  const agents = Object.entries(plan.agents).map(([name, agent]) => [
    name,
    { ...agent, plan: withoutHash(agent.plan) },
  ]);
  return { ...plan, hash: "", mcp: plan.mcp.map(withoutPlaces), agents: Object.fromEntries(agents) };
}

/** A server without the places that its messages name. */
function withoutPlaces(server: McpServer): McpServer {
  const nowhere = { file: "", line: 0, column: 0 };
  return JSON.parse(JSON.stringify(server, (key, value) => (key === "place" ? nowhere : value)));
}

const scalarComes = "\u001f";

/** Moved in front of its anchor an alias leads nowhere. */
function hasAnchors(document: Document): boolean {
  let found = false;
  visit(document, {
    Node(_, node) {
      if (isAlias(node) || node.anchor === undefined) return undefined;
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

type ObjectSchema = v.GenericSchema & { entries: Record<string, v.GenericSchema>; rest?: v.GenericSchema };

/** Puts the keys of maps that the schema knows into its order; what it does not know stays behind them. */
function sortKeys(given: v.GenericSchema, node: unknown): void {
  const schema = "wrapped" in given && isSchema(given.wrapped) ? given.wrapped : given;
  if (isSeq(node) && "item" in schema && isSchema(schema.item))
    for (const item of node.items) sortKeys(schema.item, item);
  if (isSeq(node) && "options" in schema && Array.isArray(schema.options)) {
    for (const option of schema.options) if (isSchema(option) && option.type === "array") sortKeys(option, node);
  }
  if (!isMap(node)) return;
  if ("options" in schema && Array.isArray(schema.options)) {
    for (const option of schema.options) if (isSchema(option)) sortKeys(option, node);
  }
  if (schema.type === "record" && "value" in schema && isSchema(schema.value)) {
    for (const { value } of node.items) sortKeys(schema.value, value);
  }
  if (!isObject(schema)) return;
  const { entries } = schema;
  const order = Object.keys(entries);
  const place = (key: unknown) => {
    const at = isScalar(key) ? order.indexOf(String(key.value)) : -1;
    return at < 0 ? order.length : at;
  };
  for (const { key, value } of node.items) {
    const entry = isScalar(key) ? (entries[String(key.value)] ?? schema.rest) : undefined;
    if (entry !== undefined) sortKeys(entry, value);
  }
  node.items.sort((a, b) => place(a.key) - place(b.key));
}

function isSchema(value: unknown): value is v.GenericSchema {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "schema";
}

function isObject(schema: v.GenericSchema): schema is ObjectSchema {
  return schema.type === "strict_object" || schema.type === "object_with_rest";
}

/** Writes a collection in flow with this inside of its brackets. */
function padded(collection: YAMLMap | YAMLSeq, flowCollectionPadding: string): void {
  const write = collection.toString.bind(collection);
  collection.toString = (context, ...rest) => write(context && { ...context, flowCollectionPadding }, ...rest);
}

function isTextTag(tag: unknown): tag is ScalarTag {
  return typeof tag === "object" && tag !== null && "tag" in tag && tag.tag === "tag:yaml.org,2002:str";
}

/** A text that the author wrote on one line stays on it, however long it is. */
function writeText(oneLine: WeakSet<Scalar>): NonNullable<ScalarTag["stringify"]> {
  return (text, context, ...rest) => {
    const options = oneLine.has(text) ? { ...context.options, lineWidth: 0 } : context.options;
    return stringifyString(text, { ...context, actualString: true, options }, ...rest);
  };
}
