/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/process.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 4,
    CHUNK_BYTES = 65536,
    CPU_S_MAX = 30, /* more than the sandbox's first process lets pass */
    OPEN_FILES_MAX = 256,
    EXIT_CANNOT_EXEC = 127,
};
#define MEMORY_BYTES_MAX (UINT64_C(2) << 30)
#define FILE_BYTES_MAX (UINT64_C(64) << 20)

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#else
#define HAS_SANITIZER 0
#endif

/* One end for each side, of the child's standard streams and of a pipe that nobody uses: its end
 * comes when the last process of the sandbox is gone. */
enum { PIPE_LIFE = 3, PIPE_COUNT = 4, LIFE_FD = 200, GONE_MS_MAX = 2000 };
struct pipes {
    int ends[PIPE_COUNT][2];
};

static void close_end(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_all(struct pipes *pipes) {
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        close_end(&pipes->ends[i][0]);
        close_end(&pipes->ends[i][1]);
    }
}

static bool open_all(struct pipes *pipes, struct error *err) {
    for (size_t i = 0; i < PIPE_COUNT; i++)
        pipes->ends[i][0] = pipes->ends[i][1] = -1;
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        if (pipe2(pipes->ends[i], O_CLOEXEC) != 0) {
            close_all(pipes);
            return error_set(err, ERROR_IO, "pipe: %s", strerror(errno));
        }
    }
    return true;
}

static void limit(int resource, uint64_t value) {
    struct rlimit rlimit = {.rlim_cur = value, .rlim_max = value};
    (void)setrlimit((__rlimit_resource_t)resource, &rlimit);
}

/* In the child, which shares this process's memory until execv(): libc's setresuid() and the like
 * would change all threads of the parent, and so only system calls are made. Processes are limited
 * inside (tool_init()), where only the sandbox's own count; that limit, too, holds only for a user
 * that is not root. */
static void restrict_process(void) {
    const long id = PROCESS_ID_UNPRIVILEGED;
    if (geteuid() == 0 &&
        (syscall(SYS_setgroups, 0L, NULL) != 0 || syscall(SYS_setresgid, id, id, id) != 0 ||
         syscall(SYS_setresuid, id, id, id) != 0))
        _exit(EXIT_CANNOT_EXEC);
    limit(RLIMIT_CPU, CPU_S_MAX);
    limit(RLIMIT_FSIZE, FILE_BYTES_MAX);
    limit(RLIMIT_NOFILE, OPEN_FILES_MAX);
    limit(RLIMIT_CORE, 0);
    /* A sanitizer reserves terabytes of addresses. */
    if (!HAS_SANITIZER)
        limit(RLIMIT_AS, MEMORY_BYTES_MAX);
}

static void become(const struct process *process, const struct pipes *pipes) {
    const struct sigaction default_action = {.sa_handler = SIG_DFL};
    restrict_process();
    dup2(pipes->ends[0][0], STDIN_FILENO);
    dup2(pipes->ends[1][1], STDOUT_FILENO);
    dup2(pipes->ends[2][1], STDERR_FILENO);
    dup2(pipes->ends[PIPE_LIFE][1], LIFE_FD);
    (void)sigaction(SIGPIPE, &default_action, NULL);
    execv(process->argv[0], (char *const *)process->argv);
    _exit(EXIT_CANNOT_EXEC);
}

static int64_t monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct running {
    const struct process *process;
    pid_t pid;
    int pid_fd;
    struct pipes *pipes;
    struct sv unsent;
    struct buf outputs[2];
};

/* False when more came than is taken. */
static bool drain(struct running *running, size_t index) {
    char chunk[CHUNK_BYTES];
    int *fd = &running->pipes->ends[index + 1][0];
    ssize_t got = read(*fd, chunk, sizeof(chunk));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0) {
        close_end(fd);
        return true;
    }
    return buf_append(&running->outputs[index], (struct sv){chunk, (size_t)got});
}

static void feed(struct running *running) {
    int *fd = &running->pipes->ends[0][1];
    ssize_t put = write(*fd, running->unsent.ptr, running->unsent.len);
    if (put < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (put > 0)
        running->unsent = sv_drop(running->unsent, (size_t)put);
    if (put < 0 || running->unsent.len == 0)
        close_end(fd);
}

/* One turn; false when the process has ended and its output is taken. */
static bool turn(struct running *running, enum process_stop *stop) {
    struct pollfd fds[4] = {
        {.fd = running->pipes->ends[1][0], .events = POLLIN},
        {.fd = running->pipes->ends[2][0], .events = POLLIN},
        {.fd = running->pipes->ends[0][1], .events = POLLOUT},
        {.fd = running->pid_fd, .events = POLLIN},
    };
    (void)poll(fds, COUNT_OF(fds), TICK_MS);
    for (size_t i = 0; i < 2; i++) {
        if (fds[i].revents && !drain(running, i)) {
            *stop = PROCESS_TOO_MUCH_OUTPUT;
            return false;
        }
    }
    if (fds[2].revents)
        feed(running);
    bool has_output = fds[0].revents || fds[1].revents;
    return !fds[3].revents || has_output;
}

static enum process_stop follow(struct running *running) {
    const struct process *process = running->process;
    enum process_stop stop = PROCESS_ENDED;
    int64_t begin_ms = monotonic_ms();
    while (turn(running, &stop)) {
        int64_t running_ms = monotonic_ms() - begin_ms;
        if (running_ms > PROCESS_WALL_MS_MAX)
            return PROCESS_TOO_LONG;
        if (process->is_over && process->is_over(process->context, running_ms))
            return PROCESS_STOPPED;
    }
    return stop;
}

static struct sv take_output(struct buf *buf, struct arena *arena) {
    struct sv bytes = arena_copy(arena, buf_view(buf));
    buf_release(buf);
    return bytes;
}

/* Processes of a sandbox that was killed take a moment to go, and count against the limit of the
 * next one until then. */
static void wait_until_gone(struct running *running) {
    struct pollfd life = {.fd = running->pipes->ends[PIPE_LIFE][0], .events = POLLIN};
    while (poll(&life, 1, GONE_MS_MAX) < 0 && errno == EINTR)
        ;
}

static void run_to_end(struct running *running, struct arena *arena,
                       struct process_result *result) {
    result->stop = follow(running);
    if (result->stop != PROCESS_ENDED)
        kill(running->pid, SIGKILL);
    int status = 0;
    while (waitpid(running->pid, &status, 0) < 0 && errno == EINTR)
        ;
    wait_until_gone(running);
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result->stdout_bytes = take_output(&running->outputs[0], arena);
    result->stderr_bytes = take_output(&running->outputs[1], arena);
}

bool process_run(const struct process *process, struct arena *arena,
                 struct process_result *ret_result, struct error *err) {
    struct pipes pipes;
    if (!open_all(&pipes, err))
        return false;
    signal(SIGPIPE, SIG_IGN); /* a script need not read what it is given */
    /* fork() would copy the page tables of all that was certified so far. */
    pid_t pid = vfork();
    if (pid == 0)
        become(process, &pipes);
    close_end(&pipes.ends[0][0]);
    close_end(&pipes.ends[1][1]);
    close_end(&pipes.ends[2][1]);
    close_end(&pipes.ends[PIPE_LIFE][1]);
    if (pid < 0) {
        close_all(&pipes);
        return error_set(err, ERROR_IO, "fork: %s", strerror(errno));
    }
    struct running running = {
        .process = process,
        .pid = pid,
        .pid_fd = (int)syscall(SYS_pidfd_open, pid, 0),
        .pipes = &pipes,
        .unsent = process->has_stdin ? process->stdin_bytes : SV(""),
    };
    for (size_t i = 0; i < 2; i++) {
        fcntl(pipes.ends[i + 1][0], F_SETFL, O_NONBLOCK);
        buf_init(&running.outputs[i], process->output_bytes_max);
    }
    fcntl(pipes.ends[0][1], F_SETFL, O_NONBLOCK);
    if (running.unsent.len == 0)
        close_end(&pipes.ends[0][1]);
    run_to_end(&running, arena, ret_result);
    close_end(&running.pid_fd);
    close_all(&pipes);
    return true;
}
