/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's process: starts the script and sees how it ends. Where something waits past its
 * virtual time, or is left behind, real time decides nothing: the others go on for as long as any
 * of them does.
 */
#include "conformance/sandbox/cli/census.h"
#include "conformance/sandbox/cli/session.h"
#include "conformance/sandbox/cli/tools.h"
#include "conformance/sandbox/wire.h"
#include "core/base/arena.h"
#include "core/data/json.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_TIMED_OUT = 124,
    EXIT_USAGE = 125,
    TICK_NS = 4 * 1000 * 1000,
    PROCESSES_MAX = 256,    /* of one sandbox */
    BUSY_MS_MAX = 2 * 1000, /* of real time, for what computes without end */
    BUSY_TICKS_MAX = 5,     /* of the processor; who is about to end needs less */
};

static int64_t monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until a child ends, at most a tick. SIGCHLD is blocked. */
static void wait_a_tick(void) {
    struct timespec tick = {.tv_nsec = TICK_NS};
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    (void)sigtimedwait(&children, NULL, &tick);
}

/* Since something is to end that others may still be busy with. */
struct vigil {
    int64_t begin_ms; /* 0: not begun */
    uint64_t begin_ticks;
    struct census last;
};

/* Whether nobody goes on any more, or somebody does without end. */
static bool vigil_is_over(struct vigil *vigil, bool counts_ticks) {
    struct census now = census_take();
    if (vigil->begin_ms == 0)
        *vigil = (struct vigil){monotonic_ms(), now.cpu_ticks, {0}};
    bool is_over = census_is_still(&vigil->last, &now) ||
                   monotonic_ms() - vigil->begin_ms > BUSY_MS_MAX ||
                   (counts_ticks && now.cpu_ticks > vigil->begin_ticks + BUSY_TICKS_MAX);
    vigil->last = now;
    return is_over;
}

/* Processes that are about to end do so; what stays then is an orphan. */
static void log_orphans(struct arena *arena) {
    struct vigil vigil = {0};
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (kill(-1, 0) != 0 && errno == ESRCH)
            return;
        if (vigil_is_over(&vigil, true))
            break;
        wait_a_tick();
    }
    session_log_command_lines(arena, SV("orphan"), true);
}

/* False when it waits past its time. */
static bool wait_for_script(pid_t child, int *ret_status) {
    struct vigil vigil = {0};
    for (;;) {
        pid_t ended = waitpid(child, ret_status, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR))
            return true;
        if (access(SIM_OVERTIME, F_OK) == 0 && vigil_is_over(&vigil, false))
            return false;
        wait_a_tick();
    }
}

static pid_t start_script(char **argv) {
    sigset_t children, before;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, &before);
    pid_t child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        tool_exec(argv);
    }
    return child;
}

int tool_init(int argc, char **argv) {
    AUTO(arena) arena = arena_new();
    if (argc < 2)
        return EXIT_USAGE;
    /* Counted in this user namespace: a script that forks without end takes nothing from others. */
    struct rlimit processes = {.rlim_cur = PROCESSES_MAX, .rlim_max = PROCESSES_MAX};
    (void)setrlimit(RLIMIT_NPROC, &processes);
    pid_t child = start_script(argv + 1);
    if (child < 0)
        return EXIT_USAGE;
    int status = 0;
    if (!wait_for_script(child, &status)) {
        session_log(arena, SV("timedOut"), json_bool(arena, true));
        kill(-1, SIGKILL);
        return EXIT_TIMED_OUT;
    }
    if (WIFSIGNALED(status))
        session_log(arena, SV("signal"), json_int(arena, WTERMSIG(status)));
    else
        session_log(arena, SV("exit"), json_int(arena, WEXITSTATUS(status)));
    log_orphans(arena);
    return tool_status_of(status);
}
