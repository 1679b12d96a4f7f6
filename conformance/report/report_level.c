/* SPDX-License-Identifier: Apache-2.0 */
/* Levels of certification and the verdict: a MUST that was not executed is never a pass. */
#include "conformance/report/report.h"
#include "conformance/report/report_parts.h"

#include "core/base/arena.h"
#include "core/data/json.h"

enum { SHOULD_PERCENT_SILVER = 90 };

/* What has to be observed for a level. */
static const struct {
    struct sv name;
    unsigned observed_by;
} levels[] = {
    [REPORT_LEVEL_STATIC] = {SV("static"), OBSERVED_BY_LINT},
    [REPORT_LEVEL_BRONZE] = {SV("bronze"), OBSERVED_BY_LINT | OBSERVED_BY_SIM},
    [REPORT_LEVEL_SILVER] = {SV("silver"),
                             OBSERVED_BY_LINT | OBSERVED_BY_SIM | OBSERVED_BY_SANDBOX},
};

/* EXPECTED: it failed, and that was said beforehand. */
enum outcome {
    OUTCOME_HELD,
    OUTCOME_NOT_EXECUTED,
    OUTCOME_EXPECTED,
    OUTCOME_FAILED,
    OUTCOME_ERROR
};

/* All that was found for one check. A failure counts however it was seen; what is missing counts
 * where the level asks for it. */
static enum outcome outcome_of(const struct check_results *results, const struct check *check,
                               unsigned observed_by) {
    bool is_executed = false, is_skipped = false, has_failed = false, has_error = false;
    bool is_expected = false;
    for (size_t i = 0; i < results->count; i++) {
        const struct check_result *result = &results->items[i];
        if (result->check != check)
            continue;
        bool is_asked_for = (result->observed_by & observed_by) != 0;
        has_failed |= result->state == CHECK_STATE_FAIL && result->excuse.len == 0;
        is_expected |= result->state == CHECK_STATE_XFAIL;
        has_error |= result->state == CHECK_STATE_ERROR;
        is_skipped |= is_asked_for && result->state == CHECK_STATE_SKIP_UNOBSERVABLE;
        is_executed |= is_asked_for && result->state != CHECK_STATE_SKIP_UNOBSERVABLE;
    }
    if (has_error)
        return OUTCOME_ERROR;
    if (has_failed)
        return OUTCOME_FAILED;
    if (is_expected)
        return OUTCOME_EXPECTED;
    return is_skipped || !is_executed ? OUTCOME_NOT_EXECUTED : OUTCOME_HELD;
}

static bool is_required(const struct check *check, enum report_level level,
                        enum report_fail_on fail_on) {
    bool is_counted = check->level == CHECK_MUST ||
                      (fail_on == REPORT_FAIL_ON_SHOULD && check->level == CHECK_SHOULD);
    return is_counted && (check->observed_by & levels[level].observed_by) != 0;
}

/* Silver wants most of the recommendations, too. */
static bool has_enough_should(const struct check_results *results) {
    size_t passed = 0, failed = 0;
    const struct check *check;
    for (size_t i = 0; (check = catalogue_at(i)); i++) {
        enum outcome outcome = outcome_of(results, check, ~0U);
        passed += check->level == CHECK_SHOULD && outcome == OUTCOME_HELD;
        failed += check->level == CHECK_SHOULD &&
                  (outcome == OUTCOME_FAILED || outcome == OUTCOME_EXPECTED);
    }
    return passed * 100 >= (passed + failed) * SHOULD_PERCENT_SILVER;
}

enum report_verdict report_verdict(const struct check_results *results, enum report_fail_on fail_on,
                                   enum report_level level) {
    bool has_failed = false, has_error = false, has_skipped = false;
    const struct check *check;
    for (size_t i = 0; (check = catalogue_at(i)); i++) {
        enum outcome outcome = outcome_of(results, check, levels[level].observed_by);
        bool is_counted = check->level == CHECK_MUST ||
                          (fail_on == REPORT_FAIL_ON_SHOULD && check->level == CHECK_SHOULD);
        has_error |= outcome == OUTCOME_ERROR;
        has_failed |= outcome == OUTCOME_FAILED && is_counted;
        has_skipped |= outcome == OUTCOME_NOT_EXECUTED && is_required(check, level, fail_on);
    }
    if (has_error)
        return REPORT_HARNESS;
    if (has_failed || (level == REPORT_LEVEL_SILVER && !has_enough_should(results)))
        return REPORT_FAILED;
    return has_skipped ? REPORT_NOT_EXECUTED : REPORT_HELD;
}

/* What stands between the class and the level. */
static struct cJSON *missing_for(const struct check_results *results, enum report_level level,
                                 struct arena *arena) {
    struct cJSON *missing = json_list(arena);
    bool wants_should = level == REPORT_LEVEL_SILVER && !has_enough_should(results);
    const struct check *check;
    for (size_t i = 0; (check = catalogue_at(i)); i++) {
        enum outcome outcome = outcome_of(results, check, levels[level].observed_by);
        bool is_failed = outcome >= OUTCOME_EXPECTED;
        bool is_missing =
            (check->level == CHECK_MUST && is_failed) ||
            (check->level == CHECK_SHOULD && is_failed && wants_should) ||
            (is_required(check, level, REPORT_FAIL_ON_MUST) && outcome != OUTCOME_HELD);
        if (is_missing)
            json_append(missing, json_string(arena, check->id));
    }
    return missing;
}

void report_add_level(const struct check_results *results, struct arena *arena,
                      struct cJSON *report) {
    struct cJSON *map = json_ensure_map(arena, report, SV("level"));
    struct sv reached = SV("none");
    for (enum report_level level = REPORT_LEVEL_BRONZE; level < COUNT_OF(levels); level++) {
        struct cJSON *missing = missing_for(results, level, arena);
        json_set_string(arena, map, SV("reached"), reached);
        if (json_count(missing) > 0) {
            json_set_string(arena, map, SV("next"), levels[level].name);
            json_set(arena, map, SV("missing"), missing);
            return;
        }
        reached = levels[level].name;
    }
    /* What comes next needs a cluster, which this report says nothing of. */
    json_set_string(arena, map, SV("reached"), reached);
    json_set(arena, map, SV("missing"), json_list(arena));
}
