/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/cli/census.h"

#include "conformance/sandbox/cli/session.h"
#include "core/base/arena.h"
#include "core/base/sv.h"

#include <dirent.h>
#include <unistd.h>

/* Fields of /proc/PID/stat, counted from the one behind the name. */
enum {
    FIELD_STATE = 0,
    FIELD_USER_TICKS = 11,         /* then those of the system, */
    FIELD_CHILD_SYSTEM_TICKS = 14, /* and both of children that have ended */
};

static uint64_t number_of(struct sv text) {
    int64_t value;
    return sv_to_int64(sv_trim(text), &value) && value > 0 ? (uint64_t)value : 0;
}

/* Both counts of /proc/PID/status. */
static uint64_t switches_of(struct sv status) {
    uint64_t count = 0;
    while (status.len > 0) {
        struct sv line = sv_cut(&status, '\n');
        struct sv key = sv_cut(&line, ':');
        if (sv_ends_with(key, SV("voluntary_ctxt_switches")))
            count += number_of(line);
    }
    return count;
}

/* False for a process that has ended. */
static bool add_stat(struct census *census, struct sv stat) {
    /* A name can hold anything, a parenthesis and blanks, too. */
    size_t name_end = sv_find_last(stat, ')');
    struct sv rest = name_end < stat.len ? sv_trim(sv_drop(stat, name_end + 1)) : SV("");
    char state = 'X';
    for (size_t i = 0; rest.len > 0 && i <= FIELD_CHILD_SYSTEM_TICKS; i++) {
        struct sv field = sv_cut(&rest, ' ');
        if (i == FIELD_STATE)
            state = field.ptr[0];
        else if (i >= FIELD_USER_TICKS)
            census->cpu_ticks += number_of(field);
    }
    if (state == 'Z' || state == 'X')
        return false;
    if (state != 'S' && state != 'T' && state != 't')
        census->is_asleep = false;
    return true;
}

struct census census_take(void) {
    AUTO(arena) arena = arena_new();
    struct census census = {.is_asleep = true};
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    int64_t pid;
    while (folder && (entry = readdir(folder)) != NULL) {
        if (!sv_to_int64(sv_from(entry->d_name), &pid) || pid == 1 || pid == getpid())
            continue;
        struct sv stat = arena_printf(arena, "/proc/%lld/stat", (long long)pid);
        struct sv status = arena_printf(arena, "/proc/%lld/status", (long long)pid);
        if (!add_stat(&census, file_read(arena, stat.ptr)))
            continue;
        census.process_count++;
        census.pid_sum += (uint64_t)pid;
        census.switch_count += switches_of(file_read(arena, status.ptr));
    }
    if (folder)
        closedir(folder);
    return census;
}

bool census_is_still(const struct census *before, const struct census *after) {
    return before->is_asleep && after->is_asleep && before->process_count == after->process_count &&
           before->pid_sum == after->pid_sum && before->switch_count == after->switch_count;
}
