import { expect, test } from "bun:test";
import { expectedOutcome, findSpecs, runSpec, updateExpected } from "../helpers/spec.ts";

/** As many at once as keep two cores busy; a case's own time limit starts when it starts. */
const atOnce = 4;
const waiting: Array<() => void> = [];
let running = 0;

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

for (const name of await findSpecs()) {
  test.concurrent(
    name,
    async () => {
      const outcome = await inTurn(() => runSpec(name));
      if (process.env["UPDATE_SPECS"] === "1") await updateExpected(name, outcome);
      expect(outcome).toEqual(await expectedOutcome(name));
    },
    600_000,
  );
}
