import { permissionKinds, type Grants, type PermissionKind } from "../core/permission.ts";
import type { Arguments } from "./flags.ts";

/** What the permission flags grant and refuse. `--allow-read=a,b` may be repeated; a bare `--allow-read` means all of it. */
export function grantsFrom(args: Arguments): Grants {
  const side = (verb: "allow" | "deny") => {
    const rules: Partial<Record<PermissionKind, true | string[]>> = {};
    for (const kind of permissionKinds) {
      const values = args.all(`--${verb}-${kind}`);
      if (values.length === 0) continue;
      rules[kind] = values.includes(true) ? true : values.flatMap((value) => (value === true ? [] : value.split(",")));
    }
    return rules;
  };
  return { all: args.has("--permit"), allow: side("allow"), deny: side("deny") };
}

/** Whether the flags grant anything at all. */
export function grantsAny(args: Arguments): boolean {
  const { all, allow } = grantsFrom(args);
  return all || Object.keys(allow).length > 0;
}
