import type { JsonObject } from "../core/json.ts";
import type { Bounds } from "./bounded-schema.ts";
import { grammarPattern } from "./grammar-pattern.ts";
import type { Path, Told } from "./unkept.ts";

const formats = "date-time time date duration email hostname ipv4 ipv6 uuid uri".split(" ");
const unkeepableFormats = "uri-reference uri-template url regex json-pointer relative-json-pointer".split(" ");

/** The same text with an end. `bounds` are those of the place, `whole` those of the whole schema. */
export function boundedText(
  schema: JsonObject,
  { path, bounds }: { path: Path; bounds: Bounds },
  whole: Bounds,
  told: Told,
): JsonObject {
  const { pattern, format } = schema;
  const node: JsonObject = {};
  let endless = true;
  if (typeof format === "string" && formats.includes(format)) node["format"] = format;
  else if (typeof format === "string" && unkeepableFormats.includes(format))
    told.cannot([...path, "format"], `'format' '${format}'`);
  if (pattern !== undefined) {
    const kept = typeof pattern === "string" ? grammarPattern(pattern) : undefined;
    if (kept === undefined) told.cannot([...path, "pattern"], `'pattern' ${JSON.stringify(pattern)}`);
    if ("format" in node) told.cannot([...path, "pattern"], "'pattern' beside 'format'");
    endless = kept?.endless ?? false;
    node["pattern"] = pattern;
  }
  const { least, most } = told.counts(schema, "minLength", "maxLength", path);
  if (least > 0) node["minLength"] = least;
  // How much a pattern or a format needs is not known: it gets as much as any text.
  const ours = "format" in node || pattern !== undefined ? whole.characters : bounds.characters;
  if (most !== undefined || endless) node["maxLength"] = Math.min(most ?? Infinity, Math.max(ours, least));
  return node;
}
