/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_time.h"

#include "core/base/arena.h"

enum {
    MS_PER_SECOND = 1000,
    SECONDS_PER_DAY = 86400,
    YEAR_MAX = 9999,
    TIME_BYTES_MAX = sizeof("2006-01-02T15:04:05.000000Z"),
};

struct civil {
    int64_t year;
    unsigned month, day;
};

/* Days are counted from 1970-01-01 in eras of 400 years that begin on a 1 March, so that the leap
 * day is the last of its year. */
static struct civil civil_from_days(int64_t days) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (unsigned)((5 * day_of_year + 2) / 153);
    unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    return (struct civil){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = (unsigned)day_of_year - (153 * shifted_month + 2) / 5 + 1,
    };
}

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int64_t floor_div(int64_t value, int64_t divisor) {
    return value / divisor - (value % divisor < 0);
}

/* `count` digits, with zeros in front; returns what stands behind them. */
static char *put_digits(char *at, int count, int64_t value) {
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

static char *put_byte(char *at, char byte) {
    *at = byte;
    return at + 1;
}

static char *put_time_of_day(char *at, int second_of_day) {
    at = put_byte(put_digits(at, 2, second_of_day / 3600), ':');
    at = put_byte(put_digits(at, 2, second_of_day / 60 % 60), ':');
    return put_digits(at, 2, second_of_day % 60);
}

/* Years have four digits in the API. */
static struct sv format_time(int64_t time_ms, bool with_micros, struct arena *arena) {
    int64_t seconds = floor_div(time_ms, MS_PER_SECOND);
    int64_t millis = time_ms - seconds * MS_PER_SECOND;
    int64_t days = floor_div(seconds, SECONDS_PER_DAY);
    int second_of_day = (int)(seconds - days * SECONDS_PER_DAY);
    struct civil date = civil_from_days(days);
    int64_t year = date.year < 0 ? 0 : date.year > YEAR_MAX ? YEAR_MAX : date.year;
    char text[TIME_BYTES_MAX], *at = text;
    at = put_byte(put_digits(at, 4, year), '-');
    at = put_byte(put_digits(at, 2, date.month), '-');
    at = put_byte(put_digits(at, 2, date.day), 'T');
    at = put_time_of_day(at, second_of_day);
    if (with_micros)
        at = put_digits(put_byte(at, '.'), 6, millis * MS_PER_SECOND);
    at = put_byte(at, 'Z');
    return arena_copy(arena, (struct sv){text, (size_t)(at - text)});
}

struct sv api_time_format(int64_t time_ms, struct arena *arena) {
    return format_time(time_ms, false, arena);
}

struct sv api_time_format_micro(int64_t time_ms, struct arena *arena) {
    return format_time(time_ms, true, arena);
}

/* Takes `digits` digits that lie between min and max. */
static bool take_number(struct sv *rest, size_t digits, int64_t min, int64_t max, int64_t *ret) {
    int64_t value;
    if (rest->len < digits || rest->ptr[0] == '-' ||
        !sv_to_int64(sv_prefix(*rest, digits), &value) || value < min || value > max)
        return false;
    *rest = sv_drop(*rest, digits);
    *ret = value;
    return true;
}

static bool take_byte(struct sv *rest, char byte) {
    if (rest->len == 0 || rest->ptr[0] != byte)
        return false;
    *rest = sv_drop(*rest, 1);
    return true;
}

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static bool take_fraction_ms(struct sv *rest, int64_t *ret_ms) {
    *ret_ms = 0;
    if (!take_byte(rest, '.'))
        return true;
    if (rest->len == 0 || !is_digit(rest->ptr[0]))
        return false;
    for (int64_t unit = 100; rest->len > 0 && is_digit(rest->ptr[0]); unit /= 10) {
        *ret_ms += unit * (rest->ptr[0] - '0');
        *rest = sv_drop(*rest, 1);
    }
    return true;
}

/* "Z" or "+02:00". */
static bool take_offset_seconds(struct sv *rest, int64_t *ret_seconds) {
    *ret_seconds = 0;
    if (take_byte(rest, 'Z'))
        return true;
    bool is_west = take_byte(rest, '-');
    int64_t hours, minutes;
    if (!is_west && !take_byte(rest, '+'))
        return false;
    if (!take_number(rest, 2, 0, 23, &hours) || !take_byte(rest, ':') ||
        !take_number(rest, 2, 0, 59, &minutes))
        return false;
    *ret_seconds = (hours * 3600 + minutes * 60) * (is_west ? -1 : 1);
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month) {
    int64_t next_year = month == 12 ? year + 1 : year;
    int64_t next_month = month == 12 ? 1 : month + 1;
    return days_from_civil(next_year, next_month, 1) - days_from_civil(year, month, 1);
}

bool api_time_parse(struct sv text, int64_t *ret_time_ms) {
    int64_t year, month, day, hour, minute, second, fraction_ms, offset;
    bool held = take_number(&text, 4, 0, 9999, &year) && take_byte(&text, '-') &&
                take_number(&text, 2, 1, 12, &month) && take_byte(&text, '-') &&
                take_number(&text, 2, 1, days_in_month(year, month), &day) &&
                take_byte(&text, 'T') && take_number(&text, 2, 0, 23, &hour) &&
                take_byte(&text, ':') && take_number(&text, 2, 0, 59, &minute) &&
                take_byte(&text, ':') && take_number(&text, 2, 0, 59, &second) &&
                take_fraction_ms(&text, &fraction_ms) && take_offset_seconds(&text, &offset);
    if (!held || text.len > 0)
        return false;
    int64_t seconds = days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 +
                      minute * 60 + second - offset;
    *ret_time_ms = seconds * MS_PER_SECOND + fraction_ms;
    return true;
}

/* "1.25" of `value_ms` thousandths, without trailing zeros. */
static struct sv format_seconds(int64_t value_ms, struct arena *arena) {
    int64_t fraction = value_ms % MS_PER_SECOND;
    if (fraction == 0)
        return arena_printf(arena, "%lld", (long long)(value_ms / MS_PER_SECOND));
    struct sv text = arena_printf(arena, "%lld.%03lld", (long long)(value_ms / MS_PER_SECOND),
                                  (long long)fraction);
    while (sv_ends_with(text, SV("0")))
        text.len--;
    return text;
}

struct sv api_duration_format(int64_t duration_ms, struct arena *arena) {
    if (duration_ms == 0)
        return SV("0s");
    if (duration_ms < 0)
        return arena_printf(arena, "-%.*s", SV_ARG(api_duration_format(-duration_ms, arena)));
    if (duration_ms < MS_PER_SECOND)
        return arena_printf(arena, "%lldms", (long long)duration_ms);
    int64_t minutes = duration_ms / (60 * MS_PER_SECOND);
    struct sv seconds = format_seconds(duration_ms % (60 * MS_PER_SECOND), arena);
    if (minutes == 0)
        return arena_printf(arena, "%.*ss", SV_ARG(seconds));
    if (minutes < 60)
        return arena_printf(arena, "%lldm%.*ss", (long long)minutes, SV_ARG(seconds));
    return arena_printf(arena, "%lldh%lldm%.*ss", (long long)(minutes / 60),
                        (long long)(minutes % 60), SV_ARG(seconds));
}

static bool take_unit_ms(struct sv *rest, int64_t *ret_unit_ms) {
    static const struct {
        struct sv text;
        int64_t unit_ms;
    } units[] = {{SV("ms"), 1}, {SV("s"), 1000}, {SV("m"), 60000}, {SV("h"), 3600000}};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (sv_starts_with(*rest, units[i].text)) {
            *rest = sv_drop(*rest, units[i].text.len);
            *ret_unit_ms = units[i].unit_ms;
            return true;
        }
    }
    return false;
}

/* "1.5h": a number with up to three decimals that count, and its unit. */
static bool take_term_ms(struct sv *rest, int64_t *ret_ms) {
    int64_t thousandths = 0, unit_ms;
    size_t digits = 0;
    while (digits < rest->len && is_digit(rest->ptr[digits]))
        digits++;
    int64_t whole = 0;
    if (digits > 0 && !sv_to_int64(sv_prefix(*rest, digits), &whole))
        return false;
    *rest = sv_drop(*rest, digits);
    if (rest->len > 0 && rest->ptr[0] == '.' && !take_fraction_ms(rest, &thousandths))
        return false;
    if ((digits == 0 && thousandths == 0) || !take_unit_ms(rest, &unit_ms))
        return false;
    int64_t whole_ms;
    if (__builtin_mul_overflow(whole, unit_ms, &whole_ms))
        return false;
    *ret_ms = whole_ms + thousandths * unit_ms / 1000;
    return true;
}

bool api_duration_parse(struct sv text, int64_t *ret_duration_ms) {
    bool is_negative = take_byte(&text, '-');
    if (!is_negative)
        take_byte(&text, '+');
    if (sv_eq(text, SV("0"))) {
        *ret_duration_ms = 0;
        return true;
    }
    int64_t total = 0, term;
    if (text.len == 0)
        return false;
    while (text.len > 0)
        if (!take_term_ms(&text, &term) || __builtin_add_overflow(total, term, &total))
            return false;
    *ret_duration_ms = is_negative ? -total : total;
    return true;
}
