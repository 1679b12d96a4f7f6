/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of Jobs and CronJobs. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/time_zone.h"

/* --- jobs --- */

static void check_immutable(const struct checker *checker, const struct cJSON *object,
                            const struct cJSON *old, const char *path) {
    if (!json_equal(json_find(object, path), json_find(old, path)))
        report_invalid(checker, sv_from(path), json_find(object, path), "field is immutable");
}

/* Only a job that counts its pods by index may have another number of them, with as many at once.
 */
static void check_completions_update(const struct checker *checker, const struct cJSON *object,
                                     const struct cJSON *old) {
    const struct cJSON *count = json_find(object, "spec.completions");
    bool is_indexed = sv_eq(json_find_string(object, "spec.completionMode"), SV("Indexed"));
    if (!is_indexed)
        check_immutable(checker, object, old, "spec.completions");
    else if (!count)
        report_required(checker, SV("spec.completions"), json_get(object, SV("spec")),
                        "cannot be set to nil for Indexed jobs");
    else if (!json_equal(count, json_find(old, "spec.completions")) &&
             !json_equal(count, json_find(object, "spec.parallelism")))
        report_invalid(checker, SV("spec.completions"), count,
                       "can only be modified in tandem with spec.parallelism");
}

static void check_job_update(const struct checker *checker, const struct cJSON *object,
                             const struct cJSON *old) {
    static const char *const fixed[] = {"spec.selector", "spec.completionMode",
                                        "spec.podFailurePolicy", "spec.backoffLimitPerIndex"};
    /* What a suspended job would start with may still change. */
    bool has_started = json_find(old, "status.startTime") != NULL;
    bool is_suspended = json_is_true(json_find(old, "spec.suspend"));
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        check_immutable(checker, object, old, fixed[i]);
    if (!is_suspended || has_started)
        check_immutable(checker, object, old, "spec.template");
    check_completions_update(checker, object, old);
}

static bool has_container(const struct cJSON *spec, struct sv name) {
    static const char *const lists[] = {"template.spec.containers", "template.spec.initContainers"};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (container, json_find(spec, lists[i]))
            if (sv_eq(json_find_string(container, "name"), name))
                return true;
    return false;
}

static void check_exit_codes(const struct checker *checker, const struct cJSON *spec,
                             const struct cJSON *codes, struct sv field) {
    static const struct sv operators[] = {SV("In"), SV("NotIn")};
    const struct cJSON *operator= json_get(codes, SV("operator"));
    const struct cJSON *container = json_get(codes, SV("containerName"));
    const struct cJSON *values = json_get(codes, SV("values"));
    struct sv operator_field = path_member(checker, field, SV("operator"));
    struct sv values_field = path_member(checker, field, SV("values"));
    size_t index = 0;
    if (json_text(operator).len == 0)
        report_required(checker, operator_field, codes, "valid values: [\"In\" \"NotIn\"]");
    else
        check_one_of(checker, codes, SV("operator"), field, operators, COUNT_OF(operators));
    if (container && !has_container(spec, json_text(container)))
        report_invalid(checker, path_member(checker, field, SV("containerName")), container,
                       "must be one of the container or initContainer names in the pod template");
    if (json_count(values) == 0)
        report_invalid(checker, values_field, json_list(checker->arena),
                       "at least one value is required");
    int64_t before = INT64_MIN, number;
    bool is_ordered = true;
    JSON_EACH (value, values) {
        struct sv at = path_index(checker, values_field, index++);
        if (!json_to_int64(value, &number))
            continue;
        if (number == 0 && sv_eq(json_text(operator), SV("In")))
            report_invalid(checker, at, value, "must not be 0 for the In operator");
        if (number == before)
            report_duplicate(checker, at, value);
        is_ordered = is_ordered && before <= number;
        before = number;
    }
    if (!is_ordered)
        report_invalid(checker, values_field, values, "must be ordered");
}

static void check_failure_rule(const struct checker *checker, const struct cJSON *spec,
                               const struct cJSON *rule, struct sv field) {
    static const struct sv actions[] = {SV("Count"), SV("FailIndex"), SV("FailJob"), SV("Ignore")};
    const struct cJSON *action = json_get(rule, SV("action"));
    const struct cJSON *codes = json_get(rule, SV("onExitCodes"));
    size_t conditions = json_count(json_get(rule, SV("onPodConditions")));
    struct sv action_field = path_member(checker, field, SV("action"));
    if (json_text(action).len == 0)
        report_required(checker, action_field, rule,
                        "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]");
    else if (sv_eq(json_text(action), SV("FailIndex")) &&
             !json_get(spec, SV("backoffLimitPerIndex")))
        report_invalid(checker, action_field, action,
                       "requires the backoffLimitPerIndex to be set");
    else
        check_one_of(checker, rule, SV("action"), field, actions, COUNT_OF(actions));
    if (codes)
        check_exit_codes(checker, spec, codes, path_member(checker, field, SV("onExitCodes")));
    if ((codes != NULL) == (conditions > 0))
        findings_add(checker->arena, checker->findings, field, "FieldValueInvalid", rule,
                     codes ? "Invalid value: specifying both OnExitCodes and OnPodConditions is "
                             "not supported"
                           : "Invalid value: specifying one of OnExitCodes and OnPodConditions is "
                             "required");
}

/* What only jobs with an index for each pod have. */
static void check_indexes(const struct checker *checker, const struct cJSON *spec,
                          struct sv field) {
    static const struct sv counts[] = {SV("backoffLimitPerIndex"), SV("maxFailedIndexes")};
    static const struct go_field policy_fields[] = {{SV("rules"), SV("Rules"), GO_NIL}};
    static const struct go_field rule_fields[] = {
        {SV("succeededIndexes"), SV("SucceededIndexes"), GO_NIL},
        {SV("succeededCount"), SV("SucceededCount"), GO_NIL}};
    bool is_indexed = sv_eq(json_find_string(spec, "completionMode"), SV("Indexed"));
    const struct cJSON *policy = json_get(spec, SV("successPolicy"));
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        const struct cJSON *count = json_get(spec, counts[i]);
        if (count && !is_indexed)
            report_invalid(checker, path_member(checker, field, counts[i]), count,
                           "requires indexed completion mode");
    }
    if (json_get(spec, SV("maxFailedIndexes")) && !json_get(spec, SV("backoffLimitPerIndex")))
        report_required(checker, path_member(checker, field, SV("backoffLimitPerIndex")), spec,
                        "when maxFailedIndexes is specified");
    if (!policy || is_indexed)
        return;
    struct cJSON *shown = go_shown(checker, policy, policy_fields, COUNT_OF(policy_fields));
    struct cJSON *rules = json_list(checker->arena);
    JSON_EACH (rule, json_get(policy, SV("rules")))
        json_append(rules, go_shown(checker, rule, rule_fields, COUNT_OF(rule_fields)));
    json_set(checker->arena, shown, SV("Rules"), rules);
    report_invalid(checker, path_member(checker, field, SV("successPolicy")), shown,
                   "requires indexed completion mode");
}

static void check_job_policies(const struct checker *checker, const struct cJSON *spec,
                               struct sv field) {
    const struct cJSON *policy = json_get(spec, SV("podFailurePolicy"));
    struct sv rules_field = path_member(checker, field, SV("podFailurePolicy.rules"));
    size_t index = 0;
    JSON_EACH (rule, json_get(policy, SV("rules")))
        check_failure_rule(checker, spec, rule, path_index(checker, rules_field, index++));
}

static void check_job_template(const struct checker *checker, const struct cJSON *spec,
                               struct sv field) {
    const struct cJSON *restart = json_find(spec, "template.spec.restartPolicy");
    struct sv below = path_member(checker, field, SV("template"));
    validate_job_template(checker, json_get(spec, SV("template")), below);
    if (json_get(spec, SV("podFailurePolicy")) && sv_eq(json_text(restart), SV("OnFailure")))
        report_invalid(checker, path_member(checker, below, SV("spec.restartPolicy")), restart,
                       "only \"Never\" is supported when podFailurePolicy is specified");
}

/* The selector is made by the server unless a client says that it knows better. */
static void check_job_selector(const struct checker *checker, const struct cJSON *job) {
    const struct cJSON *selector = json_find(job, "spec.selector");
    const struct cJSON *wanted = json_get(selector, SV("matchLabels"));
    const struct cJSON *labels = json_find(job, "spec.template.metadata.labels");
    bool is_manual = json_is_true(json_find(job, "spec.manualSelector"));
    bool matches = selector != NULL;
    JSON_EACH (label, wanted)
        matches = matches && json_equal(label, json_get(labels, json_key(label)));
    bool is_generated =
        json_count(wanted) == 1 && json_get(wanted, SV("batch.kubernetes.io/controller-uid"));
    if (!selector)
        report_required(checker, SV("spec.selector"), json_get(job, SV("spec")), "");
    else if (!is_manual && !is_generated)
        report_invalid(checker, SV("spec.selector"), selector, "`selector` not auto-generated");
    if (!matches)
        report_invalid(checker, SV("spec.template.metadata.labels"), or_null(checker, labels),
                       "`selector` does not match template `labels`");
}

static void check_job_spec(const struct checker *checker, const struct cJSON *spec,
                           struct sv field) {
    static const struct sv counts[] = {SV("parallelism"),
                                       SV("completions"),
                                       SV("activeDeadlineSeconds"),
                                       SV("backoffLimit"),
                                       SV("ttlSecondsAfterFinished"),
                                       SV("backoffLimitPerIndex"),
                                       SV("maxFailedIndexes")};
    static const struct sv modes[] = {SV("NonIndexed"), SV("Indexed")};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        check_not_negative(checker, spec, counts[i], field);
    check_one_of(checker, spec, SV("completionMode"), field, modes, COUNT_OF(modes));
    if (sv_eq(json_find_string(spec, "completionMode"), SV("Indexed")) &&
        !json_get(spec, SV("completions")))
        report_required(checker, path_member(checker, field, SV("completions")), spec,
                        "when completion mode is Indexed");
    check_indexes(checker, spec, field);
    check_job_policies(checker, spec, field);
}

void check_job(const struct checker *checker, const struct cJSON *object, const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    check_job_spec(checker, spec, SV("spec"));
    if (old) {
        check_job_update(checker, object, old);
        return;
    }
    check_job_template(checker, spec, SV("spec"));
    check_job_selector(checker, object);
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
    static const struct sv counts[] = {SV("startingDeadlineSeconds"),
                                       SV("successfulJobsHistoryLimit"),
                                       SV("failedJobsHistoryLimit")};
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
    const struct cJSON *spec = json_get(object, SV("spec"));
    check_one_of(checker, spec, SV("concurrencyPolicy"), SV("spec"), policies, COUNT_OF(policies));
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        check_not_negative(checker, spec, counts[i], SV("spec"));
    const struct cJSON *job = json_find(object, "spec.jobTemplate.spec");
    check_job_spec(checker, job, SV("spec.jobTemplate.spec"));
    if (!old || !json_equal(json_get(job, SV("template")),
                            json_find(old, "spec.jobTemplate.spec.template")))
        check_job_template(checker, job, SV("spec.jobTemplate.spec"));
    if (json_get(job, SV("selector")))
        report_invalid(checker, SV("spec.jobTemplate.spec.selector"), json_get(job, SV("selector")),
                       "`selector` will be auto-generated");
}
