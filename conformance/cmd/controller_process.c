/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/controller_process.h"

#include "conformance/cmd/input.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "cacheruntime-controller"

enum {
    LOG_BYTES_MAX = 256 * 1024 * 1024,
    PATH_BYTES = 4096,
    EXIT_CANNOT_EXEC = 127,
    ARGS_MAX = 24
};

struct controller_process {
    struct arena *arena;
    struct event_loop *loop;
    struct sv log_path;
    pid_t pid;
    int descriptor; /* readable when it has ended */
    bool has_ended;
    int status;
};

/* --- the program --- */

static struct sv beside_crctl(struct arena *arena) {
    char path[PATH_BYTES];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path));
    if (len <= 0 || len == (ssize_t)sizeof(path))
        return SV("");
    struct sv own = {path, (size_t)len};
    return arena_printf(arena, "%.*s/" PROGRAM, SV_ARG(sv_prefix(own, sv_find_last(own, '/'))));
}

static struct sv in_path(struct arena *arena) {
    struct sv folders = sv_from(getenv("PATH"));
    while (folders.len > 0) {
        struct sv folder = sv_cut(&folders, ':');
        struct sv path = arena_printf(arena, "%.*s/" PROGRAM, SV_ARG(folder));
        if (folder.len > 0 && access(path.ptr, X_OK) == 0)
            return path;
    }
    return SV("");
}

bool controller_process_find(struct arena *arena, struct sv named, struct sv *ret_program,
                             struct error *err) {
    struct sv path = named.len > 0 ? arena_copy(arena, named) : beside_crctl(arena);
    if (path.len == 0 || access(path.ptr, X_OK) != 0) {
        if (named.len > 0)
            return error_set(err, ERROR_NOT_FOUND, "--controller %.*s: %s", SV_ARG(named),
                             strerror(errno));
        path = in_path(arena);
    }
    if (path.len == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "no " PROGRAM " beside crctl and none in PATH: name one with "
                         "--controller");
    *ret_program = path;
    return true;
}

/* --- starting --- */

/* In the child. The parent's death takes it along; signals are as a fresh program expects them. */
static void become(char *const *argv, int log) {
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(argv[0], argv);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(EXIT_CANNOT_EXEC);
}

static char **arguments_of(struct arena *arena, const struct controller_process_options *options) {
    char **argv = ARENA_ARRAY(arena, char *, ARGS_MAX);
    const struct sv words[] = {
        options->program,
        SV("start"),
        SV("--kubeconfig"),
        options->kubeconfig,
        SV("--metrics-addr=0"),
        SV("--dataset-controller=on"),
        arena_printf(arena, "--seed=%llu", (unsigned long long)(options->seed & INT64_MAX)),
        options->context.len > 0 ? arena_printf(arena, "--context=%.*s", SV_ARG(options->context))
                                 : SV(""),
        options->namespace_name.len > 0
            ? arena_printf(arena, "--namespaces=%.*s", SV_ARG(options->namespace_name))
            : SV(""),
    };
    size_t count = 0;
    static_assert(COUNT_OF(words) < ARGS_MAX, "room for the end");
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (words[i].len > 0)
            argv[count++] = (char *)(uintptr_t)arena_copy(arena, words[i]).ptr;
    return argv;
}

static void process_ended(void *context, int descriptor, unsigned events) {
    (void)events;
    struct controller_process *process = context;
    if (waitpid(process->pid, &process->status, WNOHANG) == 0)
        return;
    event_loop_forget(process->loop, descriptor);
    process->has_ended = true;
}

static void set_clock(struct arena *arena, const struct test_clock *clock) {
    if (clock->factor == 0)
        return;
    setenv(
        TEST_CLOCK_VARIABLE,
        arena_printf(arena, "%lld@%lld", (long long)clock->factor, (long long)clock->origin_ms).ptr,
        1);
}

static pid_t spawn(struct arena *arena, const struct controller_process_options *options,
                   struct error *err) {
    char **argv = arguments_of(arena, options);
    int log = open(arena_copy(arena, options->log_path).ptr,
                   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0) {
        error_set(err, ERROR_IO, "%.*s: %s", SV_ARG(options->log_path), strerror(errno));
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        set_clock(arena, &options->clock);
        become(argv, log);
    }
    if (pid < 0)
        error_set(err, ERROR_IO, "cannot start " PROGRAM ": %s", strerror(errno));
    close(log);
    return pid;
}

struct controller_process *
controller_process_start(const struct controller_process_options *options, struct error *err) {
    struct arena *arena = arena_new();
    pid_t pid = spawn(arena, options, err);
    if (pid < 0) {
        arena_free(arena);
        return NULL;
    }
    struct controller_process *process = mem_alloc(sizeof(*process));
    *process = (struct controller_process){
        .arena = arena,
        .loop = options->loop,
        .log_path = arena_copy(arena, options->log_path),
        .pid = pid,
        .descriptor = pidfd_open(pid, 0),
    };
    assert(process->descriptor >= 0);
    event_loop_watch(process->loop, process->descriptor, EVENT_READABLE, process_ended, process);
    return process;
}

/* --- ending --- */

void controller_process_free(struct controller_process *process) {
    if (!process)
        return;
    event_loop_forget(process->loop, process->descriptor);
    if (!process->has_ended) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, &process->status, 0);
    }
    close(process->descriptor);
    arena_free(process->arena);
    mem_free(process);
}

void controller_process_end(struct controller_process *process, int64_t patience_ms) {
    int64_t until_ms = steady_now_ms() + patience_ms;
    if (!process->has_ended)
        kill(process->pid, SIGTERM);
    for (int64_t now_ms; !process->has_ended && (now_ms = steady_now_ms()) < until_ms;)
        event_loop_wait(process->loop, until_ms - now_ms);
    controller_process_free(process);
}

static struct sv last_line(const struct controller_process *process, struct arena *arena) {
    struct error err = {0};
    struct sv text, last = SV("");
    if (!input_read(arena, process->log_path, LOG_BYTES_MAX, &text, &err))
        return last;
    while (text.len > 0) {
        struct sv line = sv_cut(&text, '\n');
        last = line.len > 0 ? line : last;
    }
    return last;
}

bool controller_process_has_ended(const struct controller_process *process, struct error *err) {
    if (!process->has_ended)
        return false;
    AUTO(arena) arena = arena_new();
    struct sv line = last_line(process, arena);
    bool is_killed = WIFSIGNALED(process->status);
    error_set(err, ERROR_UNAVAILABLE,
              "the controller ended by itself (%s %d), its last words: %.*s",
              is_killed ? "signal" : "status",
              is_killed ? WTERMSIG(process->status) : WEXITSTATUS(process->status),
              SV_ARG(line.len > 0 ? line : SV("none")));
    return true;
}
