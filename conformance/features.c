/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/features.h"

#include "core/data/json.h"

/* A feature is claimed by the first of its places that is there. A "*" stands for every item. */
enum document { IN_CLASS, IN_DATASET, IN_RUNTIME };
static const struct {
    const char *name;
    enum document document;
    const char *path;
    bool needs_many; /* a number above 1 */
} features[] = {
    {"role-master", IN_CLASS, "topology.master", false},
    {"role-worker", IN_CLASS, "topology.worker", false},
    {"role-client", IN_CLASS, "topology.client", false},
    {"fuse", IN_CLASS, "topology.client.template.spec.containers.0.securityContext.privileged",
     false},
    {"ufs", IN_CLASS, "topology.*.executionEntries.mountUFS", false},
    {"report", IN_CLASS, "topology.*.executionEntries.reportSummary", false},
    {"ready-check", IN_CLASS, "topology.*.executionEntries.checkRuntimeReady", false},
    {"secrets", IN_DATASET, "spec.mounts.*.encryptOptions", false},
    {"secrets", IN_DATASET, "spec.sharedEncryptOptions", false},
    {"tiered", IN_CLASS, "topology.worker.tieredStore", false},
    {"tiered", IN_RUNTIME, "spec.worker.tieredStore", false},
    {"ha-masters", IN_RUNTIME, "spec.master.replicas", true},
    {"extra", IN_CLASS, "extraResources.configMaps", false},
    {"dataload", IN_CLASS, "dataOperationSpecs", false},
    {"hostNetwork", IN_CLASS, "topology.*.template.spec.hostNetwork", false},
};

/* The first item at the path, below each of its "*" in turn. */
static const struct cJSON *find_item(const struct cJSON *root, struct sv path) {
    while (root && path.len > 0) {
        struct sv key = sv_cut(&path, '.');
        int64_t index;
        if (sv_eq(key, SV("*"))) {
            JSON_EACH (item, root) {
                const struct cJSON *found = find_item(item, path);
                if (found)
                    return found;
            }
            return NULL;
        }
        root = json_is_list(root) && sv_to_int64(key, &index) ? json_at(root, (size_t)index)
                                                              : json_get(root, key);
    }
    return root;
}

static bool is_claim(const struct cJSON *item, bool needs_many) {
    int64_t number;
    if (needs_many)
        return json_to_int64(item, &number) && number > 1;
    return item && (!json_is_bool(item) || json_is_true(item));
}

static const struct cJSON *find_in(size_t row, const struct cJSON *const *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct cJSON *item = find_item(items[i], sv_from(features[row].path));
        if (is_claim(item, features[row].needs_many))
            return item;
    }
    return NULL;
}

size_t feature_count(void) {
    return COUNT_OF(features);
}

struct sv feature_name(size_t row) {
    return sv_from(features[row].name);
}

const struct cJSON *feature_claim(size_t row, const struct feature_source *source) {
    if (features[row].document == IN_CLASS)
        return find_in(row, &source->runtime_class, 1);
    if (features[row].document == IN_DATASET)
        return find_in(row, source->datasets, source->dataset_count);
    return find_in(row, source->runtimes, source->runtime_count);
}
