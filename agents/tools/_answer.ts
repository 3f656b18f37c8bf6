const longest = 1_000_000;

/** The JSON object that a service answers with; whatever else it sends is an error that names the service. */
export async function readAnswer(service: string, response: Response): Promise<Record<string, unknown>> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > longest) throw new Error(`The answer of ${service} is too long`);
  }
  const answer = parsed(text);
  if (!isObject(answer)) throw new Error(`The answer of ${service} is no JSON object`);
  return answer;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
