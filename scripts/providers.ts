/** Writes the tables of docs/providers.md, from the table of providers. */
import { serviceRows } from "../src/app/services.ts";

const page = new URL("../docs/providers.md", import.meta.url).pathname;

/** The page with its tables as they must be. A test compares it with the file. */
export async function providersPage(): Promise<string> {
  let text = await Bun.file(page).text();
  for (const [name, rows] of Object.entries({ services: services(), options: options() })) {
    const [start, end] = [`<!-- ${name}: written by scripts/providers.ts -->`, `<!-- /${name} -->`];
    if (!text.includes(start) || !text.includes(end)) throw new Error(`docs/providers.md has no place for '${name}'`);
    const before = text.slice(0, text.indexOf(start) + start.length);
    text = `${before}\n\n${rows.join("\n")}\n\n${text.slice(text.indexOf(end))}`;
  }
  return text;
}

function services(): string[] {
  const rows = serviceRows.map((row) => [
    [row.provider, ...row.aliases].map(code).join(", "),
    row.service,
    row.variables.length === 0 ? "none" : row.variables.map(code).join(", else "),
    row.url === null ? "none" : [...row.addresses, row.url].map(code).join(", else "),
    row.model === null ? "none" : code(row.model),
  ]);
  return table([["`provider/`", "service", "key from", "base URL from", "default model"], ...rows]);
}

function options(): string[] {
  const names = [...new Set(serviceRows.flatMap((row) => row.options))];
  const rows = names.map((name) => [
    code(name),
    ...serviceRows.map(({ options: has }) => (has.includes(name) ? "yes" : "")),
  ]);
  return table([["", ...serviceRows.map(({ provider }) => code(provider))], ...rows]);
}

function table(rows: string[][]): string[] {
  const lines = rows.map((row) => `| ${row.join(" | ")} |`);
  const rule = `|${"---|".repeat(rows[0]?.length ?? 0)}`;
  return lines.toSpliced(1, 0, rule);
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) await Bun.write(page, await providersPage());
