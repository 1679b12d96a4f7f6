/* SPDX-License-Identifier: Apache-2.0 */
/* Where a pod may run: tolerations, affinity, spread, gates. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

static const char *const required_terms = "requiredDuringSchedulingIgnoredDuringExecution";
static const char *const preferred_terms = "preferredDuringSchedulingIgnoredDuringExecution";

static void check_toleration(const struct checker *checker, const struct cJSON *toleration,
                             struct sv field) {
    static const struct sv operators[] = {SV("Equal"), SV("Exists")};
    static const struct sv effects[] = {SV("NoSchedule"), SV("PreferNoSchedule"), SV("NoExecute")};
    const struct cJSON *operator= json_get(toleration, SV("operator"));
    const struct cJSON *effect = json_get(toleration, SV("effect"));
    const struct cJSON *value = json_get(toleration, SV("value"));
    struct sv operator_field = path_member(checker, field, SV("operator"));
    const struct cJSON *key = json_get(toleration, SV("key"));
    const char *fault = json_text(key).len > 0 ? check_qualified_name(json_text(key)) : NULL;
    if (fault)
        report_invalid(checker, path_member(checker, field, SV("key")), key, fault);
    check_one_of(checker, toleration, SV("operator"), field, operators, COUNT_OF(operators));
    if (json_text(effect).len > 0)
        check_one_of(checker, toleration, SV("effect"), field, effects, COUNT_OF(effects));
    bool is_exists = sv_eq(json_text(operator), SV("Exists"));
    if (json_find_string(toleration, "key").len == 0 && !is_exists)
        report_invalid(
            checker, operator_field, operator,
            "operator must be Exists when `key` is empty, which means \"match all values "
            "and all keys\"");
    if (is_exists && json_text(value).len > 0)
        report_invalid(checker, operator_field, value,
                       "value must be empty when `operator` is 'Exists'");
    fault = is_exists ? NULL : check_label_value(json_text(value));
    if (fault)
        report_invalid(checker, operator_field, value, fault);
    if (json_get(toleration, SV("tolerationSeconds")) && !sv_eq(json_text(effect), SV("NoExecute")))
        report_invalid(checker, path_member(checker, field, SV("effect")), effect,
                       "effect must be 'NoExecute' when `tolerationSeconds` is set");
}

/* A requirement of a node's or a label's selector. */
static void check_requirement(const struct checker *checker, const struct cJSON *requirement,
                              struct sv field, bool is_of_node) {
    const struct cJSON *operator= json_get(requirement, SV("operator"));
    struct sv word = json_text(operator), values_field = path_member(checker, field, SV("values"));
    size_t count = json_count(json_get(requirement, SV("values")));
    bool is_in = sv_eq(word, SV("In")) || sv_eq(word, SV("NotIn"));
    bool is_exists = sv_eq(word, SV("Exists")) || sv_eq(word, SV("DoesNotExist"));
    bool is_compared = is_of_node && (sv_eq(word, SV("Gt")) || sv_eq(word, SV("Lt")));
    if (is_in && count == 0)
        report_required(checker, values_field, requirement,
                        "must be specified when `operator` is 'In' or 'NotIn'");
    else if (is_exists && count > 0)
        report_forbidden(checker, values_field, requirement,
                         "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    else if (is_compared && count != 1)
        report_required(checker, values_field, requirement,
                        "must be specified single value when `operator` is 'Lt' or 'Gt'");
    else if (!is_in && !is_exists && !is_compared)
        report_invalid(checker, path_member(checker, field, SV("operator")), operator,
                       "not a valid selector operator");
    const char *fault = check_qualified_name(json_find_string(requirement, "key"));
    if (fault)
        report_invalid(checker, path_member(checker, field, SV("key")),
                       json_get(requirement, SV("key")), fault);
}

void validate_label_selector(const struct checker *checker, const struct cJSON *selector,
                             struct sv field) {
    size_t index = 0;
    validate_labels(checker, json_get(selector, SV("matchLabels")),
                    path_member(checker, field, SV("matchLabels")));
    JSON_EACH (requirement, json_get(selector, SV("matchExpressions")))
        check_requirement(
            checker, requirement,
            path_index(checker, path_member(checker, field, SV("matchExpressions")), index++),
            false);
}

/* Of the fields of a node only its name is asked for, and only one. */
static void check_field_requirement(const struct checker *checker, const struct cJSON *requirement,
                                    struct sv field) {
    const struct cJSON *operator= json_get(requirement, SV("operator"));
    const struct cJSON *key = json_get(requirement, SV("key"));
    const struct cJSON *values = json_get(requirement, SV("values"));
    struct sv word = json_text(operator), values_field = path_member(checker, field, SV("values"));
    size_t index = 0;
    if (!sv_eq(word, SV("In")) && !sv_eq(word, SV("NotIn")))
        report_invalid(checker, path_member(checker, field, SV("operator")),
                       operator ? operator : json_string(checker->arena, SV("")),
                       "not a valid selector operator");
    else if (json_count(values) != 1)
        report_required(checker, values_field, requirement,
                        "must be only one value when `operator` is 'In' or 'NotIn' for node field "
                        "selector");
    if (!sv_eq(json_text(key), SV("metadata.name"))) {
        report_invalid(checker, path_member(checker, field, SV("key")), key,
                       "not a valid field selector key");
        return;
    }
    JSON_EACH (value, values) {
        const char *fault = check_dns_subdomain(json_text(value));
        if (fault)
            report_invalid(checker, path_index(checker, values_field, index), value, fault);
        index++;
    }
}

static void check_node_term(const struct checker *checker, const struct cJSON *term,
                            struct sv field) {
    size_t index = 0;
    JSON_EACH (requirement, json_get(term, SV("matchExpressions")))
        check_requirement(
            checker, requirement,
            path_index(checker, path_member(checker, field, SV("matchExpressions")), index++),
            true);
    index = 0;
    JSON_EACH (requirement, json_get(term, SV("matchFields"))) {
        struct sv below =
            path_index(checker, path_member(checker, field, SV("matchFields")), index++);
        check_field_requirement(checker, requirement, below);
    }
}

void validate_node_selector(const struct checker *checker, const struct cJSON *selector,
                            struct sv field) {
    const struct cJSON *terms = json_get(selector, SV("nodeSelectorTerms"));
    struct sv below = path_member(checker, field, SV("nodeSelectorTerms"));
    size_t index = 0;
    if (json_count(terms) == 0)
        report_required(checker, below, selector, "must have at least one node selector term");
    JSON_EACH (term, terms)
        check_node_term(checker, term, path_index(checker, below, index++));
}

static void check_weight(const struct checker *checker, const struct cJSON *preference,
                         struct sv field) {
    const struct cJSON *weight = json_get(preference, SV("weight"));
    int64_t number = 0;
    json_to_int64(weight, &number);
    if (number < 1 || number > 100)
        report_invalid(checker, path_member(checker, field, SV("weight")), weight,
                       "must be in the range 1-100");
}

static void check_node_affinity(const struct checker *checker, const struct cJSON *affinity,
                                struct sv field) {
    struct sv required = sv_from(required_terms), preferred = sv_from(preferred_terms);
    size_t index = 0;
    if (json_get(affinity, required))
        validate_node_selector(checker, json_get(affinity, required),
                               path_member(checker, field, required));
    JSON_EACH (preference, json_get(affinity, preferred)) {
        struct sv below = path_index(checker, path_member(checker, field, preferred), index++);
        check_weight(checker, preference, below);
        check_node_term(checker, json_get(preference, SV("preference")),
                        path_member(checker, below, SV("preference")));
    }
}

static void check_topology(const struct checker *checker, const struct cJSON *parent,
                           struct sv field) {
    const struct cJSON *key = json_get(parent, SV("topologyKey"));
    struct sv below = path_member(checker, field, SV("topologyKey"));
    if (json_text(key).len == 0)
        report_required(checker, below, parent, "can not be empty");
}

static void check_pod_term(const struct checker *checker, const struct cJSON *term,
                           struct sv field) {
    validate_label_selector(checker, json_get(term, SV("labelSelector")),
                            path_member(checker, field, SV("labelSelector")));
    check_topology(checker, term, field);
    const struct cJSON *key = json_get(term, SV("topologyKey"));
    const char *fault = check_qualified_name(json_text(key));
    struct sv below = path_member(checker, field, SV("topologyKey"));
    if (fault)
        report_invalid(checker, below, json_string(checker->arena, json_text(key)), fault);
    /* An empty name breaks a second rule. */
    if (json_text(key).len == 0)
        report_invalid(checker, below, key, check_qualified_name(SV("-")));
}

static void check_pod_affinity(const struct checker *checker, const struct cJSON *affinity,
                               struct sv field) {
    struct sv required = sv_from(required_terms), preferred = sv_from(preferred_terms);
    size_t index = 0;
    JSON_EACH (term, json_get(affinity, required))
        check_pod_term(checker, term,
                       path_index(checker, path_member(checker, field, required), index++));
    index = 0;
    JSON_EACH (preference, json_get(affinity, preferred)) {
        struct sv below = path_index(checker, path_member(checker, field, preferred), index++);
        check_weight(checker, preference, below);
        check_pod_term(checker, json_get(preference, SV("podAffinityTerm")),
                       path_member(checker, below, SV("podAffinityTerm")));
    }
}

/* What two constraints may not have in common. */
static struct sv spread_identity(const struct checker *checker, const struct cJSON *constraint) {
    return arena_printf(checker->arena, "{%.*s, %.*s}",
                        SV_ARG(json_find_string(constraint, "topologyKey")),
                        SV_ARG(json_find_string(constraint, "whenUnsatisfiable")));
}

/* All but the last of those that are alike are refused. */
static void check_spread_repeated(const struct checker *checker, const struct cJSON *constraint,
                                  const struct json_index *last, struct sv field) {
    struct sv identity = spread_identity(checker, constraint);
    if (!sv_eq(json_text(json_index_get(last, identity)), field))
        report_duplicate(checker,
                         path_member(checker, field, SV("{topologyKey, whenUnsatisfiable}")),
                         json_string(checker->arena, identity));
}

static void check_spread(const struct checker *checker, const struct cJSON *constraint,
                         const struct json_index *last, struct sv field) {
    static const struct sv wishes[] = {SV("DoNotSchedule"), SV("ScheduleAnyway")};
    const struct cJSON *skew = json_get(constraint, SV("maxSkew"));
    const struct cJSON *least = json_get(constraint, SV("minDomains"));
    struct sv wish = json_find_string(constraint, "whenUnsatisfiable");
    int64_t number = 0;
    json_to_int64(skew, &number);
    if (number <= 0)
        report_invalid(checker, path_member(checker, field, SV("maxSkew")), skew,
                       "must be greater than zero");
    check_topology(checker, constraint, field);
    check_one_of(checker, constraint, SV("whenUnsatisfiable"), field, wishes, COUNT_OF(wishes));
    if (least && sv_eq(wish, SV("ScheduleAnyway")))
        report_invalid(checker, path_member(checker, field, SV("minDomains")), least,
                       "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not "
                       "ScheduleAnyway");
    check_spread_repeated(checker, constraint, last, field);
    validate_label_selector(checker, json_get(constraint, SV("labelSelector")),
                            path_member(checker, field, SV("labelSelector")));
}

static void check_spreads(const struct checker *checker, const struct cJSON *constraints,
                          struct sv field) {
    struct json_index last = texts_seen(checker);
    size_t index = 0;
    JSON_EACH (constraint, constraints)
        json_index_set(&last, spread_identity(checker, constraint),
                       json_string(checker->arena, path_index(checker, field, index++)));
    index = 0;
    JSON_EACH (constraint, constraints)
        check_spread(checker, constraint, &last, path_index(checker, field, index++));
}

static void check_gates(const struct checker *checker, const struct cJSON *spec, struct sv field) {
    const struct cJSON *gates = json_get(spec, SV("schedulingGates"));
    const struct cJSON *node = json_get(spec, SV("nodeName"));
    struct json_index names = texts_seen(checker);
    size_t index = 0;
    if (json_count(gates) > 0 && json_text(node).len > 0)
        report_forbidden(checker, path_member(checker, field, SV("nodeName")), node,
                         "cannot be set until all schedulingGates have been cleared");
    JSON_EACH (gate, gates) {
        struct sv below =
            path_index(checker, path_member(checker, field, SV("schedulingGates")), index++);
        if (json_index_is_seen_again(&names, json_find_string(gate, "name")))
            report_duplicate(checker, below, json_get(gate, SV("name")));
    }
    index = 0;
    JSON_EACH (gate, json_get(spec, SV("readinessGates"))) {
        struct sv below =
            path_index(checker, path_member(checker, field, SV("readinessGates")), index++);
        const struct cJSON *type = json_get(gate, SV("conditionType"));
        const char *fault = check_qualified_name(json_text(type));
        if (fault)
            report_invalid(checker, path_member(checker, below, SV("conditionType")), type, fault);
    }
}

void validate_scheduling(const struct checker *checker, const struct cJSON *spec, struct sv field) {
    struct sv affinity_field = path_member(checker, field, SV("affinity"));
    size_t index = 0;
    JSON_EACH (toleration, json_get(spec, SV("tolerations")))
        check_toleration(
            checker, toleration,
            path_index(checker, path_member(checker, field, SV("tolerations")), index++));
    check_node_affinity(checker, json_find(spec, "affinity.nodeAffinity"),
                        path_member(checker, affinity_field, SV("nodeAffinity")));
    check_pod_affinity(checker, json_find(spec, "affinity.podAffinity"),
                       path_member(checker, affinity_field, SV("podAffinity")));
    check_pod_affinity(checker, json_find(spec, "affinity.podAntiAffinity"),
                       path_member(checker, affinity_field, SV("podAntiAffinity")));
    check_spreads(checker, json_get(spec, SV("topologySpreadConstraints")),
                  path_member(checker, field, SV("topologySpreadConstraints")));
    check_gates(checker, spec, field);
}
