import { expect, test } from "bun:test";
import { join } from "node:path";
import { referencePage } from "../../scripts/reference.ts";

test("docs/reference.md is what scripts/reference.ts writes", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../docs/reference.md")).text()).toBe(referencePage());
});
