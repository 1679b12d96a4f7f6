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
    const struct cJSON *aggregation = json_get(object, SV("aggregationRule"));
    (void)old;
    check_rules(checker, object, true);
    if (aggregation && json_count(json_get(aggregation, SV("clusterRoleSelectors"))) == 0)
        report_required(checker, SV("aggregationRule.clusterRoleSelectors"), aggregation,
                        "at least one clusterRoleSelector required if aggregationRule is non-nil");
}

/* --- bindings --- */

/* Without a namespace an account is one of the binding's own, if that has one. */
static void check_subject(const struct checker *checker, const struct cJSON *subject,
                          bool has_namespace, struct sv field) {
    static const struct sv kinds[] = {SV("ServiceAccount"), SV("User"), SV("Group")};
    static const struct sv core_group[] = {SV("")}, own_group[] = {SV(RBAC_GROUP)};
    const struct cJSON *group = json_get(subject, SV("apiGroup"));
    struct sv kind = json_find_string(subject, "kind");
    if (json_find_string(subject, "name").len == 0)
        report_required(checker, path_member(checker, field, SV("name")), subject, "");
    if (sv_index_of(kind, kinds, COUNT_OF(kinds)) == COUNT_OF(kinds))
        report_not_supported(checker, path_member(checker, field, SV("kind")),
                             json_get(subject, SV("kind")), kinds, COUNT_OF(kinds));
    if (sv_eq(kind, SV("ServiceAccount")) && !has_namespace &&
        json_find_string(subject, "namespace").len == 0)
        report_required(checker, path_member(checker, field, SV("namespace")), subject, "");
    const struct sv *groups = sv_eq(kind, SV("ServiceAccount")) ? core_group : own_group;
    if (json_text(group).len > 0 && !sv_eq(json_text(group), groups[0]))
        report_not_supported(checker, path_member(checker, field, SV("apiGroup")), group, groups,
                             1);
}

static void check_binding(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old, const struct sv *kinds, size_t count) {
    static const struct sv groups[] = {SV(RBAC_GROUP)};
    static const struct go_field fields[] = {{SV("apiGroup"), SV("APIGroup"), GO_TEXT},
                                             {SV("kind"), SV("Kind"), GO_TEXT},
                                             {SV("name"), SV("Name"), GO_TEXT}};
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
        check_subject(checker, subject, json_find_string(object, "metadata.namespace").len > 0,
                      path_index(checker, SV("subjects"), index++));
    if (old && !json_equal(role, json_get(old, SV("roleRef"))))
        report_invalid(checker, SV("roleRef"), go_shown(checker, role, fields, COUNT_OF(fields)),
                       "cannot change roleRef");
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
    static const struct go_field fields[] = {{SV("key"), SV("Key"), GO_TEXT},
                                             {SV("value"), SV("Value"), GO_TEXT},
                                             {SV("effect"), SV("Effect"), GO_TEXT},
                                             {SV("timeAdded"), SV("TimeAdded"), GO_NIL}};
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
            findings_add(checker->arena, checker->findings, field, "FieldValueDuplicate", taint,
                         "Duplicate value: %.*s: taints must be unique by key and effect pair",
                         SV_ARG(json_write_arena(checker->arena,
                                                 go_shown(checker, taint, fields, COUNT_OF(fields)),
                                                 JSON_COMPACT)));
    }
    const struct cJSON *cidrs = json_find(old, "spec.podCIDRs");
    if (json_count(cidrs) > 0 && !json_equal(cidrs, json_find(object, "spec.podCIDRs")))
        report_forbidden(checker, SV("spec.podCIDRs"), json_find(object, "spec.podCIDRs"),
                         "node updates may not change podCIDR except from \"\" to valid");
    struct sv provider = json_find_string(old, "spec.providerID");
    if (provider.len > 0 && !sv_eq(provider, json_find_string(object, "spec.providerID")))
        report_forbidden(checker, SV("spec.providerID"), json_find(object, "spec.providerID"),
                         "node updates may not change providerID except from \"\" to valid");
}

/* --- events --- */

static bool is_of_core(const struct cJSON *event) {
    return sv_eq(json_find_string(event, "apiVersion"), SV("v1"));
}

/* What a reporter that tells the time of an event itself tells as well. */
static void check_reporter(const struct checker *checker, const struct cJSON *event) {
    static const struct {
        const char *name;
        size_t bytes_max;
    } texts[] = {{"reportingInstance", 128}, {"action", 128}, {"reason", 128}};
    struct sv controller = is_of_core(event) ? SV("reportingComponent") : SV("reportingController");
    const struct cJSON *reporter =
        json_string(checker->arena, json_string_or(event, controller, SV("")));
    const struct cJSON *message = json_get(event, is_of_core(event) ? SV("message") : SV("note"));
    enum { MESSAGE_BYTES_MAX = 1024 };
    if (json_text(reporter).len == 0)
        report_required(checker, controller, event, "");
    if (check_qualified_name(json_text(reporter)))
        report_invalid(checker, controller, reporter, check_qualified_name(json_text(reporter)));
    /* An empty name breaks a second rule. */
    if (json_text(reporter).len == 0)
        report_invalid(checker, controller, reporter, check_qualified_name(SV("-")));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        size_t bytes = json_find_string(event, texts[i].name).len;
        if (bytes == 0)
            report_required(checker, sv_from(texts[i].name), event, "");
        else if (bytes > texts[i].bytes_max)
            report_invalid(
                checker, sv_from(texts[i].name), NULL,
                arena_printf(checker->arena, "can have at most %zu characters", texts[i].bytes_max)
                    .ptr);
    }
    if (json_text(message).len > MESSAGE_BYTES_MAX)
        report_invalid(checker, SV("message"), NULL, "can have at most 1024 characters");
}

static void check_event_namespace(const struct checker *checker, const struct cJSON *event,
                                  bool has_time) {
    struct sv own = json_find_string(event, "metadata.namespace");
    struct sv about = json_find_string(event, is_of_core(event) ? "involvedObject.namespace"
                                                                : "regarding.namespace");
    bool is_free = sv_eq(own, SV("default")) || (has_time && sv_eq(own, SV("kube-system")));
    bool is_matching = about.len > 0 ? has_time || sv_eq(about, own) : is_free;
    if (!is_matching)
        findings_add(checker->arena, checker->findings, SV("involvedObject.namespace"),
                     "FieldValueInvalid", event,
                     "Invalid value: \"%.*s\": does not match event.namespace", SV_ARG(about));
}

/* Events of the newer group are strict: each is new, and its series alone goes on. */
static void check_strict_event(const struct checker *checker, const struct cJSON *event) {
    static const struct sv types[] = {SV("Normal"), SV("Warning")};
    struct sv type = json_find_string(event, "type");
    const struct cJSON *series = json_get(event, SV("series"));
    if (series && json_int_or(series, SV("count"), 0) < 2)
        report_invalid(checker, SV("series.count"), NULL, "should be at least 2");
    if (json_find_string(event, "eventTime").len == 0)
        report_required(checker, SV("eventTime"), event, "");
    if (sv_index_of(type, types, COUNT_OF(types)) == COUNT_OF(types))
        report_invalid(checker, SV("type"), NULL,
                       arena_printf(checker->arena, "has invalid value: %.*s", SV_ARG(type)).ptr);
}

static void check_event_update(const struct checker *checker, const struct cJSON *event,
                               const struct cJSON *old) {
    static const struct {
        struct sv key, shown; /* as the older group calls it */
    } fixed[] = {
        {SV("regarding"), SV("involvedObject")},
        {SV("reason"), SV("reason")},
        {SV("note"), SV("message")},
        {SV("deprecatedSource"), SV("source")},
        {SV("deprecatedFirstTimestamp"), SV("firstTimestamp")},
        {SV("deprecatedLastTimestamp"), SV("lastTimestamp")},
        {SV("deprecatedCount"), SV("count")},
        {SV("type"), SV("type")},
        {SV("eventTime"), SV("eventTime")},
        {SV("action"), SV("action")},
        {SV("related"), SV("related")},
        {SV("reportingController"), SV("reportingController")},
        {SV("reportingInstance"), SV("reportingInstance")},
    };
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        if (!json_equal(json_get(event, fixed[i].key), json_get(old, fixed[i].key)))
            report_invalid(checker, fixed[i].shown, json_get(event, fixed[i].key),
                           "field is immutable");
}

void check_event(const struct checker *checker, const struct cJSON *object,
                 const struct cJSON *old) {
    bool has_time = json_find_string(object, "eventTime").len > 0;
    check_event_namespace(checker, object, has_time);
    if (has_time)
        check_reporter(checker, object);
    if (is_of_core(object))
        return;
    if (old)
        check_event_update(checker, object, old);
    else
        check_strict_event(checker, object);
}
