import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { declarations } from "../../src/cli/types.ts";

const root = join(import.meta.dir, "../..");

/** What the type checker says of a tool file beside the types. */
async function check(source: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "rein-types-"));
  try {
    writeFileSync(join(folder, "rein.d.ts"), declarations);
    writeFileSync(join(folder, "tool.ts"), source);
    const compilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      module: "esnext",
      moduleResolution: "bundler",
      lib: ["esnext", "dom"],
      types: [],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(join(root, "node_modules/valibot"), join(folder, "node_modules/valibot"));
    const child = Bun.spawn([process.execPath, "check"], { cwd: folder, stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return (await child.exited) === 0 ? "" : stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const schema = `{ type: "object", required: ["a"], properties: { a: { type: "string" }, n: { type: "integer" }, kind: { enum: ["x", "y"] }, list: { type: "array", items: { type: "number" } } } }`;

test("run is typed by a JSON Schema, without an install", async () => {
  const right = `import { tool } from "rein/tool";
export default tool({ name: "t", description: "T", input: ${schema}, effects: "none", timeout: "5s",
  run: ({ a, n, kind, list }, { output }) => { output(a.trim()); const k: "x" | "y" | undefined = kind; return { n: (n ?? 0) + 1, k, sum: list?.map((x) => x + 1) }; } });
export const none = tool({ name: "n", description: "N", run: () => 1 });
`;
  expect(await check(right)).toBe("");
  const wrong = `import { tool } from "rein/tool";
export default tool({ name: "t", description: "T", input: ${schema}, run: ({ a, unknown }) => a });
`;
  expect(await check(wrong)).toContain("'unknown'");
});

test("run is typed by a valibot schema", async () => {
  const source = (use: string) => `import * as v from "valibot";
import { tool } from "rein/tool";
export default tool({ name: "t", description: "T", input: v.object({ a: v.string(), n: v.optional(v.number(), 1) }), run: ({ a, n }) => ${use} });
`;
  expect(await check(source("a.trim() + n.toFixed()"))).toBe("");
  expect(await check(source("a.toFixed()"))).toContain("toFixed");
});
