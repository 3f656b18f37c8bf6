import { neededVariables, type RunTool } from "../core/planned-tool.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import type { JsonObject } from "../core/json.ts";
import { Bounded, bytes, grouped, HeadAndTail } from "./bound.ts";
import { fillWords, withDefaults } from "./fill.ts";
import { grantedVariables } from "./variables.ts";

/** A program that writes more is ended. */
const mostOutput = 64_000_000;

/** Of what a program writes to stderr, as much explains a failure. */
const mostExplained = 4_000;

/** A program as a tool: the arguments are JSON on its stdin, the answer is what it writes to stdout. */
export function runTool(planned: RunTool): Tool {
  const { name, description, input, effects, run, permissions } = planned;
  const [program] = run[0] ?? [];
  const target = program !== undefined && "text" in program ? program.text : "";
  return {
    name,
    description,
    input,
    needs: [
      { kind: "run", target },
      ...neededVariables(permissions).map((variable) => ({ kind: "env" as const, target: variable })),
    ],
    effects: () => effects,
    run: (given, context) => call(planned, withDefaults(given, input), context),
  };
}

async function call(planned: RunTool, args: JsonObject, context: ToolContext): Promise<ToolOutcome> {
  const { host, signal, output: show } = context;
  const argv = fillWords(planned.run, { args });
  if (!argv.ok) return { content: argv.error, error: true };
  const variables = await grantedVariables(planned.permissions.env, host);
  if (!variables.ok) return { content: variables.error, error: true };
  const answer = new Bounded();
  const explained = new HeadAndTail(mostExplained);
  const decoders = { stdout: new TextDecoder("utf-8", { fatal: true }), stderr: new TextDecoder() };
  const flood = new AbortController();
  let size = 0;
  let garbage = false;
  const take = (piece?: Uint8Array) => {
    try {
      answer.add(piece === undefined ? decoders.stdout.decode() : decoders.stdout.decode(piece, { stream: true }));
    } catch {
      garbage = true;
    }
  };
  const ended = await host.process.run(argv.value, {
    ...variables.value,
    stdin: new TextEncoder().encode(JSON.stringify(args)),
    timeoutMs: planned.timeout,
    signal: AbortSignal.any([signal, flood.signal]),
    onOutput(stream, piece) {
      size += piece.length;
      if (size > mostOutput) return flood.abort();
      if (stream === "stdout") return garbage ? undefined : take(piece);
      const text = decoders.stderr.decode(piece, { stream: true });
      explained.add(text);
      show(text);
    },
  });
  if (!garbage) take();
  if (flood.signal.aborted) return failure(`it wrote more than ${bytes(mostOutput)}`);
  if (!ended.ok) return { content: ended.error.message, error: true };
  const { code, timeout, signal: killed } = ended.value;
  if (timeout) return failure(`it took longer than ${planned.timeout / 1000} s`);
  if (code !== 0) {
    const said = [whole(explained), garbage ? "" : whole(answer)].filter((part) => part !== "");
    const how = killed === null ? `exit code ${code}` : `ended by ${killed}`;
    return { content: [...said, `[${how}]`].join("\n"), error: true, ...(garbage ? {} : answer.whole()) };
  }
  return garbage ? failure("its answer is not UTF-8 text") : { content: whole(answer), ...answer.whole() };

  function failure(why: string): ToolOutcome {
    return { content: `'${planned.name}' failed: ${why}`, error: true };
  }
}

/** What was kept of a text, and a word on what was not. */
export function whole(kept: HeadAndTail): string {
  const { head, tail, left } = kept.parts();
  return (left === 0 ? head + tail : `${head}\n[${grouped(left)} characters left out]\n${tail}`).trimEnd();
}
