/** What the tests of chats share: agents that need no network, keys, and what a person sees. */
import { screenModel } from "./screen-model.ts";
import { openScreen, type Screen } from "./terminal.ts";

export const enter = "\r";
export const ctrl = (letter: string) => String.fromCharCode(letter.charCodeAt(0) & 0x1f);
export const up = "\u001b[A";
export const left = "\u001b[D";

export const agent = "name: agent\ninstructions: Be brief\nmodel: scripted/script.yaml\n";
export const script = (...steps: unknown[]) => JSON.stringify(steps);
/** An agent that says what it was asked last. */
const echo = (count: number) => script(...Array.from({ length: count }, () => ({ text: "You said: ${{ prompt }}" })));
export const talker = (count = 5) => ({ "agent.yaml": agent, "script.yaml": echo(count) });

export const ready = " · chat-";
export const chat = "rein chat agent.yaml";

/** What a person sees, rows that scrolled away first; times and names of sessions are taken out. */
export function seen(screen: Pick<Screen, "text"> | string, columns = 80): string {
  const model = screenModel(columns, 24);
  model.write(typeof screen === "string" ? screen : screen.text());
  return model
    .text()
    .replace(/ · chat-[\d-]+/g, "")
    .replace(/\d+(?:\.\d+)?m?s · \d+ tokens/g, "TIME");
}

/** Nothing is under way: the cursor is where one types. */
export const idle = (screen: Screen) => screen.until("\u001b[?25h");

export const openChat = (files: Record<string, string>, command = chat, env: Record<string, string> = {}) =>
  openScreen(command, files, { columns: 80, env });
