/**
 * Completes package-lock.json after an `npm install`: npm leaves out optional packages of other platforms that the registry in
 * use does not serve, and `npm ci` then refuses the lock file. Their versions are known from the package that names them.
 */
import { readFileSync, writeFileSync } from "node:fs";

type Entry = {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
};

/** The words of platform packages' names (`binding-linux-arm-musleabihf`) in npm's terms. */
const systems = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const processors = ["arm", "arm64", "ia32", "ppc64", "riscv64", "s390x", "x64"];

const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const owner of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    if (lock.packages[path] !== undefined) continue;
    const words = name.split("-");
    const os = words.filter((word) => systems.includes(word));
    const cpu = words.filter((word) => processors.includes(word));
    if (os.length === 0 || cpu.length === 0) throw new Error(`Cannot tell the platform of '${name}'`);
    const libc = words.some((word) => word.startsWith("musl")) ? { libc: ["musl"] } : {};
    lock.packages[path] = { version, cpu, ...(owner.dev === true ? { dev: true } : {}), ...libc, optional: true, os };
    console.log(`added ${name} ${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
