/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/cronjob_schedule.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/test.h"

static const struct {
    const char *schedule, *after, *next; /* NULL: never */
} cases[] = {
    {"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
    {"* * * * *", "2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z"},
    {"*/15 * * * *", "2026-01-01T00:45:00Z", "2026-01-01T01:00:00Z"},
    {"30 4 * * *", "2026-01-01T04:30:00Z", "2026-01-02T04:30:00Z"},
    {"0 0 1 * *", "2026-01-31T12:00:00Z", "2026-02-01T00:00:00Z"},
    {"0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
    {"0 0 31 2 *", "2026-03-01T00:00:00Z", NULL},
    /* 2026-01-01 is a Thursday. */
    {"0 9 * * mon-fri", "2026-01-02T10:00:00Z", "2026-01-05T09:00:00Z"},
    {"0 9 * * 0", "2026-01-01T00:00:00Z", "2026-01-04T09:00:00Z"},
    /* Day and weekday together: either will do; with a star: both. */
    {"0 0 13 * 5", "2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z"},
    {"0 0 13 * *", "2026-01-03T00:00:00Z", "2026-01-13T00:00:00Z"},
    {"0 0 1 JAN,Jul *", "2026-02-03T00:00:00Z", "2026-07-01T00:00:00Z"},
    {"1-10/3 0 * * *", "2026-01-01T00:04:00Z", "2026-01-01T00:07:00Z"},
    {"50/5 0 * * *", "2026-01-01T00:50:00Z", "2026-01-01T00:55:00Z"},
    {"@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
    {"@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"@every 90s", "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"},
    {"@every 1ms", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"},
};

TEST(schedules_tell_the_next_time) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct cron_schedule schedule;
        int64_t after_ms;
        CHECK(cron_schedule_parse(sv_from(cases[i].schedule), &schedule));
        CHECK(api_time_parse(sv_from(cases[i].after), &after_ms));
        int64_t next_ms = cron_schedule_next_ms(&schedule, after_ms);
        CHECK((next_ms == DEADLINE_NEVER) == (cases[i].next == NULL));
        if (cases[i].next)
            CHECK_SV(api_time_format(next_ms, arena), sv_from(cases[i].next));
    }
}

/* Berlin's clocks skip 02:00 to 03:00 on 2026-03-29 and show it twice on 2026-10-25. */
static const struct {
    const char *zone, *schedule, *after, *next;
} zone_cases[] = {
    {"Europe/Berlin", "0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T08:00:00Z"},
    {"Europe/Berlin", "0 9 * * *", "2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z"},
    {"Europe/Berlin", "0 9 * * *", "2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"},
    {"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"},
    {"Europe/Berlin", "0 3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
    {"Europe/Berlin", "30 2 * * *", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
    {"Europe/Berlin", "30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
    {"Europe/Berlin", "30 2 * * *", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
    {"Europe/Berlin", "0 0 31 2 *", "2026-03-01T00:00:00Z", NULL},
    {"Europe/Berlin", "@every 90s", "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"},
    {"Asia/Kolkata", "0 0 * * *", "2026-01-01T00:00:00Z", "2026-01-01T18:30:00Z"},
    {"Pacific/Auckland", "0 0 1 1 *", "2026-06-01T00:00:00Z", "2026-12-31T11:00:00Z"},
    {"America/New_York", "0 20 * * *", "1970-01-01T00:17:00Z", "1970-01-01T01:00:00Z"},
    {"America/New_York", "0 0 1 * *", "2026-02-01T06:00:00Z", "2026-03-01T05:00:00Z"},
    {"Etc/UTC", "0 9 * * *", "2026-07-01T00:00:00Z", "2026-07-01T09:00:00Z"},
};

TEST(schedules_follow_the_clocks_of_a_zone) {
    for (size_t i = 0; i < COUNT_OF(zone_cases); i++) {
        AUTO(arena) arena = arena_new();
        struct cron_schedule schedule;
        int64_t after_ms;
        CHECK(cron_schedule_parse(sv_from(zone_cases[i].schedule), &schedule));
        CHECK(time_zone_find(sv_from(zone_cases[i].zone), &schedule.zone));
        CHECK(api_time_parse(sv_from(zone_cases[i].after), &after_ms));
        int64_t next_ms = cron_schedule_next_ms(&schedule, after_ms);
        CHECK((next_ms == DEADLINE_NEVER) == (zone_cases[i].next == NULL));
        if (zone_cases[i].next)
            CHECK_SV(api_time_format(next_ms, arena), sv_from(zone_cases[i].next));
    }
}

static const char *const broken[] = {
    "",          "* * * *",    "* * * * * *", "60 * * * *",  "* 24 * * *",
    "* * 0 * *", "* * * 13 *", "* * * * 7",   "5-1 * * * *", "*/0 * * * *",
    "a * * * *", "@sometimes", "@every x",    "1- * * * *",
};

TEST(what_is_no_schedule_is_refused) {
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct cron_schedule schedule;
        CHECK(!cron_schedule_parse(sv_from(broken[i]), &schedule));
    }
}

static const struct {
    const char *schedule, *after, *until, *latest;
} latest_cases[] = {
    {"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:00:30Z", NULL},
    {"* * * * *", "2026-01-01T00:00:00Z", "2036-01-01T00:00:30Z", "2036-01-01T00:00:00Z"},
    {"0 0 1 1 *", "2026-01-01T00:00:00Z", "2029-06-01T00:00:30Z", "2029-01-01T00:00:00Z"},
    {"0 0 1 1 *", "2026-01-01T00:00:00Z", "2026-06-01T00:00:30Z", NULL},
    {"@every 1h", "2026-01-01T00:00:00Z", "2026-01-01T05:10:00Z", "2026-01-01T05:00:00Z"},
};

TEST(the_latest_of_many_missed_times_is_found) {
    for (size_t i = 0; i < COUNT_OF(latest_cases); i++) {
        AUTO(arena) arena = arena_new();
        struct cron_schedule schedule;
        int64_t after_ms, until_ms;
        CHECK(cron_schedule_parse(sv_from(latest_cases[i].schedule), &schedule));
        CHECK(api_time_parse(sv_from(latest_cases[i].after), &after_ms));
        CHECK(api_time_parse(sv_from(latest_cases[i].until), &until_ms));
        int64_t latest_ms = cron_schedule_latest_ms(&schedule, after_ms, until_ms);
        CHECK_SV(latest_ms ? api_time_format(latest_ms, arena) : SV(""),
                 sv_from(latest_cases[i].latest));
    }
}
