/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process: runs one command under limits, feeds its standard input, takes what it prints, and
 * kills it (with all that it started, which the sandbox's PID namespace takes along) when it must
 * not go on.
 */
#ifndef CONFORMANCE_SANDBOX_PROCESS_H
#define CONFORMANCE_SANDBOX_PROCESS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;

enum {
    /* Real time, should the sandbox itself hang: what a script may take is judged inside
     * (cli/init.c), where a busy machine makes no difference. */
    PROCESS_WALL_MS_MAX = 10 * 60 * 1000,
    PROCESS_ID_UNPRIVILEGED = 65534, /* nobody */
};

enum process_stop {
    PROCESS_ENDED,
    PROCESS_STOPPED, /* `is_over` said so */
    PROCESS_TOO_LONG,
    PROCESS_TOO_MUCH_OUTPUT,
};

struct process {
    const char *const *argv; /* NULL-terminated; argv[0] is a path */
    bool has_stdin;
    struct sv stdin_bytes;
    size_t output_bytes_max; /* of stdout and stderr each */
    /* Asked every few milliseconds whether to stop. May be NULL. */
    bool (*is_over)(void *context, int64_t running_ms);
    void *context;
};

struct process_result {
    enum process_stop stop;
    int exit_code; /* with PROCESS_ENDED; 128 + the signal's number after one */
    struct sv stdout_bytes, stderr_bytes;
};

/* False when it could not be started. */
MUST_CHECK bool process_run(const struct process *process, struct arena *arena,
                            struct process_result *ret_result, struct error *err);

#endif
