import type { Clock, Fetch } from "../core/host.ts";
import type { Model, ModelOptions } from "../core/model.ts";
import type { PatienceLimits } from "./patience.ts";

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
};

/** What each provider file exports as `make`. It loads nothing and sends nothing. */
export type MakeModel = (config: ServiceConfig) => Model;
