/** What a text that is almost JSON must have meant. The native reader is loaded only when something is wrong. */
export async function mendJson(text: string) {
  const { repairJson } = await import("../native/json-reader.ts");
  const repaired = repairJson(text);
  return repaired.ok ? { text: repaired.text, repairs: repaired.repairs, cut: repaired.cut } : undefined;
}

/** Where and why a text is not JSON, which JSON.parse does not say. */
export async function explainJson(text: string): Promise<string> {
  const { describeJson } = await import("../native/json-reader.ts");
  const found = describeJson(text);
  return found.ok ? "it is JSON" : `${found.message} (line ${found.line}, column ${found.column})`;
}
