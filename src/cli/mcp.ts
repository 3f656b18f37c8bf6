import { callServer } from "../app/mcp-look.ts";
import { exitCode } from "../core/exit.ts";
import type { McpServer, McpStatus } from "../core/mcp.ts";
import { problemOf } from "../core/problem.ts";
import { ok } from "../core/result.ts";
import { clean } from "../render/clean.ts";
import { errorText } from "../render/error.ts";
import { calledJson, serversJson, serversText, serverToolsJson, serverToolsText } from "../render/mcp.ts";
import type { Handler } from "./command.ts";
import { ended, serversPlan, tellLeftOut, withServers } from "./mcp-common.ts";
import { inputOf } from "./tools.ts";
import { usageError } from "./usage.ts";

/** Starts the servers of an agent file and tells how each is. */
export const listCommand: Handler = async (args, io) => {
  const plan = await serversPlan(args.positionals[0], args, io);
  if (!plan.ok) return ended(plan, io);
  const done = await withServers(plan.value, undefined, args, io, async (look) => {
    const status = look.status().map((one) => ({ ...one, required: isRequired(plan.value.mcp, one) }));
    const json = args.one("--output") === "json";
    await io.stdout.write(look.mask(json ? serversJson(status) : serversText(status, io.stdout.color)));
    return ok(status.every(({ required, state }) => !required || state === "ready") ? 0 : exitCode("missing"));
  });
  return ended(done, io);
};

/** Lists the tools that servers have, as they name them. */
export const toolsCommand: Handler = async (args, io) => {
  const plan = await serversPlan(args.positionals[0], args, io);
  if (!plan.ok) return ended(plan, io);
  const server = args.one("--server");
  const done = await withServers(plan.value, server, args, io, async (look) => {
    const status = look.status();
    const tools = status.flatMap(({ name }) => look.tools(name));
    await io.stdout.write(look.mask(args.one("--output") === "json" ? serverToolsJson(tools) : serverToolsText(tools)));
    await tellLeftOut(look, io);
    const failed = status.filter(({ state }) => state !== "ready");
    for (const { name, error = "it is not ready" } of failed) {
      const message = `Cannot start the MCP server '${name}': ${error}`;
      await io.stderr.write(errorText({ error: { message }, denied: [] }, io.stderr.color));
    }
    return ok(failed.some((one) => isRequired(plan.value.mcp, one)) ? exitCode("missing") : 0);
  });
  return ended(done, io);
};

/** Calls a tool of a server by hand. Its answer is on stdout; a failure on stderr, with exit code 5. */
export const callCommand: Handler = async (args, io) => {
  const [target = "", file] = args.positionals;
  const slash = target.indexOf("/");
  const [server, tool] = [target.slice(0, slash), target.slice(slash + 1)];
  if (slash < 1 || tool === "") {
    const message = `'${target}' names no tool of a server`;
    return usageError({ message, hint: "write SERVER/TOOL" }, io, { name: "mcp call" });
  }
  const input = inputOf(args);
  if (!input.ok) return usageError(input.error, io, { name: "mcp call" });
  const plan = await serversPlan(file, args, io);
  if (!plan.ok) return ended(plan, io);
  const done = await withServers(plan.value, server, args, io, async (look, signal) => {
    const progress = (text: string) => void (args.has("--verbose") && io.stderr.write(clean(text)));
    const called = await callServer(look, server, tool, input.value, { signal, progress });
    if (!called.ok) return called;
    const { text, error } = called.value;
    if (args.one("--output") === "json") {
      await io.stdout.write(look.mask(calledJson(called.value)));
      return ok(error ? exitCode("unfit") : 0);
    }
    if (error) return problemOf("unfit", text);
    const whole = text.endsWith("\n") || text === "" ? text : `${text}\n`;
    await io.stdout.write(io.stdout.terminal ? clean(whole) : whole);
    return ok(0);
  });
  return ended(done, io);
};

/** Whether a run would stop without it. */
function isRequired(servers: readonly McpServer[], { name }: McpStatus): boolean {
  return servers.some((one) => one.name === name && one.required);
}
