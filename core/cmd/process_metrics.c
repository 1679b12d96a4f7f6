/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/process_metrics.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/sv.h"
#include "core/platform/file.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STATM_BYTES_MAX = 4096 };

static bool write_one(struct buf *text, const char *name, const char *type, const char *help,
                      double value) {
    return buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name,
                      value);
}

static double cpu_seconds(void) {
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double resident_bytes(void) {
    AUTO(arena) arena = arena_new();
    struct error ignored = {0};
    struct sv text;
    int64_t pages = 0;
    if (!file_read(arena, SV("/proc/self/statm"), STATM_BYTES_MAX, &text, &ignored))
        return 0;
    sv_cut(&text, ' ');
    if (!sv_to_int64(sv_cut(&text, ' '), &pages))
        return 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    double count = -1; /* the folder's own */
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count > 2 ? count - 2 : 0; /* "." and ".." */
}

static double descriptor_limit(void) {
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    return (double)limit.rlim_cur;
}

bool process_metrics_write(int64_t started_ms, struct buf *text) {
    return write_one(text, "process_cpu_seconds_total", "counter", "CPU time used, in seconds.",
                     cpu_seconds()) &&
           write_one(text, "process_resident_memory_bytes", "gauge", "Resident memory.",
                     resident_bytes()) &&
           write_one(text, "process_open_fds", "gauge", "Open descriptors.", open_descriptors()) &&
           write_one(text, "process_max_fds", "gauge", "How many may be open.",
                     descriptor_limit()) &&
           write_one(text, "process_start_time_seconds", "gauge", "Start, in Unix time.",
                     (double)started_ms / 1000);
}
