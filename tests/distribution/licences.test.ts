import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { rein, run } from "./executable.ts";

type Chunks = { outputs: Record<string, { inputs: Record<string, unknown> }> };

test("the licence of each package that is in the executable is in it too", async () => {
  const { code, stdout } = await run([rein, "version", "--licences"], tmpdir(), {});
  expect(code).toBe(0);
  const { outputs }: Chunks = JSON.parse(readFileSync(`${rein}.chunks.json`, "utf8"));
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const packages = new Set(files.flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
  expect(packages.size).toBeGreaterThan(8);
  const named = [...stdout.matchAll(/^(.+) \d[\w.+-]* \(.+\)$/gm)].map(([, name]) => name);
  const others = ["Bun", "llama.cpp and ggml", "@node-llama-cpp/linux-x64", "llguidance", "nix"];
  expect([...packages, ...others].filter((name) => !named.includes(name))).toEqual([]);
  expect(stdout).toContain("Copyright (c) 2023-2026 The ggml authors");
});
