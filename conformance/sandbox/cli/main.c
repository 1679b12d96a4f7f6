/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crctl-sim-cli: stands in the sandbox for each program that a class's scripts call and that is
 * not the host's: the engine's own commands, as kind Simulation describes them, and a few tools
 * whose time must be virtual. The name it is called by says which.
 */
#include "conformance/sandbox/cli/tools.h"
#include "conformance/sandbox/wire.h"

static const struct {
    struct sv name;
    int (*run)(int argc, char **argv);
} tools[] = {
    {SV(SIM_INIT), tool_init}, {SV("sleep"), tool_sleep}, {SV("timeout"), tool_timeout},
    {SV("date"), tool_date},   {SV("tail"), tool_tail},   {SV(SIM_INJECTED), tool_injected},
};

/* Leaks are no matter for a process this short, and looking for them needs ptrace. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "detect_leaks=0";
}

int tool_run(int argc, char **argv) {
    struct sv name = sv_from(argv[0]);
    size_t slash = sv_find_last(name, '/');
    struct sv base = slash < name.len ? sv_drop(name, slash + 1) : name;
    for (size_t i = 0; i < COUNT_OF(tools); i++) {
        if (sv_eq(tools[i].name, base))
            return tools[i].run(argc, argv);
    }
    return run_program(argc, argv);
}

int main(int argc, char **argv) {
    return argc < 1 ? EXIT_FAILURE : tool_run(argc, argv);
}
