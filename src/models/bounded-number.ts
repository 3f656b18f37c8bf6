import type { JsonObject } from "../core/json.ts";
import type { Path, Told } from "./unkept.ts";

/** The largest whole number that needs no more digits than anybody writes by hand. */
export const largestNumber = 1_000_000_000;

/** Numbers beyond it are none that a grammar can compare. */
const largestCompared = 1e15;

/** The same bounds of a number, with those that a schema leaves open. `whole`: it is an integer. */
export function boundedNumber(schema: JsonObject, path: Path, whole: boolean, told: Told): JsonObject {
  const node: JsonObject = {};
  for (const keyword of ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"]) {
    const value = schema[keyword];
    // What is nearly endless may end earlier.
    if (typeof value === "number") node[keyword] = Math.sign(value) * Math.min(Math.abs(value), largestCompared);
    else if (value !== undefined) told.tell([...path, keyword], `'${keyword}' is no number`);
  }
  const numbers = (...names: string[]) => names.flatMap((name) => (typeof node[name] === "number" ? node[name] : []));
  const lows = numbers("minimum", "exclusiveMinimum");
  const highs = numbers("maximum", "exclusiveMaximum");
  if (lows.length === 0) node["minimum"] = Math.min(-largestNumber, Math.min(0, ...highs) - largestNumber);
  if (highs.length === 0) node["maximum"] = Math.max(largestNumber, Math.max(0, ...lows) + largestNumber);
  const low = Math.max(...numbers("minimum", "exclusiveMinimum"));
  const high = Math.min(...numbers("maximum", "exclusiveMaximum"));
  const step = node["multipleOf"];
  if (typeof step === "number" && (!isShort(step) || (whole && !Number.isInteger(step))))
    told.cannot([...path, "multipleOf"], `'multipleOf' ${step}`);
  const unit = typeof step === "number" ? step : whole ? 1 : undefined;
  const first = unit === undefined ? low : Math.ceil(low / unit) * unit;
  const open = (at: number) => numbers("exclusiveMinimum", "exclusiveMaximum").includes(at);
  const inside = unit !== undefined && open(first) && first === low ? first + unit : first;
  if (low >= largestCompared || high <= -largestCompared) told.cannot(path, "numbers as large as these");
  else if (inside > high || (inside === high && open(high)) || (unit === undefined && low === high && open(low)))
    told.tell(path, "No number fits");
  return node;
}

/** Whether a number has few enough digits: counted as llguidance does, by which 0.07 has too many. */
function isShort(number: number): boolean {
  let digits = number;
  for (let count = 0; !Number.isInteger(digits) && count < 20; count++) digits *= 10;
  return number > 0 && digits <= 2 ** 32 - 1;
}
