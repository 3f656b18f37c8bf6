import { expect, test } from "bun:test";
import { join } from "node:path";
import { eventsPage } from "../../scripts/events-doc.ts";

test("docs/events.md is what scripts/events-doc.ts writes", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../docs/events.md")).text()).toBe(await eventsPage());
});
