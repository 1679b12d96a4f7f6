/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/time_zone.h"

#include "core/base/clock.h"

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S, CHANGE_S_DEFAULT = 2 * HOUR_S, LAST_WEEK = 5 };

/* --- rules: "CET-1CEST,M3.5.0,M10.5.0/3" --- */

static bool accept(struct sv *rest, char byte) {
    if (rest->len == 0 || rest->ptr[0] != byte)
        return false;
    *rest = sv_drop(*rest, 1);
    return true;
}

static int64_t take_number(struct sv *rest) {
    int64_t number = 0;
    for (; rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9'; *rest = sv_drop(*rest, 1))
        number = number * 10 + (rest->ptr[0] - '0');
    return number;
}

static void skip_name(struct sv *rest) {
    if (accept(rest, '<')) {
        sv_cut(rest, '>');
        return;
    }
    while (rest->len > 0 && ((rest->ptr[0] | 0x20) >= 'a' && (rest->ptr[0] | 0x20) <= 'z'))
        *rest = sv_drop(*rest, 1);
}

static int64_t take_time_s(struct sv *rest) {
    int64_t sign = accept(rest, '-') ? -1 : 1;
    int64_t seconds = take_number(rest) * HOUR_S;
    if (accept(rest, ':'))
        seconds += take_number(rest) * 60;
    return sign * seconds;
}

static struct zone_change take_change(struct sv *rest) {
    struct zone_change change = {.at_s = CHANGE_S_DEFAULT};
    bool is_change = accept(rest, ',') && accept(rest, 'M');
    assert(is_change);
    change.month = take_number(rest);
    accept(rest, '.');
    change.week = take_number(rest);
    accept(rest, '.');
    change.weekday = take_number(rest);
    if (accept(rest, '/'))
        change.at_s = take_time_s(rest);
    return change;
}

static struct time_zone read_rule(struct sv rule) {
    struct time_zone zone = {0};
    skip_name(&rule);
    zone.offset_s = -take_time_s(&rule);
    if (rule.len == 0)
        return zone;
    zone.has_summer = true;
    skip_name(&rule);
    bool is_an_hour = rule.len > 0 && rule.ptr[0] == ',';
    zone.summer_offset_s = is_an_hour ? zone.offset_s + HOUR_S : -take_time_s(&rule);
    zone.to_summer = take_change(&rule);
    zone.from_summer = take_change(&rule);
    assert(rule.len == 0);
    return zone;
}

static int compare(const void *key, const void *row) {
    const struct sv *name = key;
    return sv_compare(*name, sv_from(((const struct time_zone_row *)row)->name));
}

bool time_zone_find(struct sv name, struct time_zone *ret_zone) {
    const struct time_zone_row *row =
        bsearch(&name, time_zone_rows, time_zone_row_count, sizeof(*row), compare);
    if (row)
        *ret_zone = read_rule(sv_from(row->rule));
    return row != NULL;
}

/* --- times --- */

static int64_t floor_div(int64_t value, int64_t by) {
    return value / by - (value % by < 0);
}

/* Days since 1970-01-01 of the first of a month, in the Gregorian calendar. */
static int64_t first_of(int64_t year, int64_t month) {
    /* Years begin in March here, so that the leap day is their last one. */
    int64_t years = month > 2 ? year : year - 1;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
    return 365 * years + floor_div(years, 4) - floor_div(years, 100) + floor_div(years, 400) +
           day_of_year - 719468;
}

static int64_t year_of(int64_t days) {
    int64_t year = 1970 + floor_div(days * 400, 146097);
    while (first_of(year, 1) > days)
        year--;
    while (first_of(year + 1, 1) <= days)
        year++;
    return year;
}

static int64_t weekday_of(int64_t days) {
    return days + 4 - 7 * floor_div(days + 4, 7);
}

/* In UTC, of a zone whose clocks are `offset_s` ahead before it. */
static int64_t change_ms(const struct zone_change *change, int64_t year, int64_t offset_s) {
    int64_t first = first_of(year, change->month);
    int64_t next = change->month == 12 ? first_of(year + 1, 1) : first_of(year, change->month + 1);
    int64_t day = first + (change->weekday - weekday_of(first) + 7) % 7 + 7 * (change->week - 1);
    if (change->week == LAST_WEEK && day >= next)
        day -= 7;
    return (day * DAY_S + change->at_s - offset_s) * 1000;
}

static int64_t to_summer_ms(const struct time_zone *zone, int64_t year) {
    return change_ms(&zone->to_summer, year, zone->offset_s);
}

static int64_t from_summer_ms(const struct time_zone *zone, int64_t year) {
    return change_ms(&zone->from_summer, year, zone->summer_offset_s);
}

static int64_t local_year(const struct time_zone *zone, int64_t at_ms) {
    return year_of(floor_div(floor_div(at_ms, 1000) + zone->offset_s, DAY_S));
}

int64_t time_zone_offset_ms(const struct time_zone *zone, int64_t at_ms) {
    if (!zone->has_summer)
        return zone->offset_s * 1000;
    int64_t year = local_year(zone, at_ms);
    int64_t begin_ms = to_summer_ms(zone, year), end_ms = from_summer_ms(zone, year);
    /* In the south summer is what lies around the new year. */
    bool is_summer = begin_ms < end_ms ? begin_ms <= at_ms && at_ms < end_ms
                                       : begin_ms <= at_ms || at_ms < end_ms;
    return (is_summer ? zone->summer_offset_s : zone->offset_s) * 1000;
}

int64_t time_zone_next_change_ms(const struct time_zone *zone, int64_t after_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    int64_t year = zone->has_summer ? local_year(zone, after_ms) : 0;
    for (int64_t each = year; zone->has_summer && each <= year + 1; each++) {
        int64_t changes_ms[] = {to_summer_ms(zone, each), from_summer_ms(zone, each)};
        for (size_t i = 0; i < COUNT_OF(changes_ms); i++)
            if (changes_ms[i] > after_ms && changes_ms[i] < next_ms)
                next_ms = changes_ms[i];
    }
    return next_ms;
}
