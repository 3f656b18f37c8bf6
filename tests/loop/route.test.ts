import { describe, expect, test } from "bun:test";
import { defaultKeywords, defaultThreshold, type Route } from "../../src/core/route.ts";
import { featuresOf, featureScore, kinds, weights } from "../../src/loop/route-features.ts";
import { decideRoute, keywordScore } from "../../src/loop/route.ts";

const score = (text: string, keywords?: Record<string, number>) => keywordScore(text, keywords).score;

describe("the score of keywords", () => {
  for (const [what, text, expected] of [
    ["nothing", "", 0],
    ["a text without a keyword by its length", "Say hello", 0.009],
    ["a keyword in any case", "BUG", 0.303],
    ["a keyword within a word", "debugger", 0.308],
    ["the heaviest of several, not their sum", "a bug in the design: optimize and refactor", 0.742],
    ["each keyword: architecture", "architecture", 0.812],
    ["each keyword: design", "design", 0.706],
    ["each keyword: refactor", "refactor", 0.608],
    ["each keyword: implement", "implement", 0.709],
    ["each keyword: optimize", "optimize", 0.508],
    ["length up to a fifth", "x".repeat(5000), 0.2],
    ["exactly 200 characters", "x".repeat(200), 0.2],
    ["a character beyond the BMP as one", "𝔘".repeat(100), 0.1],
    ["a grapheme of several code points as these", "👩‍👩‍👧".repeat(10), 0.05],
    ["at most 1", `architecture ${"x".repeat(300)}`, 1],
  ] as const) {
    test(`counts ${what}`, () => {
      expect(score(text)).toBe(expected);
    });
  }

  test("is a sum of decimals, not of their nearest fractions", () => {
    expect(score(`key${"x".repeat(197)}`, { key: 0.1 })).toBe(0.3);
  });

  test("takes keywords as they are written in the file, whatever their case", () => {
    expect(score("sql please", { SQL: 0.9 })).toBe(0.91);
    expect(score("design", { SQL: 0.9 })).toBe(0.006);
    expect(score("constructor", { bug: 0.3 })).toBe(0.011);
  });

  test("is what the issue's formula says, for texts of all kinds", () => {
    const words = [
      "design",
      "Bug",
      "REFACTOR",
      "implement",
      "a",
      "ß",
      "İ",
      "😀",
      "optimiz",
      "e",
      " ",
      "\ud800",
      "architecture",
    ];
    let seed = 7;
    const next = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let round = 0; round < 500; round++) {
      const text = Array.from({ length: next(60) }, () => words[next(words.length)]).join("");
      const found = Object.entries(defaultKeywords).flatMap(([word, weight]) =>
        text.toLowerCase().includes(word) ? [weight] : [],
      );
      const formula = Math.min(Math.max(0, ...found) + Math.min([...text].length / 1000, 0.2), 1);
      expect(score(text)).toBeCloseTo(formula, 9);
    }
  });
});

const route: Route = {
  simple: ["a"],
  complex: ["b"],
  threshold: defaultThreshold,
  scorer: "keywords",
  keywords: { ...defaultKeywords },
};
/** As if each character were a token. */
const around = { tokens: async (text: string) => text.length };
const unasked = () => Promise.reject(new Error("Nobody needs the features"));
const decide = (given: Partial<Route>, prompt: string) =>
  decideRoute({ ...route, ...given }, { prompt, features: unasked });

describe("a route", () => {
  test("sends to the complex model only what is strictly above the threshold", async () => {
    const at = `refactor${"x".repeat(92)}`;
    expect(await decide({}, at)).toMatchObject({ score: 0.7, side: "simple" });
    expect(await decide({}, `${at}x`)).toMatchObject({ score: 0.701, side: "complex" });
    expect(await decide({ threshold: 1 }, `architecture${"x".repeat(300)}`)).toMatchObject({
      score: 1,
      side: "simple",
    });
    expect(await decide({ threshold: 0 }, "")).toMatchObject({ score: 0, side: "simple" });
    expect(await decide({ threshold: 0 }, "x")).toMatchObject({ score: 0.001, side: "complex" });
  });

  test("says why in words that hold the numbers", async () => {
    expect((await decide({}, "Design it")).why).toBe("'design' weighs 0.7, 9 characters add 0.009: 0.709 is above 0.7");
    expect((await decide({}, "x".repeat(999))).why).toBe(
      "no keyword, 200 or more characters add 0.2: 0.2 is not above 0.7",
    );
  });

  test("that is a cascade begins with the simple model, and judges no prompt", async () => {
    expect(await decide({ scorer: "cascade" }, "Design an architecture")).toMatchObject({
      score: null,
      side: "simple",
    });
  });

  test("by features asks for them, and tells them", async () => {
    const features = () => featuresOf("Say hello", { ...around, attached: 0, tools: 0 });
    const decided = await decideRoute({ ...route, scorer: "features" }, { prompt: "Say hello", features });
    expect(decided.why).toStartWith("9 tokens in 1 step, 0 code blocks, 0 files, 0 tools; words: none: 0.");
    expect(decided.side).toBe("simple");
  });
});

describe("the features of a prompt", () => {
  const features = (prompt: string) => featuresOf(prompt, { ...around, attached: 1, tools: 3 });
  const none = { routine: 0, reasoning: 0, demands: 0 };

  test("are its tokens, steps, blocks of code, files, tools and words of each kind", async () => {
    const prompt = "Why does src/a.ts fail? Why?\n```ts\nx\n```\n```\nall\n```\nSee a.test.ts, src/a.ts and docs/";
    expect(await features(prompt)).toEqual({
      tokens: prompt.length - "```ts\nx\n``````\nall\n```".length,
      steps: 2,
      codeBlocks: 2,
      files: 4,
      tools: 3,
      kinds: { ...none, reasoning: 1 },
    });
  });

  test("of what a text is about are only its blocks", async () => {
    const found = await features("Translate into French:\nDesign all of it, and explain each.");
    expect(found).toMatchObject({ tokens: "Translate into French".length, steps: 1, kinds: { ...none, routine: 1 } });
    expect(await features("Design it. Say:\n")).toMatchObject({ tokens: 16, kinds: { ...none, reasoning: 1 } });
  });

  test("count as a step what is asked for in two words or more", async () => {
    for (const [prompt, steps] of [
      ["", 0],
      ["Stop", 0],
      ["Find the leak", 1],
      ["Find the leak, correct it, and add a test. Then run 'a, b and c'!", 4],
      ["Sort these: Zoe, Ahmed, Boris", 1],
      ["Set x.y to 3.5 in a,b.txt", 1],
      ["Trouver la fuite; la corriger\nécrire un test", 3],
    ] as const) {
      expect([prompt, (await features(prompt)).steps]).toEqual([prompt, steps]);
    }
  });

  test("are not in quoted words and names of files", async () => {
    const { kinds: found } = await features(
      "Put 'design all' and `review` into docs/architecture.md and \"plan.md\"; don't plan, it's done",
    );
    expect(found).toEqual({ ...none, reasoning: 1 });
  });

  test("count no block that is not closed, and no number or sentence as a file", async () => {
    expect(await features("It is 3.14, e.g. here.Then\n```js\nx")).toMatchObject({ codeBlocks: 0, files: 1 });
  });

  test("are found in time that grows with the prompt, whatever is in it", async () => {
    const pieces = [
      "a/",
      "a.",
      "```\n",
      "what is ",
      "/",
      "trade",
      "'",
      "*.",
      ":\n",
      ": ",
      "   ```",
      ", ",
      " and ",
      "`",
      "!?",
    ];
    for (const piece of pieces) {
      const found = await featuresOf(`x ${piece.repeat(50_000)}`, { ...around, attached: 0, tools: 0 });
      expect(found.steps).toBeLessThan(100_000);
    }
  });

  test("each have a weight, and never lead out of the range of a score", () => {
    expect(Object.keys(weights).toSorted()).toEqual(
      ["bias", "tokens", "steps", "codeBlocks", "files", "tools", ...Object.keys(kinds)].toSorted(),
    );
    const counts = { tokens: 1e9, steps: 1e9, codeBlocks: 1e6, files: 1e6, tools: 1e6 };
    const most = featureScore({ ...counts, kinds: { ...none, reasoning: 9, demands: 9 } });
    expect(most.score).toBe(1);
    const least = { tokens: 0, steps: 0, codeBlocks: 0, files: 0, tools: 0, kinds: none };
    expect(featureScore(least).score).toBeLessThan(0.1);
  });
});
