/** The models of a route: the one for what is simple, and the one for the rest. */
export const sides = ["simple", "complex"] as const;
export type Side = (typeof sides)[number];

/** What judges a prompt; `cascade` judges the answer of the simple model instead. */
export const scorers = ["keywords", "features", "cascade"] as const;
export type Scorer = (typeof scorers)[number];

/** Two models, or lists of them in the order in which they stand in for each other, and what chooses between them. */
export type Route = {
  simple: string[];
  complex: string[];
  /** A score strictly above it goes to the complex model. */
  threshold: number;
  scorer: Scorer;
  /** What a keyword weighs, from 0 to 1. */
  keywords: Record<string, number>;
};

/** `model:` of an agent file: one or several in the order in which they stand in for each other, or a route. As written. */
export type ModelSetting = string[] | Route;

export const defaultThreshold = 0.7;

export const defaultKeywords: Readonly<Record<string, number>> = {
  architecture: 0.8,
  design: 0.7,
  refactor: 0.6,
  bug: 0.3,
  implement: 0.7,
  optimize: 0.5,
};

/** What was decided for one prompt, and the reason in words. `score` is null where no prompt is judged. */
export type Routed = { side: Side; score: number | null; threshold: number; scorer: Scorer; why: string };

/** Which model a prompt would go to. All but `model` and `why` are null where there is no route. */
export type ExplainedRoute = {
  score: number | null;
  /** The first that would be asked. */
  model: string;
  scorer: Scorer | null;
  why: string;
  side: Side | null;
  threshold: number | null;
};

/** What one side of a route got, and what came of it. */
export type SideStats = {
  requests: number;
  /** Of the requests to the route, from 0 to 1. */
  share: number;
  /** In US dollars; null where the cost of a run is not known. */
  cost: number | null;
  /** Of the runs that have ended. */
  median_ms: number | null;
  failed_checks: number;
  /** Runs in which the complex model had to go on. */
  escalated: number;
};

/** What a route did so far. */
export type RouteStats = {
  agent: string;
  scorer: Scorer;
  /** Of the last decision. */
  threshold: number;
  requests: number;
  sides: Record<Side, SideStats>;
  /** One side gets nearly all. `threshold` would part the scores so far better; null where none would. */
  warning: { side: Side; threshold: number | null } | null;
};

/** All models that a setting may lead to, in order. */
export function namesOf(setting: ModelSetting): string[] {
  return Array.isArray(setting) ? setting : [...setting.simple, ...setting.complex];
}

/** A setting in words. */
export function settingText(setting: ModelSetting): string {
  if (Array.isArray(setting)) return setting.join(", else ");
  const { simple, complex, scorer } = setting;
  const first = settingText(simple);
  return scorer === "cascade"
    ? `${first}, then ${settingText(complex)}`
    : `${first}, or ${settingText(complex)}, by the prompt`;
}
