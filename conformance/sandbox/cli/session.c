/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/cli/session.h"

#include "conformance/sandbox/wire.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 * 1024 * 1024, CHUNK_BYTES = 65536, EXIT_HARNESS = 125 };

struct sv file_read(struct arena *arena, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SV("");
    struct buf buf;
    buf_init(&buf, FILE_BYTES_MAX);
    char chunk[CHUNK_BYTES];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) > 0 &&
           buf_append(&buf, (struct sv){chunk, (size_t)got}))
        ;
    close(fd);
    struct sv text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}

static void write_all(int fd, struct sv bytes) {
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        if (put <= 0)
            return;
        bytes = sv_drop(bytes, (size_t)put);
    }
}

bool file_write(const char *path, struct sv bytes) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    write_all(fd, bytes);
    close(fd);
    return true;
}

static struct cJSON *read_tree(struct arena *arena, const char *path) {
    struct error err = {0};
    struct cJSON *tree = json_read(arena, file_read(arena, path), &err);
    if (!tree) {
        fprintf(stderr, "%s: %s\n", path, err.message);
        exit(EXIT_HARNESS);
    }
    return tree;
}

struct session_file session_take(struct arena *arena) {
    struct session_file session = {.arena = arena};
    session.lock_fd = open(SIM_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (session.lock_fd < 0 || flock(session.lock_fd, LOCK_EX) != 0) {
        fprintf(stderr, SIM_LOCK ": cannot be locked\n");
        exit(EXIT_HARNESS);
    }
    session.call = read_tree(arena, SIM_CALL);
    session.state = read_tree(arena, SIM_STATE);
    session.elapsed_ms = json_int_or(session.state, SV("elapsedMs"), 0);
    return session;
}

void session_put(struct session_file *session) {
    json_set_int(session->arena, session->state, SV("elapsedMs"), session->elapsed_ms);
    (void)file_write(SIM_STATE, json_write_arena(session->arena, session->state, JSON_COMPACT));
    close(session->lock_fd);
    session->lock_fd = -1;
}

static int64_t env_number(const char *name, int64_t fallback) {
    int64_t value;
    const char *text = getenv(name);
    return text && sv_to_int64(sv_from(text), &value) ? value : fallback;
}

static void wait_for_the_end(void) {
    for (;;)
        pause();
}

void session_spend(struct session_file *session, int64_t takes_ms) {
    int64_t budget_ms = json_int_or(session->call, SV("budgetMs"), INT64_MAX);
    int64_t deadline_ms = env_number(SIM_DEADLINE, INT64_MAX);
    int64_t limit_ms = deadline_ms < budget_ms ? deadline_ms : budget_ms;
    bool is_over = session->elapsed_ms > limit_ms || takes_ms > limit_ms - session->elapsed_ms;
    session->elapsed_ms = is_over ? limit_ms : session->elapsed_ms + takes_ms;
    session_put(session);
    if (!is_over)
        return;
    pid_t pid = (pid_t)env_number(SIM_DEADLINE_PID, 0);
    if (deadline_ms <= budget_ms && pid > 0)
        kill(pid, SIGALRM);
    else
        (void)file_write(SIM_OVERTIME, SV(""));
    wait_for_the_end();
}

void session_log(struct arena *arena, struct sv key, struct cJSON *value) {
    struct cJSON *line = json_map(arena);
    json_set(arena, line, key, value);
    struct sv text = json_write_arena(arena, line, JSON_COMPACT);
    int fd = open(SIM_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    /* One write: lines of two processes do not mix. */
    write_all(fd, arena_printf(arena, "%.*s\n", SV_ARG(text)));
    close(fd);
}

/* Bytes that are no UTF-8 cannot be in a log of JSON. */
static struct sv printable(struct arena *arena, struct sv text) {
    char *bytes = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bytes[i] = byte == 0 ? ' ' : byte < 0x20 || byte >= 0x7f ? '?' : (char)byte;
    }
    return (struct sv){bytes, text.len};
}

void session_log_command_lines(struct arena *arena, struct sv key, bool without_own) {
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    int64_t pid;
    while (folder && (entry = readdir(folder)) != NULL) {
        if (!sv_to_int64(sv_from(entry->d_name), &pid) || pid == 1 ||
            (without_own && pid == getpid()))
            continue;
        struct sv path = arena_printf(arena, "/proc/%lld/cmdline", (long long)pid);
        struct sv line = printable(arena, sv_trim(file_read(arena, path.ptr)));
        if (line.len > 0) /* a zombie has none */
            session_log(arena, key, json_string(arena, sv_trim(line)));
    }
    if (folder)
        closedir(folder);
}
