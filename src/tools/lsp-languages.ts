import { serverLanguages, type ServerLanguage } from "../core/language-server.ts";
import type { Json } from "../core/json.ts";

/** What is known of a language and of its server. */
export type Language = {
  /** For people. */
  title: string;
  /** Used where the agent file names none. */
  command: readonly string[];
  /** How people get that server. */
  install: string;
  /** What the protocol calls a file's language, by the ending of its name. */
  ids: Readonly<Record<string, string>>;
  /** Files that tell the server what a project is: it hears of their changes too. */
  projectFiles: readonly string[];
  /** `initializationOptions`. */
  options: Json;
  /** What it is told when it asks for its settings, by their section. */
  settings: Readonly<Record<string, Json>>;
  /** What its diagnostics leave out, and how to get that. */
  partial?: string;
  /** It tells when it is ready for requests, by `experimental/serverStatus`. */
  tellsReady?: boolean;
};

/** It can be asked for diagnostics, and finds what is named as asked for, of the project only. */
const gopls: Json = { pullDiagnostics: true, symbolScope: "workspace", symbolMatcher: "CaseInsensitive" };

const rustAnalyzer: Json = {
  cargo: { buildScripts: { enable: false } },
  procMacro: { enable: false },
  checkOnSave: false,
};

const pyright: Json = { diagnosticMode: "openFilesOnly", autoSearchPaths: true, useLibraryCodeForTypes: true };

/** Options keep servers from what they would do by themselves: install types, run the project's own code. */
export const languages: Readonly<Record<ServerLanguage, Language>> = {
  typescript: {
    title: "TypeScript",
    command: ["typescript-language-server", "--stdio"],
    install: "npm install -g typescript-language-server typescript@5",
    ids: {
      ts: "typescript",
      mts: "typescript",
      cts: "typescript",
      tsx: "typescriptreact",
      js: "javascript",
      mjs: "javascript",
      cjs: "javascript",
      jsx: "javascriptreact",
    },
    projectFiles: ["tsconfig*.json", "jsconfig.json", "package.json"],
    options: {
      disableAutomaticTypingAcquisition: true,
      tsserver: { useSyntaxServer: "never" },
      // A rename goes through imports and exports, instead of ending at an "as".
      preferences: { providePrefixAndSuffixTextForRename: false },
    },
    settings: {},
  },
  python: {
    title: "Python",
    command: ["pyright-langserver", "--stdio"],
    install: "npm install -g pyright, or pip install pyright",
    ids: { py: "python", pyi: "python" },
    projectFiles: ["pyrightconfig.json", "pyproject.toml"],
    options: null,
    settings: { python: { analysis: pyright }, "python.analysis": pyright },
  },
  go: {
    title: "Go",
    command: ["gopls"],
    install: "go install golang.org/x/tools/gopls@latest",
    ids: { go: "go" },
    projectFiles: ["go.mod", "go.sum", "go.work"],
    options: gopls,
    settings: { gopls },
  },
  rust: {
    title: "Rust",
    command: ["rust-analyzer"],
    install: "rustup component add rust-analyzer rust-src",
    ids: { rs: "rust" },
    projectFiles: ["Cargo.toml", "Cargo.lock"],
    options: rustAnalyzer,
    settings: { "rust-analyzer": rustAnalyzer },
    partial: "these are only what rust-analyzer finds by itself: cargo check tells all",
    tellsReady: true,
  },
};

/** The language of a file, and what the protocol calls it; undefined where no server is known for it. */
export function languageOf(path: string): { language: ServerLanguage; id: string } | undefined {
  const ending = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? "";
  for (const language of serverLanguages) {
    const { ids } = languages[language];
    const id = Object.hasOwn(ids, ending) ? ids[ending] : undefined;
    if (id !== undefined) return { language, id };
  }
  return undefined;
}

/** Globs of a language's files, and of those that say what a project is. */
export function globsFor(language: ServerLanguage): string[] {
  const { ids, projectFiles } = languages[language];
  return [...Object.keys(ids).map((ending) => `*.${ending}`), ...projectFiles];
}
