import * as v from "valibot";
import type { Diagnostic } from "../core/diagnostic.ts";
import type { Json } from "../core/json.ts";
import { namedVariables } from "../core/planned-tool.ts";
import type { Result } from "../core/result.ts";
import { moduleTools } from "./module-tools.ts";
import { quote, toJson } from "./node.ts";
import { ownToolOf, ownToolProblems } from "./own-tool.ts";
import { readYaml } from "./read.ts";
import { shapeProblems } from "./shape.ts";
import { unreadable, type Problem, type Source } from "./source.ts";
import type { TextNode } from "./template.ts";
import { toolFileSchema, toolNamePattern } from "./tool-schema.ts";
import type { FolderTool, KnownTool, OfferedTools } from "./tools.ts";

/** A module of a tools folder: its place as the user would name it, its absolute path, and its text. */
export type ModuleFile = {
  file: string;
  path: string;
  text: string;
  /** What its code says that it exports, where it was loaded. */
  loaded?: Result<Json, string>;
};

/** What lies in a tools folder, in byte order of the names: tool files and modules. */
export type ToolsFolder = { files: readonly Source[]; modules: readonly ModuleFile[] };

/** Reads the folder that an agent file names, as it names it. */
export type ReadFolder = (folder: string) => Result<ToolsFolder>;

export type CheckedFolder = { offered: OfferedTools; problems: Problem[]; diagnostics: Diagnostic[] };

/** The ending of a tool file's name; the rest is the tool's. */
const ending = ".tool.yaml";

/** The kind of file that a name in a tools folder is; undefined for what is skipped. */
export function kindOfFile(name: string): "tool" | "module" | undefined {
  if (name.startsWith("_") || name.startsWith(".")) return undefined;
  if (name.endsWith(ending)) return "tool";
  return /\.[tj]s$/.test(name) && !/\.(d|test|spec)\.[tj]s$/.test(name) ? "module" : undefined;
}

/** The tools of a folder, and what is wrong with its files. */
export function checkFolder(
  named: TextNode,
  known: { tools: readonly KnownTool[]; secrets: readonly string[] },
  read: ReadFolder,
): CheckedFolder {
  const folder = read(named.value);
  if (!folder.ok) {
    const message = `Cannot read the tools folder ${quote(named.value)}: ${folder.error.message}`;
    return {
      offered: { tools: [], unloaded: [] },
      problems: [{ code: "unreadable", at: named.at, message }],
      diagnostics: [],
    };
  }
  const tools: FolderTool[] = [];
  const unloaded: string[] = [];
  const diagnostics: Diagnostic[] = [];
  const taken = new Map(known.tools.map(({ name }) => [name, "rein"]));
  /** Takes a tool in, unless another has its name. */
  const add = (tool: FolderTool, wrong: (message: string) => Diagnostic) => {
    const other = taken.get(tool.name);
    const variable = namedVariables(tool.permissions).find((name) => known.secrets.includes(name));
    if (other !== undefined) {
      diagnostics.push(
        wrong(`A tool cannot be named ${quote(tool.name)}: ${other === "rein" ? other : `'${other}'`} has one`),
      );
    } else if (variable !== undefined) {
      diagnostics.push(wrong(`'${variable}' holds a service's key: no tool can have it`));
    } else tools.push(tool);
    taken.set(tool.name, tool.origin);
  };
  for (const source of folder.value.files) {
    const checked = checkToolFile(source);
    diagnostics.push(...(checked.ok ? checked.warnings : checked.diagnostics));
    if (checked.ok) add(checked.value, (message) => unreadable(source.file, message, "wrong_value"));
  }
  for (const module of folder.value.modules) {
    if (module.loaded === undefined) unloaded.push(module.path);
    else
      for (const one of moduleTools(module, module.loaded)) {
        if (one.ok) add(one.value.tool, one.value.wrong);
        else diagnostics.push(one.error);
      }
  }
  return { offered: { tools, unloaded }, problems: [], diagnostics };
}

function checkToolFile(source: Source) {
  return readYaml(source, "a tool has at least a 'description' and 'run' or 'http'", (root, text) => {
    const written = { file: source.file, text, folder: source.folder };
    const name = source.file.replace(/^.*\//, "").slice(0, -ending.length);
    const problems: Problem[] = shapeProblems(toolFileSchema, root, {
      later: { "": ["agent", "mcp"] },
      foreign: { "": { command: "run", cmd: "run", parameters: "input", args: "input", name: "description" } },
      mistaken: () => undefined,
    });
    if (root.kind === "map") problems.push(...ownToolProblems(root, written));
    if (!toolNamePattern.test(name)) {
      const message = `The file's name is no tool's: ${quote(name)} is not at most 64 letters, digits, '_' and '-'`;
      problems.push({ code: "wrong_value", at: [0, 1], message });
    }
    return {
      problems,
      value: () => {
        if (root.kind !== "map") throw new Error("A tool file without errors is a map");
        return ownToolOf(root, v.parse(toolFileSchema, toJson(root)), name, written);
      },
    };
  });
}
