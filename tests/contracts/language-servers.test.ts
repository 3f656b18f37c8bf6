import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { JsonObject } from "../../src/core/json.ts";
import { lspIntegration } from "../../src/tools/lsp-integration.ts";
import { callTool } from "../helpers/call-tool.ts";
import { testClock } from "../helpers/clock.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openRoom, type Room } from "../host/harness.ts";
import { placed, type Files } from "../tools/placed.ts";

// lsp_integration with the real servers, on small projects, through the real doors. scripts/language-servers gets them.

const own = resolve(import.meta.dir, "../../.cache/language-servers");
const path = `${own}/node_modules/.bin:${own}/bin:${process.env["PATH"]}`;

type Project = {
  /** Asks the tool and says its answer; that it is a failure begins with "failed: ". */
  ask(input: JsonObject): Promise<string>;
  write(file: string, text: string): void;
  remove(file: string): void;
};

/** Opens a project before the tests of a group and closes it after them. */
function project(program: string, files: Files): Project {
  let room: Room | undefined;
  const tool = lspIntegration({});
  const at = () => room ?? expect.unreachable("the project is not open");
  beforeAll(() => {
    const environment = { PATH: path, HOME: process.env["HOME"], TMPDIR: process.env["TMPDIR"] };
    room = openRoom({ permissions: { read: ["."], run: [program] }, environment, place: placed(files) });
  });
  afterAll(async () => room?.[Symbol.asyncDispose]());
  return {
    ask: async (input) => {
      const clock = { ...testClock(), now: systemClock.now, sleep: systemClock.sleep };
      const { host, abort } = at();
      const { content, error = false } = await callTool(tool, input, { host, clock, signal: abort.signal });
      return `${error ? "failed: " : ""}${content}`;
    },
    write: (file, text) => writeFileSync(join(at().cwd, file), text),
    remove: (file) => rmSync(join(at().cwd, file)),
  };
}

/** A server may be slow to begin where many tests run. */
const patience = 120_000;

describe("with typescript-language-server", () => {
  const { ask, write, remove } = project("typescript-language-server", {
    "tsconfig.json": '{ "compilerOptions": { "strict": true, "module": "esnext" }, "include": ["*.ts"] }',
    "use.ts": "import { area } from './shapes';\nconst label = '😀世'; export const twice = area(2, 3) + area(1, 1);\n",
    "shapes.ts":
      "/** The area. */\nexport function area(w: number, h: number): number {\n  return w * h;\n}\n\nexport class Shape {\n  size = 1;\n  grow() {\n    return area(this.size, 2);\n  }\n}\n",
  });

  test(
    "a name leads to its definition, also behind characters of two UTF-16 units",
    async () => {
      expect(await ask({ operation: "definition", path: "use.ts", line: 2, symbol: "area" })).toBe(
        "shapes.ts:2:17: export function area(w: number, h: number): number {",
      );
      expect(await ask({ operation: "definition", path: "use.ts", line: 2, column: 42 })).toStartWith(
        "shapes.ts:2:17:",
      );
    },
    patience,
  );

  test("all uses of a name, with their columns in characters", async () => {
    expect(await ask({ operation: "references", path: "shapes.ts", symbol: "area" })).toBe(
      [
        "shapes.ts:2:17: export function area(w: number, h: number): number {",
        "shapes.ts:9:12: return area(this.size, 2);",
        "use.ts:1:10: import { area } from './shapes';",
        "use.ts:2:42: const label = '😀世'; export const twice = area(2, 3) + area(1, 1);",
        "use.ts:2:55: const label = '😀世'; export const twice = area(2, 3) + area(1, 1);",
      ].join("\n"),
    );
  }, 60_000);

  test("type and documentation of a name", async () => {
    const said = await ask({ operation: "hover", path: "use.ts", symbol: "area" });
    expect(said).toContain("function area(w: number, h: number): number");
    expect(said).toContain("The area.");
  }, 60_000);

  test("the outline of a file, in its order, and symbols of the project by name", async () => {
    expect(await ask({ operation: "document_symbols", path: "shapes.ts" })).toBe(
      "2:17 function area (to line 4)\n6:14 class Shape (to line 11)\n  7:3 property size\n  8:3 method grow (to line 10)",
    );
    expect(await ask({ operation: "workspace_symbols", query: "Shape", language: "typescript" })).toStartWith(
      "shapes.ts:6:1 class Shape",
    );
  }, 60_000);

  test("a rename is a diff of all files that it changes, and writes nothing", async () => {
    const diff = await ask({ operation: "rename", path: "use.ts", symbol: "area", new_name: "surface" });
    expect(diff).toContain("-export function area(w: number, h: number): number {\n+export function surface(");
    expect(diff).toContain("+const label = '😀世'; export const twice = surface(2, 3) + surface(1, 1);");
    expect(await ask({ operation: "hover", path: "use.ts", symbol: "area" })).toContain("area");
  }, 60_000);

  test("problems of a file follow what is on the disk: what was changed, added and removed behind the server's back", async () => {
    expect(await ask({ operation: "diagnostics", path: "use.ts" })).toBe("No problems in use.ts");
    write("use.ts", "import { area } from './shapes';\nexport const x: string = area(1, 2);\n");
    expect(await ask({ operation: "diagnostics", path: "use.ts" })).toBe(
      "use.ts:2:14 error TS2322: Type 'number' is not assignable to type 'string'.",
    );
    write("use.ts", "import { more } from './more';\nexport const x: string = more;\n");
    write("more.ts", "export const more = 'x';\n");
    expect(await ask({ operation: "diagnostics", path: "more.ts" })).toBe("No problems in more.ts");
    expect(await ask({ operation: "diagnostics", path: "use.ts" })).toBe("No problems in use.ts");
    remove("more.ts");
    expect(await ask({ operation: "diagnostics", path: "more.ts" })).toStartWith("failed: Cannot read 'more.ts'");
  }, 60_000);
});

describe("with pyright", () => {
  const { ask, write } = project("pyright-langserver", {
    "use.py": "from shapes import area\n\nlabel = ('😀世', area(2, 3))\n",
    "shapes.py":
      'def area(w: int, h: int) -> int:\n    """The area."""\n    return w * h\n\n\nclass Shape:\n    def grow(self):\n        return area(1, 2)\n',
  });

  test(
    "definition, references, hover, symbols and a rename",
    async () => {
      expect(await ask({ operation: "definition", path: "use.py", line: 3, symbol: "area" })).toBe(
        "shapes.py:1:5: def area(w: int, h: int) -> int:",
      );
      expect(await ask({ operation: "references", path: "shapes.py", line: 1, symbol: "area" })).toBe(
        [
          "shapes.py:1:5: def area(w: int, h: int) -> int:",
          "shapes.py:8:16: return area(1, 2)",
          "use.py:1:20: from shapes import area",
          "use.py:3:16: label = ('😀世', area(2, 3))",
        ].join("\n"),
      );
      expect(await ask({ operation: "hover", path: "use.py", symbol: "area" })).toContain("The area.");
      expect(await ask({ operation: "document_symbols", path: "shapes.py" })).toContain("6:7 class Shape (to line 8)");
      expect(await ask({ operation: "workspace_symbols", query: "Shape", path: "use.py" })).toBe(
        "shapes.py:6:7 class Shape",
      );
      const diff = await ask({ operation: "rename", path: "use.py", symbol: "area", new_name: "surface" });
      expect(diff).toContain("+def surface(w: int, h: int) -> int:");
      expect(diff).toContain("+label = ('😀世', surface(2, 3))");
    },
    patience,
  );

  test("problems of a file follow changes of another", async () => {
    expect(await ask({ operation: "diagnostics", path: "use.py" })).toBe("No problems in use.py");
    write("shapes.py", "def region(w: int, h: int) -> int:\n    return w * h\n");
    expect(await ask({ operation: "diagnostics", path: "use.py" })).toBe(
      'use.py:1:20 error reportAttributeAccessIssue: "area" is unknown import symbol',
    );
  }, 60_000);
});

describe.skipIf(!existsSync(`${own}/bin/gopls`) || Bun.which("go") === null)("with gopls", () => {
  const { ask, write } = project("gopls", {
    "go.mod": "module example.com/shapes\n\ngo 1.21\n",
    "main.go": 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("😀世", area(1, 2))\n}\n',
    "shapes.go": "package main\n\n// area is the area.\nfunc area(w, h int) int {\n\treturn w * h\n}\n",
  });

  test(
    "definition, references, hover, symbols, a rename, and problems that follow the disk",
    async () => {
      expect(await ask({ operation: "definition", path: "main.go", symbol: "area" })).toBe(
        "shapes.go:4:6: func area(w, h int) int {",
      );
      expect(await ask({ operation: "references", path: "shapes.go", line: 4, symbol: "area" })).toBe(
        'main.go:6:20: fmt.Println("😀世", area(1, 2))\nshapes.go:4:6: func area(w, h int) int {',
      );
      expect(await ask({ operation: "hover", path: "main.go", symbol: "area" })).toContain("area is the area.");
      expect(await ask({ operation: "document_symbols", path: "shapes.go" })).toBe("4:6 function area (to line 6)");
      expect(await ask({ operation: "workspace_symbols", query: "area", language: "go" })).toContain(
        "shapes.go:4:6 function",
      );
      expect(await ask({ operation: "rename", path: "main.go", symbol: "area", new_name: "surface" })).toContain(
        '+\tfmt.Println("😀世", surface(1, 2))',
      );
      expect(await ask({ operation: "diagnostics", path: "main.go" })).toBe("No problems in main.go");
      write("shapes.go", "package main\n\nfunc region(w, h int) int {\n\treturn w * h\n}\n");
      expect(await ask({ operation: "diagnostics", path: "main.go" })).toBe(
        "main.go:6:20 error UndeclaredName: undefined: area",
      );
    },
    patience,
  );
});

/** rustup's own rust-analyzer is there without the component, and says that it is missing. */
function hasRustAnalyzer(): boolean {
  return Bun.which("rust-analyzer") !== null && Bun.spawnSync(["rust-analyzer", "--version"]).success;
}

describe.skipIf(!hasRustAnalyzer())("with rust-analyzer", () => {
  const { ask, write } = project("rust-analyzer", {
    "Cargo.toml": '[package]\nname = "shapes"\nversion = "0.1.0"\nedition = "2021"\n\n[workspace]\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "shapes"\nversion = "0.1.0"\n',
    "src/main.rs": 'mod shapes;\n\nfn main() {\n    let _w = ("😀世", shapes::area(3, 4));\n}\n',
    "src/shapes.rs": "/// The area.\npub fn area(w: u32, h: u32) -> u32 {\n    w * h\n}\n",
  });

  test(
    "definition, references, hover, symbols, a rename, and problems that follow the disk",
    async () => {
      expect(await ask({ operation: "definition", path: "src/main.rs", symbol: "shapes::area" })).toBe(
        "src/shapes.rs:2:8: pub fn area(w: u32, h: u32) -> u32 {",
      );
      expect(await ask({ operation: "references", path: "src/shapes.rs", line: 2, symbol: "area" })).toBe(
        'src/main.rs:4:29: let _w = ("😀世", shapes::area(3, 4));\nsrc/shapes.rs:2:8: pub fn area(w: u32, h: u32) -> u32 {',
      );
      expect(await ask({ operation: "hover", path: "src/main.rs", symbol: "area" })).toContain("The area.");
      expect(await ask({ operation: "document_symbols", path: "src/shapes.rs" })).toBe("2:8 function area (to line 4)");
      expect(await ask({ operation: "workspace_symbols", query: "area", language: "rust" })).toContain(
        "src/shapes.rs:2:8 function area",
      );
      expect(await ask({ operation: "rename", path: "src/main.rs", symbol: "area", new_name: "surface" })).toContain(
        '+    let _w = ("😀世", shapes::surface(3, 4));',
      );
      write("src/main.rs", "fn main() {\n    let _s: String = 5;\n}\n");
      expect(await ask({ operation: "diagnostics", path: "src/main.rs" })).toContain("src/main.rs:2:22 error E0308: ");
    },
    patience,
  );
});
