import { known as all } from "../../src/app/known.ts";
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
  providers: all.providers,
  secrets: all.secrets,
};
