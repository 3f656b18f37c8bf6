import { freePort } from "./free-port.ts";

/** llama.cpp's own server: what scripts/llama-server builds, and REIN_LLAMA_SERVER names. */
export const llamaServer = process.env["REIN_LLAMA_SERVER"] ?? "";

export type LlamaServer = { url: string; pid: number; stop(): Promise<void> };

/** Starts it on a port of this machine, and waits until the model is loaded. */
export async function startLlamaServer(weights: string, flags: string[]): Promise<LlamaServer> {
  const port = freePort();
  const argv = [llamaServer, "-m", weights, "--host", "127.0.0.1", "--port", `${port}`, "--parallel", "1", ...flags];
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill();
    await child.exited;
  };
  for (let tries = 0; tries < 300; tries++) {
    const health = await fetch(`${url}/health`).catch(() => undefined);
    if (health?.ok === true) return { url, pid: child.pid, stop };
    if (child.exitCode !== null) throw new Error(`'${argv.join(" ")}' ended with exit code ${child.exitCode}`);
    await Bun.sleep(100);
  }
  await stop();
  throw new Error(`'${argv.join(" ")}' did not get ready`);
}
