import type { Stamped } from "../core/event.ts";
import type { Renderer, Writer } from "../core/render.ts";
import { clean, cleanLine } from "./clean.ts";
import { paint } from "./format.ts";

/** `--verbose`: what the model thinks, what tools print and what the gate decides, on stderr. */
export function verboseRenderer(stderr: Writer, color: boolean): Renderer {
  let open = false;
  const piece = async (text: string) => {
    if (text === "") return;
    open = !text.endsWith("\n");
    // Line by line: a status line may be drawn between them, and would end the colour.
    await stderr.write(clean(text).replace(/[^\n]+/g, (part) => paint(part, "dim", color)));
  };
  const line = async (text: string) => {
    await stderr.write(`${open ? "\n" : ""}${text}\n`);
    open = false;
  };
  return {
    async event(event: Stamped) {
      // Pieces of text of agents that work side by side would be one text.
      if (event.agent_id !== undefined && event.type !== "decision" && event.type !== "call_start") return;
      const who = event.agent_id === undefined ? "" : `[${event.agent_id}] `;
      switch (event.type) {
        case "reasoning":
        case "output":
          return piece(event.text);
        case "decision": {
          const why = event.reason === undefined ? "" : `: ${event.reason}`;
          return line(`${who}${event.verdict}: ${event.kind} '${cleanLine(event.target)}'${cleanLine(why)}`);
        }
        case "call_start": {
          const repaired = event.repaired === undefined ? "" : ` (repaired: ${cleanLine(event.repaired.join(", "))})`;
          return line(`${who}call ${cleanLine(event.call.name)} ${cleanLine(event.call.arguments)}${repaired}`);
        }
        case "text":
        case "turn_end":
          if (open) await line("");
      }
    },
    async end() {
      if (open) await line("");
    },
  };
}
