/* SPDX-License-Identifier: Apache-2.0 */
/* crctl: certifies cache vendors' classes, and shows what the controller would do. */
#include "conformance/cmd/command.h"
#include "core/base/buf.h"
#include "core/heap/heap.h"
#include "core/platform/file.h"

#include <signal.h>

enum { USAGE_BYTES_MAX = 64 * 1024 };

static int help_command(const struct command *command, int argc, char *const *argv);
static int version_command(const struct command *command, int argc, char *const *argv);

static const struct command commands[] = {
    {SV("certify"), SV("CLASS.yaml [FILE...]"), SV("run the catalogue of checks on a class"),
     certify_command},
    {SV("init"), SV("NAME"), SV("make a folder with a class that certifies as it stands"),
     init_command},
    {SV("lint"), SV("CLASS.yaml [FILE...]"), SV("run the checks that only read files"),
     lint_command},
    {SV("checks"), SV(""), SV("list the catalogue of checks"), checks_command},
    {SV("plan"), SV("FILE... | NAMESPACE/NAME --kubeconfig FILE"),
     SV("show what the controller would do for the objects in files or in a cluster"),
     plan_command},
    {SV("explore"), SV("[SCENARIO]"),
     SV("look for failures: generated cases, or faults swept over a scenario"), explore_command},
    {SV("status"), SV("[-w] --kubeconfig FILE"), SV("a table of the runtimes of a cluster"),
     status_command},
    {SV("uninstall"), SV("--kubeconfig FILE"),
     SV("remove finalizers and node labels that would stay behind without a controller"),
     uninstall_command},
    {SV("explain"),
     SV("NAMESPACE/NAME FILE... | NAMESPACE/NAME --scenario FILE | NAMESPACE/NAME --kubeconfig "
        "FILE"),
     SV("tell what a runtime waits for, since when, and what would help"), explain_command},
    {SV("render"), SV("FILE... | NAMESPACE/NAME --kubeconfig FILE"),
     SV("print the objects that the controller would create, as YAML"), render_command},
    {SV("run"), SV("SCENARIO..."), SV("run scenarios in simulation, over HTTP or in a cluster"),
     run_command},
    {SV("bench"), SV("reconcile | controller | certify CLASS.yaml | server"),
     SV("measure reconciling, the controller, certifying or the API server"), bench_command},
    {SV("serve"), SV(""), SV("serve the API with simulated nodes over HTTPS"), serve_command},
    {SV("nodes"), SV("--kubeconfig FILE"),
     SV("simulate nodes and their kubelets for any API server"), nodes_command},
    {SV("completion"), SV("bash|zsh|fish"), SV("print completions for a shell"),
     completion_command},
    {SV("version"), SV(""), SV("print the version"), version_command},
    {SV("help"), SV("[COMMAND]"), SV("print this help, or that of a command"), help_command},
};

static const struct command *find_command(struct sv name) {
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (sv_eq(commands[i].name, name))
            return &commands[i];
    }
    return NULL;
}

static int fail_unknown(struct sv name) {
    struct sv names[COUNT_OF(commands)];
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        names[i] = commands[i].name;
    struct sv nearest = sv_nearest(name, names, COUNT_OF(commands));
    fprintf(stderr, "crctl: unknown command \"%.*s\"" SV_MEANT "; see crctl help\n", SV_ARG(name),
            SV_MEANT_ARG(nearest));
    return EXIT_USAGE;
}

static int version_command(const struct command *command, int argc, char *const *argv) {
    struct operands operands;
    int status;
    if (!command_options(command, NULL, 0, argc, argv, &operands, &status))
        return status;
    return command_print(SV("crctl " CACHERUNTIME_VERSION "\n"), EXIT_HELD);
}

static int print_usage(void) {
    struct buf buf;
    buf_init(&buf, USAGE_BYTES_MAX);
    bool fits = buf_append(&buf, SV("usage: crctl COMMAND [OPTION...] [FILE...]\n\n"));
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        fits = fits && buf_printf(&buf, "  %-10.*s %.*s\n", SV_ARG(commands[i].name),
                                  SV_ARG(commands[i].help));
    fits = fits &&
           buf_append(&buf, SV("\nExit status: 0 all held, 1 findings, 2 wrong usage or input, 3 "
                               "the tool failed,\n4 nothing failed but something required was not "
                               "executed.\n"));
    assert(fits);
    int status = command_print(buf_view(&buf), EXIT_HELD);
    buf_release(&buf);
    return status;
}

static bool asks_for_help(const char *argument) {
    return sv_eq(sv_from(argument), SV("--help")) || sv_eq(sv_from(argument), SV("-h"));
}

static int help_command(const struct command *command, int argc, char *const *argv) {
    (void)command;
    if (argc == 0 || asks_for_help(argv[0]))
        return print_usage();
    const struct command *about = find_command(sv_from(argv[0]));
    if (!about)
        return fail_unknown(sv_from(argv[0]));
    if (about->run == help_command)
        return print_usage();
    char help[] = "--help";
    char *arguments[] = {help};
    return about->run(about, 1, arguments);
}

/* A server's clients would wait while huge pages are cleared, each for milliseconds where the
 * machine is itself a guest; whoever simulates only gains. */
static bool wants_huge_pages(const struct command *command) {
    return command->run != serve_command && command->run != nodes_command;
}

int main(int argc, char **argv) {
    file_hold_standard_streams();
    /* A reader that went away is an error of write(), not a reason to die. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        fprintf(stderr, "crctl: name a command; see crctl help\n");
        return EXIT_USAGE;
    }
    struct sv name = sv_from(argv[1]);
    if (asks_for_help(argv[1]))
        return print_usage();
    if (sv_eq(name, SV("--version")))
        name = SV("version");
    const struct command *command = find_command(name);
    if (!command)
        return fail_unknown(name);
    if (wants_huge_pages(command))
        heap_prefer_huge_pages();
    return command->run(command, argc - 2, argv + 2);
}
