/* SPDX-License-Identifier: Apache-2.0 */
/* The taints that a node has for its conditions. */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/node_lifecycle_parts.h"

#define NO_SCHEDULE SV("NoSchedule")
#define NO_EXECUTE SV("NoExecute")
#define ANNOTATION_TTL SV("node.alpha.kubernetes.io/ttl")

static const struct {
    struct sv condition, status, key;
    bool is_evicting; /* also NoExecute */
} rules[] = {
    {SV("Ready"), SV("False"), SV("node.kubernetes.io/not-ready"), true},
    {SV("Ready"), SV("Unknown"), SV("node.kubernetes.io/unreachable"), true},
    {SV("MemoryPressure"), SV("True"), SV("node.kubernetes.io/memory-pressure"), false},
    {SV("DiskPressure"), SV("True"), SV("node.kubernetes.io/disk-pressure"), false},
    {SV("PIDPressure"), SV("True"), SV("node.kubernetes.io/pid-pressure"), false},
    {SV("NetworkUnavailable"), SV("True"), SV("node.kubernetes.io/network-unavailable"), false},
};
#define KEY_UNSCHEDULABLE SV("node.kubernetes.io/unschedulable")

static struct sv status_of(const struct cJSON *node, struct sv condition) {
    return json_string_or(object_condition(node, condition), SV("status"), SV(""));
}

bool node_is_unready(const struct cJSON *node) {
    struct sv status = status_of(node, SV("Ready"));
    return status.len > 0 && !sv_eq(status, SV("True"));
}

bool node_has_no_execute(const struct cJSON *node) {
    JSON_EACH (taint, json_find(node, "spec.taints"))
        if (sv_eq(json_string_or(taint, SV("effect"), SV("")), NO_EXECUTE))
            return true;
    return false;
}

static bool is_ours(const struct cJSON *taint) {
    struct sv key = json_string_or(taint, SV("key"), SV(""));
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (sv_eq(rules[i].key, key))
            return true;
    return sv_eq(key, KEY_UNSCHEDULABLE);
}

static const struct cJSON *find_taint(const struct cJSON *taints, struct sv key, struct sv effect) {
    JSON_EACH (taint, taints)
        if (sv_eq(json_string_or(taint, SV("key"), SV("")), key) &&
            sv_eq(json_string_or(taint, SV("effect"), SV("")), effect))
            return taint;
    return NULL;
}

/* A taint that is there already keeps its time. */
static void want(struct cJSON *wanted, const struct cJSON *present, struct sv key, struct sv effect,
                 int64_t now_ms, struct arena *arena) {
    const struct cJSON *known = find_taint(present, key, effect);
    if (known) {
        json_append(wanted, json_copy(arena, known));
        return;
    }
    struct cJSON *taint = json_append(wanted, json_map(arena));
    json_set_string(arena, taint, SV("key"), key);
    json_set_string(arena, taint, SV("effect"), effect);
    json_set_string(arena, taint, SV("timeAdded"), api_time_format(now_ms, arena));
}

static struct cJSON *wanted_taints(const struct cJSON *node, int64_t now_ms, struct arena *arena) {
    const struct cJSON *present = json_find(node, "spec.taints");
    struct cJSON *wanted = json_list(arena);
    JSON_EACH (taint, present)
        if (!is_ours(taint))
            json_append(wanted, json_copy(arena, taint));
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (!sv_eq(status_of(node, rules[i].condition), rules[i].status))
            continue;
        want(wanted, present, rules[i].key, NO_SCHEDULE, now_ms, arena);
        if (rules[i].is_evicting)
            want(wanted, present, rules[i].key, NO_EXECUTE, now_ms, arena);
    }
    if (json_bool_or(json_get(node, SV("spec")), SV("unschedulable"), false))
        want(wanted, present, KEY_UNSCHEDULABLE, NO_SCHEDULE, now_ms, arena);
    return wanted;
}

static bool have_same_taints(const struct cJSON *a, const struct cJSON *b) {
    JSON_EACH (taint, a)
        if (!find_taint(b, json_string_or(taint, SV("key"), SV("")),
                        json_string_or(taint, SV("effect"), SV(""))))
            return false;
    return json_count(a) == json_count(b);
}

void node_write_taints(struct node_lifecycle *lifecycle, const struct cJSON *node,
                       struct arena *arena) {
    /* It keeps the taint that it was registered with until its kubelet has reported. */
    if (status_of(node, SV("Ready")).len == 0 || object_is_deleting(node))
        return;
    int64_t now_ms = agent_now_ms(lifecycle->agent);
    struct cJSON *wanted = wanted_taints(node, now_ms, arena);
    bool has_ttl = json_get(json_find(node, "metadata.annotations"), ANNOTATION_TTL) != NULL;
    if (has_ttl && have_same_taints(wanted, json_find(node, "spec.taints")))
        return;
    struct cJSON *patch = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, patch, SV("metadata"));
    json_set_string(arena, metadata, SV("resourceVersion"), object_resource_version(node));
    object_set_annotation(arena, patch, ANNOTATION_TTL, SV("0"));
    json_set(arena, json_ensure_map(arena, patch, SV("spec")), SV("taints"),
             json_count(wanted) > 0 ? wanted : json_null(arena));
    struct request request =
        agent_merge_patch(&RESOURCE_NODES, SV(""), object_name(node), SV(""), patch);
    agent_send(lifecycle->part, object_name(node), &request);
}
