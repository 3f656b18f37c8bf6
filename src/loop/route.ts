import { defaultKeywords, type Route, type Routed } from "../core/route.ts";
import { decimal } from "./decimal.ts";
import { featureScore, type Features } from "./route-features.ts";

/** What a text's length adds to its score: a thousandth for each character, up to this. */
const mostForLength = 0.2;

/** A prompt to be judged, as the model reads it. What it takes to know its features is done where they are asked for. */
export type Judged = { prompt: string; features(): Promise<Features> };

/** Which of a route's models a prompt goes to, and why. */
export async function decideRoute(route: Route, { prompt, features }: Judged): Promise<Routed> {
  const { threshold, scorer } = route;
  if (scorer === "cascade") {
    const why = "the simple model answers first, and the complex one where that does not fit or fails a check";
    return { side: "simple", score: null, threshold, scorer, why };
  }
  const { score, why } = scorer === "keywords" ? keywordScore(prompt, route.keywords) : featureScore(await features());
  const side = score > threshold ? "complex" : "simple";
  const verdict = `${score} is ${score > threshold ? "above" : "not above"} ${threshold}`;
  return { side, score, threshold, scorer, why: `${why}: ${verdict}` };
}

/**
 * The weight of the heaviest keyword that the text's lower case contains, plus a thousandth for each code point up to 0.2, at most 1.
 */
export function keywordScore(
  text: string,
  keywords: Readonly<Record<string, number>> = defaultKeywords,
): { score: number; why: string } {
  const lower = text.toLowerCase();
  const found = Object.entries(keywords).filter(([keyword]) => lower.includes(keyword.toLowerCase()));
  const [heaviest] = found.toSorted(([, one], [, other]) => other - one);
  const weight = heaviest?.[1] ?? 0;
  const length = codePoints(text, mostForLength * 1000);
  const score = decimal(Math.min(weight + Math.min(length / 1000, mostForLength), 1));
  const many = length < mostForLength * 1000 ? String(length) : `${mostForLength * 1000} or more`;
  const words = heaviest === undefined ? "no keyword" : `'${heaviest[0]}' weighs ${weight}`;
  return { score, why: `${words}, ${many} characters add ${decimal(Math.min(length / 1000, mostForLength))}` };
}

/** The code points of a text, counted up to `most`: a prompt may be megabytes long. */
function codePoints(text: string, most: number): number {
  let count = 0;
  for (const _ of text) {
    if (count === most) break;
    count++;
  }
  return count;
}
