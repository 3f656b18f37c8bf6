import text from "../../dist/licences.txt" with { type: "text" };

/** The licences of all that the executable holds, gathered by scripts/licences.ts for the build. */
export const licences: string = text;
