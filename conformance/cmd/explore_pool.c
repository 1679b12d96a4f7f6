/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/explore_pool.h"

#include "core/base/arena.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    /* Records are written at once: a pipe keeps those up to PIPE_BUF bytes (4096) whole. */
    MESSAGE_BYTES_MAX = 3500,
    /* A case takes milliseconds; with sanitizers and on a busy machine a hundred times that. */
    CASE_SECONDS_MAX = 180,
    POLL_MS = 200,
    END_BYTES_MAX = 96,
};

struct record {
    uint64_t number;
    enum property broken;
    uint32_t message_bytes;
    char message[MESSAGE_BYTES_MAX];
};

struct process {
    pid_t pid;     /* 0: none */
    uint64_t next; /* the case it begins with when it is started again */
};

struct running {
    const struct explore_pool *pool;
    struct process processes[POOL_PROCESSES_MAX];
    size_t process_count;
    volatile uint64_t *current; /* shared: which case each process is at */
    int pipe_out;
    int64_t deadline_s; /* 0: none */
    uint64_t done_count;
    bool is_enough;
};

static int64_t now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* --- in a process of its own --- */

static void send(int pipe_in, uint64_t number, const struct property_result *result) {
    struct record record = {.number = number, .broken = result->broken};
    struct sv message = sv_prefix(result->message, MESSAGE_BYTES_MAX);
    record.message_bytes = (uint32_t)message.len;
    memcpy(record.message, message.ptr, message.len);
    ssize_t wrote;
    do
        wrote = write(pipe_in, &record, sizeof(record));
    while (wrote < 0 && errno == EINTR);
    if (wrote != (ssize_t)sizeof(record))
        _exit(1);
}

static bool is_over(const struct running *running) {
    return running->deadline_s > 0 && now_s() >= running->deadline_s;
}

/* Why a process ended that should not have. */
static void tell_end(int status, char text[END_BYTES_MAX]) {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(text, END_BYTES_MAX, "not done within %d seconds", CASE_SECONDS_MAX);
    else if (WIFSIGNALED(status))
        snprintf(text, END_BYTES_MAX, "killed by signal %d", WTERMSIG(status));
    else
        snprintf(text, END_BYTES_MAX, "exit status %d", WEXITSTATUS(status));
}

static void judge(const struct explore_pool *pool, int pipe_in, uint64_t number) {
    AUTO(arena) arena = arena_new();
    struct property_result result = {.message = SV("")};
    alarm(CASE_SECONDS_MAX);
    pool->work(pool->context, number, arena, &result);
    send(pipe_in, number, &result);
}

/* It ends with this process, and may crash without it. */
static void judge_in_copy(const struct explore_pool *pool, int pipe_in, uint64_t number) {
    int status = 0;
    char text[END_BYTES_MAX];
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        judge(pool, pipe_in, number);
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    if (pid > 0)
        tell_end(status, text);
    else
        snprintf(text, sizeof(text), "no process: %s", strerror(errno));
    send(pipe_in, number,
         &(struct property_result){.broken = PROPERTY_CRASH, .message = sv_from(text)});
}

static void serve_cases(const struct running *running, size_t index, int pipe_in) {
    const struct explore_pool *pool = running->pool;
    uint64_t end = pool->first + pool->count;
    if (pool->prepare)
        pool->prepare(pool->context);
    for (uint64_t number = running->processes[index].next; number < end;
         number += running->process_count) {
        if (is_over(running))
            break;
        running->current[index] = number;
        if (pool->prepare)
            judge_in_copy(pool, pipe_in, number);
        else
            judge(pool, pipe_in, number);
    }
}

/* --- in this process --- */

static void start(struct running *running, size_t index, int pipe_in) {
    fflush(stdout);
    fflush(stderr);
    running->current[index] = running->processes[index].next;
    pid_t pid = fork();
    if (pid == 0) {
        close(running->pipe_out);
        serve_cases(running, index, pipe_in);
        _exit(0);
    }
    running->processes[index].pid = pid > 0 ? pid : 0;
}

static void tell(struct running *running, uint64_t number, enum property broken,
                 struct sv message) {
    running->done_count++;
    if (!running->is_enough &&
        !running->pool->done(running->pool->context, number, broken, message))
        running->is_enough = true;
}

/* False when nothing waits. */
static bool take_record(struct running *running, int wait_ms) {
    struct record record;
    struct pollfd ready = {.fd = running->pipe_out, .events = POLLIN};
    if (poll(&ready, 1, wait_ms) <= 0 || (ready.revents & POLLIN) == 0)
        return false;
    if (read(running->pipe_out, &record, sizeof(record)) != (ssize_t)sizeof(record))
        return false;
    tell(running, record.number, record.broken, (struct sv){record.message, record.message_bytes});
    return true;
}

/* A process that was killed by its case goes on behind it. */
static void reap(struct running *running, size_t index, int status, int pipe_in) {
    struct process *process = &running->processes[index];
    process->pid = 0;
    bool is_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (is_well || running->is_enough)
        return;
    uint64_t number = running->current[index];
    char text[END_BYTES_MAX];
    tell_end(status, text);
    tell(running, number, PROPERTY_CRASH, sv_from(text));
    process->next = number + running->process_count;
    if (process->next < running->pool->first + running->pool->count && !is_over(running))
        start(running, index, pipe_in);
}

static size_t reap_all(struct running *running, int pipe_in) {
    size_t alive = 0;
    for (size_t i = 0; i < running->process_count; i++) {
        struct process *process = &running->processes[i];
        int status;
        if (process->pid == 0)
            continue;
        if (running->is_enough)
            kill(process->pid, SIGKILL);
        if (waitpid(process->pid, &status, running->is_enough ? 0 : WNOHANG) == process->pid)
            reap(running, i, status, pipe_in);
        alive += process->pid != 0;
    }
    return alive;
}

static void run_all(struct running *running, int pipe_in) {
    for (size_t i = 0; i < running->process_count; i++) {
        running->processes[i].next = running->pool->first + i;
        start(running, i, pipe_in);
    }
    size_t alive = running->process_count;
    while (alive > 0) {
        take_record(running, POLL_MS);
        while (take_record(running, 0))
            ;
        alive = reap_all(running, pipe_in);
    }
    while (take_record(running, 0))
        ;
}

static size_t wanted_processes(const struct explore_pool *pool) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = pool->process_count ? pool->process_count : cores > 0 ? (size_t)cores : 1;
    if (count > POOL_PROCESSES_MAX)
        count = POOL_PROCESSES_MAX;
    return pool->count < count ? (size_t)pool->count : count;
}

uint64_t explore_pool_run(const struct explore_pool *pool) {
    int ends[2];
    struct running running = {.pool = pool, .process_count = wanted_processes(pool)};
    size_t shared_bytes = sizeof(uint64_t) * POOL_PROCESSES_MAX;
    void *shared =
        mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe(ends) != 0)
        return 0;
    running.current = shared;
    running.pipe_out = ends[0];
    running.deadline_s = pool->seconds_max > 0 ? now_s() + pool->seconds_max : 0;
    run_all(&running, ends[1]);
    close(ends[0]);
    close(ends[1]);
    munmap(shared, shared_bytes);
    return running.done_count;
}

/* --- one case --- */

struct single {
    explore_work *work;
    void *context;
    struct arena *arena;
    struct property_result result;
};

static void work_single(void *context, uint64_t number, struct arena *arena,
                        struct property_result *ret_result) {
    const struct single *single = context;
    single->work(single->context, number, arena, ret_result);
}

static bool take_single(void *context, uint64_t number, enum property broken, struct sv message) {
    struct single *single = context;
    (void)number;
    single->result.broken = broken;
    single->result.message = arena_copy(single->arena, message);
    return true;
}

struct property_result explore_pool_run_one(explore_work *work, void *context,
                                            struct arena *arena) {
    struct single single = {work, context, arena, {.message = SV("")}};
    explore_pool_run(&(struct explore_pool){.process_count = 1,
                                            .count = 1,
                                            .work = work_single,
                                            .done = take_single,
                                            .context = &single});
    return single.result;
}
