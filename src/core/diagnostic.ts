/** The closed list of what can be wrong with an agent file. */
export type DiagnosticCode =
  | "yaml"
  | "unreadable"
  | "empty"
  | "unknown_key"
  | "later_key"
  | "missing_key"
  | "duplicate_key"
  | "wrong_type"
  | "wrong_value"
  | "unknown_name"
  | "template"
  | "permission"
  | "schema"
  | "too_large";

/** One thing that is wrong, with its place. Lines and columns start at 1; a column counts code points. */
export type Diagnostic = {
  code: DiagnosticCode;
  severity: "error" | "warning";
  /** What is wrong and what was expected: "Unknown key 'promt'". */
  message: string;
  /** The nearest fix: "did you mean 'prompt'?" */
  hint?: string;
  file: string;
  line: number;
  column: number;
  /** Width of the marked text in columns, at least 1. */
  width: number;
  /** The line it stands in, as it is. */
  source: string;
};
