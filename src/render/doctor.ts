import type { ServiceCheck, ServiceState } from "../core/service-check.ts";
import { cleanJson, cleanLine } from "./clean.ts";
import { duration, paint } from "./format.ts";
import { tableText } from "./table.ts";

const stateWords: Record<ServiceState, string> = {
  works: "works",
  refused: "key refused",
  unreachable: "unreachable",
  failed: "failed",
  no_key: "no key",
  not_granted: "not granted",
  not_tested: "not tested",
};

/** `rein doctor`: a table, and below it what went wrong. */
export function doctorText(checks: readonly ServiceCheck[], color: boolean): string {
  const head = ["MODEL", "STATE", "KEY", "ENDPOINT", "TIME", "TOKENS", "TOOLS"];
  const rows = checks.map((check) => {
    const { state, variable, endpoint, time_ms: time, usage, tools } = check;
    const tokens = usage === null ? "-" : `${usage.input} in, ${usage.output} out`;
    return [
      titleOf(check),
      stateWords[state],
      variable ?? "-",
      endpoint ?? "-",
      time === null ? "-" : duration(time),
      tokens,
      tools === null ? "-" : tools ? "yes" : "no",
    ].map(cleanLine);
  });
  const details = checks.flatMap((check) =>
    check.detail === null ? [] : `${paint(`${titleOf(check)}:`, "yellow", color)} ${cleanLine(check.detail)}\n`,
  );
  return tableText([head, ...rows]) + details.map((line, index) => (index === 0 ? `\n${line}` : line)).join("");
}

export function doctorJson(checks: readonly ServiceCheck[]): string {
  return `${cleanJson([...checks], 2)}\n`;
}

function titleOf({ name, model }: ServiceCheck): string {
  return cleanLine(name === null ? model : `${name} (${model})`);
}
