/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's process: starts the script and sees how it ends. No clock decides what becomes of
 * it, since a busy machine would decide with it: what computes without end is known by the
 * processor time that it took, and what waits for real time by how often everybody was found
 * asleep. Who could go on and is not let by the machine costs neither.
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

#if defined(__SANITIZE_ADDRESS__)
#define SLOWNESS 5 /* of the programs that are played */
#else
#define SLOWNESS 1
#endif

enum {
    EXIT_TIMED_OUT = 124,
    EXIT_USAGE = 125,
    TICK_NS = 4 * 1000 * 1000,
    PROCESSES_MAX = 256, /* of one sandbox */
    /* Before a census is worth its price; scripts end in a tenth of that. */
    FREE_TURNS = 500,
    /* Of the processor, a hundredth of a second each, for one script. */
    CPU_TICKS_MAX = 500 * SLOWNESS,
    NAPS_MAX = 1500, /* turns in which all sleep and nobody has gone on for good */
    /* The same where something is to end that others may still be busy with, */
    BUSY_TICKS_MAX = 200,
    BUSY_NAPS_MAX = 300,
    /* and where all that is left is about to end. */
    ENDING_TICKS_MAX = 5,
};

/* Until a child ends, at most a tick. SIGCHLD is blocked. */
static void wait_a_tick(void) {
    struct timespec tick = {.tv_nsec = TICK_NS};
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    (void)sigtimedwait(&children, NULL, &tick);
}

/* How long to look on: until nobody goes on any more, or somebody does without end. */
struct vigil {
    uint64_t cpu_ticks_max, naps_max;
    bool ends_when_still;
    bool has_begun;
    uint64_t begin_ticks, nap_count;
    struct census last;
};

static bool vigil_is_over(struct vigil *vigil) {
    struct census now = census_take();
    if (!vigil->has_begun) {
        vigil->has_begun = true;
        vigil->begin_ticks = now.cpu_ticks;
        vigil->last = now;
        return false;
    }
    vigil->nap_count += now.is_asleep;
    bool is_over = (vigil->ends_when_still && census_is_still(&vigil->last, &now)) ||
                   now.cpu_ticks > vigil->begin_ticks + vigil->cpu_ticks_max ||
                   vigil->nap_count > vigil->naps_max;
    vigil->last = now;
    return is_over;
}

/* Processes that are about to end do so; what stays then is an orphan. */
static void log_orphans(struct arena *arena) {
    struct vigil vigil = {
        .cpu_ticks_max = ENDING_TICKS_MAX, .naps_max = BUSY_NAPS_MAX, .ends_when_still = true};
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (kill(-1, 0) != 0 && errno == ESRCH)
            return;
        if (vigil_is_over(&vigil))
            break;
        wait_a_tick();
    }
    session_log_command_lines(arena, SV("orphan"), true);
}

enum script_wait { SCRIPT_HAS_ENDED, SCRIPT_IS_OVERTIME, SCRIPT_GOES_ON_FOR_EVER };

/* Overtime: it waits past its virtual time. */
static enum script_wait wait_for_script(pid_t child, int *ret_status) {
    struct vigil overtime = {
        .cpu_ticks_max = BUSY_TICKS_MAX, .naps_max = BUSY_NAPS_MAX, .ends_when_still = true};
    struct vigil whole = {.cpu_ticks_max = CPU_TICKS_MAX, .naps_max = NAPS_MAX};
    for (uint64_t turn = 0;; turn++) {
        pid_t ended = waitpid(child, ret_status, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR))
            return SCRIPT_HAS_ENDED;
        if (access(SIM_OVERTIME, F_OK) == 0) {
            if (vigil_is_over(&overtime))
                return SCRIPT_IS_OVERTIME;
        } else if (turn > FREE_TURNS && vigil_is_over(&whole)) {
            return SCRIPT_GOES_ON_FOR_EVER;
        }
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
    enum script_wait wait = wait_for_script(child, &status);
    if (wait != SCRIPT_HAS_ENDED) {
        struct sv why = wait == SCRIPT_IS_OVERTIME ? SV("timedOut") : SV("tooLong");
        session_log(arena, why, json_bool(arena, true));
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
