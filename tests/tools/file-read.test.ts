import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/core/json.ts";
import { makeFileRead } from "../../src/tools/file-read.ts";
import { gif, jpeg, pdf, png, webp } from "../helpers/attachments.ts";
import { callTool } from "../helpers/call-tool.ts";
import { memoryHost } from "../helpers/memory-host.ts";
import type { MemoryFiles } from "../helpers/memory-host.ts";

function read(files: MemoryFiles, input: JsonObject) {
  return callTool(makeFileRead(), input, { host: memoryHost({ files }) });
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join("");

describe("what fits comes as it is", () => {
  const texts: Array<[string, string]> = [
    ["a text", "one\ntwo\n"],
    ["a text without a newline at its end", "one\ntwo"],
    ["Windows line endings", "one\r\ntwo\r\n"],
    ["control characters", "a\x1b[31mred\x07\n"],
    ["only a newline", "\n"],
    ["characters of four bytes", "🙂 ü\n"],
  ];
  for (const [name, text] of texts) {
    test(name, async () => expect(await read({ "a.txt": text }, { path: "a.txt" })).toEqual({ content: text }));
  }
});

describe("parts", () => {
  test("offset and limit choose lines, and a note says which and how to go on", async () => {
    const { content } = await read({ a: numbered(9) }, { path: "a", offset: 3, limit: 2 });
    expect(content).toBe("line 3\nline 4\n[lines 3-4 of 9; the next ones: offset 5]");
  });

  test("the last part names no next one", async () => {
    const { content } = await read({ a: "1\n2\n3" }, { path: "a", offset: 2 });
    expect(content).toBe("2\n3\n[lines 2-3 of 3]");
  });

  test("the parts of a long file are the whole file", async () => {
    const text = numbered(30_000);
    let joined = "";
    for (let offset = 1; ;) {
      const { content } = await read({ a: text }, { path: "a", offset });
      expect(content.length).toBeLessThan(50_200);
      const note = content.lastIndexOf("[lines ");
      joined += content.slice(0, note);
      const next = /offset (\d+)\]$/.exec(content);
      if (next === null) break;
      offset = Number(next[1]);
    }
    expect(joined).toBe(text);
  });

  test("a line across the pieces a file is read in stays whole", async () => {
    const long = "x".repeat(40_000);
    const text = `${`${long}\n`.repeat(20)}`;
    for (const offset of [6, 7, 13]) {
      const { content } = await read({ a: text }, { path: "a", offset });
      expect(content).toBe(`${long}\n[lines ${offset}-${offset} of 20; the next ones: offset ${offset + 1}]`);
    }
  });

  test("a line too long to show is cut, and the next offset leads past it", async () => {
    const { content, error } = await read({ a: `${"y".repeat(1_000_000)}\nend\n` }, { path: "a" });
    expect(error).toBeUndefined();
    expect(content).toEndWith("y\n[line 1 is cut after 50,000 characters; lines 1-1 of 2; the next ones: offset 2]");
    expect(content.length).toBeLessThan(50_200);
  });

  test("an offset past the end says how many lines there are", async () => {
    expect(await read({ a: "1\n2" }, { path: "a", offset: 5 })).toEqual({
      content: "Cannot read 'a' from line 5: it has 2 lines",
      error: true,
    });
  });

  test("an empty file says that it is empty", async () => {
    expect((await read({ a: "" }, { path: "a" })).content).toBe("[a is empty]");
  });

  test("the lines of a huge file are counted up to a bound", async () => {
    const file = new Uint8Array(70_000_000).fill(0x61);
    for (let at = 99; at < file.length; at += 100) file[at] = 0x0a;
    const { content } = await read({ a: file }, { path: "a", limit: 1 });
    expect(content).toMatch(/\[lines 1-1 of at least 64\d,\d{3}; the next ones: offset 2\]$/);
  });
});

describe("encodings", () => {
  const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, "utf16le");
  test("UTF-16 with a byte order mark is decoded, and said so", async () => {
    const { content } = await read({ a: utf16("grüße\n") }, { path: "a" });
    expect(content).toBe("grüße\n[decoded from UTF-16 (little endian)]");
    const swapped = await read({ a: utf16("grüße\n").swap16() }, { path: "a" });
    expect(swapped.content).toBe("grüße\n[decoded from UTF-16 (big endian)]");
  });

  test("what is not UTF-8 is read as Latin-1, and said so", async () => {
    const { content } = await read({ a: Buffer.from("stra\xdfe", "latin1") }, { path: "a" });
    expect(content).toBe("straße\n[decoded from Latin-1, since it is not valid UTF-8]");
  });

  test("what turns out not to be UTF-8 further on is told of", async () => {
    const late = Buffer.concat([Buffer.from(`${"a".repeat(300_000)}\n`), Buffer.from([0x63, 0xe9, 10])]);
    expect((await read({ a: late }, { path: "a", offset: 2 })).content).toBe(
      "c\ufffd\n[lines 2-2 of 2; \ufffd stands for what is not UTF-8, or for itself]",
    );
  });

  test("UTF-32 is no UTF-16", async () => {
    const { content, error } = await read({ a: Uint8Array.from([0xff, 0xfe, 0, 0, 97, 0, 0, 0]) }, { path: "a" });
    expect([content, error]).toEqual(["Cannot read 'a': it is text in UTF-32, 8 bytes", true]);
  });

  test("a byte order mark of UTF-8 is left out", async () => {
    expect((await read({ a: "\ufeffone\n" }, { path: "a" })).content).toBe("one\n");
  });

  test("a character across two pieces is whole", async () => {
    const text = `${"a".repeat(99)}\n`.repeat(2621) + `${"b".repeat(43)}ü!\n`;
    const { content } = await read({ a: text }, { path: "a", offset: 2622 });
    expect(
      Buffer.from(text)
        .subarray(256 * 1024 - 1, 256 * 1024 + 1)
        .toString(),
    ).toBe("ü");
    expect(content).toBe(`${"b".repeat(43)}ü!\n[lines 2622-2622 of 2,622]`);
  });
});

describe("what is no text is named", () => {
  const binaries: Array<[string, Uint8Array]> = [
    ["an ELF program or library", Buffer.from("\x7fELF\x02\0", "latin1")],
    ["gzip data", Buffer.from("\x1f\x8b\x08", "latin1")],
    ["an SQLite database", Buffer.from("SQLite format 3\0")],
    ["a TIFF image", Buffer.from("II*\0")],
    ["a tar archive", Buffer.concat([Buffer.alloc(257), Buffer.from("ustar")])],
    ["binary data", Buffer.from("a\0b")],
  ];
  for (const [what, content] of binaries) {
    test(what, async () => {
      const size = content.length === 1 ? "1 byte" : `${content.length} bytes`;
      expect(await read({ a: content }, { path: "a" })).toEqual({
        content: `Cannot read 'a': it is ${what}, ${size}`,
        error: true,
      });
    });
  }

  test("a text that starts like a Windows program is a text", async () => {
    expect((await read({ a: "MZ is a magic number\n" }, { path: "a" })).content).toBe("MZ is a magic number\n");
  });
});

describe("failures say what to do next", () => {
  test("a missing file names the nearest one beside it", async () => {
    const outcome = await read({ "src/main.ts": "x" }, { path: "src/mian.ts" });
    expect(outcome).toEqual({
      content: "Cannot read 'src/mian.ts': no such file or folder; did you mean 'src/main.ts'?",
      error: true,
    });
  });

  test("a denied file carries the host's words, and its folder is not looked at", async () => {
    const host = memoryHost({ files: { "secret/key": "x" }, denied: { read: ["secret"] } });
    const outcome = await callTool(makeFileRead(), { path: "secret/kex" }, { host });
    expect(outcome.content).toStartWith("Cannot read 'secret/kex': not granted");
    expect(host.refused).toEqual(["read secret/kex"]);
  });

  test("a cancelled read says so", async () => {
    const outcome = await callTool(
      makeFileRead(),
      { path: "a" },
      { host: memoryHost({ files: { a: "x" } }), signal: AbortSignal.abort() },
    );
    expect(outcome).toEqual({ content: "Cannot read 'a': cancelled", error: true });
  });
});

describe("images and PDFs are shown", () => {
  const formats: Array<[string, string, Uint8Array]> = [
    ["PNG", "image/png", png],
    ["JPEG", "image/jpeg", jpeg],
    ["WebP", "image/webp", webp],
    ["GIF", "image/gif", gif],
  ];
  for (const [name, mediaType, content] of formats) {
    test(`a ${name} image, whatever the file is called`, async () => {
      const outcome = await read({ "notes.txt": content }, { path: "notes.txt" });
      const data = Buffer.from(content).toString("base64");
      expect(outcome.error).toBeUndefined();
      expect(outcome.attachments).toEqual([{ mediaType, data, name: "notes.txt" }]);
      expect(outcome.content).toBe(`[notes.txt: a ${name} image of 1x1 pixels, ${content.length} bytes]`);
    });
  }

  test("a PDF document", async () => {
    const outcome = await read({ "a.pdf": pdf }, { path: "a.pdf" });
    expect(outcome.content).toBe(`[a.pdf: a PDF document, ${pdf.length} bytes]`);
    expect(outcome.attachments).toEqual([
      { mediaType: "application/pdf", data: Buffer.from(pdf).toString("base64"), name: "a.pdf" },
    ]);
  });

  const broken: Array<[string, Uint8Array, string]> = [
    ["a PNG image that is cut", png.subarray(0, 50), "a PNG image that is cut or damaged"],
    ["a PNG image of nothing but its header", png.subarray(0, 8), "a PNG image that is cut or damaged"],
    ["a GIF image that is cut", gif.subarray(0, 20), "a GIF image that is cut or damaged"],
    ["a PDF document that is cut", pdf.subarray(0, 20), "a PDF document that is cut or damaged"],
    [
      "a PDF document that is encrypted",
      Buffer.from("%PDF-1.7\ntrailer << /Encrypt 5 0 R >>\n%%EOF\n"),
      "a PDF document that is encrypted",
    ],
    [
      "a PNG image that is too large",
      Buffer.concat([png, Buffer.alloc(10_000_000)]),
      "a PNG image of 10 MB, and at most 10 MB can be shown",
    ],
    [
      "a PNG image with a side that is too long",
      withWidth(png, 9000),
      "a PNG image of 9000x1 pixels, and at most 8000 of a side can be shown",
    ],
  ];
  for (const [name, content, why] of broken) {
    test(`${name} is refused, since each request that holds it would fail`, async () => {
      expect(await read({ a: content }, { path: "a" })).toEqual({
        content: `Cannot read 'a': it is ${why}`,
        error: true,
      });
    });
  }

  test("a name with a newline stays one line", async () => {
    const { content } = await read({ "a\nb": gif }, { path: "a\nb" });
    expect(content).toBe(`["a\\nb": a GIF image of 1x1 pixels, ${gif.length} bytes]`);
  });
});

/** The same image, but for what its header says of its width. */
function withWidth(image: Uint8Array, width: number): Uint8Array {
  const changed = Buffer.from(image);
  changed.writeUInt32BE(width, 16);
  changed.writeUInt32BE(Bun.hash.crc32(changed.subarray(12, 29)), 29);
  return changed;
}
