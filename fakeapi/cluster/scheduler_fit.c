/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/scheduler_parts.h"

/* What scoring assumes of a container that asks for nothing, so that such pods spread too. */
enum { CPU_DEFAULT_MILLI = 100, MEMORY_DEFAULT_BYTES = 200 * 1024 * 1024 };

/* --- resources --- */

static size_t amount_index(struct scheduler *scheduler, struct sv name) {
    size_t index = sv_index_of(name, scheduler->amount_names, scheduler->amount_count);
    if (index < scheduler->amount_count || index == AMOUNTS_MAX)
        return index;
    scheduler->amount_names[scheduler->amount_count++] = arena_copy(scheduler->texts, name);
    return index;
}

bool amounts_read(struct scheduler *scheduler, const struct cJSON *map, struct amounts *amounts) {
    bool is_known = true;
    JSON_EACH (member, map) {
        struct quantity quantity;
        size_t index = amount_index(scheduler, json_key(member));
        if (index == AMOUNTS_MAX || !quantity_parse(json_text(member), &quantity)) {
            is_known = false;
            continue;
        }
        amounts->of[index] +=
            index == AMOUNT_CPU ? quantity_milli_value(quantity) : quantity_value(quantity);
    }
    return is_known;
}

void amounts_add(struct amounts *sum, const struct amounts *other, int sign) {
    for (size_t i = 0; i < AMOUNTS_MAX; i++)
        sum->of[i] += sign * other->of[i];
}

static void amounts_raise(struct amounts *sum, const struct amounts *other) {
    for (size_t i = 0; i < AMOUNTS_MAX; i++)
        if (other->of[i] > sum->of[i])
            sum->of[i] = other->of[i];
}

static bool is_sidecar(const struct cJSON *container) {
    return sv_eq(json_string_or(container, SV("restartPolicy"), SV("")), SV("Always"));
}

bool amounts_of_pod(struct scheduler *scheduler, const struct cJSON *pod, struct amounts *requests,
                    struct amounts *weighed) {
    bool is_known = true;
    struct amounts sum = {0}, peak = {0}, sidecars = {0};
    size_t without_cpu = 0, without_memory = 0;
    JSON_EACH (container, json_find(pod, "spec.initContainers")) {
        struct amounts own = sidecars;
        is_known &= amounts_read(scheduler, json_find(container, "resources.requests"), &own);
        amounts_raise(&peak, &own);
        if (is_sidecar(container))
            sidecars = own;
    }
    sum = sidecars;
    JSON_EACH (container, json_find(pod, "spec.containers")) {
        const struct cJSON *asked = json_find(container, "resources.requests");
        is_known &= amounts_read(scheduler, asked, &sum);
        without_cpu += !json_get(asked, SV("cpu"));
        without_memory += !json_get(asked, SV("memory"));
    }
    amounts_raise(&sum, &peak);
    is_known &= amounts_read(scheduler, json_find(pod, "spec.overhead"), &sum);
    *requests = sum;
    *weighed = sum;
    weighed->of[AMOUNT_CPU] += (int64_t)without_cpu * CPU_DEFAULT_MILLI;
    weighed->of[AMOUNT_MEMORY] += (int64_t)without_memory * MEMORY_DEFAULT_BYTES;
    return is_known;
}

void attempt_prepare(struct attempt *attempt) {
    const struct cJSON *spec = json_get(attempt->pod, SV("spec"));
    const struct cJSON *affinity = json_find(spec, "affinity.nodeAffinity");
    attempt->node_selector = json_get(spec, SV("nodeSelector"));
    attempt->required_nodes =
        json_find(affinity, "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    attempt->preferred_nodes =
        json_get(affinity, SV("preferredDuringSchedulingIgnoredDuringExecution"));
    attempt->has_volumes = json_count(json_get(spec, SV("volumes"))) > 0;
    JSON_EACH (container, json_get(spec, SV("containers")))
        JSON_EACH (port, json_get(container, SV("ports")))
            attempt->has_host_ports |= json_int_or(port, SV("hostPort"), 0) != 0;
    attempt->has_unknown_resource =
        !amounts_of_pod(attempt->scheduler, attempt->pod, &attempt->requests, &attempt->weighed);
}

/* --- filters, in the order in which kube-scheduler asks them --- */

static bool refuse(struct refusal *refusal, struct sv reason, bool helps_preemption) {
    assert(refusal->count < REASONS_MAX);
    /* One reason that no other pod's end removes is enough. */
    refusal->helps_preemption =
        helps_preemption && (refusal->count == 0 || refusal->helps_preemption);
    refusal->reasons[refusal->count++] = reason;
    return false;
}

static bool is_schedulable(struct attempt *attempt, const struct scheduled_node *node,
                           struct refusal *refusal) {
    if (!node->is_unschedulable)
        return true;
    struct cJSON *taint = json_map(attempt->arena);
    json_set_string(attempt->arena, taint, SV("key"), SV("node.kubernetes.io/unschedulable"));
    json_set_string(attempt->arena, taint, SV("effect"), SV("NoSchedule"));
    return pod_tolerates(attempt->pod, taint) ||
           refuse(refusal, SV("node(s) were unschedulable"), false);
}

static bool has_no_taint(struct attempt *attempt, const struct scheduled_node *node,
                         struct refusal *refusal) {
    const struct cJSON *taint = untolerated_taint(attempt->pod, node, false);
    if (!taint)
        return true;
    struct sv text = arena_printf(attempt->arena, "node(s) had untolerated taint {%.*s: %.*s}",
                                  SV_ARG(json_string_or(taint, SV("key"), SV(""))),
                                  SV_ARG(json_string_or(taint, SV("value"), SV(""))));
    return refuse(refusal, text, false);
}

bool node_is_selected(struct attempt *attempt, const struct scheduled_node *node,
                      struct refusal *refusal) {
    bool is_match = true;
    JSON_EACH (wanted, attempt->node_selector) {
        const struct cJSON *label = json_get(node->labels, json_key(wanted));
        is_match &= label && sv_eq(json_text(label), json_text(wanted));
    }
    if (attempt->required_nodes && is_match)
        is_match = terms_match_node(attempt->required_nodes, node->tree);
    return is_match ||
           refuse(refusal, SV("node(s) didn't match Pod's node affinity/selector"), false);
}

static bool ports_clash(const struct cJSON *a, const struct cJSON *b) {
    int64_t port = json_int_or(a, SV("hostPort"), 0);
    if (port == 0 || port != json_int_or(b, SV("hostPort"), 0))
        return false;
    if (!sv_eq(json_string_or(a, SV("protocol"), SV("TCP")),
               json_string_or(b, SV("protocol"), SV("TCP"))))
        return false;
    struct sv left = json_string_or(a, SV("hostIP"), SV("0.0.0.0"));
    struct sv right = json_string_or(b, SV("hostIP"), SV("0.0.0.0"));
    return sv_eq(left, right) || sv_eq(left, SV("0.0.0.0")) || sv_eq(right, SV("0.0.0.0"));
}

static bool pod_holds_port(const struct cJSON *pod, const struct cJSON *port) {
    JSON_EACH (container, json_find(pod, "spec.containers"))
        JSON_EACH (held, json_get(container, SV("ports")))
            if (ports_clash(held, port))
                return true;
    return false;
}

static bool has_free_ports(struct attempt *attempt, const struct scheduled_node *node,
                           struct refusal *refusal) {
    if (!attempt->has_host_ports)
        return true;
    JSON_EACH (container, json_find(attempt->pod, "spec.containers")) {
        JSON_EACH (port, json_get(container, SV("ports"))) {
            if (json_int_or(port, SV("hostPort"), 0) == 0)
                continue;
            for (size_t i = 0; i < node->pods.count; i++)
                if (pod_holds_port(node->pods.items[i]->tree, port))
                    return refuse(refusal,
                                  SV("node(s) didn't have free ports for the requested pod ports"),
                                  true);
        }
    }
    return true;
}

static bool has_resources(struct attempt *attempt, const struct scheduled_node *node,
                          struct refusal *refusal) {
    bool fits = true;
    if ((int64_t)node->pods.count + 1 > node->pods_max)
        fits = refuse(refusal, SV("Too many pods"), true);
    for (size_t i = 0; i < attempt->scheduler->amount_count; i++) {
        int64_t asked = attempt->requests.of[i];
        if (asked == 0 || asked <= node->allocatable.of[i] - node->used.of[i])
            continue;
        fits = refuse(refusal,
                      arena_printf(attempt->arena, "Insufficient %.*s",
                                   SV_ARG(attempt->scheduler->amount_names[i])),
                      asked <= node->allocatable.of[i]);
    }
    return fits;
}

/* The persistent volume behind a volume of the pod; NULL when it has none (yet). */
static const struct cJSON *volume_of(struct attempt *attempt, const struct cJSON *volume) {
    struct sv claim_name = json_find_string(volume, "persistentVolumeClaim.claimName");
    if (claim_name.len == 0)
        return NULL;
    const struct cJSON *claim =
        cache_get(attempt->scheduler->claims, object_namespace(attempt->pod), claim_name);
    return cache_get(attempt->scheduler->volumes, SV(""),
                     json_find_string(claim, "spec.volumeName"));
}

static bool reaches_volumes(struct attempt *attempt, const struct scheduled_node *node,
                            struct refusal *refusal) {
    if (!attempt->has_volumes)
        return true;
    JSON_EACH (volume, json_find(attempt->pod, "spec.volumes")) {
        const struct cJSON *required =
            json_find(volume_of(attempt, volume), "spec.nodeAffinity.required");
        if (required && !terms_match_node(json_get(required, SV("nodeSelectorTerms")), node->tree))
            return refuse(refusal, SV("node(s) had volume node affinity conflict"), false);
    }
    return node_has_volumes(attempt, node) ||
           refuse(refusal, SV("node(s) didn't find available persistent volumes to bind"), false);
}

static bool keeps_spread(struct attempt *attempt, const struct scheduled_node *node,
                         struct refusal *refusal) {
    struct sv reason;
    bool helps_preemption;
    return spread_allows(attempt, node, &reason, &helps_preemption) ||
           refuse(refusal, reason, helps_preemption);
}

static bool keeps_pod_affinity(struct attempt *attempt, const struct scheduled_node *node,
                               struct refusal *refusal) {
    const char *reason = attempt->refused_by_affinity[node->number];
    return !reason || refuse(refusal, sv_from(reason), true);
}

typedef bool node_filter(struct attempt *attempt, const struct scheduled_node *node,
                         struct refusal *refusal);
static node_filter *const filters[] = {
    is_schedulable, has_no_taint,    node_is_selected, has_free_ports,
    has_resources,  reaches_volumes, keeps_spread,     keeps_pod_affinity,
};

bool node_fits(struct attempt *attempt, const struct scheduled_node *node,
               struct refusal *ret_refusal) {
    *ret_refusal = (struct refusal){0};
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        if (!filters[i](attempt, node, ret_refusal))
            return false;
    return true;
}
