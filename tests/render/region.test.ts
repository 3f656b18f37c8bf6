import { expect, test } from "bun:test";
import { region } from "../../src/render/region.ts";
import { screenModel } from "../helpers/screen-model.ts";

function onScreen({ columns = 20, rows = 8, reflows = true } = {}) {
  const model = screenModel(columns, rows, reflows);
  let width = columns;
  let writes = 0;
  const drawn = region({
    write: async (text) => {
      writes++;
      model.write(text);
    },
    columns: () => width,
    rows: () => rows,
    reflows,
  });
  return {
    ...drawn,
    text: () => model.text(),
    cursor: () => model.cursor(),
    writes: () => writes,
    resize(to: number) {
      width = to;
      model.resize(to);
    },
  };
}

test("rows are drawn, changed and taken away, and what is printed stays above", async () => {
  const screen = onScreen();
  await screen.show("first\n", ["one", "two"]);
  expect(screen.text()).toBe("first\none\ntwo");
  await screen.show("", ["one", "2", "three"], { row: 1, column: 1 });
  expect(screen.text()).toBe("first\none\n2\nthree");
  expect(screen.cursor()).toEqual({ row: 2, column: 1 });
  await screen.show("second\n", ["one"], { row: 0, column: 3 });
  expect(screen.text()).toBe("first\nsecond\none");
  await screen.leave();
  expect(screen.text()).toBe("first\nsecond");
});

test("what did not change is not written", async () => {
  const screen = onScreen();
  await screen.show("", ["one"], { row: 0, column: 1 });
  await screen.show("", ["one"], { row: 0, column: 1 });
  expect(screen.writes()).toBe(1);
});

test("of more rows than the screen has the last are shown, and the cursor is among them", async () => {
  const screen = onScreen({ rows: 4 });
  await screen.show("above\n", ["1", "2", "3", "4", "5"], { row: 4, column: 1 });
  expect(screen.text()).toBe("above\n3\n4\n5");
  expect(screen.cursor()).toEqual({ row: 3, column: 1 });
});

test.each([true, false])(
  "a resize leaves nothing behind and takes nothing from above (terminals that break rows: %p)",
  async (reflows) => {
    let seed = 7;
    const random = (most: number) => (seed = (seed * 48271) % 2147483647) % most;
    for (let round = 0; round < 200; round++) {
      const screen = onScreen({ columns: 20, rows: 12, reflows });
      let printed = "";
      let columns = 20;
      for (let step = 0; step < 6; step++) {
        const line = step % 2 === 0 ? `line ${round} ${step}\n` : "";
        printed += line;
        const rows = Array.from({ length: 1 + random(3) }, () => "x".repeat(random(columns)));
        // A terminal that cuts rows says nothing of where the cursor was in them; while text streams it is at their beginning.
        const cursor = reflows ? { row: random(rows.length), column: 0 } : undefined;
        const at = cursor && { ...cursor, column: random(Math.max(1, (rows[cursor.row] ?? "").length)) };
        await screen.show(line, rows, at);
        expect(screen.text()).toBe((printed + rows.join("\n")).replace(/\n+$/, ""));
        columns = 12 + random(20);
        screen.resize(columns);
      }
    }
  },
);
