import type { Clock, Fetch } from "../core/host.ts";
import type { Model, ModelOptions } from "../core/model.ts";
import type { PatienceLimits } from "./patience.ts";

/** Memory for inference in bytes, and who says so: the user, a driver of graphics cards, or nobody, so that it is the machine's own. */
export type InferenceMemory = { bytes: number; from: "user" | "driver" | "machine" };

/** All that one service's model is made from. A provider file maps it, with its SDK, to a Model. */
export type ServiceConfig = {
  /** `provider/model`, as reported. */
  name: string;
  /** The model as the service knows it. */
  model: string;
  /** An http or https URL without user or password. */
  baseUrl: string;
  /** Absent: requests carry no credentials, as services on the own machine want it. */
  key?: string;
  /** Sent with each request. */
  headers: Record<string, string>;
  options: ModelOptions;
  fetch: Fetch;
  clock: Clock;
  patience?: PatienceLimits;
  /** What is known of the memory for inference at that address. Only services on one's own hardware ask. */
  memory?(baseUrl: string): Promise<InferenceMemory | undefined>;
};

/** What each provider file exports as `make`. It loads nothing and sends nothing. */
export type MakeModel = (config: ServiceConfig) => Model;
