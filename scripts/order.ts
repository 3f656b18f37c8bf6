/**
 * Writes which code one-shot runs use, by each SDK, for `bun build --bytecode-order`: `order.ts EXECUTABLE FOLDER`. The same
 * executable writes the same, to the byte.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const [executable = "", folder = ""] = process.argv.slice(2).map((path) => resolve(path));
const home = mkdtempSync(join(tmpdir(), "rein-order-"));
writeFileSync(
  join(home, "agent.yaml"),
  "name: order\ninstructions: Answer\nprompt: Do it\ntools: [file_read]\npermissions: { read: [.] }\n",
);
writeFileSync(join(home, "notes.txt"), "A few lines to read.\n");
mkdirSync(folder, { recursive: true });

const service = Bun.spawn([process.execPath, resolve(import.meta.dir, "../bench/service.ts")], { stdout: "pipe" });
try {
  const { value: port } = await service.stdout.getReader().read();
  // Two turns; the log of each run has its own name.
  const root = (run: string) => `http://127.0.0.1:${new TextDecoder().decode(port).trim()}/2/${run}`;
  const runs = {
    openai: { OPENAI_BASE_URL: `${root("openai")}/v1` },
    "openai-compatible": { OPENAI_BASE_URL: `${root("openai-compatible")}/v1` },
    anthropic: { ANTHROPIC_BASE_URL: root("anthropic") },
    ollama: { OLLAMA_HOST: root("ollama") },
  };
  for (const [provider, address] of Object.entries(runs)) {
    const run = Bun.spawnSync([executable, "run", "-P", "--quiet", "agent.yaml", "--model", `${provider}/order`], {
      cwd: home,
      env: {
        HOME: home,
        PATH: "/usr/bin:/bin",
        OPENAI_API_KEY: "key",
        ANTHROPIC_API_KEY: "key",
        BUN_BYTECODE_ORDER_OUT: join(folder, `${provider}.order`),
        ...address,
      },
    });
    if (!run.success) throw new Error(`A run with '${provider}' failed: ${run.stderr.toString()}`);
  }
} finally {
  service.kill();
  rmSync(home, { recursive: true, force: true });
}
