import { expect, test } from "bun:test";
import { join } from "node:path";
import { providersPage } from "../../scripts/providers.ts";

test("the tables of docs/providers.md are what scripts/providers.ts writes", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../docs/providers.md")).text()).toBe(await providersPage());
});
