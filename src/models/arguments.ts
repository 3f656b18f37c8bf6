/**
 * A call's arguments as they go back to the service. What is not JSON becomes an empty object: services parse the arguments for
 * the model's chat template, and refuse the whole conversation for one malformed call. The call's result already tells the
 * model what was wrong.
 */
export function sendableArguments(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return "{}";
  }
}

/**
 * A call's name as it goes back to the service. A model may make up a tool's name that no service takes, and then the whole
 * conversation is refused. The call's result already says that there is no such tool.
 */
export function sendableName(name: string): string {
  return name.replace(/[^\w-]/g, "_").slice(0, 64) || "unnamed";
}
