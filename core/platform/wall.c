/* SPDX-License-Identifier: Apache-2.0 */
/* The clock and log seams on the real system. */
#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/platform/event_loop.h"

#include <time.h>

int64_t wall_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t steady_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ms(struct clock *clock) {
    (void)clock;
    return wall_now_ms();
}

struct clock *wall_clock(void) {
    static struct clock clock = {.now_ms = now_ms};
    return &clock;
}

static void write_line(struct log *log, enum log_level level, struct sv line) {
    (void)log;
    AUTO(arena) arena = arena_new();
    struct sv time = api_time_format_micro(wall_now_ms(), arena);
    fprintf(stderr, "%.*s %-7s %.*s\n", SV_ARG(time), log_level_text(level), SV_ARG(line));
}

struct log *stderr_log(int level_max) {
    static struct log log = {.write = write_line};
    log.level_max = (enum log_level)level_max;
    return &log;
}
