/* SPDX-License-Identifier: Apache-2.0 */
/* A job's pods are found by a label that no other job has: its uid. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/server/server_parts.h"

static void set_labels(struct call *call, struct cJSON *metadata, const struct cJSON *job) {
    static const struct sv uid_keys[] = {SV("batch.kubernetes.io/controller-uid"),
                                         SV("controller-uid")};
    static const struct sv name_keys[] = {SV("batch.kubernetes.io/job-name"), SV("job-name")};
    struct cJSON *labels = json_ensure_map(call->arena, metadata, SV("labels"));
    for (size_t i = 0; i < COUNT_OF(uid_keys); i++) {
        json_set_string(call->arena, labels, uid_keys[i], object_uid(job));
        json_set_string(call->arena, labels, name_keys[i], object_name(job));
    }
}

/* A job that got the labels of its pods for want of its own shares them from then on. */
static bool shares_labels(const struct cJSON *job) {
    const struct cJSON *own = json_find(job, "metadata.labels");
    return json_count(own) > 0 && json_equal(own, json_find(job, "spec.template.metadata.labels"));
}

void identify_job(struct call *call, struct cJSON *tree) {
    struct cJSON *spec = json_get(tree, SV("spec"));
    struct cJSON *pod_template = json_get(spec, SV("template"));
    if (!json_is_map(pod_template) || json_bool_or(spec, SV("manualSelector"), false))
        return;
    if (shares_labels(tree))
        set_labels(call, json_get(tree, SV("metadata")), tree);
    set_labels(call, json_ensure_map(call->arena, pod_template, SV("metadata")), tree);
    struct cJSON *selector = json_ensure_map(call->arena, spec, SV("selector"));
    json_set_string(call->arena, json_ensure_map(call->arena, selector, SV("matchLabels")),
                    SV("batch.kubernetes.io/controller-uid"), object_uid(tree));
}

void share_job_labels(struct call *call, struct cJSON *tree) {
    const struct cJSON *labels = json_find(tree, "spec.template.metadata.labels");
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    if (json_count(json_get(metadata, SV("labels"))) == 0 && json_count(labels) > 0)
        json_set(call->arena, metadata, SV("labels"), json_copy(call->arena, labels));
}
