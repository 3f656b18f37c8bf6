import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { download, type DownloadDeps } from "../../src/host/download.ts";
import type { DownloadRequest } from "../../src/host/download-part.ts";
import { lock } from "../../src/store/lock.ts";
import { openNetwork } from "../../src/host/net.ts";
import { tinyModel } from "../helpers/gguf.ts";
import { testClock } from "../helpers/clock.ts";
import { startHub, type HubDelivery } from "../helpers/hub-server.ts";

const bytes = tinyModel({}, 4000);
const sha256 = createHash("sha256").update(bytes).digest("hex");
const folder = mkdtempSync(join(tmpdir(), "rein-download-"));
const path = join(folder, "m.gguf");
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => readdirSync(folder).forEach((name) => rmSync(join(folder, name))));

/** Downloads the model from a CDN that delivers as told; `told` is what was said on the way. */
async function get(
  deliveries: HubDelivery[],
  request: Partial<DownloadRequest> = {},
  deps: Partial<DownloadDeps> = {},
) {
  const hub = startHub([{ repo: "a/b", files: [{ path: "m.gguf", values: 4000 }], deliveries }]);
  // Longer sleeps end by hand: the watch over a silent connection.
  const clock = testClock({ patienceMs: 9000 });
  const network = openNetwork(clock);
  const told: string[] = [];
  const signal = deps.signal ?? new AbortController().signal;
  try {
    const result = await download(
      {
        url: `${hub.baseUrl}/a/b/resolve/main/m.gguf`,
        headers: {},
        folder,
        file: "m.gguf",
        size: bytes.length,
        sha256,
        magic: "GGUF",
        ...request,
      },
      {
        fetch: (input, init) => network.fetchNamed(signal, input, init),
        clock: deps.clock ?? clock,
        signal,
        lock: (file) => lock(file, 0),
        refused: (status) => ({ outcome: "usage", message: `Refused with ${status}` }),
        begin: (size, have) => told.push(`begin ${have} of ${size}`),
        progress: () => undefined,
        retry: (why, waitMs) => told.push(`${why}, waiting ${waitMs}`),
        reject: async () => undefined,
        ...deps,
      },
    );
    const cdn = hub.requests.filter(({ host }) => host === "cdn");
    const ranges = cdn.map(({ headers }) => headers["range"] ?? "all");
    return { result: result.ok ? "whole" : result.error.message, told, ranges, files: readdirSync(folder).toSorted() };
  } finally {
    network.close();
    await hub.stop();
  }
}

test("a file comes whole, and nothing else is left", async () => {
  expect(await get([])).toEqual({
    result: "whole",
    told: [`begin 0 of ${bytes.length}`],
    ranges: ["all"],
    files: ["m.gguf"],
  });
  expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
});

test("after each cut it goes on where it was", async () => {
  const { result, ranges, told } = await get([{ cut: 5000 }, { cut: 3000 }, {}]);
  expect({ result, ranges }).toEqual({ result: "whole", ranges: ["all", "bytes=5000-", "bytes=8000-"] });
  // What brought something begins the count anew.
  expect(told.filter((line) => line.includes("waiting"))).toEqual(
    Array(2).fill("the connection ended early, waiting 1000"),
  );
  expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
});

test("a connection that always ends at once is given up, what came is kept, and a later download goes on with it", async () => {
  const given = await get([{ cut: 5000 }, { cut: 0 }]);
  expect(given).toMatchObject({
    result: expect.stringMatching(/^Cannot download 'm.gguf': .*the connection was closed/),
    files: ["m.gguf.part", "m.gguf.part.json"],
  });
  expect(given.ranges).toHaveLength(5);
  expect(await get([])).toMatchObject({ result: "whole", ranges: ["bytes=5000-"], files: ["m.gguf"] });
  expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
});

test("of two at once one downloads, and the other says so", async () => {
  const two = await Promise.all([get([]), get([])]);
  const busy = `Cannot download 'm.gguf': another process is downloading it into '${folder}'`;
  expect(two.map(({ result }) => result).toSorted()).toEqual([busy, "whole"]);
  expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
  expect(await get([])).toMatchObject({ result: "whole", files: ["m.gguf"] });
  // Its holder died: the kernel has given the lock back, and the file of it stayed.
  writeFileSync(join(folder, ".m.gguf.lock"), "");
  expect(await get([])).toMatchObject({ result: "whole", files: ["m.gguf"] });
});

test("a part of another file is not gone on with", async () => {
  writeFileSync(`${path}.part`, "GGUF and then something else");
  expect(await get([])).toMatchObject({ result: "whole", ranges: ["all"] });
  rmSync(path);
  writeFileSync(`${path}.part`, "GGUF and then something else");
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: "x", etag: null, sha256: "00" }));
  expect(await get([])).toMatchObject({ result: "whole", ranges: ["all"] });
});

test("without a hash only the server's tag says that it is the same file", async () => {
  const unknown = { sha256: undefined };
  await get([{ cut: 5000, etag: '"one"' }, { status: 404 }], unknown);
  expect(existsSync(`${path}.part`)).toBe(true);
  // The tag is another one now: the server sends it all.
  const changed = await get([{ etag: '"two"' }], unknown);
  expect(changed).toMatchObject({ result: "whole", ranges: ["all"] });

  const url = `http://127.0.0.1/never`;
  rmSync(path);
  writeFileSync(`${path}.part`, bytes.subarray(0, 100));
  writeFileSync(`${path}.part.json`, JSON.stringify({ url, etag: null, sha256: null }));
  expect(await get([], unknown)).toMatchObject({ result: "whole", ranges: ["all"] });
});

test("a note that somebody else wrote is no header", async () => {
  writeFileSync(`${path}.part`, bytes.subarray(0, 100));
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: "x", etag: '"a"\r\nx: y', sha256 }));
  expect(await get([])).toMatchObject({ result: "whole", ranges: ["bytes=100-"] });
});

test("a weak tag is none", async () => {
  await get([{ cut: 5000, etag: 'W/"one"' }, { status: 404 }], { sha256: undefined });
  expect(JSON.parse(readFileSync(`${path}.part.json`, "utf8"))).toMatchObject({ etag: null });
});

test("a server that cannot go on sends all of it, and it is not put behind what is here", async () => {
  expect(await get([{ cut: 5000 }, { noRange: true }])).toMatchObject({
    result: "whole",
    ranges: ["all", "bytes=5000-"],
  });
  expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
});

test("what is whole already is only looked at", async () => {
  writeFileSync(`${path}.part`, bytes);
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: "x", etag: null, sha256 }));
  expect(await get([{ status: 500 }])).toMatchObject({ result: "whole", ranges: [], files: ["m.gguf"] });
});

test("what is here with a wrong beginning is found out by the hash, and removed", async () => {
  writeFileSync(`${path}.part`, new Uint8Array(5000));
  writeFileSync(`${path}.part.json`, JSON.stringify({ url: "x", etag: null, sha256 }));
  const { result, files } = await get([]);
  expect(result).toStartWith("Cannot use what came as 'm.gguf': its SHA-256 is ");
  expect(files).toEqual([]);
});

test("a file that its reader rejects gets no name", async () => {
  expect(await get([], {}, { reject: async () => "it is cut" })).toMatchObject({
    result: "Cannot use what came as 'm.gguf': it is cut",
    files: [],
  });
});

describe("a server's refusal", () => {
  test("is final for what is not there", async () => {
    expect(await get([{ status: 404 }])).toMatchObject({ result: "Refused with 404", ranges: ["all"], files: [] });
  });

  test("is waited for as long as it says, and tried again", async () => {
    const { result, told } = await get([{ status: 429, retryAfter: 7 }, { status: 503 }, {}]);
    expect(result).toBe("whole");
    expect(told).toEqual([
      "the server answered with status 429, waiting 7000",
      "the server answered with status 503, waiting 2000",
      `begin 0 of ${bytes.length}`,
    ]);
  });

  test("is told when it does not end", async () => {
    expect(await get([{ status: 503, retryAfter: 0 }])).toMatchObject({ result: "Refused with 503", files: [] });
  });
});

test("another size than was announced, or no room, ends it before a byte is kept", async () => {
  expect(await get([], { size: 10 })).toMatchObject({
    result: `Cannot download 'm.gguf': the server has ${bytes.length} bytes of it, and 10 were announced`,
    files: [],
  });
  const huge = await get([], { size: 9e15 });
  expect(huge.result).toMatch(/^Cannot download 'm.gguf': 9000.0 TB are needed, and .+ are free in '.+'$/);
  expect(huge).toMatchObject({ ranges: [], files: [] });
});

test("what does not begin as it should is not loaded to its end", async () => {
  expect(await get([], { magic: "GGML" })).toMatchObject({
    result: "Cannot use what came as 'm.gguf': it is no GGML file",
    files: [],
  });
});

test("an interruption keeps what came", async () => {
  const interrupt = new AbortController();
  const stopped = await get(
    [{ stall: 5000 }],
    {},
    { signal: interrupt.signal, progress: () => interrupt.abort("interrupt") },
  );
  expect(stopped).toMatchObject({
    result: "Interrupted: what is here of 'm.gguf' is kept",
    files: ["m.gguf.part", "m.gguf.part.json"],
  });
  expect(await get([])).toMatchObject({ result: "whole", ranges: ["bytes=5000-"] });
});

test("a connection that falls silent is given up, and the download goes on", async () => {
  const clock = testClock({ patienceMs: 9000 });
  const { result, told, ranges } = await get(
    [{ stall: 5000 }, {}],
    {},
    {
      clock,
      progress: (have) => {
        if (have === 5000) setTimeout(() => clock.pass(60_000), 5);
      },
    },
  );
  expect({ result, ranges }).toEqual({ result: "whole", ranges: ["all", "bytes=5000-"] });
  expect(told[1]).toBe("nothing came for 60 s, waiting 1000");
});

test("a folder that cannot be written is a mistake of the user", async () => {
  writeFileSync(join(folder, "file"), "");
  const { result } = await get([], { folder: join(folder, "file", "models") });
  expect(result).toBe(`Cannot write '${folder}/file/models/m.gguf': a part of its path is not a folder`);
});
