import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Does some moves in a folder again and again. It ends between two rounds, so that nothing moves any more when the folder is removed. */
export function swapAgainAndAgain(folder: string, moves: string): AsyncDisposable {
  const script = `cd '${folder}'; until [ -e stop ]; do ${moves}; done`;
  const swapper = Bun.spawn(["sh", "-c", script], { stderr: "ignore" });
  return {
    async [Symbol.asyncDispose]() {
      writeFileSync(join(folder, "stop"), "");
      await swapper.exited;
    },
  };
}
