import { describe, expect, test } from "bun:test";
import type { McpToolFacts, ServerPick } from "../../src/core/mcp.ts";
import { collision, pickTools } from "../../src/mcp/picks.ts";

const place = { file: "agent.yaml", line: 3, column: 3 };

function facts(name: string): McpToolFacts {
  return { name, description: "", input: { type: "object" }, annotations: {}, raw: { name } };
}

function pick(name: string, as?: string): ServerPick {
  return { name, place, ...(as === undefined ? {} : { as }) };
}

function names(listed: string[], picks: ServerPick[] | undefined, named = false): string[] {
  const server = { name: "one", ...(picks === undefined ? {} : { picks }) };
  return pickTools(server, listed.map(facts), named).offered.map((tool) => `${tool.facts.name}>${tool.name}`);
}

describe("what is offered of a server", () => {
  test("is all of it where the file picks nothing", () => {
    expect(names(["a", "b"], undefined)).toEqual(["a>a", "b>b"]);
  });

  test("is nothing but its own tools where these name it", () => {
    expect(names(["a", "b"], undefined, true)).toEqual([]);
    expect(names(["a", "b"], [pick("*")], true)).toEqual(["a>a", "b>b"]);
  });

  test("is what is picked, by name and by pattern, in the order of the picks", () => {
    expect(names(["list_a", "find", "list_b", "x"], [pick("find"), pick("list_*")])).toEqual([
      "find>find",
      "list_a>list_a",
      "list_b>list_b",
    ]);
  });

  test("has one name each: a renaming wins over a pattern, wherever it stands", () => {
    expect(names(["list_a", "list_b"], [pick("list_*"), pick("list_a", "all")])).toEqual([
      "list_a>all",
      "list_b>list_b",
    ]);
    expect(names(["list_a", "list_b"], [pick("list_a", "all"), pick("list_*")])).toEqual([
      "list_a>all",
      "list_b>list_b",
    ]);
  });

  test("has names that services take", () => {
    expect(
      names(["a.b/c d", "9lives", "ü".repeat(3), "x".repeat(80)], undefined).map((name) => name.split(">")[1]),
    ).toEqual(["a_b_c_d", "t_9lives", "t____", "x".repeat(64)]);
  });

  test("characters of a pattern other than '*' stand for themselves", () => {
    expect(names(["a.b", "axb", "a(b", "a\nb"], [pick("a.b")])).toEqual(["a.b>a_b"]);
    expect(names(["a(b"], [pick("a(*")])).toEqual(["a(b>a_b"]);
  });

  test("tells what no tool has, and which was meant", () => {
    const { unmatched } = pickTools({ name: "one", picks: [pick("creat"), pick("z*")] }, [facts("create")], false);
    expect(unmatched.map((one) => [one.pick.name, one.near])).toEqual([
      ["creat", "create"],
      ["z*", undefined],
    ]);
  });
});

describe("two tools of one name", () => {
  const by = (server: string, tool: string) => ({ server, tool, place });

  test("are told with the renaming that helps", () => {
    expect(
      collision([
        { name: "find", by: "rein" },
        { name: "find", by: by("one", "find") },
      ]),
    ).toEqual({
      message: "The server 'one' has a tool 'find', and rein has one of that name",
      hint: "rename it under 'tools': one: ['*', { find: one_find }]",
      place,
    });
    expect(
      collision([
        { name: "find", by: by("one", "find") },
        { name: "find", by: by("two.x", "fi/nd") },
      ])?.hint,
    ).toBe("rename it under 'tools': two.x: ['*', { fi/nd: two_x_find }]");
  });

  test("are none where all names differ", () => {
    expect(
      collision([
        { name: "a", by: "the file" },
        { name: "b", by: by("one", "b") },
      ]),
    ).toBeUndefined();
  });
});
