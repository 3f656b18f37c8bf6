import type { JsonObject } from "../core/json.ts";

/** Where something stands in a schema: keys, and indexes of lists. */
export type Path = Array<string | number>;

/** What of a schema no grammar can keep, and where. */
export type Unkept = { path: Path; message: string; hint?: string };

/** What was told of one schema. */
export class Told {
  readonly unkept: Unkept[] = [];

  /** Tells what is wrong; nothing fits in its place. */
  tell(path: Path, message: string, hint?: string): false {
    this.unkept.push(hint === undefined ? { path, message } : { path, message, hint });
    return false;
  }

  cannot(path: Path, what: string, hint?: string): false {
    return this.tell(path, `A grammar cannot keep ${what}`, hint);
  }

  /** Two keywords that say how many of something there may be. */
  counts(schema: JsonObject, lower: string, upper: string, path: Path): { least: number; most?: number } {
    const [least, most] = [lower, upper].map((keyword) => {
      const value = schema[keyword];
      if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0)) return value;
      this.tell([...path, keyword], `'${keyword}' is no count`);
      return undefined;
    });
    if ((least ?? 0) > (most ?? Infinity)) this.tell([...path, lower], `'${lower}' is more than '${upper}'`);
    return most === undefined ? { least: least ?? 0 } : { least: least ?? 0, most };
  }
}
