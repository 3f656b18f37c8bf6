import { describe, expect, test } from "bun:test";
import { join, normalize, relative } from "node:path";
import { scan } from "./scan.ts";

// Who may import whom, which packages, and what each room may touch: the table of docs/architecture.md, enforced.

/** Things outside of the program, by the modules and globals that reach them. `a#b` is one name of module a. */
const touches = {
  disk: "node:fs, node:fs/promises, Bun.file, Bun.write, Bun.Glob, Bun.mmap, Bun.Archive",
  // Making a file private before SQLite opens it, and removing one that was a lock.
  "database files": `node:fs#chmodSync, node:fs#closeSync, node:fs#existsSync, node:fs#mkdirSync, node:fs#openSync,
    node:fs#rmSync, node:fs#statSync`,
  // Filling memory by its descriptor, and reading a library that is embedded in the executable.
  descriptors: `node:fs#closeSync, node:fs#constants, node:fs#fstatSync, node:fs#readFileSync, node:fs#readSync,
    node:fs#writeSync`,
  // Bytes only: given a path it reads the file.
  images: "Bun.Image",
  processes:
    "node:child_process, node:cluster, node:worker_threads, Worker, Bun.spawn, Bun.spawnSync, Bun.$, process.pid, process.kill, process.execPath",
  network: `node:net, node:tls, node:http, node:http2, node:https, node:dns, node:dns/promises, node:dgram, fetch, WebSocket,
    EventSource, XMLHttpRequest, Bun.fetch, Bun.FetchSession, Bun.connect, Bun.dns, Bun.udpSocket`,
  listen: "Bun.serve, Bun.listen",
  environment: "process.env, Bun.env, import.meta.env, process.cwd, process.chdir, process.umask, node:os",
  keychain: "Bun.secrets",
  clock: `Date.now, new Date(), performance.now, process.hrtime, Bun.nanoseconds, setTimeout, setInterval, setImmediate,
    clearTimeout, clearInterval, clearImmediate, Bun.sleep, Bun.sleepSync, AbortSignal.timeout, node:timers,
    node:timers/promises, Temporal.Now, Bun.cron, Math.random, crypto.randomUUID, crypto.getRandomValues, Bun.randomUUIDv7,
    node:crypto#randomUUID, node:crypto#randomBytes, node:crypto#randomInt`,
  // A callback from a thread keeps no process alive.
  "keeping alive": "setInterval, clearInterval",
  stdio: "process.stdin, process.stdout, process.stderr, Bun.stdin, Bun.stdout, Bun.stderr",
  terminal: "node:readline, node:readline/promises, node:tty",
  // Its arguments, folder, signals and end.
  "own process": `process.argv, Bun.argv, process.cwd, process.pid, process.on, process.once, process.off, process.exit,
    process.exitCode, process.kill`,
  // A path that is known only at run time, and what it may import.
  "modules of users": "import(…), Bun.plugin",
  "own source": "import.meta.dir",
  user: "process.geteuid",
  "machine's name": "node:os#hostname",
  databases: "bun:sqlite, node:sqlite, Bun.SQL, Bun.sql, Bun.RedisClient, Bun.redis",
  "foreign code": "bun:ffi",
  "build constants": "declare REIN_VERSION, declare REIN_COMMIT",
} as const;

/** What touches nothing. Whatever is neither here nor in a room's touches is a stray, so that new ways out are noticed. */
const harmless = list(`
  Array, ArrayBuffer, BigInt, BigInt64Array, BigUint64Array, Boolean, DataView, Float32Array, Float64Array, Int8Array,
  Int16Array, Int32Array, Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, Error, AggregateError, RangeError,
  SyntaxError, TypeError, URIError, DOMException, Infinity, NaN, undefined, Intl, Iterator, JSON, Map, Number, Object, Promise,
  Proxy, Reflect, RegExp, Set, String, Symbol, WeakMap, WeakRef, WeakSet, FinalizationRegistry, isFinite, isNaN, parseFloat,
  parseInt, decodeURI, decodeURIComponent, encodeURI, encodeURIComponent, AbortController, AbortSignal.any, AbortSignal.abort,
  Event, EventTarget, CustomEvent, queueMicrotask, Blob, Buffer, FormData, Headers, Request, Response, URL, URLPattern,
  URLSearchParams, ReadableStream, TransformStream, WritableStream, TextDecoder, TextDecoderStream, TextEncoder, atob, btoa,
  structuredClone, Date.parse, Date.UTC, new Date(x), crypto.subtle, import.meta.main, Bun.CryptoHasher, Bun.JSONL,
  Bun.deepEquals, Bun.hash, Bun.markdown, Bun.semver, Bun.version, Bun.sliceAnsi, Bun.stringWidth, Bun.stripANSI, Bun.wrapAnsi, Bun.zstdDecompress,
  process.arch, process.platform, node:assert, node:buffer, node:events, node:path, node:stream, node:string_decoder, node:url,
  node:util, node:zlib, node:crypto#createHash, node:crypto#timingSafeEqual`);

function list(names: string): string[] {
  return names.trim().split(/,\s+/);
}

type Touch = keyof typeof touches;
type Room = {
  imports: readonly string[];
  packages: readonly string[];
  touches: readonly Touch[];
  files?: readonly string[];
};

/** `files`: folders outside of src from which files may be embedded. */
const rooms: Record<string, Room> = {
  core: { imports: [], packages: ["@cfworker/json-schema"], touches: ["build constants"] },
  file: { imports: ["core"], packages: ["yaml", "valibot", "@valibot/to-json-schema"], touches: [] },
  permit: { imports: ["core"], packages: [], touches: [] },
  loop: { imports: ["core"], packages: [], touches: [] },
  suite: { imports: ["core"], packages: [], touches: [] },
  native: {
    imports: ["core"],
    packages: [],
    touches: ["foreign code", "descriptors", "keeping alive", "images"],
    files: ["dist/native"],
  },
  models: {
    imports: ["core", "native"],
    packages: ["openai", "@anthropic-ai/sdk", "ollama", "eventsource-parser"],
    touches: [],
  },
  mcp: {
    imports: ["core"],
    packages: ["@modelcontextprotocol/client", "@modelcontextprotocol/server"],
    touches: [],
  },
  tools: {
    imports: ["core", "native"],
    packages: ["vscode-jsonrpc", "vscode-languageserver-protocol", "oauth4webapi", "robots-parser"],
    touches: ["images"],
  },
  host: {
    imports: ["core", "permit", "native"],
    packages: ["ws-client"],
    touches: ["disk", "processes", "network", "listen", "environment", "clock", "keychain", "own source"],
    files: ["dist/native"],
  },
  store: { imports: ["core"], packages: [], touches: ["databases", "database files", "user", "machine's name"] },
  render: { imports: ["core", "native"], packages: [], touches: [] },
  chat: { imports: ["core", "render"], packages: [], touches: [] },
  acp: { imports: ["core"], packages: ["@agentclientprotocol/sdk"], touches: [] },
  web: { imports: ["core", "render"], packages: [], touches: ["listen"] },
  app: {
    imports: ["core", "permit", "loop", "native", "models", "mcp", "tools", "host", "store"],
    packages: [],
    touches: [],
  },
  cli: {
    imports: ["core", "file", "suite", "render", "web", "chat", "acp", "app"],
    packages: [],
    touches: ["own process", "stdio", "terminal", "disk", "build constants"],
    files: ["docs", "dist"],
  },
  // The process of a tool module: nothing of it runs in ours.
  worker: {
    imports: ["core"],
    packages: ["valibot-whole", "@valibot/to-json-schema"],
    touches: ["stdio", "modules of users"],
  },
  main: { imports: ["core", "cli", "worker"], packages: [], touches: ["own process", "environment"] },
};

const src = join(import.meta.dir, "../src");
const root = join(src, "..");

/** What a file does that its room may not. `path` is relative to src; the file need not exist. */
function strays(path: string, source: string): string[] {
  const name = path.split("/")[0]?.replace(/\.tsx?$/, "") ?? "";
  const room = rooms[name];
  if (room === undefined) return [`${path}: '${name}' is no room`];
  if (!/\.tsx?$/.test(path)) return [`${path}: is not TypeScript`];
  const allowed = new Set<string>(room.touches.flatMap((touch) => list(touches[touch])));
  const { imports, globals } = scan(path, source);
  const found: string[] = [];
  const stray = (line: number, message: string) => found.push(`${path}:${line}: ${message}`);

  for (const { specifier, names, line } of imports) {
    if (specifier.startsWith(".")) {
      const target = relative(src, normalize(join(src, path, "..", specifier)));
      if (target.startsWith("..")) {
        const file = relative(root, join(src, target));
        if (!room.files?.some((folder) => file.startsWith(`${folder}/`))) stray(line, `imports the file '${file}'`);
        continue;
      }
      const other = target.split("/")[0]?.replace(/\.tsx?$/, "") ?? "";
      if (other !== name && !room.imports.includes(other)) stray(line, `imports the room '${other}'`);
    } else if (/^(node|bun):|^bun$/.test(specifier)) {
      for (const used of names.map((taken) => (specifier === "bun" ? `Bun.${taken}` : `${specifier}#${taken}`))) {
        if (!permits(allowed, used)) stray(line, `touches '${used}'`);
      }
    } else {
      const packageName = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      if (!room.packages.includes(packageName)) stray(line, `imports the package '${packageName}'`);
    }
  }
  for (const { name: used, line } of globals) {
    if (!permits(allowed, used)) stray(line, `touches '${used}'`);
  }
  return found;
}

/** Whether something is in a list, itself or by what it is a part of, or is harmless. */
function permits(allowed: ReadonlySet<string>, used: string): boolean {
  if (allowed.has(used) || harmless.includes(used)) return true;
  if (used.startsWith("Math.")) return used !== "Math.random";
  const whole = used.slice(0, used.search(/[.#][^.#]*$/));
  return used.includes("#") || used.includes(".") ? allowed.has(whole) || harmless.includes(whole) : false;
}

const paths = [...new Bun.Glob("**/*.{ts,tsx,js,jsx,mjs,cjs,mts,cts}").scanSync(src)].toSorted();

test("no file of any room imports or touches what its room may not", async () => {
  const found = await Promise.all(paths.map(async (path) => strays(path, await Bun.file(join(src, path)).text())));
  expect(found.flat()).toEqual([]);
});

test("the scan sees all files: more than a few of each room that is built", () => {
  for (const room of [
    "core",
    "file",
    "loop",
    "models",
    "tools",
    "permit",
    "host",
    "store",
    "render",
    "native",
    "cli",
  ]) {
    expect(paths.filter((path) => path.startsWith(`${room}/`)).length).toBeGreaterThan(2);
  }
});

/** Uses of each thing that can be touched, as a file would write them. */
const uses: Record<Touch, string[]> = {
  disk: [
    'import { readFile } from "node:fs/promises"',
    'await import("node:fs")',
    "Bun.file('x')",
    'Bun["write"]("x", "")',
    "new Bun.Glob('*').scanSync('.')",
  ],
  "database files": ['import { openSync } from "node:fs"', 'export { statSync } from "node:fs"'],
  descriptors: ['import { writeSync } from "node:fs"'],
  images: ["new Bun.Image('x.png')"],
  processes: ['import "node:child_process"', "Bun.spawn(['ls'])", "new Worker('x')", 'import { spawn } from "bun"'],
  network: [
    "fetch('https://x')",
    "new WebSocket('wss://x')",
    'import * as net from "node:net"',
    "const f = { fetch }; f",
    "function f(fetch: string) { fetch } fetch('x')",
  ],
  listen: ["Bun.serve({})", "Bun?.listen({})"],
  environment: ["process.env.HOME", "Bun.env.HOME", "import.meta.env.HOME", 'import { homedir } from "node:os"'],
  user: ["process.geteuid?.()"],
  "machine's name": ['import { hostname } from "node:os"'],
  keychain: ["Bun.secrets.get({})"],
  clock: [
    "Date.now()",
    "new Date()",
    "new Date(...[])",
    "const now = Date.now; now",
    "setTimeout(() => {}, 1)",
    "AbortSignal.timeout(1)",
    "Math.random()",
    "crypto.randomUUID()",
    "performance.now()",
    "Bun.sleep(1)",
    'import { setTimeout } from "node:timers"',
  ],
  "keeping alive": ["setInterval(() => {}, 1)"],
  stdio: ["process.stdout.write('x')", "Bun.stdin.text()"],
  terminal: ['import { createInterface } from "node:readline"'],
  "own process": ["process.exit(1)", "process.argv", "process.on('SIGINT', () => {})"],
  "modules of users": ["Bun.plugin({})"],
  "own source": ["import.meta.dir"],
  databases: [
    'import { Database } from "bun:sqlite"',
    'import type { Database } from "bun:sqlite"',
    "new Bun.SQL('x')",
  ],
  "foreign code": ['import { dlopen } from "bun:ffi"', 'await import("bun:ffi")'],
  "build constants": ["declare const REIN_VERSION: string"],
};

/** What no room may do: it would hide what it touches, or reach everything. */
const never = [
  "eval('1')",
  "new Function('')",
  "globalThis.fetch('x')",
  "require('x')",
  "console.log(1)",
  "prompt('name?')",
  "process.binding('fs')",
  "const { env } = process; env",
  "process!.env",
  "const b = Bun; b",
  "Bun[name]('ls'); let name = ''",
  "(Bun as object)",
  "const d = Date; d.now()",
  "Date()",
  "const { random } = Math; random()",
  "import.meta.require('x')",
  "const meta = import.meta; meta",
  "declare const fetch: () => void; fetch()",
  "declare function fetch(): void",
  "declare class Worker {}",
  "declare global { var x: number }",
  "declare namespace Bun { function spawn(): void }",
  "await import(path); let path = ''",
  "import fs = require('fs')",
  'import { notSuch } from "node:nothing"',
  'import * as bun from "bun"',
];

const allTouches = Object.keys(touches).filter((name): name is Touch => name in touches);

for (const [name, room] of Object.entries(rooms)) {
  describe(`a stray in ${name} is reported`, () => {
    const path = name === "main" || name === "app" ? `${name}.ts` : `${name}/stray.ts`;
    const up = path.includes("/") ? "../" : "./";
    const reported = (source: string) => expect({ source, strays: strays(path, source) });

    test("an import of a room that is not in its row, by any form of import", () => {
      for (const other of Object.keys(rooms).filter((other) => other !== name)) {
        const specifier = JSON.stringify(`${up}${other === "main" || other === "app" ? other : `${other}/x`}.ts`);
        for (const source of [
          `import { x } from ${specifier}`,
          `import type { X } from ${specifier}`,
          `import ${specifier}`,
          `export * from ${specifier}`,
          `export type { X } from ${specifier}`,
          `const x = await import(${specifier}); x`,
          `const x = await import(\`${specifier.slice(1, -1)}\`); x`,
          `export type X = import(${specifier}).X`,
        ]) {
          const expected = room.imports.includes(other) ? [] : [`${path}:1: imports the room '${other}'`];
          reported(source).toEqual({ source, strays: expected });
        }
      }
    });

    test("a package that is not in its row, a part of one included, and a file outside", () => {
      const packages = [
        ...new Set(Object.values(rooms).flatMap((other) => other.packages)),
        "left-pad",
        "@scope/other",
      ];
      for (const other of packages) {
        const source = `import type { X } from "${other}/part"`;
        const expected = room.packages.includes(other) ? [] : [`${path}:1: imports the package '${other}'`];
        reported(source).toEqual({ source, strays: expected });
      }
      reported(`import x from "${up}../package.json"`).toMatchObject({
        strays: [`${path}:1: imports the file 'package.json'`],
      });
    });

    test("a touch that is not in its row", () => {
      const allowed = new Set<string>(room.touches.flatMap((touch) => list(touches[touch])));
      for (const touch of allTouches) {
        // A part of what the room may touch under another name is no stray.
        if (room.touches.includes(touch) || list(touches[touch]).every((one) => permits(allowed, one))) continue;
        for (const source of uses[touch]) {
          reported(source).toMatchObject({ strays: [expect.stringMatching(/^\S+:1: touches '.+'$/)] });
        }
      }
      const anyModule = room.touches.includes("modules of users");
      for (const source of never.filter((one) => !anyModule || !one.startsWith("await import(path)"))) {
        reported(source).not.toMatchObject({ strays: [] });
      }
    });
  });
}

test("what a row allows is no stray", () => {
  for (const [name, room] of Object.entries(rooms)) {
    const path = name === "main" || name === "app" ? `${name}.ts` : `${name}/x.ts`;
    for (const source of room.touches.flatMap((touch) => uses[touch])) {
      expect({ source, strays: strays(path, source) }).toEqual({ source, strays: [] });
    }
  }
});

test("comments, strings, types, members and own names are no strays", () => {
  const source = `
    // fetch("x"); import "node:fs"; process.env
    /* import("../host/x.ts") */
    import type { Fetch } from "../core/host.ts";
    const text = 'Bun.spawn("x")' + \`\${"process.env"} fetch(\`;
    type Timer = ReturnType<typeof setTimeout>;
    type Process = { env: string; fetch(): void };
    export function run(fetch: Fetch, process: Process, host: { console: string; Bun: string }) {
      const setTimeout = () => text;
      fetch(process.env);
      return [host.console, host.Bun, setTimeout(), { Date: 1, process: 2 }, new Date(0), /eval\\(/];
    }
    export class Bun { fetch(timer: Timer) { return this.fetch(timer); } }
  `;
  expect(strays("loop/x.ts", source)).toEqual([]);
});

test("a file in no room, and one that is not TypeScript, are strays", () => {
  expect(strays("helpers/x.ts", "")).toEqual(["helpers/x.ts: 'helpers' is no room"]);
  expect(strays("loop/x.js", "")).toEqual(["loop/x.js: is not TypeScript"]);
  expect(strays("util.ts", "")).toEqual(["util.ts: 'util' is no room"]);
});
