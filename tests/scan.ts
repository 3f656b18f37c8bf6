import { analyze } from "@typescript-eslint/scope-manager";
import { parseSync, Visitor, type Argument, type Expression, type ModuleExportName } from "oxc-parser";

/** What a source file reaches for beyond itself. */
export type Scan = {
  /** Specifiers of all imports, re-exports, `import()` and `import type`, with the names taken; `*` for all or for effects. */
  imports: Array<{ specifier: string; names: string[]; line: number }>;
  /**
   * Values that the file neither declares nor imports, with the member that is used: `fetch`, `Bun.spawn`, `Math.random`,
   * `new Date()` (of now; `new Date(x)` is another). The whole of an object, a computed member included, is its bare name. What
   * cannot be judged is named for what it is: `import(…)`, `declare x`.
   */
  globals: Array<{ name: string; line: number }>;
};

/** Reads TypeScript by its syntax and scopes, so that comments, strings, types, own names and members do not count. */
export function scan(file: string, source: string): Scan {
  const parsed = parseSync(file, source, { range: true, preserveParens: false });
  const error = parsed.errors[0];
  if (error !== undefined) throw new Error(`Cannot parse '${file}': ${error.message}`);
  const result: Scan = { imports: [], globals: [] };
  const line = (offset: number) => source.slice(0, offset).split("\n").length;
  const imported = (specifier: string, names: string[], { start }: { start: number }) =>
    result.imports.push({ specifier, names, line: line(start) });
  const used = (name: string, { start }: { start: number }) => result.globals.push({ name, line: line(start) });

  const free = freeValues(parsed.program);
  const judged = new Set<number>();
  /** A free value that is judged by how it is used, here, and no more as itself. */
  const take = (node: { type: string; start: number; name?: unknown }): string | undefined => {
    if (node.type !== "Identifier" || !free.has(node.start)) return undefined;
    free.delete(node.start);
    return String(node.name);
  };

  new Visitor({
    ImportDeclaration(node) {
      const names = node.specifiers.map((specifier) =>
        specifier.type === "ImportSpecifier" ? nameOf(specifier.imported) : "*",
      );
      imported(node.source.value, names.length === 0 ? ["*"] : names, node);
    },
    ExportNamedDeclaration(node) {
      if (node.source === null) return;
      imported(
        node.source.value,
        node.specifiers.map((specifier) => nameOf(specifier.local)),
        node,
      );
    },
    ExportAllDeclaration(node) {
      imported(node.source.value, ["*"], node);
    },
    ImportExpression(node) {
      const specifier = text(node.source);
      if (specifier === undefined) used("import(…)", node);
      else imported(specifier, ["*"], node);
    },
    TSImportType(node) {
      imported(node.source.value, ["*"], node);
    },
    TSImportEqualsDeclaration(node) {
      used("import = ", node);
    },
    VariableDeclaration(node) {
      // An ambient declaration would hide a global from the scopes.
      if (!node.declare) return;
      for (const { id } of node.declarations) used(`declare ${id.type === "Identifier" ? id.name : "…"}`, node);
    },
    TSModuleDeclaration(node) {
      if (node.kind !== "module") used(`declare ${node.kind}`, node);
    },
    TSDeclareFunction(node) {
      if (node.declare) used("declare function", node);
    },
    ClassDeclaration(node) {
      if (node.declare) used("declare class", node);
    },
    MemberExpression(node) {
      const member = node.computed ? text(node.property) : node.property.name;
      if (member === undefined) return; // Then the whole object counts.
      if (node.object.type === "MetaProperty") {
        judged.add(node.object.start);
        used(`import.meta.${member}`, node);
        return;
      }
      const name = take(node.object);
      if (name !== undefined) used(`${name}.${member}`, node);
    },
    MetaProperty(node) {
      if (node.meta.name === "import" && !judged.has(node.start)) used("import.meta", node);
    },
    NewExpression(node) {
      if (node.callee.type !== "Identifier" || node.callee.name !== "Date" || take(node.callee) === undefined) return;
      used(isGiven(node.arguments[0]) ? "new Date(x)" : "new Date()", node);
    },
    BinaryExpression(node) {
      if (node.operator === "instanceof") take(node.right);
    },
    UnaryExpression(node) {
      if (node.operator === "typeof") take(node.argument);
    },
    TSTypeQuery(node) {
      let named = node.exprName;
      while (named.type === "TSQualifiedName") named = named.left;
      if (named.type === "Identifier") take(named);
    },
  }).visit(parsed.program);
  for (const [start, name] of free) used(name, { start });
  return result;
}

/** The values that no scope of the file declares: names by the offset where they stand. */
function freeValues(program: unknown): Map<number, string> {
  if (!isProgram(program)) throw new Error("Not a program");
  const references = analyze(program, { sourceType: "module", lib: [] }).globalScope?.through ?? [];
  const free = new Map<number, string>();
  for (const { isValueReference, identifier } of references) {
    if (isValueReference && "name" in identifier) free.set(identifier.range[0], String(identifier.name));
  }
  return free;
}

/** Two packages, one tree: oxc-parser keeps to the shape that typescript-eslint defined. */
function isProgram(tree: unknown): tree is Parameters<typeof analyze>[0] {
  return typeof tree === "object" && tree !== null && "type" in tree && tree.type === "Program";
}

function nameOf(name: ModuleExportName): string {
  return name.type === "Literal" ? name.value : name.name;
}

/** The text of an expression that is a plain string. */
function text(expression: Expression): string | undefined {
  if (expression.type === "Literal" && typeof expression.value === "string") return expression.value;
  if (expression.type === "TemplateLiteral" && expression.quasis.length === 1) {
    return expression.quasis[0]?.value.cooked ?? undefined;
  }
  return undefined;
}

function isGiven(argument: Argument | undefined): boolean {
  return argument !== undefined && argument.type !== "SpreadElement";
}
