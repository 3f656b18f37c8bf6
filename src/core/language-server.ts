/** The languages whose servers rein knows. */
export const serverLanguages = ["typescript", "python", "go", "rust"] as const;

export type ServerLanguage = (typeof serverLanguages)[number];

/** The commands of language servers that an agent file names: programs with their arguments, which make them talk on stdin and stdout. */
export type LanguageServers = Partial<Record<ServerLanguage, string[]>>;
