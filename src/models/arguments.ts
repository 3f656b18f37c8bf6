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
