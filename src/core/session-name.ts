const longest = 200;

/** The id of a run, which would name both. */
const run = /^[0-9a-hjkmnp-tv-z]{26}$/;

/** Why a session cannot be called so; undefined where it can. */
export function badSessionName(name: string): string | undefined {
  if (name.trim() === "") return "The name of a session cannot be empty";
  if (/\p{Cc}/u.test(name)) return "The name of a session cannot have line ends, or other control characters";
  if (name === "last") return "A session cannot be called 'last': that is what ran last";
  if (run.test(name)) return `A session cannot be called '${name}': that is the id of a run`;
  return name.length > longest ? `The name of a session has at most ${longest} characters` : undefined;
}
