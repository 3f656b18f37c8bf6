import { expect, test } from "bun:test";
import { join } from "node:path";
import { toolsPage } from "../../scripts/tools-doc.ts";

test("docs/tools.md is what scripts/tools-doc.ts writes", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../docs/tools.md")).text()).toBe(await toolsPage());
});
