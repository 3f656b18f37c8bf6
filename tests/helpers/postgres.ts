import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

/** A PostgreSQL server with databases of its own, which is ended with its folder. */
export type Server = {
  /** A new, empty database. `password`: over TCP, with the password of `ada`; else over its socket, without one. */
  database(how?: { password: true }): string;
  port: number;
  /** Where its certificate is, if it has one. */
  certificate: string;
  stop(): Promise<void>;
};

export const password = "s3cret %/@";

/** Where Debian has its programs; undefined where there are none. */
export function postgresFolder(): string | undefined {
  const root = "/usr/lib/postgresql";
  try {
    const versions = readdirSync(root).toSorted((a, b) => Number(b) - Number(a));
    const folders = versions.map((version) => join(root, version, "bin"));
    return folders.find((folder) => readdirSync(folder).includes("initdb"));
  } catch {
    return undefined; // It is not installed.
  }
}

/** Root may not run it: then `nobody` does. */
const nobody = 65534;
const asUser = process.geteuid?.() === 0 ? ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : [];

/** `fsync`: what it says is on disk is; tests need not wait for that. `tls`: with a certificate for `localhost` over TCP. */
export async function startPostgres(bin: string, how?: { fsync?: true; tls?: true }): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "rein-pg-"));
  const data = join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  chmodSync(folder, 0o711);
  if (asUser.length > 0) for (const path of [folder, data]) chownSync(path, nobody, nobody);
  const port = freePort();
  const secret = join(folder, "password");
  await Bun.write(secret, password);
  const make = ["-D", data, "-U", "ada", "--no-sync", "-E", "UTF8", "--no-locale", "--auth-local=trust"];
  const initdb = [join(bin, "initdb"), ...make, "--auth-host=scram-sha-256", `--pwfile=${secret}`];
  const made = Bun.spawnSync([...asUser, ...initdb], { cwd: "/" });
  if (!made.success) throw new Error(`initdb: ${made.stderr}`);
  const settings = [
    "-c",
    "listen_addresses=127.0.0.1",
    "-c",
    `fsync=${how?.fsync ? "on" : "off"}`,
    "-c",
    "max_connections=40",
  ];
  const certificate = join(folder, "certificate.pem");
  if (how?.tls) {
    const key = join(folder, "key.pem");
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-nodes"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    const files = ["-keyout", key, "-out", certificate];
    const signed = Bun.spawnSync(["openssl", "req", "-x509", ...curve, ...subject, ...files], { stderr: "pipe" });
    if (!signed.success) throw new Error(`openssl: ${signed.stderr}`);
    chmodSync(key, 0o600);
    if (asUser.length > 0) chownSync(key, nobody, nobody);
    settings.push("-c", "ssl=on", "-c", `ssl_cert_file=${certificate}`, "-c", `ssl_key_file=${key}`);
  }
  const serve = [join(bin, "postgres"), "-D", data, "-k", folder, "-p", `${port}`, ...settings];
  const server = Bun.spawn([...asUser, ...serve], { cwd: "/", stdout: "ignore", stderr: "pipe" });
  let log = "";
  const reader = server.stderr.pipeThrough(new TextDecoderStream()).getReader();
  while (!log.includes("ready to accept connections")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(log);
    log += value;
  }
  reader.releaseLock();
  const socket = `${folder}/.s.PGSQL.${port}`;
  let databases = 0;
  return {
    port,
    certificate,
    database(how) {
      const name = `d${databases++}`;
      const psql = ["psql", "-h", folder, "-p", `${port}`, "-U", "ada", "-qc", `CREATE DATABASE ${name}`, "postgres"];
      const created = Bun.spawnSync(psql, { cwd: "/" });
      if (!created.success) throw new Error(`${created.stderr}`);
      return how === undefined
        ? `postgres://ada@localhost:${port}/${name}?path=${socket}`
        : `postgres://ada:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}`;
    },
    async stop() {
      server.kill("SIGQUIT");
      await server.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
