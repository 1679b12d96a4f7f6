/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command: the subcommands of crctl. Each stands in a file of its own, <name>_command.c; the
 * table in main.c is the only list of them.
 */
#ifndef CONFORMANCE_CMD_COMMAND_H
#define CONFORMANCE_CMD_COMMAND_H

#include "conformance/options.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;
struct manifest;

/* Exit statuses, the same for every command. */
enum exit_status {
    EXIT_HELD = 0,
    EXIT_FINDINGS = 1,
    EXIT_USAGE = 2,       /* wrong usage, or input that cannot be read */
    EXIT_HARNESS = 3,     /* the tool or its environment failed */
    EXIT_NOT_EXECUTED = 4 /* nothing failed, but something required was not executed */
};

struct command {
    struct sv name;
    struct sv usage; /* "FILE..." */
    struct sv help;  /* one line */
    /* The arguments behind the name. */
    int (*run)(const struct command *command, int argc, char *const *argv);
};

int certify_command(const struct command *command, int argc, char *const *argv);
int lint_command(const struct command *command, int argc, char *const *argv);
int init_command(const struct command *command, int argc, char *const *argv);
int checks_command(const struct command *command, int argc, char *const *argv);
int completion_command(const struct command *command, int argc, char *const *argv);
int bench_command(const struct command *command, int argc, char *const *argv);
int explore_command(const struct command *command, int argc, char *const *argv);
int status_command(const struct command *command, int argc, char *const *argv);
int uninstall_command(const struct command *command, int argc, char *const *argv);
int explain_command(const struct command *command, int argc, char *const *argv);
int plan_command(const struct command *command, int argc, char *const *argv);
int render_command(const struct command *command, int argc, char *const *argv);
int run_command(const struct command *command, int argc, char *const *argv);
int nodes_command(const struct command *command, int argc, char *const *argv);
int serve_command(const struct command *command, int argc, char *const *argv);

/* What `render` does with Kubernetes objects. */
int render_objects_command(const struct command *command, const struct manifest *manifests,
                           size_t manifest_count, struct arena *arena);

/* --- what commands share --- */

/* Parses options. False when the command is over: after --help, or with wrong usage; the status
 * is then in `ret_status`. */
bool command_options(const struct command *command, const struct option *options,
                     size_t option_count, int argc, char *const *argv,
                     struct operands *ret_operands, int *ret_status);
/* One line on stderr; returns EXIT_USAGE. */
int command_fail(const struct command *command, const char *message);
/* The same; EXIT_HARNESS when a server or the machine is to blame and not what was given. */
int command_fail_with(const struct command *command, const struct error *err);
/* Writes everything to stdout; EXIT_HARNESS when that fails, else `status`. */
int command_print(struct sv text, int status);
/* The same for lines with texts of a cluster, whose users must not speak to an operator's terminal:
 * control characters come as blanks. */
int command_print_lines(struct sv text, int status);

/* Which cluster a command asks that asks one in any case: found as kubectl finds it. Commands that
 * simulate or read files go to a cluster only where an option or an operand says so, and never
 * because a variable is set. */
#define KUBECONFIG_OPTION(target)                                                                  \
    TEXT_OPTION("kubeconfig", "FILE", target, "the cluster; else $KUBECONFIG, else ~/.kube/config")
#define CONTEXT_OPTION(target)                                                                     \
    TEXT_OPTION("context", "NAME", target, "of the kubeconfig; its current one")

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
#define COLOR_CHOICES                                                                              \
    { SV("auto"), SV("always"), SV("never") }
/* Whether stdout gets color. */
bool command_has_color(enum color color);

#endif
