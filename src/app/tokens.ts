import { countTokens, type Encoding } from "../native/tokens.ts";

export type { Encoding };

/** How many tokens a text has. What is not UTF-8 in it is counted as the replacement character, which a model would get. */
export async function tokensOf(bytes: Uint8Array, encoding: Encoding): Promise<number> {
  return countTokens(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), encoding);
}
