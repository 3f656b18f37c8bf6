import type { Pictures } from "../render/picture.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What says that a terminal knows a protocol for images. Nothing is asked of the terminal: one that does not answer would hang us. */
const known: ReadonlyArray<{ graphics: "kitty" | "sixel"; is(env: Environment): boolean }> = [
  { graphics: "kitty", is: (env) => Boolean(env["KITTY_WINDOW_ID"]) || /kitty|ghostty/.test(env["TERM"] ?? "") },
  { graphics: "kitty", is: (env) => /^(?:ghostty|WezTerm)$/i.test(env["TERM_PROGRAM"] ?? "") },
  // Before 22.04 Konsole had neither.
  { graphics: "kitty", is: (env) => Number(env["KONSOLE_VERSION"]) >= 220400 },
  { graphics: "sixel", is: (env) => /sixel|^(?:foot|mlterm|contour|yaft)/.test(env["TERM"] ?? "") },
  { graphics: "sixel", is: (env) => /^(?:mintty|iTerm\.app)$/.test(env["TERM_PROGRAM"] ?? "") },
];

/** What the terminal of this environment can show. */
export function terminalPictures(env: Environment): Pictures {
  const trueColor = /^(?:truecolor|24bit)$/.test(env["COLORTERM"] ?? "");
  // What runs in between passes the variables of the terminal on, and not the images.
  if (env["TMUX"] || env["STY"] || /^(?:tmux|screen)/.test(env["TERM"] ?? "")) return { trueColor };
  const graphics = known.find(({ is }) => is(env))?.graphics;
  return graphics === undefined ? { trueColor } : { trueColor, graphics };
}
