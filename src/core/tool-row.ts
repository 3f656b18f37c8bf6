import type { Json } from "./json.ts";
import type { Denial } from "./permission.ts";
import type { Effects } from "./tool.ts";

/** One row of `rein tools`. Null is what only loading a module would tell. */
export type ToolRow = {
  name: string;
  /** `rein`, or the file that it is written in. */
  origin: string;
  /** All that its calls can have. */
  effects: Effects[] | null;
  description: string | null;
  input: Json;
};

/** What a call by hand came to. */
export type CalledTool = { content: string; error: boolean; denied: Denial[] };
