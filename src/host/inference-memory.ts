import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Where the driver's own tool is: on Linux, and where Windows lends its driver to Linux. No other folder's is started. */
const nvidiaTools = ["/usr/bin/nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi"];

/** A driver that does not answer holds nobody up. */
const longestMs = 3000;

/** The memory of this machine's largest graphics card, in bytes; undefined where no driver tells of one. */
export async function videoMemory(): Promise<number | undefined> {
  const sizes = [...amdCards(), ...(await nvidiaCards())];
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

async function nvidiaCards(): Promise<number[]> {
  const tool = nvidiaTools.find((path) => existsSync(path));
  if (tool === undefined) return [];
  try {
    const child = Bun.spawn([tool, "--query-gpu=memory.total", "--format=csv,noheader,nounits"], {
      env: {},
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: longestMs,
    });
    const told = await new Response(child.stdout).text();
    return told.split("\n").flatMap((line) => (/^\s*\d+\s*$/.test(line) ? Number(line) * 2 ** 20 : []));
  } catch {
    return []; // It is there and does not start: a container without the driver.
  }
}

/** The driver of AMD's cards tells it in files. */
function amdCards(): number[] {
  const folder = "/sys/class/drm";
  try {
    return readdirSync(folder).flatMap((card) => {
      const file = `${folder}/${card}/device/mem_info_vram_total`;
      const size = /^card\d+$/.test(card) && existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
      return size > 0 ? [size] : [];
    });
  } catch {
    return []; // No graphics at all.
  }
}
