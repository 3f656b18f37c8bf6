import { known as all } from "../../src/app/known.ts";
import type { Known } from "../../src/file/check.ts";

/** The names that there are, as `rein check` knows them. */
export const known: Known = all;
