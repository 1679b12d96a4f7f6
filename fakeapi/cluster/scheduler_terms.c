/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/base/sv.h"
#include "core/data/json.h"
#include "fakeapi/cluster/scheduler_parts.h"

/* -1, 0 or 1; `ret_comparable` is false when one of the sides is no integer. */
static int compare_numbers(struct sv label, const struct cJSON *values, bool *ret_comparable) {
    int64_t left = 0, right = 0;
    *ret_comparable =
        sv_to_int64(label, &left) && sv_to_int64(json_text(json_at(values, 0)), &right);
    return left < right ? -1 : left > right;
}

static bool expression_matches(const struct cJSON *expression, bool is_present, struct sv label) {
    struct sv op = json_string_or(expression, SV("operator"), SV(""));
    const struct cJSON *values = json_get(expression, SV("values"));
    bool is_comparable;
    int order = compare_numbers(label, values, &is_comparable);
    if (sv_eq(op, SV("In")))
        return is_present && json_has_text(values, label);
    if (sv_eq(op, SV("NotIn")))
        return !is_present || !json_has_text(values, label);
    if (sv_eq(op, SV("Exists")))
        return is_present;
    if (sv_eq(op, SV("DoesNotExist")))
        return !is_present;
    if (sv_eq(op, SV("Gt")))
        return is_present && is_comparable && order > 0;
    return sv_eq(op, SV("Lt")) && is_present && is_comparable && order < 0;
}

bool term_matches_node(const struct cJSON *term, const struct cJSON *node) {
    const struct cJSON *expressions = json_get(term, SV("matchExpressions"));
    const struct cJSON *fields = json_get(term, SV("matchFields"));
    const struct cJSON *labels = json_find(node, "metadata.labels");
    /* An empty term matches no node. */
    if (json_count(expressions) + json_count(fields) == 0)
        return false;
    JSON_EACH (expression, expressions) {
        const struct cJSON *label = json_get(labels, json_string_or(expression, SV("key"), SV("")));
        if (!expression_matches(expression, label != NULL, json_text(label)))
            return false;
    }
    JSON_EACH (field, fields) {
        if (!sv_eq(json_string_or(field, SV("key"), SV("")), SV("metadata.name")) ||
            !expression_matches(field, true, object_name(node)))
            return false;
    }
    return true;
}

struct sv term_needs_label(const struct cJSON *term) {
    static const struct sv operators[] = {{"In", 2}, {"Exists", 6}, {"Gt", 2}, {"Lt", 2}};
    JSON_EACH (expression, json_get(term, SV("matchExpressions"))) {
        struct sv op = json_string_or(expression, SV("operator"), SV(""));
        if (sv_index_of(op, operators, COUNT_OF(operators)) < COUNT_OF(operators))
            return json_string_or(expression, SV("key"), SV(""));
    }
    return SV("");
}

void node_note_labels(struct scheduled_node *node) {
    memset(node->label_bits, 0, sizeof(node->label_bits));
    JSON_EACH (label, node->labels) {
        uint64_t hash = sv_hash(json_key(label));
        node->label_bits[hash / 64 % LABEL_WORDS] |= (uint64_t)1 << hash % 64;
    }
}

bool terms_match_node(const struct cJSON *terms, const struct cJSON *node) {
    JSON_EACH (term, terms)
        if (term_matches_node(term, node))
            return true;
    return false;
}

static bool tolerates(const struct cJSON *toleration, const struct cJSON *taint) {
    struct sv key = json_string_or(toleration, SV("key"), SV(""));
    struct sv effect = json_string_or(toleration, SV("effect"), SV(""));
    if (effect.len > 0 && !sv_eq(effect, json_string_or(taint, SV("effect"), SV(""))))
        return false;
    if (key.len > 0 && !sv_eq(key, json_string_or(taint, SV("key"), SV(""))))
        return false;
    if (sv_eq(json_string_or(toleration, SV("operator"), SV("Equal")), SV("Exists")))
        return true;
    return sv_eq(json_string_or(toleration, SV("value"), SV("")),
                 json_string_or(taint, SV("value"), SV("")));
}

bool pod_tolerates(const struct cJSON *pod, const struct cJSON *taint) {
    JSON_EACH (toleration, json_find(pod, "spec.tolerations"))
        if (tolerates(toleration, taint))
            return true;
    return false;
}

const struct cJSON *untolerated_taint(const struct cJSON *pod, const struct scheduled_node *node,
                                      bool is_preference) {
    JSON_EACH (taint, node->taints) {
        struct sv effect = json_string_or(taint, SV("effect"), SV(""));
        if (sv_eq(effect, SV("PreferNoSchedule")) == is_preference && !pod_tolerates(pod, taint))
            return taint;
    }
    return NULL;
}
