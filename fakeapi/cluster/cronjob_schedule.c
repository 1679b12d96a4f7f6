/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/cronjob_schedule.h"

#include "core/api/api_time.h"
#include "core/base/clock.h"

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    /* A 29th of February is at most eight years off, but cron gives up after five. */
    SEARCH_DAYS_MAX = 5 * 366,
    TEXT_BYTES_MAX = 1024,
};
/* The calendar of 400 years, after which dates and weekdays are the same. */
#define ERA_MS (INT64_C(146097) * DAY_MS)

struct field {
    int64_t min, max;
    const char *words; /* three letters each, for min, min + 1, … */
};
enum { FIELD_COUNT = 5, FIELD_DAY = 2, FIELD_WEEKDAY = 4 };
static const struct field fields[FIELD_COUNT] = {
    {0, 59, ""},
    {0, 23, ""},
    {1, 31, ""},
    {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {0, 6, "sunmontuewedthufrisat"},
};

/* --- reading --- */

static bool read_number(const struct field *field, struct sv text, int64_t *ret_value) {
    if (sv_to_int64(text, ret_value))
        return true;
    for (size_t i = 0; field->words[i] && text.len == 3; i += 3)
        if (strncasecmp(field->words + i, text.ptr, 3) == 0) {
            *ret_value = field->min + (int64_t)(i / 3);
            return true;
        }
    return false;
}

/* "5", "1-5", "*", "*\/15", "2-10/3". */
static bool read_range(const struct field *field, struct sv range, uint64_t *bits,
                       bool *ret_is_any) {
    struct sv step = range, ends = sv_cut(&step, '/');
    bool has_step = ends.len < range.len;
    bool is_any = sv_eq(ends, SV("*")) || sv_eq(ends, SV("?"));
    int64_t low = field->min, high = field->max, by = 1;
    if (!is_any) {
        struct sv to = ends, from = sv_cut(&to, '-');
        bool is_range = from.len < ends.len;
        if (!read_number(field, from, &low) || (is_range && !read_number(field, to, &high)))
            return false;
        if (!is_range && !has_step)
            high = low;
    }
    if (has_step && (!sv_to_int64(step, &by) || by < 1))
        return false;
    if (low < field->min || high > field->max || low > high)
        return false;
    for (int64_t value = low; value <= high; value++)
        if ((value - low) % by == 0)
            *bits |= UINT64_C(1) << value;
    *ret_is_any |= is_any && by == 1;
    return true;
}

static struct sv take_word(struct sv *rest) {
    *rest = sv_trim(*rest);
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
        len++;
    struct sv word = sv_prefix(*rest, len);
    *rest = sv_drop(*rest, len);
    return word;
}

static bool read_fields(struct sv text, struct cron_schedule *ret_schedule) {
    uint64_t bits[FIELD_COUNT] = {0};
    bool is_any[FIELD_COUNT] = {0};
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        struct sv word = take_word(&text);
        if (word.len == 0)
            return false;
        while (word.len > 0)
            if (!read_range(&fields[i], sv_cut(&word, ','), &bits[i], &is_any[i]))
                return false;
    }
    *ret_schedule = (struct cron_schedule){
        .minutes = bits[0],
        .hours = bits[1],
        .days = bits[FIELD_DAY],
        .months = bits[3],
        .weekdays = bits[FIELD_WEEKDAY],
        .has_any_day = is_any[FIELD_DAY],
        .has_any_weekday = is_any[FIELD_WEEKDAY],
    };
    return sv_trim(text).len == 0;
}

static bool read_every(struct sv text, struct cron_schedule *ret_schedule) {
    int64_t every_ms;
    if (!api_duration_parse(text, &every_ms))
        return false;
    /* As cron: whole seconds, at least one. */
    every_ms = every_ms < 1000 ? 1000 : every_ms - every_ms % 1000;
    *ret_schedule = (struct cron_schedule){.every_ms = every_ms};
    return true;
}

bool cron_schedule_parse(struct sv text, struct cron_schedule *ret_schedule) {
    static const struct {
        struct sv name, fields;
    } names[] = {
        {{"@yearly", 7}, {"0 0 1 1 *", 9}},  {{"@annually", 9}, {"0 0 1 1 *", 9}},
        {{"@monthly", 8}, {"0 0 1 * *", 9}}, {{"@weekly", 7}, {"0 0 * * 0", 9}},
        {{"@daily", 6}, {"0 0 * * *", 9}},   {{"@midnight", 9}, {"0 0 * * *", 9}},
        {{"@hourly", 7}, {"0 * * * *", 9}},
    };
    if (text.len > TEXT_BYTES_MAX)
        return false;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (sv_eq(text, names[i].name))
            return read_fields(names[i].fields, ret_schedule);
    if (sv_starts_with(text, SV("@every ")))
        return read_every(sv_drop(text, 7), ret_schedule);
    return read_fields(text, ret_schedule);
}

/* --- times --- */

struct date {
    int64_t month, day;
};

/* Of a day since 1970-01-01, in the Gregorian calendar. */
static struct date date_of(int64_t days) {
    /* Years begin in March here, so that the leap day is their last one. */
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    return (struct date){month < 10 ? month + 3 : month - 9,
                         day_of_year - (153 * month + 2) / 5 + 1};
}

static bool has_bit(uint64_t bits, int64_t value) {
    return (bits >> value & 1) != 0;
}

static bool day_matches(const struct cron_schedule *schedule, int64_t days) {
    struct date date = date_of(days);
    bool is_day = has_bit(schedule->days, date.day);
    bool is_weekday = has_bit(schedule->weekdays, (days + 4) % 7);
    if (!has_bit(schedule->months, date.month))
        return false;
    if (schedule->has_any_day || schedule->has_any_weekday)
        return is_day && is_weekday;
    return is_day || is_weekday;
}

/* The first minute of the day from `minute` on, or -1. */
static int64_t minute_of_day(const struct cron_schedule *schedule, int64_t minute) {
    for (; minute < DAY_MS / MINUTE_MS; minute++) {
        if (!has_bit(schedule->hours, minute / 60))
            minute += 59 - minute % 60;
        else if (has_bit(schedule->minutes, minute % 60))
            return minute;
    }
    return -1;
}

/* By clocks that never change. */
static int64_t next_on_clock(const struct cron_schedule *schedule, int64_t after_ms) {
    int64_t from_ms = after_ms - after_ms % MINUTE_MS + MINUTE_MS;
    int64_t first_day = from_ms / DAY_MS, minute = from_ms % DAY_MS / MINUTE_MS;
    for (int64_t day = first_day; day < first_day + SEARCH_DAYS_MAX; day++) {
        int64_t found = day_matches(schedule, day) ? minute_of_day(schedule, minute) : -1;
        if (found >= 0)
            return day * DAY_MS + found * MINUTE_MS;
        minute = 0;
    }
    return DEADLINE_NEVER;
}

int64_t cron_schedule_next_ms(const struct cron_schedule *schedule, int64_t after_ms) {
    if (schedule->every_ms > 0)
        return schedule->every_ms > DEADLINE_NEVER - after_ms
                   ? DEADLINE_NEVER
                   : after_ms - after_ms % 1000 + schedule->every_ms;
    int64_t from_ms = after_ms, known_ms = after_ms;
    while (true) {
        /* In an era later, so that no day is before 1970. */
        int64_t shift_ms = time_zone_offset_ms(&schedule->zone, known_ms) + ERA_MS;
        int64_t next_ms = next_on_clock(schedule, from_ms + shift_ms);
        int64_t change_ms = time_zone_next_change_ms(&schedule->zone, known_ms);
        if (next_ms == DEADLINE_NEVER || next_ms - shift_ms < change_ms)
            return next_ms == DEADLINE_NEVER ? DEADLINE_NEVER : next_ms - shift_ms;
        /* Another clock counts from the change on, its own moment included. */
        known_ms = change_ms;
        from_ms = change_ms - 1;
    }
}

int64_t cron_schedule_latest_ms(const struct cron_schedule *schedule, int64_t after_ms,
                                int64_t until_ms) {
    if (schedule->every_ms > 0) {
        int64_t first_ms = cron_schedule_next_ms(schedule, after_ms);
        return first_ms > until_ms ? 0 : until_ms - (until_ms - first_ms) % schedule->every_ms;
    }
    /* Looks back further and further, so that at most a window's worth of times is walked. */
    static const int64_t windows_ms[] = {HOUR_MS, DAY_MS, INT64_C(32) * DAY_MS,
                                         INT64_C(366) * DAY_MS, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(windows_ms); i++) {
        bool is_all = windows_ms[i] >= until_ms - after_ms;
        int64_t from_ms = is_all ? after_ms : until_ms - windows_ms[i];
        int64_t latest_ms = 0, next_ms = cron_schedule_next_ms(schedule, from_ms);
        for (; next_ms <= until_ms; next_ms = cron_schedule_next_ms(schedule, next_ms))
            latest_ms = next_ms;
        if (latest_ms != 0 || is_all)
            return latest_ms;
    }
    return 0;
}
