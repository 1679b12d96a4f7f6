/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of CEL and Kubernetes' additions, in one table. */
#include "fakeapi/schema/cel_parts.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"
#include "core/data/utf8.h"
#include "fakeapi/schema/pattern.h"
#include "fakeapi/schema/time_zone.h"

#include <math.h>
#include <stdlib.h>

bool cel_give(struct cel_value *ret_value, struct cel_value value) {
    *ret_value = value;
    return true;
}

bool cel_are(const struct cel_value *arguments, size_t count, enum cel_type type) {
    for (size_t i = 0; i < count; i++)
        if (arguments[i].type != type)
            return false;
    return true;
}

/* --- texts as characters --- */

static size_t character_bytes(struct sv text) {
    size_t bytes = utf8_sequence_bytes(text);
    return bytes > 0 ? bytes : 1;
}

static size_t character_count(struct sv text) {
    size_t count = 0;
    for (; text.len > 0; count++)
        text = sv_drop(text, character_bytes(text));
    return count;
}

/* Byte position of a character; false beyond the end. */
static bool byte_position(struct sv text, int64_t character, size_t *ret_position) {
    struct sv rest = text;
    if (character < 0)
        return false;
    for (; character > 0; character--) {
        if (rest.len == 0)
            return false;
        rest = sv_drop(rest, character_bytes(rest));
    }
    *ret_position = text.len - rest.len;
    return true;
}

static bool call_size(CEL_ARGUMENTS) {
    (void)count;
    if (arguments[0].type == CEL_STRING)
        return cel_give(ret_value, cel_int((int64_t)character_count(arguments[0].text)));
    if (arguments[0].type != CEL_LIST && arguments[0].type != CEL_MAP)
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_int((int64_t)cel_size(&arguments[0])));
}

static bool call_contains(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_STRING) || !cel_step(evaluator, arguments[0].text.len / 10))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_bool(sv_contains(arguments[0].text, arguments[1].text)));
}

static bool call_starts_with(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_bool(sv_starts_with(arguments[0].text, arguments[1].text)));
}

static bool call_ends_with(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_bool(sv_ends_with(arguments[0].text, arguments[1].text)));
}

static bool call_matches(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    if (!cel_step(evaluator, arguments[0].text.len / 10 + arguments[1].text.len))
        return false;
    return cel_give(ret_value, cel_bool(pattern_matches(evaluator->arena, arguments[1].text,
                                                        arguments[0].text, NULL)));
}

static bool call_find(CEL_ARGUMENTS) {
    struct sv match = SV("");
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    if (!cel_step(evaluator, arguments[0].text.len / 10 + arguments[1].text.len))
        return false;
    bool is_found = pattern_matches(evaluator->arena, arguments[1].text, arguments[0].text, &match);
    return cel_give(ret_value, cel_string(is_found ? match : SV("")));
}

static bool call_find_all(CEL_ARGUMENTS) {
    struct sv rest = arguments[0].text, match = SV("");
    if (!cel_are(arguments, 2, CEL_STRING) || (count == 3 && arguments[2].type != CEL_INT))
        return cel_no_overload(evaluator);
    int64_t limit = count == 3 && arguments[2].integer >= 0 ? arguments[2].integer : INT64_MAX;
    struct cel_value *found = ARENA_ARRAY(evaluator->arena, struct cel_value, rest.len + 2);
    size_t found_count = 0;
    while ((int64_t)found_count < limit && rest.len > 0) {
        if (!cel_step(evaluator, rest.len / 10 + arguments[1].text.len + 1))
            return false;
        if (!pattern_matches(evaluator->arena, arguments[1].text, rest, &match))
            break;
        found[found_count++] = cel_string(match);
        size_t end = (size_t)(match.ptr - rest.ptr) + match.len;
        rest = sv_drop(rest, match.len > 0 ? end : end + character_bytes(sv_drop(rest, end)));
    }
    return cel_give(ret_value, cel_list(evaluator, found, found_count));
}

static bool change_case(CEL_ARGUMENTS, char first, char last, int shift) {
    if (!cel_are(arguments, count, CEL_STRING) || !cel_step(evaluator, arguments[0].text.len / 10))
        return cel_no_overload(evaluator);
    struct sv text = arena_copy(evaluator->arena, arguments[0].text);
    char *bytes = (char *)text.ptr;
    for (size_t i = 0; i < text.len; i++)
        if (bytes[i] >= first && bytes[i] <= last)
            bytes[i] = (char)(bytes[i] + shift);
    return cel_give(ret_value, cel_string(text));
}

static bool call_lower(CEL_ARGUMENTS) {
    return change_case(evaluator, arguments, count, ret_value, 'A', 'Z', 'a' - 'A');
}

static bool call_upper(CEL_ARGUMENTS) {
    return change_case(evaluator, arguments, count, ret_value, 'a', 'z', 'A' - 'a');
}

static bool call_trim(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_string(sv_trim(arguments[0].text)));
}

static bool out_of_range(struct evaluator *evaluator, int64_t index) {
    return cel_fail(evaluator, "index out of range: ",
                    arena_printf(evaluator->arena, "%lld", (long long)index));
}

static bool call_char_at(CEL_ARGUMENTS) {
    size_t at;
    (void)count;
    if (arguments[0].type != CEL_STRING || arguments[1].type != CEL_INT)
        return cel_no_overload(evaluator);
    if (!byte_position(arguments[0].text, arguments[1].integer, &at))
        return out_of_range(evaluator, arguments[1].integer);
    struct sv rest = sv_drop(arguments[0].text, at);
    return cel_give(ret_value, cel_string(sv_prefix(rest, rest.len ? character_bytes(rest) : 0)));
}

static bool call_substring(CEL_ARGUMENTS) {
    size_t from, to = arguments[0].text.len;
    if (arguments[0].type != CEL_STRING || !cel_are(arguments + 1, count - 1, CEL_INT))
        return cel_no_overload(evaluator);
    if (!byte_position(arguments[0].text, arguments[1].integer, &from))
        return out_of_range(evaluator, arguments[1].integer);
    if (count == 3 && !byte_position(arguments[0].text, arguments[2].integer, &to))
        return out_of_range(evaluator, arguments[2].integer);
    if (to < from)
        return cel_fail(evaluator, "invalid substring range", SV(""));
    return cel_give(ret_value, cel_string(sv_prefix(sv_drop(arguments[0].text, from), to - from)));
}

/* Byte position of `needle` at or behind `from`, or text.len + 1. */
static size_t position_of(struct sv text, struct sv needle, size_t from) {
    for (size_t at = from; at + needle.len <= text.len; at++)
        if (sv_starts_with(sv_drop(text, at), needle))
            return at;
    return text.len + 1;
}

static bool index_in_list(CEL_ARGUMENTS, bool is_last) {
    const struct cel_items *items = cel_items(evaluator, &arguments[0]);
    int64_t found = -1;
    (void)count;
    for (size_t i = 0; i < items->count && (found < 0 || is_last); i++)
        if (cel_step(evaluator, 1) && cel_equal(evaluator, &items->values[i], &arguments[1]))
            found = (int64_t)i;
    *ret_value = cel_int(found);
    return evaluator->err->code == ERROR_NONE;
}

static bool index_of(CEL_ARGUMENTS, bool is_last) {
    if (arguments[0].type == CEL_LIST)
        return index_in_list(evaluator, arguments, count, ret_value, is_last);
    if (!cel_are(arguments, 2, CEL_STRING) || (count > 2 && arguments[2].type != CEL_INT))
        return cel_no_overload(evaluator);
    struct sv text = arguments[0].text, needle = arguments[1].text;
    size_t offset = is_last ? text.len : 0;
    if (!cel_step(evaluator, text.len * (needle.len + 1) / 10))
        return false;
    if (count > 2 && !byte_position(text, arguments[2].integer, &offset))
        return out_of_range(evaluator, arguments[2].integer);
    size_t at = position_of(text, needle, is_last ? 0 : offset), found = text.len + 1;
    if (!is_last || at <= offset)
        found = at;
    while (is_last && at <= offset) {
        found = at;
        at = position_of(text, needle, at + 1);
    }
    if (found > text.len)
        return cel_give(ret_value, cel_int(-1));
    return cel_give(ret_value, cel_int((int64_t)character_count(sv_prefix(text, found))));
}

static bool call_index_of(CEL_ARGUMENTS) {
    return index_of(evaluator, arguments, count, ret_value, false);
}

static bool call_last_index_of(CEL_ARGUMENTS) {
    return index_of(evaluator, arguments, count, ret_value, true);
}

/* Takes what stands before the separator; an empty one separates characters. */
static struct sv take_part(struct sv *rest, struct sv separator, bool *ret_is_last) {
    size_t at = separator.len > 0 ? position_of(*rest, separator, 0)
                : rest->len > 0   ? character_bytes(*rest)
                                  : 0;
    *ret_is_last = separator.len > 0 ? at > rest->len : at >= rest->len;
    struct sv part = sv_prefix(*rest, at);
    *rest = sv_drop(*rest, at + separator.len);
    return part;
}

static bool call_split(CEL_ARGUMENTS) {
    if (!cel_are(arguments, 2, CEL_STRING) || (count == 3 && arguments[2].type != CEL_INT))
        return cel_no_overload(evaluator);
    struct sv rest = arguments[0].text;
    if (!cel_step(evaluator, rest.len * (arguments[1].text.len + 1)))
        return false;
    int64_t limit = count == 3 && arguments[2].integer >= 0 ? arguments[2].integer : INT64_MAX;
    struct cel_value *parts = ARENA_ARRAY(evaluator->arena, struct cel_value, rest.len + 2);
    size_t part_count = 0;
    bool is_last = limit == 0;
    while (!is_last) {
        if ((int64_t)part_count + 1 == limit) {
            parts[part_count++] = cel_string(rest);
            break;
        }
        parts[part_count++] = cel_string(take_part(&rest, arguments[1].text, &is_last));
    }
    return cel_give(ret_value, cel_list(evaluator, parts, part_count));
}

/* Texts are joined in one buffer: each step of a loop would copy all before it. */
static bool give_buffer(struct evaluator *evaluator, struct buf *buf, bool held,
                        struct cel_value *ret_value) {
    *ret_value = cel_string(arena_copy(evaluator->arena, buf_view(buf)));
    bool is_cheap = cel_step(evaluator, buf_view(buf).len / 10);
    buf_release(buf);
    return held ? is_cheap : cel_fail(evaluator, "the text grows too long", SV(""));
}

enum { RESULT_BYTES_MAX = 4 * 1024 * 1024 };

static bool call_replace(CEL_ARGUMENTS) {
    if (!cel_are(arguments, 3, CEL_STRING) || (count == 4 && arguments[3].type != CEL_INT))
        return cel_no_overload(evaluator);
    struct sv rest = arguments[0].text;
    if (!cel_step(evaluator, rest.len * (arguments[1].text.len + 1) / 10))
        return false;
    int64_t limit = count == 4 && arguments[3].integer >= 0 ? arguments[3].integer : INT64_MAX;
    struct buf buf;
    buf_init(&buf, RESULT_BYTES_MAX);
    bool held = true, is_last = false;
    /* Nothing stands before the first character, and behind the last. */
    if (arguments[1].text.len == 0 && limit-- > 0)
        held = buf_append(&buf, arguments[2].text);
    while (held && !is_last && limit > 0 && (rest.len > 0 || arguments[1].text.len > 0)) {
        struct sv part = take_part(&rest, arguments[1].text, &is_last);
        bool is_between = !is_last || arguments[1].text.len == 0;
        held = buf_append(&buf, part) && (!is_between || buf_append(&buf, arguments[2].text));
        limit--;
    }
    held = held && (is_last || buf_append(&buf, rest));
    return give_buffer(evaluator, &buf, held, ret_value);
}

static bool call_join(CEL_ARGUMENTS) {
    struct sv separator = count == 2 ? arguments[1].text : SV("");
    if (arguments[0].type != CEL_LIST || (count == 2 && arguments[1].type != CEL_STRING))
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, &arguments[0]);
    if (!cel_are(items->values, items->count, CEL_STRING))
        return cel_no_overload(evaluator);
    struct buf buf;
    buf_init(&buf, RESULT_BYTES_MAX);
    bool held = true;
    for (size_t i = 0; i < items->count && held; i++)
        held = (i == 0 || buf_append(&buf, separator)) && buf_append(&buf, items->values[i].text);
    return give_buffer(evaluator, &buf, held, ret_value);
}

/* --- conversions --- */

static bool call_int(CEL_ARGUMENTS) {
    int64_t value;
    (void)count;
    switch (arguments[0].type) {
    case CEL_INT:
    case CEL_UINT:
        return cel_give(ret_value, cel_int(arguments[0].integer));
    case CEL_TIMESTAMP:
        return cel_give(ret_value, cel_int(arguments[0].integer / 1000));
    case CEL_DOUBLE:
        if (!(fabs(arguments[0].real) < 9.2e18))
            return cel_fail(evaluator, "integer overflow", SV(""));
        return cel_give(ret_value, cel_int((int64_t)arguments[0].real));
    case CEL_STRING:
        if (!sv_to_int64(arguments[0].text, &value))
            return cel_fail(evaluator, "type conversion error from 'string' to 'int'", SV(""));
        return cel_give(ret_value, cel_int(value));
    default:
        return cel_no_overload(evaluator);
    }
}

static bool call_uint(CEL_ARGUMENTS) {
    if (!call_int(evaluator, arguments, count, ret_value))
        return false;
    if (ret_value->integer < 0)
        return cel_fail(evaluator, "unsigned integer overflow", SV(""));
    ret_value->type = CEL_UINT;
    return true;
}

static bool call_double(CEL_ARGUMENTS) {
    (void)count;
    if (arguments[0].type == CEL_DOUBLE)
        return cel_give(ret_value, arguments[0]);
    if (arguments[0].type == CEL_INT || arguments[0].type == CEL_UINT)
        return cel_give(ret_value, cel_double((double)arguments[0].integer));
    if (arguments[0].type != CEL_STRING)
        return cel_no_overload(evaluator);
    struct sv text = arena_copy(evaluator->arena, arguments[0].text);
    char *end;
    double value = strtod(text.ptr, &end);
    if (text.len == 0 || end != text.ptr + text.len)
        return cel_fail(evaluator, "type conversion error from 'string' to 'double'", SV(""));
    return cel_give(ret_value, cel_double(value));
}

/* The shortest text that reads back the same. */
static struct sv real_text(struct arena *arena, double value) {
    for (int digits = 1; digits < 17; digits++) {
        struct sv text = arena_printf(arena, "%.*g", digits, value);
        if (strtod(text.ptr, NULL) == value)
            return text;
    }
    return arena_printf(arena, "%.17g", value);
}

/* "90s", "1.5s". */
static struct sv seconds_text(struct arena *arena, int64_t duration_ms) {
    long long rest = (long long)(duration_ms % 1000);
    struct sv text = arena_printf(arena, "%s%lld.%03lld", duration_ms < 0 ? "-" : "",
                                  llabs((long long)(duration_ms / 1000)), llabs(rest));
    while (text.ptr[text.len - 1] == '0')
        text.len--;
    if (text.ptr[text.len - 1] == '.')
        text.len--;
    return arena_printf(arena, "%.*ss", SV_ARG(text));
}

bool cel_text_of(struct evaluator *evaluator, const struct cel_value *value, struct sv *ret_text) {
    struct arena *arena = evaluator->arena;
    switch (value->type) {
    case CEL_STRING:
    case CEL_URL:
    case CEL_IP:
    case CEL_CIDR:
    case CEL_SEMVER:
        *ret_text = value->text;
        return true;
    case CEL_BOOL:
        *ret_text = value->boolean ? SV("true") : SV("false");
        return true;
    case CEL_INT:
    case CEL_UINT:
        *ret_text = arena_printf(arena, "%lld", (long long)value->integer);
        return true;
    case CEL_DOUBLE:
        *ret_text = real_text(arena, value->real);
        return true;
    case CEL_TIMESTAMP:
        *ret_text = api_time_format(value->integer, arena);
        return true;
    case CEL_DURATION:
        *ret_text = seconds_text(arena, value->integer);
        return true;
    default:
        return cel_no_overload(evaluator);
    }
}

static bool call_string(CEL_ARGUMENTS) {
    struct sv text;
    (void)count;
    return cel_text_of(evaluator, &arguments[0], &text) && cel_give(ret_value, cel_string(text));
}

static bool call_bool(CEL_ARGUMENTS) {
    (void)count;
    if (arguments[0].type == CEL_BOOL)
        return cel_give(ret_value, arguments[0]);
    if (arguments[0].type != CEL_STRING)
        return cel_no_overload(evaluator);
    bool is_true = sv_eq(arguments[0].text, SV("true"));
    if (!is_true && !sv_eq(arguments[0].text, SV("false")))
        return cel_fail(evaluator, "type conversion error from 'string' to 'bool'", SV(""));
    return cel_give(ret_value, cel_bool(is_true));
}

static bool call_type(CEL_ARGUMENTS) {
    (void)evaluator;
    (void)count;
    return cel_give(ret_value,
                    (struct cel_value){.type = CEL_TYPE, .text = cel_type_text(arguments[0].type)});
}

static bool call_dyn(CEL_ARGUMENTS) {
    (void)evaluator;
    (void)count;
    return cel_give(ret_value, arguments[0]);
}

/* --- times --- */

static bool call_duration(CEL_ARGUMENTS) {
    *ret_value = (struct cel_value){.type = CEL_DURATION};
    (void)count;
    if (arguments[0].type == CEL_DURATION)
        return cel_give(ret_value, arguments[0]);
    if (arguments[0].type != CEL_STRING)
        return cel_no_overload(evaluator);
    return api_duration_parse(arguments[0].text, &ret_value->integer) ||
           cel_fail(evaluator, "type conversion error from 'string' to 'duration'", SV(""));
}

static bool call_timestamp(CEL_ARGUMENTS) {
    *ret_value = (struct cel_value){.type = CEL_TIMESTAMP};
    (void)count;
    if (arguments[0].type == CEL_TIMESTAMP)
        return cel_give(ret_value, arguments[0]);
    if (arguments[0].type != CEL_STRING)
        return cel_no_overload(evaluator);
    return api_time_parse(arguments[0].text, &ret_value->integer) ||
           cel_fail(evaluator, "type conversion error from 'string' to 'timestamp'", SV(""));
}

static bool duration_in(struct evaluator *evaluator, const struct cel_value *value, int64_t unit_ms,
                        struct cel_value *ret_value) {
    int64_t duration_ms = value->integer;
    bool is_text = value->type == CEL_STRING && api_duration_parse(value->text, &duration_ms);
    if (value->type != CEL_DURATION && !is_text)
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_int(duration_ms / unit_ms));
}

static bool parse_offset(struct sv zone, int64_t *ret_ms) {
    int64_t hours, minutes;
    bool is_minus = sv_starts_with(zone, SV("-"));
    struct sv rest = is_minus || sv_starts_with(zone, SV("+")) ? sv_drop(zone, 1) : zone;
    struct sv first = sv_cut(&rest, ':');
    if (!sv_to_int64(first, &hours) || !sv_to_int64(rest, &minutes) || hours < 0 || hours > 14 ||
        minutes < 0 || minutes > 59)
        return false;
    *ret_ms = (is_minus ? -1 : 1) * (hours * 60 + minutes) * 60000;
    return true;
}

/* How far a time zone, "+01:00" or "Europe/Berlin", is from UTC at a time. */
static bool zone_ms(struct evaluator *evaluator, struct sv zone, int64_t at_ms, int64_t *ret_ms) {
    struct time_zone known;
    *ret_ms = 0;
    if (zone.len == 0 || parse_offset(zone, ret_ms))
        return true;
    if (!time_zone_find(zone, &known))
        return cel_fail(evaluator, "unknown time zone ", zone);
    *ret_ms = time_zone_offset_ms(&known, at_ms);
    return true;
}

enum time_part {
    YEAR,
    MONTH,
    DATE,
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    DAY_OF_YEAR,
    HOURS,
    MINUTES,
    SECONDS,
    MILLISECONDS
};

static int64_t floor_divide(int64_t value, int64_t by) {
    return value / by - (value % by < 0);
}

/* The days since 1970 as a date of the calendar: years begin in March, so that the day that comes
 * every four years is the last of one. */
static int64_t calendar_part(int64_t days, enum time_part part) {
    int64_t shifted = days + 719468, era = floor_divide(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day + 2) / 153;
    int64_t date = day - (153 * month + 2) / 5 + 1;
    int64_t year = year_of_era + era * 400 + (month >= 10);
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    month = month < 10 ? month + 2 : month - 10;
    if (part == YEAR)
        return year;
    if (part == MONTH)
        return month;
    if (part != DAY_OF_YEAR)
        return part == DATE ? date : date - 1;
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    return before[month] + (is_leap && month > 1) + date - 1;
}

static int64_t time_part_of(int64_t ms, enum time_part part) {
    int64_t days = floor_divide(ms, 86400000), rest = ms - days * 86400000;
    switch (part) {
    case DAY_OF_WEEK:
        return ((days + 4) % 7 + 7) % 7;
    case HOURS:
        return rest / 3600000;
    case MINUTES:
        return rest / 60000 % 60;
    case SECONDS:
        return rest / 1000 % 60;
    case MILLISECONDS:
        return rest % 1000;
    default:
        return calendar_part(days, part);
    }
}

/* Of a timestamp its part in a time zone; of a duration all of it in units. */
static bool give_time_part(CEL_ARGUMENTS, enum time_part part, int64_t unit_ms) {
    int64_t offset_ms = 0;
    if (arguments[0].type != CEL_TIMESTAMP && unit_ms > 0 && count == 1)
        return duration_in(evaluator, arguments, unit_ms, ret_value);
    if (arguments[0].type != CEL_TIMESTAMP || !cel_are(arguments + 1, count - 1, CEL_STRING))
        return cel_no_overload(evaluator);
    return (count == 1 ||
            zone_ms(evaluator, arguments[1].text, arguments[0].integer, &offset_ms)) &&
           cel_give(ret_value, cel_int(time_part_of(arguments[0].integer + offset_ms, part)));
}

#define TIME_PART(name, part, unit_ms)                                                             \
    static bool name(CEL_ARGUMENTS) {                                                              \
        return give_time_part(evaluator, arguments, count, ret_value, part, unit_ms);              \
    }
TIME_PART(call_get_full_year, YEAR, 0)
TIME_PART(call_get_month, MONTH, 0)
TIME_PART(call_get_date, DATE, 0)
TIME_PART(call_get_day_of_month, DAY_OF_MONTH, 0)
TIME_PART(call_get_day_of_week, DAY_OF_WEEK, 0)
TIME_PART(call_get_day_of_year, DAY_OF_YEAR, 0)
TIME_PART(call_get_hours, HOURS, 3600000)
TIME_PART(call_get_minutes, MINUTES, 60000)
TIME_PART(call_get_seconds, SECONDS, 1000)
TIME_PART(call_get_milliseconds, MILLISECONDS, 1)
#undef TIME_PART

/* --- lists --- */

/* Goes over a list of values with an order: the least, the greatest, sorted or not. */
struct ordering {
    struct cel_value least, greatest;
    bool is_sorted;
    size_t count;
};

static bool order_list(struct evaluator *evaluator, const struct cel_value *list,
                       struct ordering *ret_ordering) {
    if (list->type != CEL_LIST)
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, list);
    struct ordering ordering = {.is_sorted = true, .count = items->count};
    for (size_t i = 0; i < items->count; i++) {
        const struct cel_value *item = &items->values[i];
        int to_least = 0, to_greatest = 0, to_last = 0;
        if (i == 0)
            ordering.least = ordering.greatest = *item;
        if (!cel_step(evaluator, 1) || !cel_compare(evaluator, item, &ordering.least, &to_least) ||
            !cel_compare(evaluator, item, &ordering.greatest, &to_greatest) ||
            (i > 0 && !cel_compare(evaluator, &items->values[i - 1], item, &to_last)))
            return false;
        if (to_least < 0)
            ordering.least = *item;
        if (to_greatest > 0)
            ordering.greatest = *item;
        ordering.is_sorted &= to_last <= 0;
    }
    *ret_ordering = ordering;
    return true;
}

static bool call_is_sorted(CEL_ARGUMENTS) {
    struct ordering ordering;
    (void)count;
    return order_list(evaluator, &arguments[0], &ordering) &&
           cel_give(ret_value, cel_bool(ordering.is_sorted));
}

static bool call_min(CEL_ARGUMENTS) {
    struct ordering ordering;
    (void)count;
    if (!order_list(evaluator, &arguments[0], &ordering))
        return false;
    if (ordering.count == 0)
        return cel_fail(evaluator, "min called on empty list", SV(""));
    return cel_give(ret_value, ordering.least);
}

static bool call_max(CEL_ARGUMENTS) {
    struct ordering ordering;
    (void)count;
    if (!order_list(evaluator, &arguments[0], &ordering))
        return false;
    if (ordering.count == 0)
        return cel_fail(evaluator, "max called on empty list", SV(""));
    return cel_give(ret_value, ordering.greatest);
}

static bool call_sum(CEL_ARGUMENTS) {
    (void)count;
    if (arguments[0].type != CEL_LIST)
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, &arguments[0]);
    struct cel_value sum = items->count > 0 ? items->values[0] : cel_int(0);
    for (size_t i = 1; i < items->count; i++)
        if (!cel_step(evaluator, 1) ||
            !cel_arithmetic(evaluator, CEL_ADD, &sum, &items->values[i], &sum))
            return false;
    return cel_give(ret_value, sum);
}

/* --- quantities --- */

static bool call_is_quantity(CEL_ARGUMENTS) {
    struct quantity quantity;
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_bool(quantity_parse(arguments[0].text, &quantity)));
}

static bool call_quantity(CEL_ARGUMENTS) {
    *ret_value = (struct cel_value){.type = CEL_QUANTITY};
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    return quantity_parse(arguments[0].text, &ret_value->quantity) ||
           cel_fail(evaluator,
                    "quantities must match the regular expression "
                    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                    SV(""));
}

static bool quantity_order(CEL_ARGUMENTS, int64_t *ret_order) {
    (void)ret_value;
    int order;
    if (cel_are(arguments, count, CEL_SEMVER) &&
        cel_compare_versions(arguments[0].text, arguments[1].text, &order)) {
        *ret_order = order < 0 ? -1 : order > 0;
        return true;
    }
    if (!cel_are(arguments, count, CEL_QUANTITY))
        return cel_no_overload(evaluator);
    order = quantity_compare(arguments[0].quantity, arguments[1].quantity);
    *ret_order = order < 0 ? -1 : order > 0;
    return true;
}

static bool call_is_greater(CEL_ARGUMENTS) {
    int64_t order;
    return quantity_order(evaluator, arguments, count, ret_value, &order) &&
           cel_give(ret_value, cel_bool(order > 0));
}

static bool call_is_less(CEL_ARGUMENTS) {
    int64_t order;
    return quantity_order(evaluator, arguments, count, ret_value, &order) &&
           cel_give(ret_value, cel_bool(order < 0));
}

static bool call_compare_to(CEL_ARGUMENTS) {
    int64_t order;
    return quantity_order(evaluator, arguments, count, ret_value, &order) &&
           cel_give(ret_value, cel_int(order));
}

static bool call_sign(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_QUANTITY))
        return cel_no_overload(evaluator);
    return cel_give(ret_value,
                    cel_int(arguments[0].quantity.nano < 0 ? -1 : arguments[0].quantity.nano > 0));
}

static bool call_as_integer(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_QUANTITY))
        return cel_no_overload(evaluator);
    if (arguments[0].quantity.nano % 1000000000 != 0)
        return cel_fail(evaluator, "cannot convert value to integer", SV(""));
    return cel_give(ret_value, cel_int(quantity_value(arguments[0].quantity)));
}

static bool call_is_integer(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_QUANTITY))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_bool(arguments[0].quantity.nano % 1000000000 == 0));
}

/* The sum or difference with a quantity or a whole number. */
static bool combine_quantities(CEL_ARGUMENTS, int sign) {
    struct quantity other = {.format = QUANTITY_DECIMAL_SI};
    (void)count;
    if (arguments[0].type != CEL_QUANTITY)
        return cel_no_overload(evaluator);
    if (arguments[1].type == CEL_QUANTITY)
        other = arguments[1].quantity;
    else if (arguments[1].type == CEL_INT)
        other.nano = (__int128)arguments[1].integer * 1000000000;
    else
        return cel_no_overload(evaluator);
    other.nano *= sign;
    struct quantity sum = quantity_add(arguments[0].quantity, other);
    return cel_give(ret_value, (struct cel_value){.type = CEL_QUANTITY, .quantity = sum});
}

static bool call_add(CEL_ARGUMENTS) {
    return combine_quantities(evaluator, arguments, count, ret_value, 1);
}

static bool call_subtract(CEL_ARGUMENTS) {
    return combine_quantities(evaluator, arguments, count, ret_value, -1);
}

static bool call_as_float(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_QUANTITY))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_double((double)arguments[0].quantity.nano / 1e9));
}

/* --- optionals --- */

static bool call_has_value(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_OPTIONAL))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_bool(arguments[0].inner != NULL));
}

static bool call_value(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_OPTIONAL))
        return cel_no_overload(evaluator);
    if (!arguments[0].inner)
        return cel_fail(evaluator, "optional.none() dereference", SV(""));
    return cel_give(ret_value, *arguments[0].inner);
}

static bool call_or_value(CEL_ARGUMENTS) {
    (void)count;
    if (arguments[0].type != CEL_OPTIONAL)
        return cel_no_overload(evaluator);
    return cel_give(ret_value, arguments[0].inner ? *arguments[0].inner : arguments[1]);
}

static bool call_or(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_OPTIONAL))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, arguments[0].inner ? arguments[0] : arguments[1]);
}

static bool call_optional_of(CEL_ARGUMENTS) {
    (void)count;
    return cel_give(ret_value, cel_some(evaluator, arguments[0]));
}

static bool is_zero(const struct cel_value *value) {
    switch (value->type) {
    case CEL_NULL:
        return true;
    case CEL_BOOL:
        return !value->boolean;
    case CEL_INT:
    case CEL_UINT:
    case CEL_DURATION:
        return value->integer == 0;
    case CEL_DOUBLE:
        return value->real == 0;
    case CEL_STRING:
        return value->text.len == 0;
    case CEL_LIST:
    case CEL_MAP:
        return cel_size(value) == 0;
    default:
        return false;
    }
}

static bool call_optional_non_zero(CEL_ARGUMENTS) {
    (void)count;
    return cel_give(ret_value,
                    is_zero(&arguments[0]) ? cel_none() : cel_some(evaluator, arguments[0]));
}

static bool call_optional_none(CEL_ARGUMENTS) {
    (void)evaluator;
    (void)arguments;
    (void)count;
    return cel_give(ret_value, cel_none());
}

/* --- the table --- */

static const struct cel_function functions[] = {
    /* name, method, global, arguments, function */
    {SV("size"), true, true, 1, 1, call_size},
    {SV("contains"), true, false, 2, 2, call_contains},
    {SV("startsWith"), true, false, 2, 2, call_starts_with},
    {SV("endsWith"), true, false, 2, 2, call_ends_with},
    {SV("matches"), true, true, 2, 2, call_matches},
    {SV("find"), true, false, 2, 2, call_find},
    {SV("lowerAscii"), true, false, 1, 1, call_lower},
    {SV("upperAscii"), true, false, 1, 1, call_upper},
    {SV("trim"), true, false, 1, 1, call_trim},
    {SV("charAt"), true, false, 2, 2, call_char_at},
    {SV("substring"), true, false, 2, 3, call_substring},
    {SV("indexOf"), true, false, 2, 3, call_index_of},
    {SV("lastIndexOf"), true, false, 2, 3, call_last_index_of},
    {SV("split"), true, false, 2, 3, call_split},
    {SV("replace"), true, false, 3, 4, call_replace},
    {SV("join"), true, false, 1, 2, call_join},
    {SV("int"), false, true, 1, 1, call_int},
    {SV("uint"), false, true, 1, 1, call_uint},
    {SV("double"), false, true, 1, 1, call_double},
    {SV("string"), false, true, 1, 1, call_string},
    {SV("bool"), false, true, 1, 1, call_bool},
    {SV("type"), false, true, 1, 1, call_type},
    {SV("dyn"), false, true, 1, 1, call_dyn},
    {SV("duration"), false, true, 1, 1, call_duration},
    {SV("timestamp"), false, true, 1, 1, call_timestamp},
    {SV("getFullYear"), true, false, 1, 2, call_get_full_year},
    {SV("getMonth"), true, false, 1, 2, call_get_month},
    {SV("getDate"), true, false, 1, 2, call_get_date},
    {SV("getDayOfMonth"), true, false, 1, 2, call_get_day_of_month},
    {SV("getDayOfWeek"), true, false, 1, 2, call_get_day_of_week},
    {SV("getDayOfYear"), true, false, 1, 2, call_get_day_of_year},
    {SV("getHours"), true, false, 1, 2, call_get_hours},
    {SV("getMinutes"), true, false, 1, 2, call_get_minutes},
    {SV("getSeconds"), true, false, 1, 2, call_get_seconds},
    {SV("getMilliseconds"), true, false, 1, 2, call_get_milliseconds},
    {SV("isSorted"), true, false, 1, 1, call_is_sorted},
    {SV("min"), true, false, 1, 1, call_min},
    {SV("max"), true, false, 1, 1, call_max},
    {SV("sum"), true, false, 1, 1, call_sum},
    {SV("quantity"), false, true, 1, 1, call_quantity},
    {SV("isQuantity"), false, true, 1, 1, call_is_quantity},
    {SV("isGreaterThan"), true, false, 2, 2, call_is_greater},
    {SV("isLessThan"), true, false, 2, 2, call_is_less},
    {SV("compareTo"), true, false, 2, 2, call_compare_to},
    {SV("sign"), false, true, 1, 1, call_sign},
    {SV("asInteger"), true, false, 1, 1, call_as_integer},
    {SV("isInteger"), true, false, 1, 1, call_is_integer},
    {SV("add"), true, false, 2, 2, call_add},
    {SV("sub"), true, false, 2, 2, call_subtract},
    {SV("asApproximateFloat"), true, false, 1, 1, call_as_float},
    {SV("findAll"), true, false, 2, 3, call_find_all},
    {SV("hasValue"), true, false, 1, 1, call_has_value},
    {SV("value"), true, false, 1, 1, call_value},
    {SV("orValue"), true, false, 2, 2, call_or_value},
    {SV("or"), true, false, 2, 2, call_or},
    {SV("optional.of"), false, true, 1, 1, call_optional_of},
    {SV("optional.ofNonZeroValue"), false, true, 1, 1, call_optional_non_zero},
    {SV("optional.none"), false, true, 0, 0, call_optional_none},
};

const struct cel_functions cel_core_functions = {functions, COUNT_OF(functions)};

const struct cel_function *cel_function_find(struct sv name, bool is_method, size_t count,
                                             bool *ret_is_known) {
    const struct cel_functions *const tables[] = {&cel_core_functions, &cel_network_functions,
                                                  &cel_list_functions, &cel_name_functions,
                                                  &cel_access_functions};
    *ret_is_known = false;
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct cel_function *function = &tables[t]->items[i];
            if (!sv_eq(function->name, name))
                continue;
            *ret_is_known = true;
            bool is_use = is_method ? function->is_method : function->is_global;
            if (is_use && count >= function->count_min && count <= function->count_max)
                return function;
        }
    return NULL;
}
