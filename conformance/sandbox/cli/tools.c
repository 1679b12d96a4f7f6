/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/cli/tools.h"

#include "conformance/sandbox/cli/session.h"
#include "conformance/sandbox/wire.h"
#include "core/base/arena.h"
#include "core/data/json.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    EXIT_TIMED_OUT = 124,
    EXIT_USAGE = 125,
    EXIT_NOT_RUNNABLE = 126,
    EXIT_NOT_FOUND = 127,
    /* Real time for a trap to run. */
    KILL_AFTER_TURNS = 100,
    KILL_AFTER_TURN_US = 2 * 1000,
};
/* 2026-01-01T00:00:00Z, when every simulation begins. */
#define START_S INT64_C(1767225600)

/* --- durations: "5", "1.5s", "2m", "infinity" --- */

static bool unit_of(struct sv *text, int64_t *ret_unit_ms) {
    static const struct {
        char letter;
        int64_t unit_ms;
    } units[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}, {'d', 86400 * 1000}};
    *ret_unit_ms = 1000;
    if (text->len == 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (text->ptr[text->len - 1] == units[i].letter) {
            *ret_unit_ms = units[i].unit_ms;
            *text = sv_prefix(*text, text->len - 1);
            return true;
        }
    }
    return true;
}

static bool parse_duration(struct sv text, int64_t *ret_ms) {
    if (sv_eq(text, SV("infinity")) || sv_eq(text, SV("inf"))) {
        *ret_ms = INT64_MAX;
        return true;
    }
    int64_t unit_ms, whole = 0, fraction = 0;
    if (!unit_of(&text, &unit_ms))
        return false;
    struct sv rest = text, before = sv_cut(&rest, '.');
    rest = sv_prefix(rest, 3);
    if (before.len > 9 || (before.len > 0 && (!sv_to_int64(before, &whole) || whole < 0)) ||
        (rest.len > 0 && (!sv_to_int64(rest, &fraction) || fraction < 0)) ||
        before.len + rest.len == 0)
        return false;
    for (size_t i = rest.len; i < 3; i++)
        fraction *= 10;
    *ret_ms = whole * unit_ms + fraction * unit_ms / 1000;
    return true;
}

int tool_status_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

void tool_exec(char **argv) {
    execvp(argv[0], argv);
    int code = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(code);
}

static void spend(int64_t takes_ms) {
    AUTO(arena) arena = arena_new();
    struct session_file session = session_take(arena);
    session_spend(&session, takes_ms);
}

/* A process that would never end: the container has started, or the entry hangs. */
static int serve(void) {
    AUTO(arena) arena = arena_new();
    struct session_file session = session_take(arena);
    bool is_start = json_bool_or(session.call, SV("isStart"), false);
    session_log(arena, SV("serves"), json_bool(arena, true));
    session_spend(&session, is_start ? 0 : INT64_MAX);
    return EXIT_SUCCESS;
}

int tool_sleep(int argc, char **argv) {
    int64_t sum_ms = 0;
    for (int i = 1; i < argc; i++) {
        int64_t ms;
        if (!parse_duration(sv_from(argv[i]), &ms)) {
            fprintf(stderr, "sleep: invalid time interval '%s'\n", argv[i]);
            return EXIT_FAILURE;
        }
        if (ms == INT64_MAX)
            return serve();
        sum_ms += ms;
    }
    if (argc < 2) {
        fprintf(stderr, "sleep: missing operand\n");
        return EXIT_FAILURE;
    }
    spend(sum_ms);
    return EXIT_SUCCESS;
}

static int exec_host(const char *tool, char **argv) {
    AUTO(arena) arena = arena_new();
    struct sv path = arena_printf(arena, SIM_HOST "/%s", tool);
    execv(path.ptr, argv);
    fprintf(stderr, "%s: %s\n", tool, strerror(errno));
    return EXIT_NOT_FOUND;
}

int tool_tail(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        struct sv option = sv_from(argv[i]);
        bool is_short = option.len > 1 && option.ptr[0] == '-' && option.ptr[1] != '-';
        if (sv_starts_with(option, SV("--follow")) ||
            (is_short && (sv_find(option, 'f') < option.len || sv_find(option, 'F') < option.len)))
            return serve();
    }
    return exec_host("tail", argv);
}

int tool_date(int argc, char **argv) {
    AUTO(arena) arena = arena_new();
    bool has_time = false;
    char **args = ARENA_ARRAY(arena, char *, (size_t)argc + 3);
    for (int i = 1; i < argc; i++) {
        struct sv option = sv_from(argv[i]);
        has_time = has_time || sv_starts_with(option, SV("-d")) ||
                   sv_starts_with(option, SV("--date")) || sv_starts_with(option, SV("-r")) ||
                   sv_starts_with(option, SV("--reference"));
        args[i + 2] = argv[i];
    }
    if (has_time)
        return exec_host("date", argv);
    struct session_file session = session_take(arena);
    int64_t now_s = START_S + session.elapsed_ms / 1000;
    session_put(&session);
    args[0] = argv[0];
    args[1] = (char *)"-d";
    args[2] = (char *)arena_printf(arena, "@%lld", (long long)now_s).ptr;
    return exec_host("date", args);
}

int tool_injected(int argc, char **argv) {
    AUTO(arena) arena = arena_new();
    struct sv what = argc > 1 ? sv_from(argv[1]) : SV("");
    session_log(arena, SV("injected"), json_string(arena, what));
    return EXIT_SUCCESS;
}

/* --- timeout --- */

static pid_t timed_child;
static volatile sig_atomic_t is_timed_out;

static void handle_alarm(int number) {
    (void)number;
    is_timed_out = 1;
    kill(-timed_child, SIGTERM);
    kill(timed_child, SIGTERM);
}

/* The first argument behind the options. */
static int skip_options(int argc, char **argv) {
    int i = 1;
    while (i < argc && argv[i][0] == '-') {
        struct sv option = sv_from(argv[i++]);
        if (sv_eq(option, SV("-k")) || sv_eq(option, SV("-s")) ||
            sv_eq(option, SV("--kill-after")) || sv_eq(option, SV("--signal")))
            i++;
        else if (sv_eq(option, SV("--")))
            break;
    }
    return i;
}

static void set_deadline(int64_t limit_ms) {
    AUTO(arena) arena = arena_new();
    struct session_file session = session_take(arena);
    int64_t deadline_ms =
        limit_ms < INT64_MAX - session.elapsed_ms ? session.elapsed_ms + limit_ms : INT64_MAX;
    session_put(&session);
    int64_t outer_ms;
    const char *outer = getenv(SIM_DEADLINE);
    if (limit_ms == 0 ||
        (outer && sv_to_int64(sv_from(outer), &outer_ms) && outer_ms < deadline_ms))
        return;
    setenv(SIM_DEADLINE, arena_printf(arena, "%lld", (long long)deadline_ms).ptr, 1);
    setenv(SIM_DEADLINE_PID, arena_printf(arena, "%d", (int)getpid()).ptr, 1);
}

static bool is_this_program(const char *path) {
    struct stat own, found;
    return stat(SIM_CLI, &own) == 0 && stat(path, &found) == 0 && own.st_dev == found.st_dev &&
           own.st_ino == found.st_ino;
}

/* Whether execvp() would end at this program. */
static bool is_own(const char *name) {
    AUTO(arena) arena = arena_new();
    struct sv folders = sv_from(getenv("PATH"));
    if (strchr(name, '/'))
        return is_this_program(name);
    while (folders.len > 0) {
        struct sv folder = sv_cut(&folders, ':');
        const char *path = arena_printf(arena, "%.*s/%s", SV_ARG(folder), name).ptr;
        if (access(path, X_OK) == 0)
            return is_this_program(path);
    }
    return false;
}

/* Starting this program once more takes longer than all that it does. */
static void become_timed(int argc, char **argv) {
    if (is_own(argv[0]))
        exit(tool_run(argc, argv));
    tool_exec(argv);
}

/* Asked to end; whoever does not is ended. */
static int wait_for_timed_out(void) {
    int status = 0;
    for (int turn = 0; turn < KILL_AFTER_TURNS; turn++) {
        if (waitpid(timed_child, &status, WNOHANG) != 0)
            return EXIT_TIMED_OUT;
        usleep(KILL_AFTER_TURN_US);
    }
    kill(-timed_child, SIGKILL);
    while (waitpid(timed_child, &status, 0) < 0 && errno == EINTR)
        ;
    return EXIT_TIMED_OUT;
}

static int wait_for_child(void) {
    int status = 0;
    while (waitpid(timed_child, &status, 0) < 0) {
        if (errno != EINTR)
            return EXIT_USAGE;
        if (is_timed_out)
            return wait_for_timed_out();
    }
    return is_timed_out ? EXIT_TIMED_OUT : tool_status_of(status);
}

int tool_timeout(int argc, char **argv) {
    int first = skip_options(argc, argv);
    int64_t limit_ms;
    if (first + 1 >= argc || !parse_duration(sv_from(argv[first]), &limit_ms)) {
        fprintf(stderr, "timeout: a duration and a command are needed\n");
        return EXIT_USAGE;
    }
    set_deadline(limit_ms);
    struct sigaction action = {.sa_handler = handle_alarm};
    sigaction(SIGALRM, &action, NULL);
    /* The child may be done with its time before fork() has told who it is. */
    sigset_t alarm, before;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarm, &before);
    timed_child = fork();
    if (timed_child < 0)
        return EXIT_USAGE;
    if (timed_child == 0) {
        setpgid(0, 0);
        signal(SIGALRM, SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        become_timed(argc - first - 1, argv + first + 1);
    }
    setpgid(timed_child, timed_child);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return wait_for_child();
}
