/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sample.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"

struct cJSON *sample_dataset(struct arena *arena, struct sv name) {
    struct cJSON *dataset = object_new(arena, &RESOURCE_DATASETS, SV(""), name);
    struct cJSON *spec = json_ensure_map(arena, dataset, SV("spec"));
    struct cJSON *mount = json_map(arena);
    json_set_string(arena, mount, SV("mountPoint"), SV("s3://sample-bucket/data"));
    json_set_string(arena, mount, SV("name"), SV("data"));
    json_append(json_ensure_list(arena, spec, SV("mounts")), mount);
    return dataset;
}

static void add_tiered_store(struct arena *arena, struct cJSON *worker) {
    struct cJSON *store = json_ensure_map(arena, worker, SV("tieredStore"));
    struct cJSON *level = json_map(arena);
    struct cJSON *medium = json_ensure_map(arena, level, SV("emptyDir"));
    json_set_string(arena, medium, SV("quota"), SV("1Gi"));
    json_append(json_ensure_list(arena, store, SV("levels")), level);
}

/* Replicas make no sense for a DaemonSet and are refused there. */
static bool has_replicas(const struct cJSON *component) {
    return component && !sv_eq(json_find_string(component, "workloadType.kind"), SV("DaemonSet"));
}

struct cJSON *sample_runtime(struct arena *arena, struct sv name,
                             const struct cJSON *runtime_class) {
    struct cJSON *runtime = object_new(arena, &RESOURCE_CACHE_RUNTIMES, SV(""), name);
    struct cJSON *spec = json_ensure_map(arena, runtime, SV("spec"));
    json_set_string(arena, spec, SV("runtimeClassName"), object_name(runtime_class));
    const struct cJSON *master = json_find(runtime_class, "topology.master");
    const struct cJSON *worker = json_find(runtime_class, "topology.worker");
    if (has_replicas(master))
        json_set_int(arena, json_ensure_map(arena, spec, SV("master")), SV("replicas"), 1);
    if (has_replicas(worker))
        json_set_int(arena, json_ensure_map(arena, spec, SV("worker")), SV("replicas"), 1);
    if (worker && !json_get(worker, SV("tieredStore")))
        add_tiered_store(arena, json_ensure_map(arena, spec, SV("worker")));
    return runtime;
}
