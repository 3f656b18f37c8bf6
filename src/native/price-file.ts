import { readFileSync } from "node:fs";
import path from "../../dist/native/models.prices" with { type: "file" };

/** What services' models cost, as scripts/prices.ts wrote it. */
export function priceFile(): string {
  return readFileSync(path, "utf8");
}
