/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/time_zone.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/test.h"

static const struct {
    const char *zone, *at;
    int64_t offset_s;
    const char *next_change; /* NULL: never */
} cases[] = {
    {"UTC", "2026-01-01T00:00:00Z", 0, NULL},
    {"Etc/GMT+5", "2026-01-01T00:00:00Z", -18000, NULL},
    {"Asia/Kathmandu", "2026-01-01T00:00:00Z", 20700, NULL},
    {"America/New_York", "2026-03-08T06:59:59Z", -18000, "2026-03-08T07:00:00Z"},
    {"America/New_York", "2026-03-08T07:00:00Z", -14400, "2026-11-01T06:00:00Z"},
    {"America/New_York", "2026-11-01T06:00:00Z", -18000, "2027-03-14T07:00:00Z"},
    {"Europe/London", "2028-03-26T01:00:00Z", 3600, "2028-10-29T01:00:00Z"},
    /* Summer is around the new year. */
    {"Australia/Sydney", "2026-01-01T00:00:00Z", 39600, "2026-04-04T16:00:00Z"},
    {"Australia/Sydney", "2026-06-01T00:00:00Z", 36000, "2026-10-03T16:00:00Z"},
    {"Australia/Lord_Howe", "2026-01-01T00:00:00Z", 39600, "2026-04-04T15:00:00Z"},
    /* The clocks go back for winter, which has the name of summer time. */
    {"Europe/Dublin", "2026-01-01T00:00:00Z", 0, "2026-03-29T01:00:00Z"},
    {"Europe/Dublin", "2026-07-01T00:00:00Z", 3600, "2026-10-25T01:00:00Z"},
    /* Changes before midnight and on the day after. */
    {"America/Nuuk", "2026-01-01T00:00:00Z", -7200, "2026-03-29T01:00:00Z"},
    {"America/Santiago", "2026-06-01T00:00:00Z", -14400, "2026-09-06T04:00:00Z"},
    {"Europe/Berlin", "1969-12-31T23:30:00Z", 3600, "1970-03-29T01:00:00Z"},
};

TEST(zones_know_their_clocks) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct time_zone zone;
        int64_t at_ms;
        REQUIRE(time_zone_find(sv_from(cases[i].zone), &zone));
        REQUIRE(api_time_parse(sv_from(cases[i].at), &at_ms));
        CHECK(time_zone_offset_ms(&zone, at_ms) == cases[i].offset_s * 1000);
        int64_t change_ms = time_zone_next_change_ms(&zone, at_ms);
        CHECK((change_ms == DEADLINE_NEVER) == (cases[i].next_change == NULL));
        if (cases[i].next_change)
            CHECK_SV(api_time_format(change_ms, arena), sv_from(cases[i].next_change));
    }
}

TEST(every_row_is_found_and_read) {
    for (size_t i = 0; i < time_zone_row_count; i++) {
        struct time_zone zone;
        CHECK(time_zone_find(sv_from(time_zone_rows[i].name), &zone));
        CHECK(zone.offset_s >= -12 * 3600 && zone.offset_s <= 14 * 3600);
        CHECK(!zone.has_summer || zone.summer_offset_s != zone.offset_s);
    }
}

TEST(what_is_no_zone_is_not_found) {
    static const char *const names[] = {
        "", "Local", "europe/berlin", "Europe", "Europe/Berlin ", "../UTC", "Mars/Olympus"};
    struct time_zone zone;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        CHECK(!time_zone_find(sv_from(names[i]), &zone));
}
