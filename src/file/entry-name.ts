import * as v from "valibot";

/** The name of an entry that a file makes up: of an input, a secret, an agent. `what` is said of it: "An input". */
export function entryName(what: string, marks: "'_'" | "'_' and '-'" = "'_'") {
  const pattern = marks === "'_'" ? /^[a-z][a-z0-9_]{0,63}$/ : /^[a-z][a-z0-9_-]{0,63}$/;
  const list = marks === "'_'" ? "letters, digits and '_'" : "letters, digits, '_' and '-'";
  return v.pipe(
    v.string(),
    v.regex(pattern, `${what}'s name is lower case ${list}, and starts with a letter`),
    // valibot leaves entries with these names out of a record.
    v.notValues(["constructor", "prototype"], `${what} cannot have this name`),
  );
}
