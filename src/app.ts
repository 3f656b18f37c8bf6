import { journalPath } from "./app/journal.ts";
import type { RouteQuestion } from "./app/explain-route.ts";
import type { DoctorRequest } from "./app/doctor.ts";
import type { Problem } from "./core/problem.ts";
import type { Resumed, RunEnd } from "./app/resume.ts";
import { exitCode } from "./core/exit.ts";
import type { Clock } from "./core/host.ts";
import type { RunResult } from "./core/result-document.ts";
import type { ExplainedRoute, RouteStats } from "./core/route.ts";
import { fail, type Result } from "./core/result.ts";
import type { ServiceCheck } from "./core/service-check.ts";
import type { Reader, Store } from "./core/store.ts";
import { systemClock } from "./host/clock.ts";
import type { Environment } from "./host/machine.ts";

export const clock: Clock = systemClock;

/** A run to go on with, or its end where it has nothing left to do. `wait`: while another process has it, until that signal. */
export async function takeRun(
  environment: Environment,
  name: string,
  wait: AbortSignal | undefined,
): Promise<Result<Resumed | RunEnd, Problem>> {
  const { takeRun: take } = await import("./app/resume.ts");
  return take(environment, name, wait);
}

/** What `rein doctor` shows. */
export async function examineServices(request: Omit<DoctorRequest, "clock">): Promise<Result<ServiceCheck[]>> {
  const { examine } = await import("./app/doctor.ts");
  return examine({ ...request, clock });
}

/** What `rein route` tells of a prompt. */
export async function explainRoute(question: RouteQuestion): Promise<Result<ExplainedRoute, Problem>> {
  const { explainRoute: explain } = await import("./app/explain-route.ts");
  return explain(question);
}

/** What `rein route --stats` shows. */
export async function routeStats(environment: Environment, since: number): Promise<Result<RouteStats[]>> {
  const { routeStats: fold } = await import("./app/route-stats.ts");
  return readStore(environment, async (store) => {
    const rows = await store.routes(since);
    return rows.ok ? { ok: true, value: fold(rows.value) } : rows;
  });
}

/** The sessions of this user's journal; a failure when it cannot be read. Nothing is made where there is none. */
export async function readStore<T>(
  environment: Environment,
  read: (store: Reader) => Promise<Result<T>>,
): Promise<Result<T>> {
  const location = journalPath(environment);
  const { findStore } = await import("./store/open.ts");
  const opened = await findStore(location);
  if (!opened.ok) return opened;
  try {
    return await read(opened.value);
  } finally {
    await opened.value.close();
  }
}

/** The same, to change what is in it. */
export async function changeStore<T>(
  environment: Environment,
  change: (store: Store) => Promise<Result<T>>,
): Promise<Result<T>> {
  const location = journalPath(environment);
  if (location === undefined) return fail("failed", "There is no journal: neither XDG_STATE_HOME nor HOME is set");
  const { openStore } = await import("./store/open.ts");
  const opened = await openStore(location);
  if (!opened.ok) return opened;
  try {
    return await change(opened.value);
  } finally {
    await opened.value.close();
  }
}

/** The result of a run that never began. */
export function problemResult(run: string, { outcome, message, hint }: Problem): RunResult {
  const error = hint === undefined ? { message } : { message, hint };
  return {
    outcome,
    exit_code: exitCode(outcome),
    answer: null,
    error,
    model: null,
    usage: {},
    cost: null,
    denied: [],
    run_id: run,
  };
}
