/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_zone: the zones of the IANA time zone database by name, and how far they are from UTC.
 *
 * Of each zone its present rule is known and taken for all years: summer times that were abolished
 * are not. Pure.
 */
#ifndef FAKEAPI_SCHEMA_TIME_ZONE_H
#define FAKEAPI_SCHEMA_TIME_ZONE_H

#include "core/base/base.h"
#include "core/base/sv.h"

/* When clocks change: the week'th `weekday` of a month (5: its last), 0 being Sunday. */
struct zone_change {
    int64_t month, week, weekday, at_s; /* at_s since the local midnight of that day */
};

/* Zeroed it is UTC. */
struct time_zone {
    int64_t offset_s, summer_offset_s; /* east of UTC */
    bool has_summer;
    struct zone_change to_summer, from_summer;
};

/* False for what is no zone's name; case counts. */
MUST_CHECK bool time_zone_find(struct sv name, struct time_zone *ret_zone);
/* What is added to a time in UTC to get the zone's. */
int64_t time_zone_offset_ms(const struct time_zone *zone, int64_t at_ms);
/* When the clocks change next after `after_ms`, or DEADLINE_NEVER. */
int64_t time_zone_next_change_ms(const struct time_zone *zone, int64_t after_ms);

/* Sorted by name; rules as in POSIX' TZ. */
struct time_zone_row {
    const char *name, *rule;
};
extern const struct time_zone_row time_zone_rows[];
extern const size_t time_zone_row_count;

#endif
