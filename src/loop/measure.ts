import type { Attachment, Message } from "../core/message.ts";
import { attachmentsOf } from "../core/message.ts";
import type { ModelRequest } from "../core/model.ts";
import { fixedSize, framesOf, frameTokens, messageBytes, messageText, toolText } from "../core/request-size.ts";

/** How the size of what a model reads is known. */
export type Gauge = {
  /** Tokens of a text, as the model's own encoding or one like it has them. */
  count(text: string): Promise<number>;
  /** Tokens of an image or a PDF, rather too many. */
  attachment(attachment: Attachment): number;
  /** How many tokens the model makes of one that is counted, until its service has told. */
  ratio: number;
};

/** Sizes of what is sent again with each request; each part is counted once. */
export class Measure {
  readonly #gauge: Gauge;
  readonly #tokens = new WeakMap<object, number>();
  readonly #attached = new WeakMap<Message, number>();
  readonly #instructions = new Map<string, number>();

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
  }

  /** More tokens than it can have, without counting: a token is at least one byte. */
  most(message: Message): number {
    return messageBytes(message) + this.#beside(message);
  }

  tokens(message: Message): Promise<number> {
    return this.#kept(message, async () => (await this.#gauge.count(messageText(message))) + this.#beside(message));
  }

  /** What is in each request beside the messages: more tokens than it can have. */
  mostFixed(request: ModelRequest): number {
    const { bytes, frames } = fixedSize(request);
    return bytes + frames;
  }

  async fixed({ instructions, tools, output }: ModelRequest): Promise<{ instructions: number; tools: number }> {
    const count = (text: string) => this.#gauge.count(text);
    let told = output === undefined ? 0 : await this.#kept(output, () => count(JSON.stringify(output)));
    for (const tool of tools) told += (await this.#kept(tool.input, () => count(toolText(tool)))) + frameTokens;
    let own = this.#instructions.get(instructions);
    if (own === undefined) this.#instructions.set(instructions, (own = await count(instructions)));
    return { instructions: own, tools: told };
  }

  async #kept(key: object, count: () => Promise<number>): Promise<number> {
    let tokens = this.#tokens.get(key);
    if (tokens === undefined) this.#tokens.set(key, (tokens = await count()));
    return tokens;
  }

  #beside(message: Message): number {
    let shown = this.#attached.get(message);
    if (shown === undefined) {
      shown = attachmentsOf(message).reduce((sum, one) => sum + this.#gauge.attachment(one), 0);
      this.#attached.set(message, shown);
    }
    return framesOf(message) + shown;
  }
}
