/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_process.h"

#include "bench/bench.h"
#include "bench/bench_programs.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "fakeapi/http/tls_identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ARGUMENTS_MAX = 32,
    START_MS_MAX = 60 * 1000,
    POLL_US = 200,
    FILE_BYTES_MAX = 4096,
};

struct bench_process {
    pid_t pid; /* 0: none of ours */
    int others[BENCH_OTHERS_MAX];
    size_t other_count;
    char folder[64];
    struct arena *arena;
    struct bench_address address;
    double start_ms;
};

/* --- files --- */

static const char *path_in(struct bench_process *process, const char *name) {
    return arena_printf(process->arena, "%s/%s", process->folder, name).ptr;
}

static bool put_file(struct bench_process *process, const char *name, struct sv text,
                     struct error *err) {
    const char *path = path_in(process, name);
    FILE *file = fopen(path, "w");
    bool is_written = file && fwrite(text.ptr, 1, text.len, file) == text.len;
    is_written = (!file || fclose(file) == 0) && is_written;
    return is_written || error_set(err, ERROR_IO, "%s: cannot be written", path);
}

static size_t read_file(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = file < 0 ? -1 : read(file, text, size - 1);
    if (file >= 0)
        close(file);
    text[len > 0 ? len : 0] = 0;
    return len > 0 ? (size_t)len : 0;
}

static void remove_folder(const char *folder) {
    DIR *entries = opendir(folder);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        char path[FILE_BYTES_MAX];
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (entries)
        closedir(entries);
    rmdir(folder);
}

/* --- processes --- */

static struct bench_process *new_process(struct error *err) {
    struct bench_process *process = mem_alloc(sizeof(*process));
    const char *parent = getenv("TMPDIR");
    process->arena = arena_new();
    snprintf(process->folder, sizeof(process->folder), "%s/crctl-bench-XXXXXX",
             parent && strlen(parent) < 40 ? parent : "/tmp");
    if (mkdtemp(process->folder))
        return process;
    error_set(err, ERROR_IO, "cannot make a folder for a server: %s", strerror(errno));
    process->folder[0] = 0;
    bench_process_free(process);
    return NULL;
}

struct bench_process *bench_process_of_others(const int *pids, size_t count) {
    struct bench_process *process = mem_alloc(sizeof(*process));
    assert(count <= BENCH_OTHERS_MAX);
    process->arena = arena_new();
    process->other_count = count;
    memcpy(process->others, pids, count * sizeof(*pids));
    return process;
}

static bool spawn(struct bench_process *process, const char *const *arguments, struct error *err) {
    fflush(NULL);
    process->pid = fork();
    if (process->pid < 0)
        return error_set(err, ERROR_IO, "fork: %s", strerror(errno));
    if (process->pid > 0)
        return true;
    int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static bool has_ended(struct bench_process *process) {
    int status;
    if (waitpid(process->pid, &status, WNOHANG) != process->pid)
        return false;
    process->pid = 0;
    return true;
}

static void pause_shortly(void) {
    nanosleep(&(struct timespec){.tv_nsec = POLL_US * 1000L}, NULL);
}

void bench_process_free(struct bench_process *process) {
    if (!process)
        return;
    if (process->pid > 0) {
        kill(process->pid, SIGTERM);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (process->folder[0])
        remove_folder(process->folder);
    arena_free(process->arena);
    mem_free(process);
}

/* --- crctl serve --- */

static bool wait_until_ready(struct bench_process *process, const char *ready, struct error *err) {
    double began_ms = bench_now_ms();
    char url[FILE_BYTES_MAX];
    while (read_file(ready, url, sizeof(url)) == 0) {
        if (has_ended(process) || bench_now_ms() - began_ms > START_MS_MAX)
            return error_set(err, ERROR_INTERNAL, "crctl serve did not start");
        pause_shortly();
    }
    process->start_ms = bench_now_ms() - began_ms;
    return bench_address_parse(sv_from(url), &process->address, err);
}

struct bench_process *bench_serve(const char *program, const char *const *arguments,
                                  struct error *err) {
    struct bench_process *process = new_process(err);
    if (!process)
        return NULL;
    const char *ready = path_in(process, "ready");
    const char *all[ARGUMENTS_MAX] = {program,
                                      "serve",
                                      "--ready-file",
                                      ready,
                                      "--kubeconfig-out",
                                      path_in(process, "kubeconfig"),
                                      "--token-auth-file",
                                      path_in(process, "tokens")};
    size_t count = 8;
    for (; *arguments && count + 1 < ARGUMENTS_MAX; arguments++)
        all[count++] = *arguments;
    if (put_file(process, "tokens", SV(BENCH_TOKEN ",bench,1,\"system:masters\"\n"), err) &&
        spawn(process, all, err) && wait_until_ready(process, ready, err))
        return process;
    bench_process_free(process);
    return NULL;
}

/* --- nginx --- */

static bool configure_nginx(struct bench_process *process, struct sv content, struct error *err) {
    struct tls_identity identity;
    struct sv folder = sv_from(process->folder);
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    struct sv text = arena_printf(
        process->arena,
        "worker_processes 1;\ndaemon off;\npid %.*s/pid;\nerror_log /dev/null;\n"
        "events { worker_connections 1024; }\n"
        "http {\n  access_log off;\n  keepalive_requests 100000000;\n  open_file_cache max=16;\n"
        "  sendfile on;\n  client_body_temp_path %.*s/body;\n  proxy_temp_path %.*s/proxy;\n"
        "  fastcgi_temp_path %.*s/fastcgi;\n  uwsgi_temp_path %.*s/uwsgi;\n"
        "  scgi_temp_path %.*s/scgi;\n"
        "  server {\n    listen 127.0.0.1:%u ssl;\n    ssl_certificate %.*s/cert.pem;\n"
        "    ssl_certificate_key %.*s/key.pem;\n    root %.*s;\n  }\n}\n",
        SV_ARG(folder), SV_ARG(folder), SV_ARG(folder), SV_ARG(folder), SV_ARG(folder),
        SV_ARG(folder), process->address.port, SV_ARG(folder), SV_ARG(folder), SV_ARG(folder));
    return tls_identity_make(process->arena, SV("127.0.0.1"), now_ms, &identity, err) &&
           put_file(process, "cert.pem", identity.certificate, err) &&
           put_file(process, "key.pem", identity.key, err) &&
           put_file(process, "file", content, err) && put_file(process, "nginx.conf", text, err);
}

static bool wait_until_connected(struct bench_process *process) {
    double began_ms = bench_now_ms();
    while (!has_ended(process) && bench_now_ms() - began_ms < START_MS_MAX) {
        struct error ignored = {0};
        AUTO(bench_channel) channel = bench_channel_open(&process->address, &ignored);
        if (channel)
            return true;
        pause_shortly();
    }
    return false;
}

struct bench_process *bench_nginx(struct sv content, struct error *err) {
    struct bench_process *process = new_process(err);
    if (!process)
        return NULL;
    process->address = (struct bench_address){"127.0.0.1", 0, true};
    const char *arguments[] = {"nginx", "-p", process->folder, "-c", path_in(process, "nginx.conf"),
                               NULL};
    /* Its worker is another user when we are root. */
    chmod(process->folder, 0755);
    if (bench_free_port(&process->address.port, err) && configure_nginx(process, content, err) &&
        spawn(process, arguments, err) && wait_until_connected(process))
        return process;
    bench_process_free(process);
    return NULL;
}

/* --- figures --- */

const struct bench_address *bench_process_address(const struct bench_process *process) {
    return &process->address;
}

double bench_process_start_ms(const struct bench_process *process) {
    return process->start_ms;
}

static double rss_kib(int pid) {
    char path[64], text[FILE_BYTES_MAX];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    read_file(path, text, sizeof(text));
    const char *line = strstr(text, "VmRSS:");
    return line ? strtod(line + strlen("VmRSS:"), NULL) : 0;
}

double bench_process_rss_kib(const struct bench_process *process) {
    double sum = process->pid > 0 ? rss_kib(process->pid) : 0;
    for (size_t i = 0; i < process->other_count; i++)
        sum += rss_kib(process->others[i]);
    return sum;
}

/* Nanoseconds, of the main thread: a server that was started here has no other. */
static double own_cpu_ms(int pid) {
    char path[64], text[FILE_BYTES_MAX];
    double ms = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
    if (read_file(path, text, sizeof(text)) > 0)
        return strtod(text, NULL) / 1e6;
    return bench_pid_cpu_ms(pid, &ms) ? ms : 0;
}

double bench_process_cpu_ms(const struct bench_process *process) {
    double sum = process->pid > 0 ? own_cpu_ms(process->pid) : 0, ms;
    for (size_t i = 0; i < process->other_count; i++)
        sum += bench_pid_cpu_ms(process->others[i], &ms) ? ms : 0;
    return sum;
}
