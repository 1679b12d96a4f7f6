/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of roles and bindings, and of nodes and events. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"

/* --- roles --- */

static void check_rule(const struct checker *checker, const struct cJSON *rule, bool is_cluster,
                       struct sv field) {
    const struct cJSON *urls = json_get(rule, SV("nonResourceURLs"));
    if (json_count(json_get(rule, SV("verbs"))) == 0)
        report_required(checker, path_member(checker, field, SV("verbs")), rule,
                        "verbs must contain at least one value");
    if (json_count(urls) > 0 && !is_cluster) {
        report_invalid(checker, path_member(checker, field, SV("nonResourceURLs")), urls,
                       "namespaced rules cannot apply to non-resource URLs");
        return;
    }
    if (json_count(urls) > 0) {
        if (json_count(json_get(rule, SV("resources"))) > 0)
            report_invalid(checker, path_member(checker, field, SV("nonResourceURLs")), urls,
                           "rules cannot apply to both regular resources and non-resource URLs");
        return;
    }
    if (json_count(json_get(rule, SV("apiGroups"))) == 0)
        report_required(checker, path_member(checker, field, SV("apiGroups")), rule,
                        "resource rules must supply at least one api group");
    if (json_count(json_get(rule, SV("resources"))) == 0)
        report_required(checker, path_member(checker, field, SV("resources")), rule,
                        "resource rules must supply at least one resource");
}

static void check_rules(const struct checker *checker, const struct cJSON *object,
                        bool is_cluster) {
    size_t index = 0;
    JSON_EACH (rule, json_get(object, SV("rules")))
        check_rule(checker, rule, is_cluster, path_index(checker, SV("rules"), index++));
}

void check_role(const struct checker *checker, const struct cJSON *object,
                const struct cJSON *old) {
    (void)old;
    check_rules(checker, object, false);
}

void check_cluster_role(const struct checker *checker, const struct cJSON *object,
                        const struct cJSON *old) {
    (void)old;
    check_rules(checker, object, true);
}

/* --- bindings --- */

static void check_subject(const struct checker *checker, const struct cJSON *subject,
                          struct sv field) {
    static const struct sv kinds[] = {SV("ServiceAccount"), SV("User"), SV("Group")};
    struct sv kind = json_find_string(subject, "kind");
    if (json_find_string(subject, "name").len == 0)
        report_required(checker, path_member(checker, field, SV("name")), subject, "");
    if (sv_index_of(kind, kinds, COUNT_OF(kinds)) == COUNT_OF(kinds))
        report_not_supported(checker, path_member(checker, field, SV("kind")),
                             json_get(subject, SV("kind")), kinds, COUNT_OF(kinds));
    if (sv_eq(kind, SV("ServiceAccount")) && json_find_string(subject, "namespace").len == 0)
        report_required(checker, path_member(checker, field, SV("namespace")), subject, "");
}

static void check_binding(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old, const struct sv *kinds, size_t count) {
    static const struct sv groups[] = {SV(RBAC_GROUP)};
    const struct cJSON *role = json_get(object, SV("roleRef"));
    size_t index = 0;
    if (!sv_eq(json_find_string(role, "apiGroup"), groups[0]))
        report_not_supported(checker, SV("roleRef.apiGroup"), json_get(role, SV("apiGroup")),
                             groups, COUNT_OF(groups));
    if (sv_index_of(json_find_string(role, "kind"), kinds, count) == count)
        report_not_supported(checker, SV("roleRef.kind"), json_get(role, SV("kind")), kinds, count);
    if (json_find_string(role, "name").len == 0)
        report_required(checker, SV("roleRef.name"), role, "");
    JSON_EACH (subject, json_get(object, SV("subjects")))
        check_subject(checker, subject, path_index(checker, SV("subjects"), index++));
    if (old && !json_equal(role, json_get(old, SV("roleRef"))))
        report_invalid(checker, SV("roleRef"), role, "cannot change roleRef");
}

void check_role_binding(const struct checker *checker, const struct cJSON *object,
                        const struct cJSON *old) {
    static const struct sv kinds[] = {SV("Role"), SV("ClusterRole")};
    check_binding(checker, object, old, kinds, COUNT_OF(kinds));
}

void check_cluster_role_binding(const struct checker *checker, const struct cJSON *object,
                                const struct cJSON *old) {
    static const struct sv kinds[] = {SV("ClusterRole")};
    check_binding(checker, object, old, kinds, COUNT_OF(kinds));
}

/* --- nodes --- */

static void check_taint(const struct checker *checker, const struct cJSON *taint, struct sv field) {
    static const struct sv effects[] = {SV("NoSchedule"), SV("PreferNoSchedule"), SV("NoExecute")};
    const struct cJSON *key = json_get(taint, SV("key"));
    const struct cJSON *value = json_get(taint, SV("value"));
    const struct cJSON *effect = json_get(taint, SV("effect"));
    const char *fault = check_qualified_name(json_text(key));
    if (fault)
        report_invalid(checker, path_member(checker, field, SV("key")), key, fault);
    if (check_label_value(json_text(value)))
        report_invalid(checker, path_member(checker, field, SV("value")), value,
                       check_label_value(json_text(value)));
    if (json_text(effect).len == 0)
        report_required(checker, path_member(checker, field, SV("effect")), taint, "");
    else if (sv_index_of(json_text(effect), effects, COUNT_OF(effects)) == COUNT_OF(effects))
        report_not_supported(checker, path_member(checker, field, SV("effect")), effect, effects,
                             COUNT_OF(effects));
}

static bool has_taint_before(const struct cJSON *taints, const struct cJSON *taint) {
    for (const struct cJSON *before = taints->child; before != taint; before = before->next)
        if (sv_eq(json_find_string(before, "key"), json_find_string(taint, "key")) &&
            sv_eq(json_find_string(before, "effect"), json_find_string(taint, "effect")))
            return true;
    return false;
}

void check_node(const struct checker *checker, const struct cJSON *object,
                const struct cJSON *old) {
    enum { TAINTS_MAX = 1000 }; /* far more than a node has; the search below is quadratic */
    const struct cJSON *taints = json_find(object, "spec.taints");
    size_t index = 0;
    if (json_count(taints) > TAINTS_MAX)
        findings_add(checker->arena, checker->findings, SV("metadata.taints"), "FieldValueTooMany",
                     taints, "Too many: %zu: must have at most %d items", json_count(taints),
                     TAINTS_MAX);
    JSON_EACH (taint, taints) {
        struct sv field = path_index(checker, SV("metadata.taints"), index++);
        check_taint(checker, taint, field);
        if (index < TAINTS_MAX && has_taint_before(taints, taint))
            report_duplicate(checker, field, taint);
    }
    struct sv provider = json_find_string(old, "spec.providerID");
    if (provider.len > 0 && !sv_eq(provider, json_find_string(object, "spec.providerID")))
        report_forbidden(checker, SV("spec.providerID"), json_find(object, "spec.providerID"),
                         "node updates may not change providerID except from \"\" to valid");
}

/* --- events --- */

static void check_new_event(const struct checker *checker, const struct cJSON *object,
                            const char *controller) {
    static const struct sv types[] = {SV("Normal"), SV("Warning")};
    static const char *const needed[] = {"action", "reason", "reportingInstance"};
    const struct cJSON *type = json_get(object, SV("type"));
    if (json_find_string(object, controller).len == 0)
        report_required(checker, sv_from(controller), object, "");
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        if (json_find_string(object, needed[i]).len == 0)
            report_required(checker, sv_from(needed[i]), object, "");
    if (sv_index_of(json_text(type), types, COUNT_OF(types)) == COUNT_OF(types))
        report_invalid(checker, SV("type"), type, "has invalid value: ");
}

void check_event(const struct checker *checker, const struct cJSON *object,
                 const struct cJSON *old) {
    bool is_core = json_get(object, SV("regarding")) == NULL &&
                   sv_eq(json_find_string(object, "apiVersion"), SV("v1"));
    struct sv namespace_name = json_find_string(object, "metadata.namespace");
    struct sv about =
        json_find_string(object, is_core ? "involvedObject.namespace" : "regarding.namespace");
    bool is_matching =
        about.len > 0 ? sv_eq(about, namespace_name) : sv_eq(namespace_name, SV("default"));
    if (!is_matching)
        findings_add(checker->arena, checker->findings,
                     is_core ? SV("involvedObject.namespace") : SV("regarding.namespace"),
                     "FieldValueInvalid", object,
                     "Invalid value: \"%.*s\": does not match event.namespace", SV_ARG(about));
    bool has_time = json_find_string(object, "eventTime").len > 0;
    if (!is_core && !old && !has_time)
        report_required(checker, SV("eventTime"), object, "");
    if (has_time && !old)
        check_new_event(checker, object, is_core ? "reportingComponent" : "reportingController");
}
