import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startOpenAIServer } from "../helpers/openai-server.ts";
import { rein, run } from "./executable.ts";

// Where a key is sent, by which way, and who has to say so: the real executable against services of this machine.

const folder = mkdtempSync(join(tmpdir(), "rein-services-"));
const home = join(folder, "home");
mkdirSync(home);
const service = startOpenAIServer(() => ({ kind: "answer", text: "Hello" }));
const { port } = new URL(service.baseUrl);
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => service.behave({ kind: "answer", text: "Hello" }));

/** What a user's environment holds for every provider, as other tools read it. */
const keys = {
  ANTHROPIC_API_KEY: "standard-anthropic",
  ANTHROPIC_AUTH_TOKEN: "standard-token",
  ANTHROPIC_CUSTOM_HEADERS: "X-Gateway: standard-header",
  OPENAI_API_KEY: "standard-openai",
  OPENAI_ORG_ID: "standard-organization",
  OPENAI_PROJECT_ID: "standard-project",
  OPENAI_CUSTOM_HEADERS: "X-Gateway: standard-header",
  GEMINI_API_KEY: "standard-gemini",
  GOOGLE_API_KEY: "standard-google",
  HF_TOKEN: "standard-hugging-face",
  OLLAMA_API_KEY: "standard-ollama",
};

async function runAgent(text: string, flags: string[], environment: Record<string, string> = {}) {
  writeFileSync(join(folder, "agent.yaml"), text);
  const env = { PATH: "/usr/bin:/bin", HOME: home, LANG: "C.UTF-8", ...environment };
  return run([rein, "run", "agent.yaml", ...flags], folder, env);
}

/** All that the service was sent, as text. */
function sent(): string {
  return JSON.stringify(service.requests);
}

function agent(model: string, more = ""): string {
  return `model: it\nmodels: { it: ${model} }\nprompt: Hi\n${more}`;
}

describe("an address that the agent file names", () => {
  const local = `base_url: "http://127.0.0.1:${port}/v1"`;

  for (const provider of ["openai-compatible", "openai", "anthropic", "gemini", "huggingface", "ollama"]) {
    test(`of '${provider}' never gets what the environment holds for the services`, async () => {
      const seen: string[] = [];
      const thief = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        async fetch(request) {
          seen.push(JSON.stringify([request.url, [...request.headers], await request.text()]));
          return Response.json({ error: { message: "No" } }, { status: 400 });
        },
      });
      const file = agent(`{ model: ${provider}/x, base_url: "http://127.0.0.1:${thief.port}/v1" }`);
      expect(await runAgent(file, ["-P"], keys)).toMatchObject({ code: 2, stdout: "" });
      await thief.stop(true);
      expect(seen.length).toBeGreaterThan(0);
      for (const request of seen) expect(request).not.toContain("standard-");
    });
  }

  test("is not reached without a grant: code 3, nothing sent, and the flag", async () => {
    const ended = await runAgent(agent(`{ model: openai-compatible/x, ${local} }`), [], keys);
    expect(ended).toEqual({
      code: 3,
      stdout: "",
      stderr: `error: 'agent' can do nothing without what was not granted\nhint: add --allow-net=127.0.0.1:${port}, or -P to grant all that the file requests\n`,
    });
    expect(service.requests).toEqual([]);
  });

  test("is reached with the grant that the hint names, and not when it is denied as well", async () => {
    const file = agent(`{ model: openai-compatible/x, ${local} }`);
    expect(await runAgent(file, [`--allow-net=127.0.0.1:${port}`])).toMatchObject({ code: 0, stdout: "Hello\n" });
    service.behave();
    const denied = await runAgent(file, ["-P", "--deny-net=127.0.0.1"]);
    expect(denied).toMatchObject({ code: 3, stdout: "" });
    expect(denied.stderr).toContain(`Cannot reach '127.0.0.1:${port}': denied by --deny-net=127.0.0.1`);
    expect(service.requests).toEqual([]);
  });

  const keyed = agent(
    `{ model: openai-compatible/x, ${local}, key: TEAM_KEY, headers: { X-Team: { env: TEAM_NAME } } }`,
    "permissions: { env: [TEAM_KEY, TEAM_NAME] }\n",
  );
  const team = { TEAM_KEY: "the-team-key", TEAM_NAME: "the-team-name" };

  test("gets the key and header that the file names, when they were granted", async () => {
    const net = `--allow-net=127.0.0.1:${port}`;
    const without = await runAgent(keyed, [net], team);
    expect(without.code).toBe(3);
    expect(without.stderr).toContain("hint: add --allow-env=TEAM_KEY,TEAM_NAME, or -P");
    expect(service.requests).toEqual([]);
    const granted = await runAgent(keyed, [net, "--allow-env=TEAM_KEY,TEAM_NAME"], { ...keys, ...team });
    expect(granted).toMatchObject({ code: 0, stdout: "Hello\n" });
    expect(service.requests[0]?.headers).toMatchObject({
      authorization: "Bearer the-team-key",
      "x-team": "the-team-name",
    });
    expect(sent()).not.toContain("standard-");
  });

  test("has its key masked, and kept from commands", async () => {
    const tools = "tools: [bash_exec]\npermissions: { env: [TEAM_KEY, TEAM_NAME], run: [bash] }\n";
    const file = `${keyed.slice(0, keyed.indexOf("permissions:"))}${tools}`;
    service.behave(
      {
        kind: "answer",
        calls: [{ id: "1", index: 0, name: "bash_exec", arguments: { command: "env; echo the-team-k''ey" } }],
      },
      { kind: "answer", text: "Done" },
    );
    expect(await runAgent(file, ["-P"], team)).toMatchObject({ code: 0, stdout: "Done\n" });
    const seen = JSON.stringify(service.requests[1]?.body);
    expect(seen).toContain("PATH=");
    expect(seen).toContain("[masked]");
    expect(seen).not.toMatch(/TEAM_KEY|the-team-key/);
  });
});

test("the options of a named model are in its requests, and its extra body last", async () => {
  const file = agent(
    `{ model: openai-compatible/x, seed: 7, temperature: 0.5, max_tokens: 99, extra_body: { seed: 8, team: a } }`,
  );
  expect(await runAgent(file, [], { OPENAI_BASE_URL: service.baseUrl })).toMatchObject({ code: 0 });
  expect(service.requests[0]?.body).toMatchObject({ model: "x", seed: 8, temperature: 0.5, max_tokens: 99, team: "a" });
});

describe("a folder", () => {
  test("changes nothing of where a key is sent: not by .env, nor by files that other tools read", async () => {
    const other = startOpenAIServer(() => ({ kind: "answer", text: "Stolen" }));
    const address = `OPENAI_BASE_URL=${other.baseUrl}\nHTTP_PROXY=${new URL(other.baseUrl).origin}\n`;
    for (const name of [".env", ".env.local", ".env.production"]) writeFileSync(join(folder, name), address);
    const environment = { OPENAI_API_KEY: keys.OPENAI_API_KEY, OPENAI_BASE_URL: service.baseUrl };
    const ended = await runAgent("model: openai-compatible/x\nprompt: Hi\n", ["-P"], environment);
    expect(ended).toMatchObject({ code: 0, stdout: "Hello\n" });
    expect(service.requests[0]?.headers).toMatchObject({ authorization: "Bearer standard-openai" });
    expect(other.requests).toEqual([]);
    await other.stop();
    for (const name of [".env", ".env.local", ".env.production"]) rmSync(join(folder, name));
  });

  test("gets no key into a text of the agent: the file is refused", async () => {
    const file = `model: openai-compatible/x\nenv: [HF_TOKEN]\nprompt: "\${{ env.HF_TOKEN }}"\npermissions: { env: [HF_TOKEN] }\n`;
    const ended = await runAgent(file, ["-P"], { ...keys, OPENAI_BASE_URL: service.baseUrl });
    expect(ended.code).toBe(2);
    expect(service.requests).toEqual([]);
  });
});

describe("the way to a service", () => {
  const asked: string[] = [];
  let secure: ReturnType<typeof Bun.serve> | undefined;
  /** Forwards requests in absolute form. */
  const proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      asked.push(`${request.method} ${request.url}`);
      const { pathname } = new URL(request.url);
      return fetch(`http://127.0.0.1:${port}${pathname}`, { method: request.method, body: await request.text() });
    },
  });
  /** Forwards connections. */
  const tunnel = Bun.listen<{ target?: Bun.Socket; early: Buffer[] }>({
    port: 0,
    hostname: "127.0.0.1",
    socket: {
      open: (socket) => void (socket.data = { early: [] }),
      async data(socket, bytes) {
        if (socket.data.target !== undefined) return void socket.data.target.write(bytes);
        asked.push(bytes.toString().split("\r\n")[0] ?? "");
        socket.data.target = await Bun.connect({
          hostname: "127.0.0.1",
          port: secure?.port ?? 0,
          socket: { data: (_target, answer) => void socket.write(answer), close: () => void socket.end() },
        });
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
      },
      close: (socket) => void socket.data.target?.end(),
    },
  });

  beforeAll(() => {
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:llm.test,IP:127.0.0.1"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "ca.pem")];
    const made = Bun.spawnSync(["openssl", "req", "-x509", ...kind, ...names, ...files]);
    if (!made.success) throw new Error(made.stderr.toString());
    secure = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: { key: readFileSync(join(folder, "key.pem"), "utf8"), cert: readFileSync(join(folder, "ca.pem"), "utf8") },
      async fetch(request) {
        const { pathname } = new URL(request.url);
        return fetch(`http://127.0.0.1:${port}${pathname}`, { method: request.method, body: await request.text() });
      },
    });
  });
  beforeEach(() => void asked.splice(0));
  afterAll(async () => {
    tunnel.stop(true);
    await proxy.stop(true);
    await secure?.stop(true);
  });

  const plain = "model: openai-compatible/x\nprompt: Hi\n";

  test("is the environment's proxy, and no proxy for the hosts that NO_PROXY names", async () => {
    const environment = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, OPENAI_BASE_URL: "http://llm.test/v1" };
    expect(await runAgent(plain, [], environment)).toMatchObject({ code: 0, stdout: "Hello\n" });
    expect(asked).toEqual(["POST http://llm.test/v1/chat/completions"]);
    const around = { ...environment, OPENAI_BASE_URL: service.baseUrl, NO_PROXY: "127.0.0.1" };
    expect(await runAgent(plain, [], around)).toMatchObject({ code: 0, stdout: "Hello\n" });
    expect(asked.length).toBe(1);
  });

  test("is not left for where the service sends", async () => {
    const elsewhere = startOpenAIServer(() => ({ kind: "answer", text: "Stolen" }));
    service.behave({ kind: "status", status: 307, headers: { location: `${elsewhere.baseUrl}/chat/completions` } });
    const environment = { OPENAI_API_KEY: keys.OPENAI_API_KEY, OPENAI_BASE_URL: service.baseUrl };
    const ended = await runAgent("model: openai-compatible/x\nprompt: Hi\n", [], environment);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(elsewhere.requests).toEqual([]);
    await elsewhere.stop();
  }, 60_000);

  test("is a tunnel through the environment's proxy for https, also to an address that the file names", async () => {
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${tunnel.port}` };
    const file = agent(`{ model: openai-compatible/x, base_url: "https://llm.test/v1", ca_file: ca.pem }`);
    expect(await runAgent(file, ["--allow-net=llm.test"], environment)).toMatchObject({ code: 0, stdout: "Hello\n" });
    expect(asked).toEqual(["CONNECT llm.test:443 HTTP/1.1"]);
  });

  test("is trusted by the certificates of 'ca_file', and not without", async () => {
    const at = `base_url: "https://localhost:${secure?.port}/v1"`;
    const trusting = agent(`{ model: openai-compatible/x, ${at}, ca_file: ca.pem }`);
    expect(await runAgent(trusting, ["-P"])).toMatchObject({ code: 0, stdout: "Hello\n" });
    const untrusting = await runAgent(agent(`{ model: openai-compatible/x, ${at} }`), ["-P"]);
    expect(untrusting).toMatchObject({ code: 1, stdout: "" });
    expect(untrusting.stderr).toContain("certificate");
    for (const [name, said] of [
      ["gone.pem", "Cannot read"],
      ["agent.yaml", "it holds no PEM certificate"],
    ] as const) {
      const ended = await runAgent(trusting.replace("ca.pem", name), ["-P"]);
      expect(ended).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).toContain(said);
    }
  }, 60_000);

  test("is trusted by NODE_EXTRA_CA_CERTS of the user's environment for all services", async () => {
    const environment = {
      NODE_EXTRA_CA_CERTS: join(folder, "ca.pem"),
      OPENAI_BASE_URL: `https://localhost:${secure?.port}/v1`,
    };
    expect(await runAgent(plain, [], environment)).toMatchObject({ code: 0, stdout: "Hello\n" });
  });
});
