/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/objects_inputs.h"

#include "core/api/resource.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/field_entries.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/snapshot.h"

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* Volume and claim have a gate of their own. Of the runtime only what it asks for is read: what was
 * written to its status last says nothing of its objects. */
static bool is_read_here(const struct observed *observed) {
    return observed->resource != &RESOURCE_PERSISTENT_VOLUMES &&
           observed->resource != &RESOURCE_PERSISTENT_VOLUME_CLAIMS &&
           observed->resource != &RESOURCE_CACHE_RUNTIMES;
}

/* Without its status, which changes while nothing is to be written. */
static uint64_t mix_observed(uint64_t hash, const struct observed *observed) {
    hash = mix(hash, sv_hash(observed->resource->plural));
    hash = mix(hash, sv_hash(observed->resource->group));
    hash = mix(hash, sv_hash(observed->namespace_name));
    hash = mix(hash, sv_hash(observed->name));
    hash = mix(hash, (uint64_t)observed->state);
    hash = mix(hash, observed->last_desired_hash);
    hash = mix(hash, observed->last_response_hash);
    hash = mix(hash, field_entries_are_foreign(observed->object));
    return mix(hash, covers_content_hash(observed->object));
}

uint64_t objects_inputs(const struct pass *pass, const int64_t *replicas) {
    const struct snapshot *snapshot = pass->snapshot;
    const struct cJSON *const givers[] = {snapshot->runtime_class, snapshot->runtime,
                                          snapshot->dataset};
    uint64_t hash = mix(sv_hash(snapshot->namespace_name), sv_hash(snapshot->name));
    for (size_t i = 0; i < COUNT_OF(givers); i++)
        hash = mix(hash, givers[i] ? covers_content_hash(givers[i]) : 1);
    for (size_t i = 0; i < COMPONENT_COUNT; i++)
        hash = mix(hash, (uint64_t)replicas[i]);
    hash = mix(hash, sv_hash(snapshot->options->mount_root));
    hash = mix(hash, sv_hash(snapshot->options->field_manager));
    hash = mix(hash, sv_hash(snapshot->options->host_path_prefixes));
    hash = mix(hash, snapshot->may_roll);
    for (size_t i = 0; i < snapshot->object_count; i++)
        if (is_read_here(&snapshot->objects[i]))
            hash = mix_observed(hash, &snapshot->objects[i]);
    return hash ? hash : 1;
}
