import type { Handler } from "./command.ts";
import { usageError } from "./usage.ts";

/** Prints the script that makes a shell complete rein's words: each asks `rein complete` what they are. */
export const completionsCommand: Handler = async (args, io) => {
  const shell = args.positionals[0] ?? "";
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (script === undefined) {
    const expected = Object.keys(scripts).map((name) => `'${name}'`);
    return usageError(
      { message: `There are no completions for '${shell}'`, hint: `expected ${expected.join(", ")}` },
      io,
      {
        name: "completions",
      },
    );
  }
  await io.stdout.write(script);
  return 0;
};

/** A blank follows what is whole: not a folder, a provider or a name that awaits its value. */
const open = "[/=@,]";

const scripts: Record<string, string> = {
  bash: `# Completions of rein for bash: in ~/.bashrc, source <(rein completions bash)
_rein() {
  mapfile -t COMPREPLY < <(command rein complete bash -- "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *${open} ]]; then compopt -o nospace; fi
}
complete -o nosort -F _rein rein
`,
  zsh: `#compdef rein
# Completions of rein for zsh: as _rein in a folder of fpath, or in ~/.zshrc after compinit, source <(rein completions zsh)
_rein() {
  local line value
  local -a whole wholes begun beguns words=("\${(@Q)words[2,CURRENT-1]}")
  (( CURRENT > 2 )) || words=()
  for line in "\${(@f)$(command rein complete zsh -- "\${words[@]}" "\${compstate[quote]}$PREFIX" 2>/dev/null)}"; do
    value=\${line%%$'\\t'*}
    [[ -n $value ]] || continue
    if [[ $value == *${open} ]]; then
      begun+=("$value") beguns+=("\${line/$'\\t'/  -- }")
    else
      whole+=("$value") wholes+=("\${line/$'\\t'/  -- }")
    fi
  done
  (( $#whole )) && compadd -Q -V rein -l -d wholes -a -- whole
  (( $#begun )) && compadd -Q -V rein -l -S '' -d beguns -a -- begun
  (( $#whole + $#begun ))
}
if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then _rein "$@"; else compdef _rein rein; fi
`,
  fish: `# Completions of rein for fish: rein completions fish > ~/.config/fish/completions/rein.fish
function __rein_complete
    set -l words (commandline -opc)
    set -e words[1]
    command rein complete fish -- $words (commandline -ct) 2>/dev/null
end
complete -c rein -k -f -a '(__rein_complete)'
`,
};
