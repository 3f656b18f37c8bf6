import type { Attachment, Message } from "../core/message.ts";
import { attachmentsOf } from "../core/message.ts";
import type { ModelRequest, ToolSpec } from "../core/model.ts";

/** How the size of what a model reads is known. */
export type Gauge = {
  /** Tokens of a text, as the model's own encoding or one like it has them. */
  count(text: string): Promise<number>;
  /** Tokens of an image or a PDF, rather too many. */
  attachment(attachment: Attachment): number;
  /** How many tokens the model makes of one that is counted, until its service has told. */
  ratio: number;
};

/** What a service puts around a message or the result of a call. */
const frameTokens = 8;

/** Sizes of what is sent again with each request; each part is measured once. */
export class Measure {
  readonly #gauge: Gauge;
  readonly #bytes = new WeakMap<object, number>();
  readonly #tokens = new WeakMap<object, number>();
  readonly #instructions = new Map<string, number>();

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
  }

  /** More tokens than it can have, without counting: a token is at least one byte. */
  most(message: Message): number {
    let most = this.#bytes.get(message);
    if (most === undefined) {
      most = Buffer.byteLength(textOf(message)) + this.#beside(message);
      this.#bytes.set(message, most);
    }
    return most;
  }

  async tokens(message: Message): Promise<number> {
    let tokens = this.#tokens.get(message);
    if (tokens === undefined) {
      tokens = (await this.#gauge.count(textOf(message))) + this.#beside(message);
      this.#tokens.set(message, tokens);
    }
    return tokens;
  }

  /** What is in each request beside the messages: more tokens than it can have. */
  mostFixed({ instructions, tools, output }: ModelRequest): number {
    const held = output === undefined ? 0 : this.#mostOf(output, () => JSON.stringify(output));
    const told = tools.reduce((sum, tool) => sum + this.#mostOf(tool.input, () => toolText(tool)) + frameTokens, 0);
    return Buffer.byteLength(instructions) + told + held;
  }

  #mostOf(key: object, text: () => string): number {
    let most = this.#bytes.get(key);
    if (most === undefined) this.#bytes.set(key, (most = Buffer.byteLength(text())));
    return most;
  }

  async fixed({ instructions, tools, output }: ModelRequest): Promise<{ instructions: number; tools: number }> {
    let told = output === undefined ? 0 : await this.#kept(output, JSON.stringify(output));
    for (const tool of tools) told += (await this.#kept(tool.input, toolText(tool))) + frameTokens;
    let own = this.#instructions.get(instructions);
    if (own === undefined) this.#instructions.set(instructions, (own = await this.#gauge.count(instructions)));
    return { instructions: own, tools: told };
  }

  async #kept(key: object, text: string): Promise<number> {
    let tokens = this.#tokens.get(key);
    if (tokens === undefined) this.#tokens.set(key, (tokens = await this.#gauge.count(text)));
    return tokens;
  }

  #beside(message: Message): number {
    const frames = message.role === "tool" ? message.results.length : 1;
    const shown = attachmentsOf(message).reduce((sum, one) => sum + this.#gauge.attachment(one), 0);
    return frames * frameTokens + shown;
  }
}

function toolText({ name, description, input }: ToolSpec): string {
  return `${name}\n${description}\n${JSON.stringify(input)}`;
}

/** All that a model reads of a message but images and PDFs. What a service wants back is often packed, or not read at all. */
function textOf(message: Message): string {
  if (message.role === "user") return message.text;
  if (message.role === "tool") return message.results.map(({ content }) => content).join("\n");
  const { text, calls, opaque } = message;
  const written = calls.map((call) => `${call.name}\n${call.arguments}`);
  return [text, ...written, ...(opaque === undefined ? [] : [JSON.stringify(opaque)])].join("\n");
}
