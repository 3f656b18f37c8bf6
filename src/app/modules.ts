import type { Clock } from "../core/host.ts";
import type { Json } from "../core/json.ts";
import { moduleWorker } from "../core/module-protocol.ts";
import type { ModuleTool, PlannedTool } from "../core/planned-tool.ts";
import type { Result } from "../core/result.ts";
import { systemClock } from "../host/clock.ts";
import type { OpenHost } from "../host/host.ts";
import type { Environment } from "../host/machine.ts";
import { ModuleWorker } from "../tools/module-worker.ts";
import { openBareHost } from "./bare-host.ts";

/** The most time that a module may take to say what it exports. */
const describeMs = 2_000;

/** What is known of modules by loading them: what each exports, as it says, or why it could not be loaded. By absolute path. */
export type LoadedModules = ReadonlyMap<string, Result<Json, string>>;

/** Loads modules, each in a process of its own that nothing is granted to, and ends these. */
export async function loadModules(
  modules: readonly string[],
  place: { cwd: string; environment: Environment },
  clock: Clock = systemClock,
): Promise<LoadedModules> {
  const opened = openBareHost(place, clock, []);
  if (!opened.ok) return new Map(modules.map((module) => [module, opened]));
  const host = opened.value;
  try {
    const described = modules.map(async (module): Promise<[string, Result<Json, string>]> => {
      const worker = workerOf(module, host);
      return [module, await worker.describe(describeMs, clock)];
    });
    return new Map(await Promise.all(described));
  } finally {
    await host.close();
  }
}

/** The processes of the modules of a run, and what variables each gets. */
export function openWorkers(planned: readonly PlannedTool[], host: OpenHost) {
  const tools = planned.filter((tool): tool is ModuleTool => tool.kind === "module");
  const workers = new Map<string, { worker: ModuleWorker; variables: readonly string[] | undefined }>();
  for (const { module } of tools) {
    const own = tools.filter((tool) => tool.module === module).map(({ permissions }) => permissions.env);
    const variables = own.includes(undefined) ? undefined : [...new Set(own.flatMap((names) => names ?? []))];
    workers.set(module, { worker: workerOf(module, host), variables });
  }
  return workers;
}

function workerOf(module: string, host: OpenHost): ModuleWorker {
  return new ModuleWorker((options) => host.startModule(moduleWorker, module, options));
}
