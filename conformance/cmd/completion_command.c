/* SPDX-License-Identifier: Apache-2.0 */
/* crctl completion: scripts for shells. They ask crctl itself for its commands and options, so
 * that they never fall behind it. */
#include "conformance/cmd/command.h"

static const char bash_script[] =
    "# crctl completion for bash: source <(crctl completion bash)\n"
    "_crctl() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]}\n"
    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "        COMPREPLY=($(compgen -W \"$(crctl help | sed -n 's/^  \\([a-z]*\\) .*/\\1/p')\" -- "
    "\"$current\"))\n"
    "    elif [[ $current == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$(crctl help \"${COMP_WORDS[1]}\" | "
    "sed -n 's/^  \\(--[a-z-]*\\).*/\\1/p')\" -- \"$current\"))\n"
    "    else\n"
    "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
    "    fi\n"
    "}\n"
    "complete -o filenames -F _crctl crctl\n";

static const char zsh_script[] =
    "#compdef crctl\n"
    "# crctl completion for zsh: source <(crctl completion zsh)\n"
    "_crctl() {\n"
    "    if (( CURRENT == 2 )); then\n"
    "        compadd -- $(crctl help | sed -n 's/^  \\([a-z]*\\) .*/\\1/p')\n"
    "    elif [[ $words[CURRENT] == -* ]]; then\n"
    "        compadd -- $(crctl help $words[2] | sed -n 's/^  \\(--[a-z-]*\\).*/\\1/p')\n"
    "    else\n"
    "        _files\n"
    "    fi\n"
    "}\n"
    "compdef _crctl crctl\n";

static const char fish_script[] =
    "# crctl completion for fish: crctl completion fish | source\n"
    "complete -c crctl -n __fish_use_subcommand -f -a "
    "\"(crctl help | string replace -rf '^  ([a-z]+) +(.*)' '\\$1\\t\\$2')\"\n"
    "complete -c crctl -n 'not __fish_use_subcommand' -a "
    "\"(crctl help (commandline -opc)[2] | string replace -rf '^  (--[a-z-]+).*' '\\$1')\"\n";

static const struct {
    struct sv name;
    const char *script;
} shells[] = {
    {SV("bash"), bash_script},
    {SV("zsh"), zsh_script},
    {SV("fish"), fish_script},
};

int completion_command(const struct command *command, int argc, char *const *argv) {
    struct operands operands;
    int status;
    if (!command_options(command, NULL, 0, argc, argv, &operands, &status))
        return status;
    for (size_t i = 0; operands.count == 1 && i < COUNT_OF(shells); i++)
        if (sv_eq(operands.items[0], shells[i].name))
            return command_print(sv_from(shells[i].script), EXIT_HELD);
    return command_fail(command, "name a shell: bash, zsh or fish");
}
