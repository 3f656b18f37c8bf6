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
  ];
  expect(written.map((text) => mask.text(text))).toEqual(["[masked]", "k=[masked]", '{"secret":"[masked]"}']);
});
