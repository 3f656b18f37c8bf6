import { expect, test } from "bun:test";
import { terminalPictures } from "../../src/cli/pictures.ts";

test.each([
  [{ TERM: "xterm-kitty" }, "kitty"],
  [{ TERM: "xterm-256color", KITTY_WINDOW_ID: "1" }, "kitty"],
  [{ TERM: "xterm-ghostty" }, "kitty"],
  [{ TERM: "xterm-256color", TERM_PROGRAM: "WezTerm" }, "kitty"],
  [{ TERM: "xterm-256color", KONSOLE_VERSION: "230804" }, "kitty"],
  [{ TERM: "xterm-256color", KONSOLE_VERSION: "211203" }, undefined],
  [{ TERM: "foot" }, "sixel"],
  [{ TERM: "foot-extra" }, "sixel"],
  [{ TERM: "mlterm" }, "sixel"],
  [{ TERM: "xterm-256color", TERM_PROGRAM: "mintty" }, "sixel"],
  [{ TERM: "xterm-256color", TERM_PROGRAM: "iTerm.app" }, "sixel"],
  [{ TERM: "xterm-256color" }, undefined],
  [{ TERM: "xterm-256color", TERM_PROGRAM: "vscode" }, undefined],
  [{}, undefined],
])("the terminal of %j shows images by %s", (environment, graphics) => {
  expect<string | undefined>(terminalPictures(environment).graphics).toBe(graphics);
});

test.each([{ TMUX: "/tmp/tmux,1,0" }, { STY: "1.pts" }, { TERM: "tmux-256color" }, { TERM: "screen" }])(
  "within a multiplexer (%j) images are text, whatever the terminal around it is",
  (environment) => {
    expect(terminalPictures({ TERM: "xterm-kitty", KITTY_WINDOW_ID: "1", ...environment }).graphics).toBeUndefined();
  },
);

test("all colours are used where the terminal says so", () => {
  expect(terminalPictures({ COLORTERM: "truecolor" }).trueColor).toBe(true);
  expect(terminalPictures({ COLORTERM: "24bit" }).trueColor).toBe(true);
  expect(terminalPictures({ COLORTERM: "yes" }).trueColor).toBe(false);
});
