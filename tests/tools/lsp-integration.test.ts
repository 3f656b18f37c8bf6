import { beforeAll, describe, expect, test } from "bun:test";
import type { Json, JsonObject } from "../../src/core/json.ts";
import { fail, ok } from "../../src/core/result.ts";
import { lspIntegration } from "../../src/tools/lsp-integration.ts";
import { callTool } from "../helpers/call-tool.ts";
import { testClock } from "../helpers/clock.ts";
import { fakeServer, methods, type Behaviour, type FakeServer } from "../helpers/language-server.ts";
import { memoryHost, type MemoryHostOptions } from "../helpers/memory-host.ts";

// What the tool loads with its first call is there, so that `settle` waits for turns of the loop only.
beforeAll(() => Promise.all([import("../../src/tools/lsp-run.ts"), import("../../src/tools/lsp-servers.ts")]));

/** Short waits are over at once; those for a server, when the test says so. */
const clock = () => testClock({ patienceMs: 5000 });

const files = { "a.py": "# area\nfrom b import area\nx = ('😀世', area(1))\n", "b.py": "def area(w):\n    return w\n" };

const at = (line: number, character: number) => ({ line, character });
const place = (path: string, line: number, character: number): JsonObject => ({
  uri: `file:///work/${path}`,
  range: { start: at(line, character), end: at(line, character + 4) },
});

/** A tool over one server that behaves so. */
function open(behave: Behaviour, capabilities: JsonObject = {}, options: MemoryHostOptions = {}) {
  const server = fakeServer(behave, capabilities);
  const host = memoryHost({ files, start: server.start, ...options });
  const tool = lspIntegration({});
  const time = clock();
  const abort = new AbortController();
  const ask = async (input: JsonObject) => {
    const { content, error = false } = await callTool(tool, input, { host, clock: time, signal: abort.signal });
    return `${error ? "failed: " : ""}${content}`;
  };
  return { ask, host, time, abort, ...server };
}

/** Lets all that can happen now happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

const definition = { operation: "definition", path: "a.py", line: 3, symbol: "area" };
const answering =
  (answers: Record<string, Json>): Behaviour =>
  (method) =>
    answers[method];

describe("positions", () => {
  const units: Array<[encoding: string, character: number]> = [
    ["utf-16", 12],
    ["utf-32", 11],
    ["utf-8", 16],
  ];
  for (const [encoding, character] of units) {
    test(`are sent and read in the units that the server chose: ${encoding}`, async () => {
      const { ask, seen } = open(answering({ "textDocument/definition": place("a.py", 2, character) }), {
        positionEncoding: encoding,
      });
      expect(await ask(definition)).toBe("a.py:3:12: x = ('😀世', area(1))");
      expect(seen.find(({ method }) => method === "textDocument/definition")?.params["position"]).toEqual(
        at(2, character),
      );
    });
  }

  test("a name without a line is tried at its uses until one has an answer", async () => {
    const { ask } = open((method, { position }) => {
      if (method !== "textDocument/definition") return undefined;
      return JSON.stringify(position) === JSON.stringify(at(1, 14)) ? place("b.py", 0, 4) : null;
    });
    expect(await ask({ operation: "definition", path: "a.py", symbol: "area" })).toBe("b.py:1:5: def area(w):");
  });

  const wrong: Array<[string, JsonObject, string]> = [
    ["a line behind the end", { line: 99, symbol: "area" }, "Cannot use line 99: 'a.py' has 4 lines"],
    ["a column behind the end", { line: 1, column: 99 }, "Cannot use column 99: line 1 of 'a.py' has 6 characters"],
    [
      "a part of a name",
      { line: 3, symbol: "are" },
      "Cannot find 'are' in line 3 of 'a.py': the line is 'x = ('😀世', area(1))'",
    ],
    ["nothing", {}, "Give line and symbol (a name on that line) to say what is meant, or line and column"],
  ];
  for (const [name, input, message] of wrong) {
    test(`${name} is refused before a server is started`, async () => {
      const { ask, starts } = open(() => undefined);
      expect(await ask({ operation: "hover", path: "a.py", ...input })).toBe(`failed: ${message}`);
      expect(starts()).toBe(0);
    });
  }
});

describe("one server", () => {
  test("answers all calls of a language, side by side, and is told of a document once", async () => {
    const { ask, seen, starts } = open(answering({ "textDocument/definition": place("b.py", 0, 4) }));
    await Promise.all([ask(definition), ask(definition)]);
    await ask(definition);
    expect(starts()).toBe(1);
    expect(methods(seen).filter((method) => method === "textDocument/didOpen")).toHaveLength(1);
  });

  test("hears of what changed on the disk since, as a new version of the document", async () => {
    const { ask, host, seen } = open(answering({ "textDocument/definition": null }));
    await ask(definition);
    await host.fs.write("a.py", new TextEncoder().encode("\n\narea\n"));
    await ask(definition);
    const change = seen.find(({ method }) => method === "textDocument/didChange");
    expect(change?.params).toEqual({
      textDocument: { uri: "file:///work/a.py", version: 2 },
      contentChanges: [{ text: "\n\narea\n" }],
    });
  });

  test("that dies of a request is started again once, and asked again", async () => {
    const { ask, starts } = open((method, _, server) => {
      if (method !== "textDocument/definition") return undefined;
      if (server.start === 1) server.die(1, "out of luck\n");
      return place("b.py", 0, 4);
    });
    expect(await ask(definition)).toBe("b.py:1:5: def area(w):");
    expect(starts()).toBe(2);
  });

  test("that dies twice is not started a third time, and its last words are told", async () => {
    const { ask, starts } = open((method, _, server) => {
      if (method === "textDocument/definition") server.die(3, "out of luck\n");
      return undefined;
    });
    const words = "it ended with exit code 3; it said: out of luck";
    expect(await ask(definition)).toBe(
      `failed: Cannot use 'pyright-langserver': it died, also when it was started again: ${words}`,
    );
    expect(await ask(definition)).toBe(
      `failed: Cannot use the server for Python: it ended 2 times in this run and is not started again; the last time ${words}`,
    );
    expect(starts()).toBe(2);
  });

  test("that ended between two calls is started again", async () => {
    let first: FakeServer | undefined;
    const { ask, starts } = open((method, _, server) => {
      first ??= server;
      return method === "textDocument/definition" ? place("b.py", 0, 4) : undefined;
    });
    await ask(definition);
    first?.die(0);
    await settle();
    expect(await ask(definition)).toBe("b.py:1:5: def area(w):");
    expect(starts()).toBe(2);
  });

  test("that is not there is told with what installs it, and may be there later", async () => {
    const { ask } = open(
      () => undefined,
      {},
      { start: async () => fail("not_found", "Cannot run 'pyright-langserver': there is no such program on the PATH") },
    );
    const message =
      "failed: Cannot run 'pyright-langserver': there is no such program on the PATH; to install the server for Python: npm install -g pyright, or pip install pyright";
    for (let call = 0; call < 3; call++) expect(await ask(definition)).toBe(message);
  });

  const garbage: Array<[string, string]> = [
    ["text", "Usage: server [options]\n"],
    ["a header without a length", "Content-Type: x\r\n\r\n{}"],
    ["a length that no message has", "Content-Length: 999999999\r\n\r\n"],
    ["a body that is no JSON", "Content-Length: 3\r\n\r\n{a}"],
    ["a header without an end", `Content-Length: ${"1".repeat(9000)}`],
  ];
  for (const [name, text] of garbage) {
    test(`that writes ${name} is ended, and what it wrote is told`, async () => {
      const { ask, starts } = open((method, _, server) => {
        if (method === "textDocument/definition") server.write(text);
        return undefined;
      });
      expect(await ask(definition)).toContain(
        `it wrote what is no message of the protocol: ${JSON.stringify(text.replace(/^Content-Length: 3\r\n\r\n/, "").slice(0, 100))}`,
      );
      expect(starts()).toBe(2);
    });
  }
});

describe("waiting", () => {
  test("a request without an answer is cancelled when the time is up, and the server lives on", async () => {
    const { ask, seen, time, starts } = open((method, { position }) =>
      method === "textDocument/definition" && JSON.stringify(position) === JSON.stringify(at(1, 14)) ? null : undefined,
    );
    const answer = ask({ ...definition, timeout: 30 });
    await settle();
    time.pass();
    expect(await answer).toBe(
      "failed: Cannot ask 'pyright-langserver' for 'textDocument/definition': it did not answer in time; call again, with a longer timeout",
    );
    await settle();
    expect(methods(seen)).toContain("$/cancelRequest");
    expect(await ask({ ...definition, line: 2 })).toStartWith("No definition found");
    expect(starts()).toBe(1);
  });

  test("a server that never begins holds up no call for longer than that may take", async () => {
    const silent = { write: async () => ok(undefined), closeInput: () => undefined, kill: () => undefined };
    const start = async () => ok({ ...silent, ended: new Promise<never>(() => undefined) });
    const { ask, time } = open(() => undefined, {}, { start });
    const answer = ask({ ...definition, timeout: 10 });
    await settle();
    time.pass(10_000);
    expect(await answer).toBe("failed: Cannot use 'pyright-langserver' yet: it still starts; call again");
  });

  test("a run that ends ends the call", async () => {
    const { ask, abort } = open(() => undefined);
    const answer = ask(definition);
    await settle();
    abort.abort();
    expect(await answer).toStartWith("failed: Cannot ask 'pyright-langserver' for 'textDocument/definition': ");
  });

  test("a server that still reads the project is waited for", async () => {
    let server: FakeServer | undefined;
    const { ask, seen } = open((method, _, one) => {
      server = one;
      if (method === "initialize") one.tell("$/progress", { token: 1, value: { kind: "begin", title: "Indexing" } });
      return method === "textDocument/definition" ? place("b.py", 0, 4) : undefined;
    });
    const answer = ask(definition);
    await settle();
    expect(methods(seen)).not.toContain("textDocument/definition");
    server?.tell("$/progress", { token: 1, value: { kind: "end" } });
    expect(await answer).toBe("b.py:1:5: def area(w):");
  });

  test("one that reads for longer is asked all the same, and the answer says so", async () => {
    const { ask, time } = open((method, _, one) => {
      if (method === "initialize") one.tell("$/progress", { token: 1, value: { kind: "begin", title: "Indexing" } });
      return method === "textDocument/definition" ? place("b.py", 0, 4) : undefined;
    });
    const answer = ask(definition);
    await settle();
    time.pass();
    expect(await answer).toBe(
      "b.py:1:5: def area(w):\n[the server was still busy after 60 s (Indexing): there may be more; call again later]",
    );
  });
});

describe("what a server asks for", () => {
  test("it gets its settings, and nothing is changed or shown for it", async () => {
    const answers: Json[] = [];
    const { ask } = open((method, _, server) => {
      if (method !== "textDocument/definition") return undefined;
      const edit = { changes: { "file:///work/a.py": [{ range: { start: at(0, 0), end: at(0, 1) }, newText: "!" }] } };
      const questions: Array<[string, Json]> = [
        ["workspace/applyEdit", { edit }],
        ["workspace/configuration", { items: [{ section: "python.analysis" }, { section: "constructor" }, 5] }],
        ["window/showMessageRequest", { type: 1, message: "Delete all?", actions: [{ title: "Yes" }] }],
        ["window/showDocument", { uri: "https://example.com/", external: true }],
        ["workspace/unheardOf", {}],
      ];
      void Promise.all(questions.map(([name, params]) => server.ask(name, params))).then((all) => {
        for (const { result, error } of all) answers.push(error === undefined ? (result ?? null) : "refused");
      });
      return place("b.py", 0, 4);
    });
    await ask(definition);
    await settle();
    expect(answers).toEqual([
      { applied: false, failureReason: "This client changes no files" },
      [{ diagnosticMode: "openFilesOnly", autoSearchPaths: true, useLibraryCodeForTypes: true }, null, null],
      null,
      { success: false },
      "refused",
    ]);
  });
});

describe("answers", () => {
  test("a file that may not be read is named and not quoted, and that is no denial", async () => {
    const { ask, host } = open(
      answering({ "textDocument/references": [place("secret.py", 0, 0), place("b.py", 0, 4)] }),
      {},
      {
        files: { ...files, "secret.py": "key = 'hush'\n" },
        denied: { read: ["secret.py"] },
      },
    );
    expect(await ask({ ...definition, operation: "references" })).toBe(
      "b.py:1:5: def area(w):\nsecret.py:1:1 [not shown: it may not be read]",
    );
    expect(host.refused).toEqual([]);
  });

  test("of very many the first are shown and the rest is counted", async () => {
    const many = Array.from({ length: 5000 }, (_, line) => place("gone.py", line, 0));
    const { ask } = open(answering({ "textDocument/references": many }));
    const said = await ask({ ...definition, operation: "references" });
    expect(said.split("\n")).toHaveLength(301);
    expect(said).toEndWith("[4,700 more are not shown: ask for something narrower]");
  });

  const odd: Json[] = [
    5,
    "x",
    [],
    {},
    [{ uri: 5 }],
    { uri: "file:///%00", range: 7 },
    [[[]]],
    { contents: 5 },
    { changes: { x: 5 } },
  ];
  test("what is not as the protocol says fails no call in a way that is not told", async () => {
    for (const answer of odd) {
      const { ask } = open(
        (method) => (method.startsWith("textDocument/") || method === "workspace/symbol" ? answer : undefined),
        {
          diagnosticProvider: {},
        },
      );
      for (const operation of ["definition", "references", "hover", "document_symbols", "diagnostics", "rename"]) {
        const said = await ask({ ...definition, operation, new_name: "surface" });
        expect(said).toMatch(/^(failed: Cannot|No |Nothing )/);
      }
      expect(await ask({ operation: "workspace_symbols", query: "x", language: "python" })).toStartWith("No symbols");
    }
  });

  test("control characters of a hover are marked", async () => {
    const { ask } = open(
      answering({ "textDocument/hover": { contents: ["a\u001b[31mb", { language: "x", value: "c\r\nd" }] } }),
    );
    expect(await ask({ ...definition, operation: "hover" })).toBe("a\ufffd[31mb\n\nc\nd");
  });

  test("an outline that is nested a thousand deep is shown", async () => {
    let symbol: JsonObject = {};
    for (let depth = 0; depth < 1000; depth++) {
      const { range } = place("a.py", 0, 0);
      symbol = { name: "s", kind: 5, range: range ?? null, selectionRange: range ?? null, children: [symbol] };
    }
    const { ask } = open(answering({ "textDocument/documentSymbol": [symbol] }));
    expect(await ask({ operation: "document_symbols", path: "a.py" })).toContain("  1:1 class s");
  });
});

describe("a rename", () => {
  const edit = (path: string, line: number, character: number): JsonObject => ({
    textDocument: { uri: `file:///work/${path}`, version: null },
    edits: [{ range: place(path, line, character)["range"] ?? null, newText: "surface" }],
  });
  const rename = { ...definition, operation: "rename", new_name: "surface" };

  test("is the diffs of all files, and nothing is written", async () => {
    const { ask, host } = open(
      answering({ "textDocument/rename": { documentChanges: [edit("a.py", 2, 12), edit("b.py", 0, 4)] } }),
    );
    const diff = await ask(rename);
    expect(diff).toContain(
      "--- a.py\n+++ a.py\n@@ -1,3 +1,3 @@\n # area\n from b import area\n-x = ('😀世', area(1))\n+x = ('😀世', surface(1))\n",
    );
    expect(diff).toContain("--- b.py\n+++ b.py\n@@ -1,2 +1,2 @@\n-def area(w):\n+def surface(w):\n");
    expect(host.text("a.py")).toBe(files["a.py"]);
  });

  const refused: Array<[string, Json, MemoryHostOptions, string]> = [
    [
      "of a file that may not be read",
      { documentChanges: [edit("a.py", 2, 12), edit("b.py", 0, 4)] },
      { denied: { read: ["b.py"] } },
      "Cannot show the rename whole: it also changes 'b.py', which may not be read",
    ],
    [
      "that also moves a file",
      { documentChanges: [{ kind: "rename", oldUri: "file:///work/a.py", newUri: "file:///work/c.py" }] },
      {},
      "Cannot show the rename: it would also rename a file",
    ],
    [
      "whose edits overlap",
      { documentChanges: [edit("a.py", 2, 12), edit("a.py", 2, 13)] },
      {},
      "Cannot show the rename: the edits of 'a.py' overlap",
    ],
  ];
  for (const [name, answer, options, message] of refused) {
    test(`${name} is refused whole`, async () => {
      expect(await open(answering({ "textDocument/rename": answer }), {}, options).ask(rename)).toBe(
        `failed: ${message}`,
      );
    });
  }

  test("that the server refuses is told in its words, and a name of several words is not asked for", async () => {
    const { ask } = open((method) => (method === "textDocument/rename" ? new Error("That is a keyword") : undefined));
    expect(await ask(rename)).toBe(
      "failed: Cannot ask 'pyright-langserver' for 'textDocument/rename': That is a keyword",
    );
    expect(await ask({ ...rename, new_name: "a b" })).toBe("failed: Give new_name: a name without spaces");
  });
});

describe("problems of a file", () => {
  const problem = (message: string): JsonObject => ({
    range: { start: at(2, 12), end: at(2, 16) },
    message,
    severity: 1,
    code: "E1",
  });
  const diagnostics = { operation: "diagnostics", path: "a.py" };

  test("are those that the server tells of the newest version, however often it told of older ones", async () => {
    const { ask } = open((method, { textDocument }, server) => {
      const version =
        typeof textDocument === "object" && textDocument !== null && "version" in textDocument
          ? (textDocument["version"] ?? null)
          : null;
      const tell = (of: Json, ...found: JsonObject[]) =>
        server.tell("textDocument/publishDiagnostics", { uri: "file:///work/a.py", version: of, diagnostics: found });
      if (method === "textDocument/didOpen") tell(version, problem("old"));
      if (method === "textDocument/didChange") {
        tell(1, problem("older"));
        tell(version, problem("new\nline"));
      }
      return undefined;
    });
    expect(await ask(diagnostics)).toBe("a.py:3:12 error E1: new line");
  });

  test("that are never told end the wait", async () => {
    const { ask, time } = open(() => undefined);
    const answer = ask(diagnostics);
    await settle();
    time.pass(20_000);
    expect(await answer).toBe(
      "failed: Cannot tell what is wrong there: the server told nothing of it in time; call again later",
    );
  });

  test("are asked for where the server can be asked", async () => {
    const { ask, seen } = open(answering({ "textDocument/diagnostic": { kind: "full", items: [problem("x")] } }), {
      diagnosticProvider: { interFileDependencies: true },
    });
    expect(await ask(diagnostics)).toBe("a.py:3:12 error E1: x");
    expect(methods(seen)).not.toContain("textDocument/didChange");
  });
});

describe("arguments", () => {
  const wrong: Array<[string, JsonObject, string]> = [
    [
      "a file of no language that is known",
      { operation: "hover", path: "a.rb", symbol: "x" },
      "No language server is known for a.rb: ",
    ],
    [
      "a file that is not there",
      { operation: "hover", path: "c.py", symbol: "x" },
      "Cannot read 'c.py': no such file or folder",
    ],
    ["no file", { operation: "diagnostics" }, "Give path: the file for 'diagnostics'"],
    [
      "symbols without a name",
      { operation: "workspace_symbols", language: "go" },
      "Give query: a name, or a part of it",
    ],
    [
      "symbols without a language",
      { operation: "workspace_symbols", query: "x" },
      "Give language: typescript, python, go, rust; or path",
    ],
  ];
  for (const [name, input, message] of wrong) {
    test(`${name} is told, and starts no server`, async () => {
      const { ask, starts } = open(() => undefined);
      expect(await ask(input)).toStartWith(`failed: ${message}`);
      expect(starts()).toBe(0);
    });
  }
});
