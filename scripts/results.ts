/** What test runners print, read into one list of results. */

export type Result = { name: string; outcome: "passed" | "failed" | "skipped"; detail?: string };

/**
 * The results of a `bun test`: names from its JUnit report; what the report cannot hold (a file that did not load, a worker
 * that died) from the printed counts and the exit code.
 */
export function bunResults(xml: string, printed: string, code: number): Result[] {
  const results: Result[] = [];
  for (const match of xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const [, attributes = "", body = ""] = match;
    const group = attribute(attributes, "classname");
    const name = `${group === "" ? "" : `${group} > `}${attribute(attributes, "name")}`;
    const result: Result = { name, outcome: "passed" };
    if (body.includes("<skipped")) result.outcome = "skipped";
    if (/<(failure|error)\b/.test(body)) {
      result.outcome = "failed";
      result.detail = `${attribute(attributes, "file")}:${attribute(attributes, "line")}`;
    }
    results.push(result);
  }
  const named = results.filter((result) => result.outcome === "failed").length;
  const counted = Number(/^ *(\d+) fail$/m.exec(printed)?.[1] ?? "0");
  for (let extra = named; extra < counted; extra++)
    results.push({ name: "an error outside any test", outcome: "failed" });
  if (code !== 0 && counted === 0 && named === 0) {
    results.push({ name: "bun test", outcome: "failed", detail: `exit code ${code}` });
  }
  if (results.length === 0) results.push({ name: "bun test", outcome: "failed", detail: "no test ran" });
  return results;
}

/** The results of a `cargo test --quiet`: names only of what failed or was ignored, the rest by count. */
export function cargoResults(printed: string, code: number): Result[] {
  const results: Result[] = [];
  const failed = new Set<string>();
  for (const match of printed.matchAll(/^---- (\S+) stdout ----$/gm)) failed.add(match[1] ?? "");
  const totals = { passed: 0, failed: 0, ignored: 0 };
  for (const match of printed.matchAll(/^test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored;/gm)) {
    totals.passed += Number(match[1]);
    totals.failed += Number(match[2]);
    totals.ignored += Number(match[3]);
  }
  for (let n = 0; n < totals.passed; n++) results.push({ name: "cargo test", outcome: "passed" });
  for (const name of failed) results.push({ name: `cargo test ${name}`, outcome: "failed" });
  for (let n = failed.size; n < totals.failed; n++) results.push({ name: "cargo test", outcome: "failed" });
  for (let n = 0; n < totals.ignored; n++) results.push({ name: "cargo test (ignored)", outcome: "skipped" });
  if (code !== 0 && totals.failed === 0) {
    results.push({ name: "cargo test", outcome: "failed", detail: `exit code ${code}` });
  }
  return results;
}

/** Reads the list of allowed skips: a function from a test's name to the reason why it may be skipped. */
export function allowedSkips(text: string): (name: string) => string | undefined {
  const rules: Array<{ name: string; begins: boolean; reason: string }> = [];
  for (const line of text.split("\n")) {
    const at = line.lastIndexOf(" : ");
    if (line.startsWith("#") || at === -1) continue;
    const name = line.slice(0, at);
    rules.push({ name: name.replace(/\*$/, ""), begins: name.endsWith("*"), reason: line.slice(at + 3) });
  }
  return (name) => rules.find((rule) => (rule.begins ? name.startsWith(rule.name) : name === rule.name))?.reason;
}

function attribute(attributes: string, name: string): string {
  const value = new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return value.replace(/&(lt|gt|quot|apos|amp|#10|#13|#9);/g, (_, entity: string) => entities[entity] ?? "");
}

const entities: Record<string, string> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
  "#10": "\n",
  "#13": "\r",
  "#9": "\t",
};
