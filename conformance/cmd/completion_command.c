/* SPDX-License-Identifier: Apache-2.0 */
/* crctl completion: scripts for shells. They ask crctl itself for its commands and options, so
 * that they never fall behind it. */
#include "conformance/cmd/command.h"

/* What may stand behind an option is what its line of the help lists ("--output text|json"), and
 * the words of a command are those of its usage that are not in capitals ("reconcile | server"). */
#define CHOICES                                                                                    \
    "awk -v option=\"$previous\" '$1 == option && $2 ~ /[|]/ { gsub(/[|]/, \" \", $2); print $2 "  \
    "}'"
#define WORDS                                                                                      \
    "awk 'NR == 1 { gsub(/[|]/, \" \"); for (i = 4; i <= NF; i++) if ($i ~ /^[a-z]+$/) print $i "  \
    "}'"
#define OPTIONS "sed -n 's/^  \\(--[a-z-]*\\).*/\\1/p'"
#define COMMANDS "sed -n 's/^  \\([a-z]*\\) .*/\\1/p'"

static const char bash_script[] =
    "# crctl completion for bash: source <(crctl completion bash)\n"
    "_crctl() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} text "
    "choices\n"
    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "        COMPREPLY=($(compgen -W \"$(crctl help | " COMMANDS ")\" -- \"$current\"))\n"
    "        return\n"
    "    fi\n"
    "    text=$(crctl help \"${COMP_WORDS[1]}\" 2>/dev/null)\n"
    "    choices=$(" CHOICES " <<<\"$text\")\n"
    "    if [ -n \"$choices\" ]; then\n"
    "        COMPREPLY=($(compgen -W \"$choices\" -- \"$current\"))\n"
    "    elif [[ $current == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$(" OPTIONS " <<<\"$text\")\" -- \"$current\"))\n"
    "    else\n"
    "        [ \"$COMP_CWORD\" -gt 2 ] || choices=$(" WORDS " <<<\"$text\")\n"
    "        COMPREPLY=($(compgen -W \"$choices\" -- \"$current\"))\n"
    "        [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
    "    fi\n"
    "}\n"
    "complete -o filenames -F _crctl crctl\n";

static const char zsh_script[] = "#compdef crctl\n"
                                 "# crctl completion for zsh: source <(crctl completion zsh)\n"
                                 "_crctl() {\n"
                                 "    local previous=$words[CURRENT-1] text choices\n"
                                 "    if (( CURRENT == 2 )); then\n"
                                 "        compadd -- $(crctl help | " COMMANDS ")\n"
                                 "        return\n"
                                 "    fi\n"
                                 "    text=$(crctl help $words[2] 2>/dev/null)\n"
                                 "    choices=($(" CHOICES " <<<$text))\n"
                                 "    if (( $#choices )); then\n"
                                 "        compadd -- $choices\n"
                                 "    elif [[ $words[CURRENT] == -* ]]; then\n"
                                 "        compadd -- $(" OPTIONS " <<<$text)\n"
                                 "    else\n"
                                 "        (( CURRENT > 3 )) || compadd -- $(" WORDS " <<<$text)\n"
                                 "        _files\n"
                                 "    fi\n"
                                 "}\n"
                                 "compdef _crctl crctl\n";

static const char fish_script[] =
    "# crctl completion for fish: crctl completion fish | source\n"
    "function __crctl_words\n"
    "    set -l words (commandline -opc)\n"
    "    set -l previous $words[-1]\n"
    "    set -l text (crctl help $words[2] 2>/dev/null)\n"
    "    set -l choices (string join \\n $text | " CHOICES ")\n"
    "    if test -n \"$choices\"\n"
    "        string split ' ' $choices\n"
    "    else\n"
    "        string join \\n $text | " OPTIONS "\n"
    "        test (count $words) -gt 2; or string join \\n $text | " WORDS "\n"
    "    end\n"
    "end\n"
    "complete -c crctl -n __fish_use_subcommand -f -a "
    "\"(crctl help | string replace -rf '^  ([a-z]+) +(.*)' '\\$1\\t\\$2')\"\n"
    "complete -c crctl -n 'not __fish_use_subcommand' -a '(__crctl_words)'\n";

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
