/** The peers that can be measured beside rein when they are on PATH: how each is pointed at the fake service for one request. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Program, Service } from "./measure.ts";

type Peer = { name: string; start(place: Place, service: Service): ReturnType<Program["start"]> };
type Place = { folder: string; home: string };

const prompt = "Do it";

const peers: Peer[] = [
  {
    name: "docker-agent",
    start({ folder }, { v1 }) {
      const model = { provider: "openai", model: "bench", base_url: v1 };
      const agent = { models: { bench: model }, agents: { root: { model: "bench", instruction: "Answer" } } };
      writeFileSync(join(folder, "docker-agent.yaml"), JSON.stringify(agent));
      return {
        argv: ["docker-agent", "run", "--exec", "docker-agent.yaml", prompt],
        env: { TELEMETRY_ENABLED: "false" },
      };
    },
  },
  {
    name: "goose",
    start: (_place, { root }) => ({
      argv: ["goose", "run", "--no-session", "--text", prompt],
      env: { GOOSE_PROVIDER: "openai", GOOSE_MODEL: "bench", OPENAI_HOST: root, GOOSE_DISABLE_KEYRING: "1" },
    }),
  },
  {
    name: "aichat",
    start({ home }, { v1 }) {
      const client = {
        type: "openai-compatible",
        name: "bench",
        api_base: v1,
        api_key: "key",
        models: [{ name: "bench" }],
      };
      config(home, ".config/aichat/config.yaml", { model: "bench:bench", clients: [client] });
      return { argv: ["aichat", prompt] };
    },
  },
  {
    name: "llm",
    start({ home }, { v1 }) {
      config(home, ".config/io.datasette.llm/extra-openai-models.yaml", [
        { model_id: "bench", model_name: "bench", api_base: v1 },
      ]);
      return { argv: ["llm", "-m", "bench", prompt] };
    },
  },
  {
    name: "claude",
    start: (_place, { root }) => ({
      argv: ["claude", "--print", prompt],
      env: {
        ANTHROPIC_BASE_URL: root,
        ANTHROPIC_API_KEY: "key",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        DISABLE_AUTOUPDATER: "1",
      },
    }),
  },
  {
    name: "codex",
    start: (_place, { v1 }) => ({
      argv: [
        "codex",
        "exec",
        "--skip-git-repo-check",
        ...settings({
          model: '"bench"',
          model_provider: '"bench"',
          "model_providers.bench": `{name="bench",base_url="${v1}",env_key="OPENAI_API_KEY",wire_api="responses"}`,
        }),
        prompt,
      ],
    }),
  },
  {
    name: "mods",
    start({ home }, { v1 }) {
      const api = {
        "base-url": v1,
        "api-key": "key",
        models: { bench: { aliases: ["bench"], "max-input-chars": 9999 } },
      };
      config(home, ".config/mods/mods.yml", {
        "default-api": "openai",
        "default-model": "bench",
        apis: { openai: api },
      });
      return { argv: ["mods", "--no-cache", prompt] };
    },
  },
  {
    name: "opencode",
    start({ home }, { v1 }) {
      const provider = {
        npm: "@ai-sdk/openai-compatible",
        options: { baseURL: v1, apiKey: "key" },
        models: { bench: {} },
      };
      config(home, ".config/opencode/opencode.json", { provider: { bench: provider }, autoupdate: false });
      return { argv: ["opencode", "run", "--model", "bench/bench", prompt] };
    },
  },
  {
    name: "pi",
    start({ home }, { v1 }) {
      const provider = { baseUrl: v1, api: "openai-completions", apiKey: "key", models: [{ id: "bench" }] };
      config(home, ".pi/agent/models.json", { providers: { bench: provider } });
      return { argv: ["pi", "--print", "--no-session", "--provider", "bench", "--model", "bench", prompt] };
    },
  },
];

function settings(values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

export function installedPeers(place: Place): { found: Program[]; absent: string[] } {
  const found = peers.filter(({ name }) => Bun.which(name) !== null);
  return {
    found: found.map((peer) => ({ name: peer.name, start: (service) => peer.start(place, service) })),
    absent: peers.filter((peer) => !found.includes(peer)).map(({ name }) => name),
  };
}

/** Writes a configuration as JSON, which YAML is a superset of. */
function config(home: string, path: string, value: unknown): void {
  mkdirSync(join(home, path, ".."), { recursive: true });
  writeFileSync(join(home, path), JSON.stringify(value));
}
