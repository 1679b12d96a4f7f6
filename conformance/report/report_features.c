/* SPDX-License-Identifier: Apache-2.0 */
/* What a class and its samples claim: features are inferred, never declared. */
#include "conformance/report/report_parts.h"

#include "conformance/subject.h"
#include "core/base/arena.h"
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

static const struct cJSON *find_claim(const struct subject *subject, size_t row) {
    struct sv path = sv_from(features[row].path);
    bool needs_many = features[row].needs_many;
    const struct cJSON *item = NULL;
    if (features[row].document == IN_CLASS) {
        item = find_item(subject->runtime_class, path);
        return is_claim(item, needs_many) ? item : NULL;
    }
    for (size_t i = 0; i < subject->sample_count; i++) {
        const struct sample *sample = &subject->samples[i];
        item = find_item(features[row].document == IN_DATASET ? sample->dataset : sample->runtime,
                         path);
        if (!sample->is_generated && is_claim(item, needs_many))
            return item;
    }
    return NULL;
}

static bool has_feature(const struct cJSON *list, struct sv name) {
    JSON_EACH (feature, list) {
        if (sv_eq(json_string_or(feature, SV("name"), SV("")), name))
            return true;
    }
    return false;
}

static struct location locate(const struct subject *subject, const struct cJSON *item) {
    for (size_t i = 0; i < subject->manifest_count; i++) {
        struct location location = manifest_locate(&subject->manifests[i], item, true);
        if (location.line > 0)
            return location;
    }
    return manifest_locate(subject->class_manifest, subject->runtime_class, false);
}

void report_add_features(const struct subject *subject, struct arena *arena, struct cJSON *report) {
    struct cJSON *list = json_ensure_list(arena, report, SV("features"));
    for (size_t i = 0; i < COUNT_OF(features); i++) {
        const struct cJSON *item = find_claim(subject, i);
        if (!item || has_feature(list, sv_from(features[i].name)))
            continue;
        struct cJSON *feature = json_append(list, json_map(arena));
        json_set_string(arena, feature, SV("name"), sv_from(features[i].name));
        json_set_string(arena, feature, SV("state"), SV("claimed"));
        struct location at = locate(subject, item);
        report_add_location(arena, json_ensure_map(arena, feature, SV("because")), &at);
    }
}
