/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_programs.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PAGE_BYTES_MAX = 4 * 1024 * 1024,
    PAGE_TIMEOUT_MS = 10 * 1000,
    LINE_BYTES_MAX = 1024,
    /* In /proc/PID/stat, counted from the state behind the command's name. */
    STAT_UTIME = 11,
};

/* --- /proc --- */

static FILE *open_proc(int pid, const char *file) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    return fopen(path, "re");
}

bool bench_pid_cpu_ms(int pid, double *ret_ms) {
    char line[LINE_BYTES_MAX];
    FILE *file = open_proc(pid, "stat");
    bool is_read = file && fgets(line, sizeof(line), file);
    if (file)
        fclose(file);
    char *field = is_read ? strrchr(line, ')') : NULL; /* a command's name may hold anything */
    if (!field)
        return false;
    field++;
    for (int i = 0; i < STAT_UTIME; i++) {
        field = strchr(field + 1, ' ');
        if (!field)
            return false;
    }
    char *end;
    unsigned long long user = strtoull(field, &end, 10), kernel = strtoull(end, NULL, 10);
    *ret_ms = (double)(user + kernel) * 1e3 / (double)sysconf(_SC_CLK_TCK);
    return true;
}

bool bench_pid_peak_kib(int pid, double *ret_kib) {
    char line[LINE_BYTES_MAX];
    FILE *file = open_proc(pid, "status");
    bool is_found = false;
    while (file && !is_found && fgets(line, sizeof(line), file)) {
        is_found = strncmp(line, "VmHWM:", 6) == 0;
        if (is_found)
            *ret_kib = strtod(line + 6, NULL);
    }
    if (file)
        fclose(file);
    return is_found;
}

/* --- its pages --- */

bool bench_free_port(uint16_t *ret_port, struct error *err) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound = descriptor >= 0 &&
                    bind(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                    getsockname(descriptor, (struct sockaddr *)&address, &len) == 0;
    if (descriptor >= 0)
        close(descriptor);
    if (!is_bound)
        return error_set(err, ERROR_IO, "no port of 127.0.0.1 is free");
    *ret_port = ntohs(address.sin_port);
    return true;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context) {
    return buf_append(context, (struct sv){bytes, size * count}) ? size * count : 0;
}

bool bench_page(uint16_t port, const char *path, struct arena *arena, struct sv *ret_text,
                struct error *err) {
    char url[128];
    long status = 0;
    struct buf text;
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    buf_init(&text, PAGE_BYTES_MAX);
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)PAGE_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &text);
    CURLcode result = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(easy);
    *ret_text = arena_copy(arena, buf_view(&text));
    buf_release(&text);
    if (result == CURLE_OK && status == 200)
        return true;
    return error_set(err, ERROR_UNAVAILABLE, "%s: %s (status %ld)", url, curl_easy_strerror(result),
                     status);
}

bool bench_metric_next(struct sv *rest, struct sv name, struct sv *ret_labels, double *ret_value) {
    while (rest->len > 0) {
        struct sv line = sv_cut(rest, '\n');
        if (!sv_starts_with(line, name))
            continue;
        struct sv after = sv_drop(line, name.len);
        bool has_labels = sv_starts_with(after, SV("{"));
        size_t close = sv_find_last(after, '}');
        if ((has_labels && close == after.len) || (!has_labels && !sv_starts_with(after, SV(" "))))
            continue; /* cut short, or another metric that begins like this one */
        *ret_labels = has_labels ? sv_prefix(sv_drop(after, 1), close - 1) : SV("");
        char number[64] = "";
        struct sv text = sv_drop(after, has_labels ? close + 1 : 0);
        snprintf(number, sizeof(number), "%.*s", SV_ARG(text));
        *ret_value = strtod(number, NULL);
        return true;
    }
    return false;
}

struct sv bench_metric_label(struct sv labels, struct sv label) {
    while (labels.len > 0) {
        struct sv value = sv_cut(&labels, ','), key = sv_cut(&value, '=');
        if (sv_eq(key, label) && value.len >= 2)
            return sv_prefix(sv_drop(value, 1), value.len - 2);
    }
    return SV("");
}
