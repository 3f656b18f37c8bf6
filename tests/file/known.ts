import { keyVariables, providerKeys } from "../../src/models/providers.ts";
import type { Known } from "../../src/file/check.ts";

/** The tools that the files of these tests may name, and the providers that there are. */
export const known: Known = {
  tools: [
    { name: "file_read", needs: [{ kind: "read" }] },
    { name: "file_write", needs: [{ kind: "write" }] },
    { name: "file_list", needs: [{ kind: "read" }] },
    { name: "file_search", needs: [{ kind: "read" }] },
    { name: "bash_exec", needs: [{ kind: "run", target: "bash" }] },
  ],
  providers: providerKeys,
  secrets: keyVariables,
};
