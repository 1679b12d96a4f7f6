/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/child.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/platform/event_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct child {
    struct event_loop *loop;
    pid_t pid;
    int output_end; /* of the pipe */
    int process;    /* a descriptor that is readable when it has ended */
    struct buf output;
    bool is_too_large, has_ended;
    int status;
};

static void drain(struct child *child) {
    char slice[4096];
    for (;;) {
        ssize_t got = read(child->output_end, slice, sizeof(slice));
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            event_loop_forget(child->loop, child->output_end);
        if (got <= 0)
            return;
        if (!buf_append(&child->output, (struct sv){slice, (size_t)got})) {
            /* It would go on for as long as it is read. */
            child->is_too_large = true;
            event_loop_forget(child->loop, child->output_end);
            kill(child->pid, SIGKILL);
            return;
        }
    }
}

static void output_ready(void *context, int descriptor, unsigned events) {
    (void)descriptor, (void)events;
    drain(context);
}

static void process_ended(void *context, int descriptor, unsigned events) {
    (void)events;
    struct child *child = context;
    if (waitpid(child->pid, &child->status, WNOHANG) == 0)
        return;
    event_loop_forget(child->loop, descriptor);
    if (!child->is_too_large)
        drain(child);
    child->has_ended = true;
}

static char **arguments_of(struct arena *arena, const struct child_options *options) {
    char **list = ARENA_ARRAY(arena, char *, options->arg_count + 2);
    list[0] = (char *)arena_copy(arena, options->command).ptr;
    for (size_t i = 0; i < options->arg_count; i++)
        list[i + 1] = (char *)arena_copy(arena, options->args[i]).ptr;
    return list;
}

/* "NAME=" begins both. */
static bool is_same_variable(struct sv a, struct sv b) {
    size_t name_bytes = sv_find(a, '=');
    return name_bytes < a.len && sv_starts_with(b, sv_prefix(a, name_bytes + 1));
}

/* Whether one behind `index` says otherwise. */
static bool is_overruled(const struct child_options *options, size_t index, struct sv text) {
    for (size_t i = index; i < options->variable_count; i++)
        if (is_same_variable(options->variables[i], text))
            return true;
    return false;
}

/* Ours with what was asked for in place of it. Each name stands there once: of two, some programs
 * take the first and shells the last. */
static char **variables_of(struct arena *arena, const struct child_options *options) {
    size_t own_count = 0, filled = 0;
    while (environ[own_count])
        own_count++;
    char **list = ARENA_ARRAY(arena, char *, options->variable_count + own_count + 1);
    for (size_t i = 0; i < options->variable_count; i++)
        if (!is_overruled(options, i + 1, options->variables[i]))
            list[filled++] = (char *)arena_copy(arena, options->variables[i]).ptr;
    for (size_t i = 0; i < own_count; i++)
        if (!is_overruled(options, 0, sv_from(environ[i])))
            list[filled++] = environ[i];
    return list;
}

/* Signals as a fresh program expects them: we block some and ignore others. */
static int spawn(const struct child_options *options, int output, pid_t *ret_pid) {
    AUTO(arena) arena = arena_new();
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    /* Libraries make sockets that would be inherited, our connections to API servers among them. */
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int result = posix_spawnp(ret_pid, arena_copy(arena, options->command).ptr, &files, &attributes,
                              arguments_of(arena, options), variables_of(arena, options));
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return result;
}

struct child *child_start(const struct child_options *options, struct error *err) {
    int ends[2];
    /* Only our end never blocks: a program that prints much is held up and not failed. */
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        error_set(err, ERROR_IO, "cannot make a pipe: %s", strerror(errno));
        return NULL;
    }
    pid_t pid;
    int failure = spawn(options, ends[1], &pid);
    close(ends[1]);
    if (failure) {
        close(ends[0]);
        error_set(err, failure == ENOENT ? ERROR_NOT_FOUND : ERROR_IO, "cannot run %.*s: %s",
                  SV_ARG(options->command), strerror(failure));
        return NULL;
    }
    struct child *child = mem_alloc(sizeof(*child));
    *child = (struct child){
        .loop = options->loop, .pid = pid, .output_end = ends[0], .process = pidfd_open(pid, 0)};
    assert(child->process >= 0);
    fcntl(child->process, F_SETFL, O_NONBLOCK);
    buf_init(&child->output, options->output_bytes_max);
    event_loop_watch(options->loop, child->output_end, EVENT_READABLE, output_ready, child);
    event_loop_watch(options->loop, child->process, EVENT_READABLE, process_ended, child);
    return child;
}

void child_free(struct child *child) {
    if (!child)
        return;
    event_loop_forget(child->loop, child->output_end);
    event_loop_forget(child->loop, child->process);
    if (!child->has_ended) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, &child->status, 0);
    }
    close(child->output_end);
    close(child->process);
    buf_release(&child->output);
    mem_free(child);
}

bool child_has_ended(const struct child *child) {
    return child->has_ended;
}

int child_pid(const struct child *child) {
    return child->pid;
}

bool child_output(const struct child *child, struct sv *ret_output, struct error *err) {
    if (child->is_too_large)
        return error_set(err, ERROR_TOO_LARGE, "printed more than %zu bytes",
                         child->output.bytes_max);
    if (WIFSIGNALED(child->status))
        return error_set(err, ERROR_INTERNAL, "was ended by signal %d", WTERMSIG(child->status));
    if (WEXITSTATUS(child->status) != 0)
        return error_set(err, ERROR_INTERNAL, "ended with status %d", WEXITSTATUS(child->status));
    *ret_output = buf_view(&child->output);
    return true;
}
