import type { Usage } from "./model.ts";

/**
 * What became of a look at one model: it answered; its service refused the key; it could not be reached, or failed by itself; it
 * refused the request (an unknown model); no key is set; the agent file's address or key was not granted; nothing was sent.
 */
export type ServiceState = "works" | "refused" | "unreachable" | "failed" | "no_key" | "not_granted" | "not_tested";

/** One row of `rein doctor`. Null is what is not known or does not apply. */
export type ServiceCheck = {
  /** `provider/model`. */
  model: string;
  /** Its name under `models:`. */
  name: string | null;
  /** The variable that the credentials are from; never their value. */
  variable: string | null;
  /** The base URL. */
  endpoint: string | null;
  state: ServiceState;
  /** What went wrong, and the way out. */
  detail: string | null;
  time_ms: number | null;
  usage: Usage | null;
  /** Whether it calls a tool when it is told to. */
  tools: boolean | null;
};
