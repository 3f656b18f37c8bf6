import { expect, test } from "bun:test";
import { makeMask } from "../../src/core/mask.ts";

test("every occurrence of a secret is masked, the longer of two first", () => {
  const mask = makeMask(["sk-abcdefgh", "sk-abcdefgh-more"]);
  expect(mask.text("a sk-abcdefgh b sk-abcdefgh-more c")).toBe("a [masked] b [masked] c");
});

test("a secret that is cut between pieces is found", () => {
  const stream = makeMask(["topsecret"]).stream();
  const out = ["x top", "se", "cret y topsec"].map((piece) => stream.push(piece));
  expect(out.join("") + stream.end()).toBe("x [masked] y topsec");
});

test("what a cut leaves of a secret is masked on both sides of its mark", () => {
  const mask = makeMask(["sk-topsecret", "another-value"]);
  for (let at = 4; at <= 8; at++) {
    const [start, end] = ["sk-topsecret".slice(0, at), "sk-topsecret".slice(at)];
    expect(mask.text(`a ${start}\n[1,200 characters left out]\n${end} b`)).toBe(
      "a [masked]\n[1,200 characters left out]\n[masked] b",
    );
    expect(mask.text(`a ${start}… b`)).toBe("a [masked]… b");
  }
  expect(mask.text("sk-topsec…value b… sk-topsec\nret")).toBe("[masked]…[masked] b… sk-topsec\nret");
  expect(mask.text("sk-t\n[3 characters left out here: read parts]\ncret")).toBe(
    "[masked]\n[3 characters left out here: read parts]\n[masked]",
  );
  expect(mask.text("sk-topsec……cret")).toBe("[masked]……[masked]");
});

test("a value too short to be a secret is left alone", () => {
  expect(makeMask(["true"]).text("true")).toBe("true");
});

test("without secrets a stream holds nothing back", () => {
  expect(makeMask([]).stream().push("abc")).toBe("abc");
});

test("a secret is masked as a URL, a form and JSON write it", () => {
  const secret = 'a+b/c d"e';
  const mask = makeMask([secret]);
  const written = [
    encodeURIComponent(secret),
    new URLSearchParams({ k: secret }).toString(),
    JSON.stringify({ secret }),
    "a%2bb%2fc%20d%22e",
    "a%2bb%2fc+d%22e",
    String.raw`a+b\/c d\"e`,
  ];
  expect(written.map((text) => mask.text(text))).toEqual([
    "[masked]",
    "k=[masked]",
    '{"secret":"[masked]"}',
    "[masked]",
    "[masked]",
    "[masked]",
  ]);
});

test("a secret is masked in base64, whatever stands before and after it, and in the alphabet of URLs", () => {
  const secret = "ÿþ>?s3cret";
  const mask = makeMask([secret]);
  for (const [before, after] of ["", "a", "ab", "abc", "user:"].flatMap((one) =>
    ["", "x", "xy"].map((two) => [one, two]),
  )) {
    for (const alphabet of ["base64", "base64url"] as const) {
      const masked = mask.text(Buffer.from(`${before}${secret}${after}`).toString(alphabet));
      expect(masked).toContain("[masked]");
      // Of the secret at most a letter is left on each side, and half of what stands beside it.
      expect(masked.replace("[masked]", "").length).toBeLessThanOrEqual(
        Buffer.from(`${before}${after}`).toString("base64").length + 4,
      );
    }
  }
  expect(mask.text(Buffer.from(secret).toString("base64"))).toBe("[masked]");
  expect(mask.text(Buffer.from(secret).toString("base64url"))).toBe("[masked]");
});

test("what patterns are made of is taken as it is", () => {
  const mask = makeMask(["^.*[a-z]+(x|y)$\\d{2}/?"]);
  expect(mask.text("^.*[a-z]+(x|y)$\\d{2}/? and abc")).toBe("[masked] and abc");
});
