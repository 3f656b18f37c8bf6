/** The built executable, and a way to run it in a folder and environment of one's own. */
import { resolve } from "node:path";

export const rein = resolve(import.meta.dir, "../../dist/rein");

export type Ended = { code: number; stdout: string; stderr: string };

export async function run(argv: string[], cwd: string, env: Record<string, string | undefined>): Promise<Ended> {
  const child = Bun.spawn(argv, { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 120_000 });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
