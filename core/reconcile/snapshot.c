/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/snapshot.h"

#include "core/api/resource.h"
#include "core/data/json.h"

#define X(name, text) [ENTRY_##name] = {text, sizeof(text) - 1},
static const struct sv entry_texts[] = {EXECUTION_ENTRIES(X)};
#undef X

static const struct observed unknown = {
    .namespace_name = {"", 0}, .name = {"", 0}, .state = OBSERVED_UNKNOWN};

struct sv execution_entry_text(enum execution_entry entry) {
    assert(entry < ENTRY_COUNT);
    return entry_texts[entry];
}

bool execution_is_unreached(const struct execution *execution) {
    return !execution->is_running &&
           (execution->error == ERROR_UNAVAILABLE || execution->error == ERROR_NOT_FOUND);
}

bool execution_will_stand_in(const struct execution *last, struct sv pod_uid) {
    if (!last)
        return false;
    return sv_eq(last->pod_uid, pod_uid) ? last->stands_in : execution_is_unreached(last);
}

const struct observed *snapshot_find(const struct snapshot *snapshot,
                                     const struct resource *resource, struct sv namespace_name,
                                     struct sv name) {
    for (size_t i = 0; i < snapshot->object_count; i++) {
        const struct observed *observed = &snapshot->objects[i];
        if (sv_eq(observed->name, name) && sv_eq(observed->namespace_name, namespace_name) &&
            resource_eq(observed->resource, resource))
            return observed;
    }
    return &unknown;
}

const struct cJSON *snapshot_claim_user(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->claim_pod_count; i++) {
        struct sv phase = json_find_string(snapshot->claim_pods[i], "status.phase");
        if (!sv_eq(phase, SV("Succeeded")) && !sv_eq(phase, SV("Failed")))
            return snapshot->claim_pods[i];
    }
    return NULL;
}

const struct execution *snapshot_execution(const struct snapshot *snapshot,
                                           enum execution_entry entry) {
    const struct execution *last = NULL;
    for (size_t i = 0; i < snapshot->execution_count; i++) {
        const struct execution *execution = &snapshot->executions[i];
        if (execution->entry != entry)
            continue;
        if (!last || execution->is_running || execution->started_ms >= last->started_ms)
            last = execution;
        if (execution->is_running)
            break;
    }
    return last;
}
