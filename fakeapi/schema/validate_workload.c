/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of what makes pods: deployments, sets and replication controllers. */
#include "fakeapi/schema/validate.h"

#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

/* What each kind of workload says of itself in its refusals. */
struct workload {
    const char *name;        /* "empty selector is invalid for …" */
    const char *struct_name; /* "activeDeadlineSeconds in … is not Supported" */
    bool needs_selector;
};
static const struct workload deployment = {"deployment", "ReplicaSet", true};
static const struct workload stateful_set = {"statefulset", "StatefulSet", true};
static const struct workload daemon_set = {"daemonset", "DaemonSet", false};

static void report_labels(const struct checker *checker, const struct cJSON *object) {
    report_invalid(checker, SV("spec.template.metadata.labels"),
                   or_null(checker, json_find(object, "spec.template.metadata.labels")),
                   "`selector` does not match template `labels`");
}

/* False: the selector cannot be read, and the template is not looked at. */
static bool check_selector(const struct checker *checker, const struct cJSON *object,
                           const struct workload *workload) {
    const struct cJSON *wanted = json_find(object, "spec.selector");
    struct selector selector;
    struct error err = {0};
    if (!wanted) {
        if (workload->needs_selector)
            report_required(checker, SV("spec.selector"), json_get(object, SV("spec")), "");
        report_labels(checker, object);
        return true;
    }
    validate_label_selector(checker, wanted, SV("spec.selector"));
    if (!selector_from_object(checker->arena, wanted, &selector, &err)) {
        report_invalid(checker, SV("spec.selector"), wanted, "invalid label selector");
        return false;
    }
    if (json_count(json_get(wanted, SV("matchLabels"))) == 0 &&
        json_count(json_get(wanted, SV("matchExpressions"))) == 0)
        report_invalid(
            checker, SV("spec.selector"), wanted,
            arena_printf(checker->arena, "empty selector is invalid for %s", workload->name).ptr);
    else if (!selector_matches(&selector, json_find(object, "spec.template.metadata.labels")))
        report_labels(checker, object);
    return true;
}

static void check_workload_template(const struct checker *checker, const struct cJSON *object,
                                    const struct workload *workload) {
    const struct cJSON *template = json_find(object, "spec.template");
    const struct cJSON *deadline = json_find(template, "spec.activeDeadlineSeconds");
    validate_template(checker, template, SV("spec.template"));
    if (deadline)
        report_forbidden(checker, SV("spec.template.spec.activeDeadlineSeconds"), deadline,
                         arena_printf(checker->arena,
                                      "activeDeadlineSeconds in %s is not Supported",
                                      workload->struct_name)
                             .ptr);
}

static void check_workload(const struct checker *checker, const struct cJSON *object,
                           const struct cJSON *old, const struct workload *workload) {
    bool is_readable = true;
    check_not_negative(checker, json_get(object, SV("spec")), SV("replicas"), SV("spec"));
    if (!old) {
        is_readable = check_selector(checker, object, workload);
    } else if (!json_equal(json_find(object, "spec.selector"), json_find(old, "spec.selector"))) {
        report_invalid(checker, SV("spec.selector"), json_find(object, "spec.selector"),
                       "field is immutable");
    }
    bool is_new =
        !old || !json_equal(json_find(object, "spec.template"), json_find(old, "spec.template"));
    if (is_readable && is_new)
        check_workload_template(checker, object, workload);
}

void check_replica_set(const struct checker *checker, const struct cJSON *object,
                       const struct cJSON *old) {
    check_workload(checker, object, old, &deployment);
}

void check_replication_controller(const struct checker *checker, const struct cJSON *object,
                                  const struct cJSON *old) {
    const struct cJSON *wanted = json_find(object, "spec.selector");
    const struct cJSON *labels = json_find(object, "spec.template.metadata.labels");
    const struct cJSON *template = json_find(object, "spec.template");
    bool matches = true;
    check_not_negative(checker, json_get(object, SV("spec")), SV("replicas"), SV("spec"));
    JSON_EACH (label, wanted)
        matches = matches && json_equal(label, json_get(labels, json_key(label)));
    if (json_count(wanted) == 0)
        report_required(checker, SV("spec.selector"), json_get(object, SV("spec")), "");
    if (!template)
        report_required(checker, SV("spec.template"), json_get(object, SV("spec")), "");
    else if (!matches)
        report_labels(checker, object);
    if (template && (!old || !json_equal(template, json_find(old, "spec.template"))))
        validate_template(checker, template, SV("spec.template"));
}

/* A strategy as Go prints the struct. */
static struct cJSON *strategy_shown(const struct checker *checker, const struct cJSON *strategy) {
    static const struct go_field fields[] = {{SV("type"), SV("Type"), GO_TEXT},
                                             {SV("RollingUpdate"), SV("RollingUpdate"), GO_NIL}};
    return go_shown(checker, strategy, fields, COUNT_OF(fields));
}

static bool is_zero_share(const struct cJSON *item) {
    int64_t number;
    return (json_to_int64(item, &number) && number == 0) || sv_eq(json_text(item), SV("0%"));
}

void check_deployment(const struct checker *checker, const struct cJSON *object,
                      const struct cJSON *old) {
    static const struct sv types[] = {SV("Recreate"), SV("RollingUpdate")};
    const struct cJSON *spec = json_get(object, SV("spec"));
    const struct cJSON *strategy = json_get(spec, SV("strategy"));
    const struct cJSON *rolling = json_get(strategy, SV("rollingUpdate"));
    const struct cJSON *deadline = json_get(spec, SV("progressDeadlineSeconds"));
    struct sv type = json_find_string(strategy, "type");
    check_workload(checker, object, old, &deployment);
    if (sv_eq(type, SV("Recreate")) && rolling)
        report_forbidden(checker, SV("spec.strategy.rollingUpdate"), rolling,
                         "may not be specified when strategy `type` is 'Recreate'");
    else if (sv_index_of(type, types, COUNT_OF(types)) == COUNT_OF(types))
        report_not_supported(checker, SV("spec.strategy"), strategy_shown(checker, strategy), types,
                             COUNT_OF(types));
    else if (is_zero_share(json_get(rolling, SV("maxUnavailable"))) &&
             is_zero_share(json_get(rolling, SV("maxSurge"))))
        report_invalid(checker, SV("spec.strategy.rollingUpdate.maxUnavailable"),
                       json_get(rolling, SV("maxUnavailable")),
                       "may not be 0 when `maxSurge` is 0");
    int64_t seconds;
    if (json_to_int64(deadline, &seconds) && seconds <= json_int_or(spec, SV("minReadySeconds"), 0))
        report_invalid(checker, SV("spec.progressDeadlineSeconds"), deadline,
                       "must be greater than minReadySeconds");
}

void check_daemon_set(const struct checker *checker, const struct cJSON *object,
                      const struct cJSON *old) {
    static const struct sv types[] = {SV("RollingUpdate"), SV("OnDelete")};
    const struct cJSON *strategy = json_find(object, "spec.updateStrategy");
    const struct cJSON *surge = json_find(strategy, "rollingUpdate.maxSurge");
    const struct cJSON *unavailable = json_find(strategy, "rollingUpdate.maxUnavailable");
    struct sv type = json_find_string(strategy, "type");
    check_workload(checker, object, old, &daemon_set);
    if (sv_index_of(type, types, COUNT_OF(types)) == COUNT_OF(types))
        report_not_supported(checker, SV("spec.updateStrategy"), strategy_shown(checker, strategy),
                             types, COUNT_OF(types));
    else if (is_zero_share(surge) && is_zero_share(unavailable))
        report_required(checker, SV("spec.updateStrategy.rollingUpdate.maxUnavailable"),
                        unavailable, "cannot be 0 when maxSurge is 0");
    else if (surge && unavailable && !is_zero_share(surge) && !is_zero_share(unavailable))
        report_invalid(checker, SV("spec.updateStrategy.rollingUpdate.maxSurge"), surge,
                       "may not be set when maxUnavailable is non-zero");
}

static void check_set_words(const struct checker *checker, const struct cJSON *object) {
    const struct cJSON *policy = json_find(object, "spec.podManagementPolicy");
    const struct cJSON *strategy = json_find(object, "spec.updateStrategy");
    struct sv word = json_text(policy), type = json_find_string(strategy, "type");
    if (!sv_eq(word, SV("OrderedReady")) && !sv_eq(word, SV("Parallel")))
        report_invalid(checker, SV("spec.podManagementPolicy"), policy,
                       "must be 'OrderedReady' or 'Parallel'");
    if (!sv_eq(type, SV("RollingUpdate")) && !sv_eq(type, SV("OnDelete")))
        report_invalid(checker, SV("spec.updateStrategy"), strategy_shown(checker, strategy),
                       "must be 'RollingUpdate' or 'OnDelete'");
    const struct cJSON *name = json_find(object, "metadata.name");
    const char *fault = check_dns_label(json_text(name));
    if (fault && !check_dns_subdomain(json_text(name)))
        report_invalid(checker, SV("metadata.name"), name, fault);
    static const struct go_field rolling[] = {{SV("partition"), SV("Partition"), GO_NUMBER},
                                              {SV("maxUnavailable"), SV("MaxUnavailable"), GO_NIL}};
    const struct cJSON *update = json_get(strategy, SV("rollingUpdate"));
    if (update && sv_eq(type, SV("OnDelete")))
        report_invalid(checker, SV("spec.updateStrategy.rollingUpdate"),
                       go_shown(checker, update, rolling, COUNT_OF(rolling)),
                       "only allowed for updateStrategy 'RollingUpdate'");
}

/* The claims of a set's pods are claims, but for their names. */
static void check_claim_templates(const struct checker *checker, const struct cJSON *object) {
    size_t index = 0;
    JSON_EACH (claim, json_find(object, "spec.volumeClaimTemplates")) {
        struct sv field = path_index(checker, SV("spec.volumeClaimTemplates"), index++);
        check_claim_spec(checker, json_get(claim, SV("spec")),
                         path_member(checker, field, SV("spec")));
    }
}

void check_stateful_set(const struct checker *checker, const struct cJSON *object,
                        const struct cJSON *old) {
    static const struct sv may_change[] = {
        SV("replicas"),
        SV("ordinals"),
        SV("template"),
        SV("updateStrategy"),
        SV("minReadySeconds"),
        SV("persistentVolumeClaimRetentionPolicy"),
        SV("revisionHistoryLimit"),
    };
    bool is_readable = true;
    check_set_words(checker, object);
    if (!old)
        check_claim_templates(checker, object);
    check_not_negative(checker, json_get(object, SV("spec")), SV("replicas"), SV("spec"));
    if (!old)
        is_readable = check_selector(checker, object, &stateful_set);
    bool is_new =
        !old || !json_equal(json_find(object, "spec.template"), json_find(old, "spec.template"));
    if (is_readable && is_new)
        check_workload_template(checker, object, &stateful_set);
    if (!old)
        return;
    struct cJSON *now = json_copy(checker->arena, json_get(object, SV("spec")));
    struct cJSON *before = json_copy(checker->arena, json_get(old, SV("spec")));
    for (size_t i = 0; i < COUNT_OF(may_change); i++) {
        json_remove(now, may_change[i]);
        json_remove(before, may_change[i]);
    }
    if (!json_equal(now, before))
        report_forbidden(checker, SV("spec"), json_get(object, SV("spec")),
                         "updates to statefulset spec for fields other than 'replicas', "
                         "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
                         "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
                         "forbidden");
}
