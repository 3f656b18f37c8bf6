/** What a tool draws for the user, as data: whoever shows it draws it as large and as colourful as can be seen there. */
export type Picture =
  | { kind: "table"; title?: string; columns: string[]; rows: string[][] }
  /** A bar for each value; its label has the same place in `labels`. */
  | { kind: "bar"; title?: string; labels: string[]; values: number[] }
  /** A line for each series, over the same points; `labels` may be empty. */
  | { kind: "line"; title?: string; labels: string[]; series: Array<{ name: string; values: number[] }> }
  /** A line of text for each node, indented below its parent. */
  | { kind: "tree"; title?: string; text: string }
  /** A unified diff. */
  | { kind: "diff"; title?: string; text: string }
  /** How much of `max` each value is. */
  | { kind: "progress"; title?: string; labels: string[]; values: number[]; max: number }
  | { kind: "markdown"; title?: string; text: string }
  /** An image that had that size, as a PNG in base64 which is no larger than can be shown. */
  | { kind: "image"; title?: string; name: string; width: number; height: number; data: string };
