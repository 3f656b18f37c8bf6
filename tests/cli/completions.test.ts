import { describe, expect, test } from "bun:test";
import { openScreen } from "../helpers/terminal.ts";

const agent = `model: scripted/none
prompt: \${{ input.diff }}\${{ input.level }}\${{ input.loud }}
input:
  diff: { type: string, from: stdin }
  level: { type: string, enum: [low, "very high"], default: low }
  loud: { type: boolean, default: false }
`;
const files = {
  "agent one.yaml": agent,
  "it's $HOME.yaml": agent,
  "plain.yaml": agent,
  "notes.txt": "",
  "a:b=c@d.patch": "",
  "new\nline.yaml": agent,
  "local.gguf": "",
};

/** What is typed, with a TAB, and the arguments that come of it. `show` prints its arguments and is completed as rein is. */
const lines: Array<[string, string[]]> = [
  ["show ru\tx", ["run", "x"]],
  ["show sess\tsh\tx", ["sessions", "show", "x"]],
  ["show check pl\t", ["check", "plain.yaml"]],
  ["show run ag\t", ["run", "agent one.yaml"]],
  ["show run agent\\ o\t", ["run", "agent one.yaml"]],
  ['show run "agent o\t', ["run", "agent one.yaml"]],
  ["show run it\t", ["run", "it's $HOME.yaml"]],
  ["show run agent\\ one.yaml --set le\tv\t", ["run", "agent one.yaml", "--set", "level=very high"]],
  ["show run ~/pl\t", ["run", "HOME/plain.yaml"]],
  ["show run plain.yaml --diff @a:b\t", ["run", "plain.yaml", "--diff", "@a:b=c@d.patch"]],
  ["show run plain.yaml --set diff=@a\t:\t", ["run", "plain.yaml", "--set", "diff=@a:b=c@d.patch"]],
  ["show run plain.yaml --diff=@not\t", ["run", "plain.yaml", "--diff=@notes.txt"]],
  ["show run plain.yaml --no-l\t", ["run", "plain.yaml", "--no-loud"]],
  ["show run plain.yaml --level=v\t", ["run", "plain.yaml", "--level=very high"]],
  [
    "show run plain.yaml --output jsonl --prog\tpl\t",
    ["run", "plain.yaml", "--output", "jsonl", "--progress", "plain"],
  ],
  ["show run -m ollama/gpt-oss:\t", ["run", "-m", "ollama/gpt-oss:20b"]],
  ["show run -m local/./lo\t", ["run", "-m", "local/./local.gguf"]],
  ["show run -m loc\tx", ["run", "-m", "local/x"]],
  ["show help exi\t", ["help", "exit-codes"]],
];

const shells: ReadonlyArray<{ name: string; start: string; setup: string }> = [
  {
    name: "bash",
    start: "bash --norc --noprofile -i",
    setup:
      "source <(rein completions bash); complete -o nosort -F _rein show; show() { printf '<%s>' \"${@//$HOME/HOME}\"; echo; }",
  },
  {
    name: "zsh",
    start: "zsh -f -i",
    setup:
      "autoload -U compinit && compinit -u -D; source <(rein completions zsh); compdef _rein show; show() { printf '<%s>' \"${@//$HOME/HOME}\"; echo; }",
  },
  {
    name: "fish",
    start: "fish --no-config -i",
    setup:
      "rein completions fish | source; complete -c show -k -f -a '(__rein_complete)'; function show; printf '<%s>' (string replace -- $HOME HOME $argv); echo; end",
  },
];

describe.each([...shells])("completions in $name", ({ name, start, setup }) => {
  test.skipIf(Bun.which(name) === null)("of each kind of word, typed on a terminal", async () => {
    await using screen = openScreen(start, files, { env: { PS1: "> " } });
    screen.type(`${setup}\n`);
    screen.type("show ready\n");
    await screen.until("<ready>");
    for (const [typed, words] of lines) {
      screen.type(`${typed}\n`);
      await screen.until(words.map((word) => `<${word}>`).join(""));
    }
    screen.type("exit\n");
    expect((await screen.end()).code).toBe(0);
  });
});
