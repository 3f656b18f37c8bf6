import * as v from "valibot";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import { durationPattern, milliseconds } from "./duration.ts";

/** Any JSON value. */
export const json = v.custom<Json>(() => true);

/** A JSON Schema, checked by output-schema.ts. */
export const jsonSchema = v.custom<JsonObject>(isJsonObject);

export const durationSchema = v.pipe(
  v.string(),
  v.title("a duration such as '30s' or '5m'"),
  v.regex(durationPattern, "Expected a duration such as '500ms', '30s', '5m' or '1h'"),
  v.check(
    (text) => milliseconds(text) >= 1 && milliseconds(text) <= 2 ** 31 - 1,
    "A duration is between '1ms' and '596h'",
  ),
);
