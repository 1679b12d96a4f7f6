/* SPDX-License-Identifier: Apache-2.0 */
/* spec.podFailurePolicy: the first rule that matches a failed pod decides. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/job_parts.h"

struct rule {
    const struct cJSON *tree;
    long long index;
    const struct cJSON *pod;
    struct arena *arena;
};

static bool has_value(const struct cJSON *values, int64_t wanted) {
    JSON_EACH (value, values) {
        int64_t number;
        if (json_to_int64(value, &number) && number == wanted)
            return true;
    }
    return false;
}

/* Only codes that tell of a failure are looked at. */
static bool code_matches(const struct cJSON *wanted, const struct cJSON *status) {
    struct sv container = json_string_or(wanted, SV("containerName"), SV(""));
    int64_t code = json_find_int(status, "state.terminated.exitCode", 0);
    bool is_in = sv_eq(json_string_or(wanted, SV("operator"), SV("")), SV("In"));
    if (code == 0 ||
        (container.len > 0 && !sv_eq(container, json_string_or(status, SV("name"), SV("")))))
        return false;
    return has_value(json_get(wanted, SV("values")), code) == is_in;
}

static bool exit_codes_match(const struct rule *rule, struct sv *ret_message) {
    static const char *const lists[] = {"status.containerStatuses", "status.initContainerStatuses"};
    const struct cJSON *wanted = json_get(rule->tree, SV("onExitCodes"));
    for (size_t i = 0; i < COUNT_OF(lists) && wanted; i++) {
        JSON_EACH (status, json_find(rule->pod, lists[i])) {
            if (!code_matches(wanted, status))
                continue;
            *ret_message = arena_printf(
                rule->arena,
                "Container %.*s for pod %.*s/%.*s failed with exit code %lld matching %.*s rule at "
                "index %lld",
                SV_ARG(json_string_or(status, SV("name"), SV(""))),
                SV_ARG(object_namespace(rule->pod)), SV_ARG(object_name(rule->pod)),
                (long long)json_find_int(status, "state.terminated.exitCode", 0),
                SV_ARG(json_string_or(rule->tree, SV("action"), SV(""))), rule->index);
            return true;
        }
    }
    return false;
}

static bool conditions_match(const struct rule *rule, struct sv *ret_message) {
    JSON_EACH (wanted, json_get(rule->tree, SV("onPodConditions"))) {
        struct sv type = json_string_or(wanted, SV("type"), SV(""));
        const struct cJSON *condition = object_condition(rule->pod, type);
        if (!condition || !sv_eq(json_string_or(wanted, SV("status"), SV("True")),
                                 json_string_or(condition, SV("status"), SV(""))))
            continue;
        *ret_message = arena_printf(
            rule->arena, "Pod %.*s/%.*s has condition %.*s matching %.*s rule at index %lld",
            SV_ARG(object_namespace(rule->pod)), SV_ARG(object_name(rule->pod)), SV_ARG(type),
            SV_ARG(json_string_or(rule->tree, SV("action"), SV(""))), rule->index);
        return true;
    }
    return false;
}

enum failure_action job_failure_action(const struct cJSON *job, const struct cJSON *pod,
                                       struct arena *arena, struct sv *ret_message) {
    static const struct sv actions[] = {
        [FAILURE_COUNT] = {"Count", 5},
        [FAILURE_IGNORE] = {"Ignore", 6},
        [FAILURE_FAIL_JOB] = {"FailJob", 7},
        [FAILURE_FAIL_INDEX] = {"FailIndex", 9},
    };
    struct rule rule = {.pod = pod, .arena = arena};
    JSON_EACH (tree, json_find(job, "spec.podFailurePolicy.rules")) {
        rule.tree = tree;
        if (exit_codes_match(&rule, ret_message) || conditions_match(&rule, ret_message)) {
            size_t action =
                sv_index_of(json_string_or(tree, SV("action"), SV("")), actions, COUNT_OF(actions));
            return action < COUNT_OF(actions) ? (enum failure_action)action : FAILURE_COUNT;
        }
        rule.index++;
    }
    return FAILURE_COUNT;
}
