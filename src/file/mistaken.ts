import { find, kindName, type Node } from "./node.ts";
import { plain, type ShapeRules } from "./shape.ts";
import type { Problem } from "./source.ts";
import { ownToolSchema } from "./tool-schema.ts";

/** What a `${{ … }}` is told where nothing expands it. */
export const strayMessage = "'${{ … }}' works in 'instructions' and 'prompt' only";

/** The hint of a problem that says where an agent's task went. */
export const mistakenTask = /^did you mean '(instructions|prompt)'\?$/;

/** What people write in an agent file that deserves a better word than "Expected a list, found text". */
export const mistaken: ShapeRules["mistaken"] = (path, node) => {
  // An agent within the file is one like the file's own.
  switch (path.replace(/^agents\.\*\./, "")) {
    case "":
      if (node.kind === "map") return undefined;
      return {
        code: "wrong_type",
        message: `Expected a map of an agent's keys, found ${kindName(node)}`,
        hint: "write keys, such as 'prompt: …'",
      };
    case "model":
      if (node.kind === "map" && !node.entries.has("simple") && !node.entries.has("complex")) {
        return {
          code: "wrong_type",
          message: "A map for 'model' is a route, with 'simple' and 'complex'",
          hint: "a model with options is named under 'models'",
        };
      }
      return strayName(node);
    case "model.*":
    case "model.simple":
    case "model.simple.*":
    case "model.complex":
    case "model.complex.*":
      return strayName(node);
    case "models.*":
      if (node.kind !== "text") return undefined;
      return {
        code: "wrong_type",
        message: "Expected a map with 'model', found text",
        hint: `write { model: ${plain(node.value)} }`,
      };
    case "models.*.extra_body":
      if (node.kind === "map" || node.kind === "broken") return undefined;
      return { code: "wrong_type", message: `Expected a map, found ${kindName(node)}` };
    case "tools.*": {
      // Settings below a tool's name, as other agents have them.
      const [name, ...more] = node.kind === "map" ? node.entries.keys() : [];
      if (name === undefined || more.length > 0 || Object.hasOwn(ownToolSchema.entries, name)) return undefined;
      // Tools of a server.
      if (find(node, name)?.kind === "list") return undefined;
      if (find(node, name)?.kind === "text") {
        const hint = `for a tool of a server write { ${plain(name)}: [NAME] }`;
        return { code: "wrong_type", message: "Expected a tool's name, found a map", hint };
      }
      return { code: "wrong_type", message: "Expected a tool's name, found a map", hint: `write ${plain(name)}` };
    }
    case "input.*":
      if (node.kind !== "text") return undefined;
      return {
        code: "wrong_type",
        message: "Expected a map such as { type: string }, found text",
        hint: `write { type: ${/^[a-z]+$/.test(node.value) ? node.value : "string"} }`,
      };
    case "limits.time":
    case "mcp.*.deadline":
    case "mcp.*.timeout":
      if (node.kind !== "number") return undefined;
      return {
        code: "wrong_type",
        message: "Expected a duration such as '30s' or '5m', found a number",
        hint: `write '${node.value}s' or '${node.value}m'`,
      };
    case "output":
      if (find(node, "schema") !== undefined || (find(node, "type") ?? find(node, "properties")) === undefined)
        return undefined;
      return {
        code: "missing_key",
        message: "Key 'schema' is missing",
        hint: "write 'schema:' above the schema's keys",
      };
    case "checks.*":
      if (node.kind !== "text" && node.kind !== "list") return undefined;
      return {
        code: "wrong_type",
        message: `Expected a map with 'run', found ${kindName(node)}`,
        hint: `write { run: ${node.kind === "text" ? argv(node.value) : "[…]"} }`,
      };
    case "checks.*.run":
      if (node.kind !== "text") return undefined;
      return {
        code: "wrong_type",
        message: "Expected a list of a program and its arguments, found text",
        hint: `no shell reads it: write ${argv(node.value)}`,
      };
    default:
      return undefined;
  }
};

/** A template where a model is named. */
function strayName(node: Node): Omit<Problem, "at"> | undefined {
  return node.kind === "text" && node.value.includes("${{") ? { code: "template", message: strayMessage } : undefined;
}

/** A command line as a list; one that only a shell understands is given to a shell. */
function argv(command: string): string {
  if (/[|&;<>`$*?\n]/.test(command.replace(/'[^']*'/g, "")))
    return `[sh, -c, ${plain(command.replace(/\s+/g, " ").trim())}]`;
  const words = command.match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  return `[${words.map((word) => plain(word.replace(/^(['"])(.*)\1$/, "$2"))).join(", ")}]`;
}
