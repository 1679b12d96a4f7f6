/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/report/expectations.h"

#include "conformance/check.h"
#include "conformance/manifest.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

#include <stdarg.h>

enum { CHECKS_MAX = 256, DAY_BYTES = 10, MESSAGE_BYTES_MAX = 512 };

static const struct sv kind = SV("Expectations");
static const struct sv members[] = {SV("apiVersion"), SV("kind"), SV("metadata"), SV("fails"),
                                    SV("waivers")};
static const struct sv fail_members[] = {SV("id"), SV("reason")};
static const struct sv waiver_members[] = {SV("id"), SV("reason"), SV("expires"), SV("approvedBy")};

/* --- reading --- */

struct reader {
    const struct manifest *manifest;
    struct arena *arena;
    const struct sv *members; /* of an entry */
    size_t member_count;
    bool reads_waivers;
    struct error *err;
};

static bool fail_at(const struct reader *reader, const struct cJSON *item, bool is_key,
                    const char *format, ...) PRINTF_LIKE(4, 5);
static bool fail_at(const struct reader *reader, const struct cJSON *item, bool is_key,
                    const char *format, ...) {
    char message[MESSAGE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct location at = manifest_locate(reader->manifest, item, is_key);
    return error_set(reader->err, ERROR_INVALID, "%.*s:%u:%u: %s", SV_ARG(at.path), at.line,
                     at.column, message);
}
#define fail(reader, item, ...) fail_at(reader, item, false, __VA_ARGS__)

bool expectations_is_day(struct sv text) {
    static const char form[] = "0000-00-00";
    if (text.len != DAY_BYTES)
        return false;
    for (size_t i = 0; i < DAY_BYTES; i++) {
        bool is_digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (form[i] == '0' ? !is_digit : text.ptr[i] != form[i])
            return false;
    }
    struct sv month = sv_prefix(sv_drop(text, 5), 2), day = sv_drop(text, 8);
    return sv_compare(month, SV("01")) >= 0 && sv_compare(month, SV("12")) <= 0 &&
           sv_compare(day, SV("01")) >= 0 && sv_compare(day, SV("31")) <= 0;
}

static bool check_members(const struct reader *reader, const struct cJSON *map,
                          const struct sv *names, size_t count) {
    JSON_EACH (member, map) {
        struct sv key = json_key(member);
        if (sv_index_of(key, names, count) < count)
            continue;
        struct sv nearest = sv_nearest(key, names, count);
        return fail_at(reader, member, true, "unknown field \"%.*s\"" SV_MEANT, SV_ARG(key),
                       SV_MEANT_ARG(nearest));
    }
    return true;
}

static bool read_check(const struct reader *reader, const struct cJSON *entry,
                       const struct check **ret_check) {
    const struct cJSON *id = json_get(entry, SV("id"));
    const struct check *check = catalogue_find(json_text(id));
    struct sv ids[CHECKS_MAX];
    size_t count = 0;
    if (!check) {
        for (const struct check *each; count < CHECKS_MAX && (each = catalogue_at(count)); count++)
            ids[count] = each->id;
        struct sv nearest = sv_nearest(json_text(id), ids, count);
        return fail(reader, id ? id : entry,
                    "there is no check \"%.*s\"" SV_MEANT "; see crctl checks",
                    SV_ARG(json_text(id)), SV_MEANT_ARG(nearest));
    }
    if (reader->reads_waivers && check->level == CHECK_MUST)
        return fail(reader, id, "%.*s is a MUST, which cannot be waived; list it under fails",
                    SV_ARG(check->id));
    *ret_check = check;
    return true;
}

static bool read_entry(const struct reader *reader, const struct cJSON *entry,
                       struct expectation *ret_expectation) {
    if (!json_is_map(entry))
        return fail(reader, entry, "an entry is {id: CHECK, reason: SENTENCE}");
    struct expectation expectation = {
        .reason = json_string_or(entry, SV("reason"), SV("")),
        .expires = json_string_or(entry, SV("expires"), SV("")),
        .approved_by = json_string_or(entry, SV("approvedBy"), SV("")),
    };
    if (!check_members(reader, entry, reader->members, reader->member_count) ||
        !read_check(reader, entry, &expectation.check))
        return false;
    if (sv_trim(expectation.reason).len == 0)
        return fail(reader, entry, "%.*s needs a reason, a sentence: reason: \"TEXT\"",
                    SV_ARG(expectation.check->id));
    if (reader->reads_waivers && !expectations_is_day(expectation.expires))
        return fail(reader, entry, "the waiver of %.*s needs a last day: expires: \"YYYY-MM-DD\"",
                    SV_ARG(expectation.check->id));
    *ret_expectation = expectation;
    return true;
}

/* Which of two reasons holds, or which day, nobody could tell. */
static bool check_once(const struct reader *reader, const struct cJSON *entry,
                       const struct expectation *items, size_t last) {
    for (size_t i = 0; i < last; i++)
        if (items[i].check == items[last].check)
            return fail(reader, entry, "%.*s is listed twice: keep one of the two entries",
                        SV_ARG(items[last].check->id));
    return true;
}

static bool read_list(const struct reader *reader, const struct cJSON *list,
                      struct expectation **ret_items, size_t *ret_count) {
    size_t count = json_count(list), i = 0;
    if (list && !json_is_list(list))
        return fail(reader, list, "%.*s is a list of {id, reason}", SV_ARG(json_key(list)));
    if (count > EXPECTATIONS_MAX)
        return fail(reader, list, "more than %d entries", EXPECTATIONS_MAX);
    struct expectation *items = ARENA_ARRAY(reader->arena, struct expectation, count + 1);
    JSON_EACH (entry, list) {
        if (!read_entry(reader, entry, &items[i]) || !check_once(reader, entry, items, i))
            return false;
        i++;
    }
    *ret_items = items;
    *ret_count = count;
    return true;
}

static bool fail_kind(const struct reader *reader, const struct cJSON *root) {
    const struct cJSON *written = json_get(root, SV("kind"));
    if (!json_is_string(written))
        return error_set(reader->err, ERROR_INVALID, "%.*s: is no single document of kind %.*s",
                         SV_ARG(reader->manifest->path), SV_ARG(kind));
    return fail(reader, written, "kind is \"%.*s\", and should be %.*s", SV_ARG(json_text(written)),
                SV_ARG(kind));
}

bool expectations_read(const struct manifest *manifest, struct sv today, struct arena *arena,
                       struct expectations *ret_expectations, struct error *err) {
    struct reader fails = {manifest, arena, fail_members, COUNT_OF(fail_members), false, err};
    struct reader waivers = {manifest, arena, waiver_members, COUNT_OF(waiver_members), true, err};
    struct expectations expectations = {.today = today};
    const struct cJSON *root = manifest->documents.count == 1 ? manifest->documents.roots[0] : NULL;
    if (!root || !sv_eq(json_string_or(root, SV("kind"), SV("")), kind))
        return fail_kind(&fails, root);
    if (!check_members(&fails, root, members, COUNT_OF(members)) ||
        !read_list(&fails, json_get(root, SV("fails")), &expectations.failures,
                   &expectations.failure_count) ||
        !read_list(&waivers, json_get(root, SV("waivers")), &expectations.waivers,
                   &expectations.waiver_count))
        return false;
    *ret_expectations = expectations;
    return true;
}

/* --- use --- */

static struct expectation *find(struct expectation *items, size_t count,
                                const struct check *check) {
    for (size_t i = 0; i < count; i++) {
        if (items[i].check == check)
            return &items[i];
    }
    return NULL;
}

static bool has_expired(const struct expectations *expectations, const struct expectation *waiver) {
    return sv_compare(waiver->expires, expectations->today) < 0;
}

static void excuse(struct expectations *expectations, struct expectation *failure,
                   struct check_result *result) {
    struct expectation *waiver =
        find(expectations->waivers, expectations->waiver_count, result->check);
    if (failure) {
        failure->count++;
        result->state = CHECK_STATE_XFAIL;
        result->excuse = failure->reason;
    } else if (waiver && !has_expired(expectations, waiver)) {
        waiver->count++;
        result->excuse = waiver->reason;
    }
}

void expectations_apply(struct expectations *expectations, struct check_results *results) {
    for (size_t i = 0; i < results->count; i++) {
        struct check_result *result = &results->items[i];
        struct expectation *failure =
            find(expectations->failures, expectations->failure_count, result->check);
        if (result->state == CHECK_STATE_FAIL)
            excuse(expectations, failure, result);
        else if (failure && result->state == CHECK_STATE_PASS)
            failure->has_passed = true;
    }
}

static bool is_unmet(const struct expectation *failure) {
    return failure->count == 0 && failure->has_passed;
}

bool expectations_are_met(const struct expectations *expectations) {
    for (size_t i = 0; i < expectations->failure_count; i++)
        if (is_unmet(&expectations->failures[i]))
            return false;
    return true;
}

/* --- in the report --- */

static struct cJSON *entry_of(const struct expectation *expectation, struct sv state,
                              struct arena *arena) {
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("id"), expectation->check->id);
    json_set_string(arena, map, SV("reason"), expectation->reason);
    if (expectation->expires.len > 0)
        json_set_string(arena, map, SV("expires"), expectation->expires);
    if (expectation->approved_by.len > 0)
        json_set_string(arena, map, SV("approvedBy"), expectation->approved_by);
    json_set_string(arena, map, SV("state"), state);
    return map;
}

void expectations_add(const struct expectations *expectations, struct arena *arena,
                      struct cJSON *report) {
    for (size_t i = 0; i < expectations->failure_count; i++) {
        const struct expectation *failure = &expectations->failures[i];
        struct sv state = failure->count > 0  ? SV("failed")
                          : is_unmet(failure) ? SV("passed")
                                              : SV("not-executed");
        json_append(json_ensure_list(arena, report, SV("expected")),
                    entry_of(failure, state, arena));
    }
    for (size_t i = 0; i < expectations->waiver_count; i++) {
        const struct expectation *waiver = &expectations->waivers[i];
        struct sv state = has_expired(expectations, waiver) ? SV("expired")
                          : waiver->count > 0               ? SV("used")
                                                            : SV("not-needed");
        json_append(json_ensure_list(arena, report, SV("waivers")), entry_of(waiver, state, arena));
    }
}
