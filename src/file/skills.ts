import { basename, resolve } from "node:path";
import type { Diagnostic } from "../core/diagnostic.ts";
import type { Skill } from "../core/plan.ts";
import type { AgentFiles } from "./agent-files.ts";
import { find, kindName, quote, textsOf, type Node } from "./node.ts";
import { readYaml, type Checked } from "./read.ts";
import { decode, unreadable, type Problem, type Source } from "./source.ts";
import type { TextNode } from "./template.ts";

/** What the Agent Skills format allows. */
const namePattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const longestName = 64;
const longestDescription = 1024;

/** The folders under `skills:`, and what is wrong with them: where they are named, and in their own files. */
export function checkSkills(
  node: Node,
  source: Source,
  files: AgentFiles,
): { problems: Problem[]; diagnostics: Diagnostic[]; skills: Skill[] } {
  const problems: Problem[] = [];
  const diagnostics: Diagnostic[] = [];
  const skills: Skill[] = [];
  for (const named of textsOf(find(node, "skills"))) {
    if (named.value.includes("${{")) continue;
    const path = resolve(source.folder, named.value);
    const folder = files.folder(path);
    const wrong = wrongFolder(named, folder, files);
    if (wrong !== undefined || folder === undefined) {
      if (wrong !== undefined) problems.push(wrong);
      continue;
    }
    const shown = shownPath(source.file, named.value);
    const checked = checkSkill(`${shown}/SKILL.md`, basename(path), folder, files);
    diagnostics.push(...(checked.ok ? checked.warnings : checked.diagnostics));
    if (!checked.ok) continue;
    const { name } = checked.value;
    if (skills.some((skill) => skill.name === name)) {
      problems.push({
        code: "wrong_value",
        at: named.at,
        message: `Skill '${name}' is listed twice`,
        hint: "remove one",
      });
    } else skills.push(checked.value);
  }
  return { problems, diagnostics, skills };
}

/** A path of an agent file as the user would name it. */
function shownPath(file: string, path: string): string {
  const slash = file.lastIndexOf("/");
  const plain = path.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
  return path.startsWith("/") || slash < 0 ? plain : `${file.slice(0, slash)}/${plain}`;
}

function wrongFolder(named: TextNode, folder: string | undefined, files: AgentFiles): Problem | undefined {
  const about = (message: string, hint?: string): Problem => ({ code: "unreadable", at: named.at, message, hint });
  if (folder === undefined) {
    return about(
      `There is no folder ${quote(named.value)}`,
      "a skill is a folder with a SKILL.md, beside the agent file",
    );
  }
  const read = files.read(`${folder}/SKILL.md`);
  return read.ok
    ? undefined
    : about(`The folder ${quote(named.value)} is no skill: it has no SKILL.md that can be read`, read.error.message);
}

function checkSkill(file: string, called: string, folder: string, files: AgentFiles): Checked<Skill> {
  const read = files.read(`${folder}/SKILL.md`);
  const source: Source = { file, folder, bytes: read.ok ? read.value : new Uint8Array() };
  const decoded = decode(source);
  if (!decoded.ok) return { ok: false, diagnostics: [decoded.error] };
  // Cut behind the frontmatter, so that places stay what they are in the file.
  const front = /^---[ \t]*\r?\n[\s\S]*?(?=^---[ \t]*\r?$)/m.exec(decoded.value);
  if (front === null || front.index !== 0) {
    const message = "A SKILL.md begins with '---', its name and description, and '---'";
    return { ok: false, diagnostics: [unreadable(file, message, "missing_key", "see agentskills.io")] };
  }
  const bytes = new TextEncoder().encode(front[0]);
  return readYaml({ ...source, bytes }, "a skill has a 'name' and a 'description'", (root) => {
    const name = find(root, "name");
    const description = find(root, "description");
    return {
      problems: [
        ...textProblems(root, "name", (text) => wrongName(text, called)),
        ...textProblems(root, "description", wrongDescription),
      ],
      value: () => ({
        name: name?.kind === "text" ? name.value : "",
        description: description?.kind === "text" ? description.value.trim() : "",
        folder,
      }),
    };
  });
}

/** A key that must be there and be text. */
function textProblems(root: Node, key: string, wrong: (text: string) => string | undefined): Problem[] {
  const start = [root.at[0], root.at[0] + 1] as const;
  if (root.kind !== "map") {
    const message = `Expected a map with 'name' and 'description', found ${kindName(root)}`;
    return key === "name" ? [{ code: "wrong_type", at: start, message }] : [];
  }
  const value = find(root, key);
  if (value === undefined) return [{ code: "missing_key", at: start, message: `Key '${key}' is missing` }];
  if (value.kind !== "text") {
    return [{ code: "wrong_type", at: value.at, message: `Expected text, found ${kindName(value)}` }];
  }
  const message = wrong(value.value);
  return message === undefined ? [] : [{ code: "wrong_value", at: value.at, message }];
}

function wrongName(name: string, folder: string): string | undefined {
  if (name.length > longestName || !namePattern.test(name)) {
    return `A skill's name is at most ${longestName} lower case letters and digits, with single '-' between them`;
  }
  return name === folder ? undefined : `A skill is named like its folder: ${quote(name)} lies in ${quote(folder)}`;
}

function wrongDescription(text: string): string | undefined {
  if (text.trim() === "") return "A description cannot be empty";
  return text.length > longestDescription ? `A description has at most ${longestDescription} characters` : undefined;
}
