import type { Clock } from "../core/host.ts";
import type { Result } from "../core/result.ts";
import type { Problem } from "../core/problem.ts";
import type { OpenHost } from "../host/host.ts";
import { modelsOf, type Choice } from "../models/choose.ts";
import { listsOf, readyChoice, type ReadyChoice } from "./candidates.ts";
import { chosenModels, modelDeps, offeredModel } from "./model.ts";
import type { RunRequest } from "./request.ts";
import type { Resumed } from "./resume.ts";

/** Taken where a model's window is not known: more than any service offers. */
const largestWindow = 2_000_000;

/** The models that a run is to have; of a person who has no key, the small one on this machine. */
export async function chooseOrOffer(request: RunRequest): Promise<Result<Choice, Problem>> {
  const { plan, environment, confirm, cwd, interrupts } = request;
  const chosen = chosenModels(plan, request.model, environment);
  if (chosen.ok || chosen.error.outcome !== "credentials" || confirm === undefined || request.dryRun) return chosen;
  const offered = await offeredModel(confirm, environment, cwd, interrupts);
  return offered === undefined ? chosen : { ok: true, value: [offered] };
}

/** Which of them can be had. */
export function readyModels(
  request: RunRequest,
  chosen: Choice,
  host: OpenHost,
  clock: Clock,
): Promise<Result<ReadyChoice, Problem>> {
  const { environment, cwd, files, streamed, resumed } = request;
  const folders = foldersOf(request, chosen);
  return readyChoice(
    chosen,
    modelDeps({
      host,
      clock,
      environment,
      files,
      cwd,
      plan: request.plan,
      retryAfterText: !streamed,
      ...(resumed === undefined ? {} : { past: scriptsOf(resumed) }),
      ...folders,
    }),
  );
}

/** The most tokens that one of the models could read. */
export function largestOf(choice: ReadyChoice | undefined): number {
  const windows = (choice === undefined ? [] : listsOf(choice)).flatMap(({ candidates }) =>
    candidates.map(({ window = largestWindow }) => window),
  );
  return windows.length === 0 ? largestWindow : Math.max(...windows);
}

/** A file names its script relative to itself, a flag or variable relative to where it was typed. */
export function foldersOf({ plan, cwd }: RunRequest, choice: Choice) {
  const typed = modelsOf(choice).some(({ from }) => from === "caller");
  return { scriptFolder: typed ? cwd : plan.folder, agentFolder: plan.folder };
}

/** What a scripted model must know of a run that goes on. */
function scriptsOf({ past: { events }, journal: { history } }: Resumed) {
  const results = history.messages.map((message) => (message.role === "tool" ? message.results.length : 0));
  return { events, earlierResults: results.reduce((sum, one) => sum + one, 0) };
}
