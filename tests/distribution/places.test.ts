import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rein, run } from "./executable.ts";

const folder = mkdtempSync(join(tmpdir(), "rein-places-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

writeFileSync(
  join(folder, "agent.yaml"),
  "name: t\nmodel: scripted/script.yaml\ninstructions: x\nprompt: y\ntools: [file_read]\npermissions: { read: [.] }\n",
);
writeFileSync(
  join(folder, "script.yaml"),
  "- calls: [{ name: file_read, arguments: { path: agent.yaml } }]\n- text: The file begins ${{ results.0 }}\n",
);
mkdirSync(join(folder, "closed"), { mode: 0o555 });
const readOnly = join(folder, "closed");
chmodSync(readOnly, 0o555);

/** The file tools go through the native library, so each of these runs loads it. Even root cannot write to /proc. */
const places: Array<{ what: string; env: Record<string, string> }> = [
  { what: "an empty environment", env: {} },
  { what: "a HOME that does not exist", env: { HOME: join(folder, "no-home") } },
  { what: "a HOME that is no folder", env: { HOME: "/dev/null" } },
  { what: "a temp folder that does not exist", env: { HOME: folder, TMPDIR: join(folder, "no-temp") } },
  { what: "a temp folder that nobody can write to", env: { HOME: folder, TMPDIR: "/proc" } },
  { what: "read-only HOME and temp folders", env: { HOME: readOnly, TMPDIR: readOnly } },
  { what: "a state folder that nobody can write to", env: { HOME: folder, XDG_STATE_HOME: "/proc" } },
];

for (const { what, env } of places) {
  test(`an agent runs with ${what}`, async () => {
    const { code, stdout } = await run([rein, "run", "-P", "agent.yaml"], folder, env);
    expect({ code, stdout: stdout.split("\n")[0] }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("name: t"),
    });
  });
}

test("it can be a link, and be named by a path with spaces", async () => {
  const bin = join(folder, "my programs");
  mkdirSync(bin);
  expect(await run(["ln", "-s", rein, join(bin, "rein")], folder, process.env)).toMatchObject({ code: 0 });
  expect(await run([join(bin, "rein"), "--version"], folder, {})).toMatchObject({ code: 0, stderr: "" });
});
