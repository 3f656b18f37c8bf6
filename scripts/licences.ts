/**
 * `bun scripts/licences.ts FILE [LOCAL]`: the licences of all that the executable holds, each with its notice, from what was installed
 * for the build. They travel in the executable: `rein version --licences` prints them. With LOCAL 0 it is a build without local models.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** `texts` are empty where the package has none and only names its licence. */
type Part = { name: string; licence: string; texts: string[] };

const root = resolve(import.meta.dir, "..");
const [out = "", local = "1"] = process.argv.slice(2);

/** Of licences to choose from, MIT where there is a file of it. */
function textsIn(folder: string, licence: string): string[] {
  const files = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  const mit = / OR |\//.test(licence) ? files.filter((name) => /mit/i.test(name)) : [];
  const chosen = mit.length > 0 ? [...mit, ...files.filter((name) => /unicode|whatwg|notice/i.test(name))] : files;
  return chosen.toSorted().map((name) => readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n").trim());
}

/** The packages that run: those that package.json needs, and what they need, and no tools. */
function npmParts(): Part[] {
  type Locked = { version?: string; license?: string; dev?: boolean; optional?: boolean };
  const lock: { packages: Record<string, Locked> } = JSON.parse(readFileSync(`${root}/package-lock.json`, "utf8"));
  return Object.entries(lock.packages).flatMap(([path, { version, license, dev }]) => {
    const folder = join(root, path);
    const isLlama = path.includes("@node-llama-cpp/");
    if (path === "" || dev === true || !existsSync(folder) || (isLlama && local === "0")) return [];
    const name = `${path.replace(/^.*node_modules\//, "")} ${version}`;
    return [{ name, licence: license ?? "not named", texts: textsIn(folder, license ?? "") }];
  });
}

type Crate = {
  id: string;
  name: string;
  version: string;
  license: string | null;
  source: string | null;
  targets: Array<{ kind: string[] }>;
  manifest_path: string;
};
type Node = { id: string; deps: Array<{ pkg: string; dep_kinds: Array<{ kind: string | null }> }> };
type Metadata = { packages: Crate[]; resolve: { nodes: Node[] } };

function cargo(...argv: string[]): string {
  const ran = Bun.spawnSync([`${root}/scripts/cargo`, ...argv], { stdout: "pipe", stderr: "inherit" });
  if (!ran.success) throw new Error(`cargo ${argv[0]} failed`);
  return ran.stdout.toString();
}

/** The crates that are in the libraries: not those that build them. */
function crateParts(): Part[] {
  const host = /^host: (.*)$/m.exec(cargo("--version", "--verbose"))?.[1] ?? "";
  const where = ["--manifest-path", `${root}/native/Cargo.toml`, "--locked", "--format-version", "1"];
  const { packages, resolve: resolved }: Metadata = JSON.parse(cargo("metadata", ...where, "--filter-platform", host));
  const nodes = new Map(resolved.nodes.map((node) => [node.id, node]));
  const ours = packages.filter(
    ({ name }) => ["rein_core", "rein_jail"].includes(name) || (name === "rein_local" && local !== "0"),
  );
  const found = new Set<string>();
  const visit = (id: string): void => {
    if (found.has(id)) return;
    found.add(id);
    for (const { pkg, dep_kinds: kinds } of nodes.get(id)?.deps ?? [])
      if (kinds.some(({ kind }) => kind === null)) visit(pkg);
  };
  for (const { id } of ours) visit(id);
  return packages.flatMap(({ id, name, version, license, source, targets, manifest_path: manifest }) => {
    const runs = found.has(id) && !targets.some(({ kind }) => kind.includes("proc-macro"));
    if (!runs || source === null) return [];
    return [
      { name: `${name} ${version}`, licence: license ?? "not named", texts: textsIn(dirname(manifest), license ?? "") },
    ];
  });
}

function otherParts(): Part[] {
  const bun = readFileSync(`${root}/node_modules/bun-types/docs/project/license.mdx`, "utf8");
  const { version }: { version: string } = JSON.parse(readFileSync(`${root}/node_modules/bun/package.json`, "utf8"));
  const llama = readFileSync(`${root}/native/local/LICENSE.llama.cpp`, "utf8").trim();
  const libraries =
    "The Rust project's MIT OR Apache-2.0 (https://www.rust-lang.org/policies/licenses), and in the program that children are\nstarted through glibc's LGPL-2.1-or-later: rein's sources and Makefile link it anew.";
  return [
    {
      name: `Bun ${version}`,
      licence: "MIT, and those of its parts",
      texts: [bun.replace(/^---\n[\s\S]*?\n---\n/, "").trim()],
    },
    ...(local === "0" ? [] : [{ name: "llama.cpp and ggml 0.5.0", licence: "MIT", texts: [llama] }]),
    pricesPart(),
    { name: "tiktoken's tables of tokens, as bpe-openai has them", licence: "MIT", texts: [] },
    { name: "The Rust and C standard libraries", licence: "MIT OR Apache-2.0, LGPL-2.1-or-later", texts: [libraries] },
  ];
}

/** The list of prices, which is out of a package that itself does not run. */
function pricesPart(): Part {
  const folder = `${root}/node_modules/@pydantic/genai-prices`;
  const { version }: { version: string } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  return { name: `The prices of @pydantic/genai-prices ${version}`, licence: "MIT", texts: textsIn(folder, "MIT") };
}

const parts = [...otherParts(), ...npmParts(), ...crateParts()];
/** A text stands once, after the names of all that have it. */
const byText = new Map<string, Part[]>();
for (const part of parts) {
  const text = part.texts.join("\n\n");
  byText.set(text, [...(byText.get(text) ?? []), part]);
}
const own = readFileSync(`${root}/LICENSE`, "utf8").trim();
const sections = [...byText].map(([text, having]) => {
  const names = having.map(({ name, licence }) => `${name} (${licence})`).join("\n");
  return `${"-".repeat(80)}\n${names}\n\n${text === "" ? "It names its licence and has no notice of its own. The terms of MIT are those of rein, above." : text}`;
});
await Bun.write(out, `rein\n\n${own}\n\n${sections.join("\n\n")}\n`);
