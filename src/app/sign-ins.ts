import type { Person } from "../core/host.ts";
import type { Mask } from "../core/mask.ts";
import type { Plan } from "../core/plan.ts";
import type { Environment } from "../host/machine.ts";
import type { SignInOptions } from "../host/sign-ins.ts";

/** The sign-ins of an agent. What they need is loaded when one is used. */
export function signInsOf(plan: Pick<Plan, "oauth" | "folder">, mask: Mask): SignInOptions {
  return {
    specs: plan.oauth,
    folder: plan.folder,
    renew: async (...asked) => (await import("../tools/oauth-client.ts")).renewTokens(...asked),
    lock: async () => {
      const { lock } = await import("../store/lock.ts");
      return (path) => lock(path, 0);
    },
    learned: mask.add,
  };
}

/** Whoever is at the terminal, with the command that opens a page for them; nobody where nothing can be told. */
export function personAt(
  { tell, line }: Partial<Pick<Person, "tell" | "line">>,
  environment: Environment,
): { person?: Person } {
  if (tell === undefined) return {};
  const usual = process.platform === "darwin" ? "open" : "xdg-open";
  return { person: { tell, ...(line === undefined ? {} : { line }), browser: environment["BROWSER"] || usual } };
}
