/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of Jobs and CronJobs. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/time_zone.h"

void check_not_negative(const struct checker *checker, const struct cJSON *object,
                        const char *path) {
    const struct cJSON *item = json_find(object, path);
    int64_t value;
    if (json_to_int64(item, &value) && value < 0)
        report_invalid(checker, sv_from(path), item, "must be greater than or equal to 0");
}

static void check_word(const struct checker *checker, const struct cJSON *object, const char *path,
                       const struct sv *allowed, size_t count) {
    const struct cJSON *item = json_find(object, path);
    if (item && sv_index_of(json_text(item), allowed, count) == count)
        report_not_supported(checker, sv_from(path), item, allowed, count);
}

/* --- jobs --- */

static void check_immutable(const struct checker *checker, const struct cJSON *object,
                            const struct cJSON *old, const char *path) {
    if (!json_equal(json_find(object, path), json_find(old, path)))
        report_invalid(checker, sv_from(path), json_find(object, path), "field is immutable");
}

static void check_job_update(const struct checker *checker, const struct cJSON *object,
                             const struct cJSON *old) {
    static const char *const fixed[] = {"spec.selector", "spec.completionMode",
                                        "spec.podFailurePolicy", "spec.backoffLimitPerIndex"};
    /* What a suspended job would start with may still change. */
    bool has_started = json_find(old, "status.startTime") != NULL;
    bool is_suspended = json_is_true(json_find(old, "spec.suspend"));
    bool is_indexed = sv_eq(json_find_string(object, "spec.completionMode"), SV("Indexed"));
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        check_immutable(checker, object, old, fixed[i]);
    if (!is_suspended || has_started)
        check_immutable(checker, object, old, "spec.template");
    if (!is_indexed)
        check_immutable(checker, object, old, "spec.completions");
}

void check_job(const struct checker *checker, const struct cJSON *object, const struct cJSON *old) {
    static const char *const counts[] = {"spec.parallelism", "spec.completions",
                                         "spec.activeDeadlineSeconds", "spec.backoffLimit",
                                         "spec.ttlSecondsAfterFinished"};
    static const struct sv modes[] = {SV("NonIndexed"), SV("Indexed")};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        check_not_negative(checker, object, counts[i]);
    check_word(checker, object, "spec.completionMode", modes, COUNT_OF(modes));
    if (sv_eq(json_find_string(object, "spec.completionMode"), SV("Indexed")) &&
        !json_find(object, "spec.completions"))
        report_required(checker, SV("spec.completions"), json_get(object, SV("spec")),
                        "when completion mode is Indexed");
    if (!old)
        validate_job_template(checker, json_find(object, "spec.template"), SV("spec.template"));
    else
        check_job_update(checker, object, old);
}

/* --- schedules --- */

struct cron_field {
    const char *name;
    int64_t min, max;
    const char *words; /* three letters each, for min, min + 1, … */
};
static const struct cron_field cron_fields[] = {
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of month", 1, 31, ""},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"day of week", 0, 6, "sunmontuewedthufrisat"},
};

static bool cron_number(const struct cron_field *field, struct sv text, int64_t *ret_value) {
    if (sv_to_int64(text, ret_value))
        return true;
    if (text.len != 3)
        return false;
    for (size_t i = 0; field->words[i]; i += 3)
        if (strncasecmp(field->words + i, text.ptr, 3) == 0) {
            *ret_value = field->min + (int64_t)(i / 3);
            return true;
        }
    return false;
}

/* "5", "1-5", "*", "*\/15", "2-10/3". */
static const char *check_cron_range(struct arena *arena, const struct cron_field *field,
                                    struct sv range) {
    struct sv step = range, ends = sv_cut(&step, '/');
    bool has_step = ends.len < range.len;
    int64_t low = field->min, high = field->max, by = 1;
    if (!sv_eq(ends, SV("*")) && !sv_eq(ends, SV("?"))) {
        struct sv to = ends, from = sv_cut(&to, '-');
        bool is_range = from.len < ends.len;
        if (!cron_number(field, from, &low) || (is_range && !cron_number(field, to, &high)))
            return arena_printf(arena, "failed to parse int from %.*s", SV_ARG(ends)).ptr;
        if (!is_range && !has_step)
            high = low;
    }
    if (has_step && !sv_to_int64(step, &by))
        return arena_printf(arena, "failed to parse int from %.*s", SV_ARG(step)).ptr;
    if (low < field->min)
        return arena_printf(arena, "beginning of range (%lld) below minimum (%lld): %.*s",
                            (long long)low, (long long)field->min, SV_ARG(range))
            .ptr;
    if (high > field->max)
        return arena_printf(arena, "end of range (%lld) above maximum (%lld): %.*s",
                            (long long)high, (long long)field->max, SV_ARG(range))
            .ptr;
    if (low > high)
        return arena_printf(arena, "beginning of range (%lld) beyond end of range (%lld): %.*s",
                            (long long)low, (long long)high, SV_ARG(range))
            .ptr;
    if (by < 1)
        return arena_printf(arena, "step of range should be a positive number: %.*s", SV_ARG(range))
            .ptr;
    return NULL;
}

static size_t split_blanks(struct sv text, struct sv *words, size_t max) {
    size_t count = 0;
    while ((text = sv_trim(text)).len > 0) {
        size_t len = 0;
        while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != '\t')
            len++;
        if (count < max)
            words[count] = sv_prefix(text, len);
        count++;
        text = sv_drop(text, len);
    }
    return count;
}

static const char *check_descriptor(struct arena *arena, struct sv text) {
    static const struct sv known[] = {SV("@yearly"), SV("@annually"), SV("@monthly"), SV("@weekly"),
                                      SV("@daily"),  SV("@midnight"), SV("@hourly")};
    if (sv_index_of(text, known, COUNT_OF(known)) < COUNT_OF(known) ||
        sv_starts_with(text, SV("@every ")))
        return NULL;
    return arena_printf(arena, "unrecognized descriptor: %.*s", SV_ARG(text)).ptr;
}

const char *check_schedule(struct arena *arena, struct sv text) {
    struct sv words[COUNT_OF(cron_fields)];
    if (sv_starts_with(text, SV("@")))
        return check_descriptor(arena, text);
    size_t count = split_blanks(text, words, COUNT_OF(words));
    if (count != COUNT_OF(cron_fields))
        return arena_printf(arena, "expected exactly 5 fields, found %zu: [%.*s]", count,
                            SV_ARG(sv_trim(text)))
            .ptr;
    for (size_t i = 0; i < COUNT_OF(cron_fields); i++) {
        struct sv rest = words[i];
        while (rest.len > 0) {
            const char *fault = check_cron_range(arena, &cron_fields[i], sv_cut(&rest, ','));
            if (fault)
                return fault;
        }
    }
    return NULL;
}

/* --- cron jobs --- */

static void check_time_zone(const struct checker *checker, const struct cJSON *zone) {
    struct time_zone known;
    struct sv name = json_text(zone);
    bool is_local = name.len == 5 && strncasecmp(name.ptr, "Local", 5) == 0;
    if (name.len == 0)
        report_invalid(checker, SV("spec.timeZone"), zone,
                       "timeZone must be nil or non-empty string");
    else if (is_local)
        report_invalid(checker, SV("spec.timeZone"), zone,
                       "timeZone must be an explicit time zone as defined in "
                       "https://www.iana.org/time-zones");
    if (name.len > 0 && !time_zone_find(name, &known) && !sv_eq(name, SV("Local")))
        report_invalid(checker, SV("spec.timeZone"), zone,
                       arena_printf(checker->arena, "unknown time zone %.*s", SV_ARG(name)).ptr);
}

void check_cron_job(const struct checker *checker, const struct cJSON *object,
                    const struct cJSON *old) {
    enum { NAME_BYTES_MAX = 52 }; /* its jobs add eleven bytes */
    static const struct sv policies[] = {SV("Allow"), SV("Forbid"), SV("Replace")};
    static const char *const counts[] = {"spec.startingDeadlineSeconds",
                                         "spec.successfulJobsHistoryLimit",
                                         "spec.failedJobsHistoryLimit"};
    const struct cJSON *name = json_find(object, "metadata.name");
    const struct cJSON *schedule = json_find(object, "spec.schedule");
    if (!old && json_text(name).len > NAME_BYTES_MAX)
        report_invalid(checker, SV("metadata.name"), name, "must be no more than 52 characters");
    if (json_text(schedule).len == 0)
        report_required(checker, SV("spec.schedule"), json_get(object, SV("spec")), "");
    else if (sv_contains(json_text(schedule), SV("TZ")))
        report_invalid(checker, SV("spec.schedule"), schedule,
                       "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
    else if (check_schedule(checker->arena, json_text(schedule)))
        report_invalid(checker, SV("spec.schedule"), schedule,
                       check_schedule(checker->arena, json_text(schedule)));
    const struct cJSON *zone = json_find(object, "spec.timeZone");
    if (json_is_string(zone) && !json_equal(zone, json_find(old, "spec.timeZone")))
        check_time_zone(checker, zone);
    check_word(checker, object, "spec.concurrencyPolicy", policies, COUNT_OF(policies));
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        check_not_negative(checker, object, counts[i]);
    const struct cJSON *template = json_find(object, "spec.jobTemplate.spec.template");
    if (!old || !json_equal(template, json_find(old, "spec.jobTemplate.spec.template")))
        validate_job_template(checker, template, SV("spec.jobTemplate.spec.template"));
}
