import type { ChooseCommand } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';

/**
 * The command that the scripts call: yargs prints one completion per line, for zsh with a description after a colon.
 */
const COMPLETIONS_COMMAND = 'push-jobs --get-yargs-completions';

const BASH = `# Completion of push-jobs for bash. For all users:
#   push-jobs completion bash > /etc/bash_completion.d/push-jobs
# For yourself, in ~/.bashrc:
#   source <(push-jobs completion bash)
_push_jobs() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words IFS=$'\\n'
  words=$(SHELL=bash ${COMPLETIONS_COMMAND} "\${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _push_jobs push-jobs
`;

const ZSH = `#compdef push-jobs
# Completion of push-jobs for zsh. Into a folder of your fpath:
#   push-jobs completion zsh > ~/.zsh/completions/_push-jobs
# Or in ~/.zshrc, after compinit:
#   source <(push-jobs completion zsh)
_push_jobs() {
  local -a found
  found=("\${(@f)$(SHELL=zsh ${COMPLETIONS_COMMAND} "\${(@)words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then _describe push-jobs found; else _files; fi
}
if [[ $funcstack[1] == _push-jobs ]]; then _push_jobs "$@"; else compdef _push_jobs push-jobs; fi
`;

const SCRIPTS = { bash: BASH, zsh: ZSH };

/** Declares `completion bash` and `completion zsh`. */
export const addCompletion = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  (['bash', 'zsh'] as const).reduce(
    (parser, shell) =>
      parser.command(
        shell,
        `Print the completion script for ${shell}; its comments say how to install it`,
        (builder) => builder,
        (options) =>
          choose(options, (context) => {
            context.environment.stdout.write(SCRIPTS[shell]);
            return Promise.resolve(EXIT.ok);
          }),
      ),
    yargs,
  );
