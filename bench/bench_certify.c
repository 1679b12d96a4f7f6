/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_certify.h"

#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_CANNOT_START = 127, EXIT_FINDINGS_OR_GAPS_MASK = 5 };

static void become(const struct bench_certify_options *options, int progress_end) {
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(progress_end, STDERR_FILENO) < 0)
        _exit(EXIT_CANNOT_START);
    execl(options->program, options->program, "certify", options->class_path, "--output", "json",
          "--progress", "always", (char *)NULL);
    _exit(EXIT_CANNOT_START);
}

/* Reads to the end; tells when the first byte came. */
static double drain(int progress_end) {
    char bytes[4096];
    double first_ms = 0;
    for (;;) {
        ssize_t taken = read(progress_end, bytes, sizeof(bytes));
        if (taken < 0 && errno == EINTR)
            continue;
        if (taken <= 0)
            return first_ms;
        if (first_ms == 0)
            first_ms = bench_now_ms();
    }
}

/* 0 all held, 1 findings, 4 something was not executed: all of them are verdicts. */
static bool is_verdict(int status) {
    return WIFEXITED(status) && (WEXITSTATUS(status) & ~EXIT_FINDINGS_OR_GAPS_MASK) == 0;
}

bool bench_certify_run(void *context, struct bench_figures *figures, struct error *err) {
    const struct bench_certify_options *options = context;
    int ends[2];
    if (pipe(ends) != 0)
        return error_set(err, ERROR_IO, "pipe: %s", strerror(errno));
    double start_ms = bench_now_ms();
    pid_t child = fork();
    if (child < 0)
        return error_set(err, ERROR_IO, "fork: %s", strerror(errno));
    if (child == 0) {
        close(ends[0]);
        become(options, ends[1]);
    }
    close(ends[1]);
    double first_ms = drain(ends[0]);
    close(ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!is_verdict(status))
        return error_set(err, ERROR_INTERNAL,
                         "%s certify %s ended without a verdict (wait status %d): run it to see "
                         "why",
                         options->program, options->class_path, status);
    bench_add(figures, "to_first_check_ms", first_ms - start_ms);
    bench_add(figures, "to_verdict_ms", bench_now_ms() - start_ms);
    bench_add(figures, "exit_status", WEXITSTATUS(status));
    return true;
}
