/* SPDX-License-Identifier: Apache-2.0 */
/* Where workers may run: the dataset's placement and node affinity (fluid-contract.md §3.6). */
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"

#define REQUIRED SV("requiredDuringSchedulingIgnoredDuringExecution")
#define PREFERRED SV("preferredDuringSchedulingIgnoredDuringExecution")

/* {"key": key, "operator": op, "values": [value]}; without values when `value` is empty. */
static struct cJSON *expression(struct pass *pass, struct sv key, struct sv op, struct sv value) {
    struct cJSON *item = json_map(pass->arena);
    json_set_string(pass->arena, item, SV("key"), key);
    json_set_string(pass->arena, item, SV("operator"), op);
    if (value.len > 0)
        json_append(json_ensure_list(pass->arena, item, SV("values")),
                    json_string(pass->arena, value));
    return item;
}

static struct cJSON *pod_term(struct pass *pass, struct cJSON *requirement) {
    struct cJSON *term = json_map(pass->arena);
    struct cJSON *selector = json_ensure_map(pass->arena, term, SV("labelSelector"));
    json_append(json_ensure_list(pass->arena, selector, SV("matchExpressions")), requirement);
    json_set_string(pass->arena, term, SV("topologyKey"), SV("kubernetes.io/hostname"));
    return term;
}

static struct cJSON *weighted(struct pass *pass, int64_t weight, struct sv key,
                              struct cJSON *value) {
    struct cJSON *item = json_map(pass->arena);
    json_set_int(pass->arena, item, SV("weight"), weight);
    json_set(pass->arena, item, key, value);
    return item;
}

static void render_pod_anti_affinity(struct pass *pass, struct cJSON *affinity) {
    struct cJSON *rules = json_ensure_map(pass->arena, affinity, SV("podAntiAffinity"));
    struct cJSON *any = pod_term(pass, expression(pass, LABEL_DATASET, SV("Exists"), SV("")));
    if (!sv_eq(render_placement(pass), SV("Shared"))) {
        json_append(json_ensure_list(pass->arena, rules, REQUIRED), any);
        return;
    }
    json_append(json_ensure_list(pass->arena, rules, PREFERRED),
                weighted(pass, 50, SV("podAffinityTerm"), any));
    json_append(
        json_ensure_list(pass->arena, rules, REQUIRED),
        pod_term(pass, expression(pass, LABEL_DATASET_PLACEMENT, SV("In"), SV("Exclusive"))));
}

static void append_copies(struct pass *pass, struct cJSON *term, struct sv key,
                          const struct cJSON *from) {
    if (json_count(json_get(from, key)) == 0)
        return;
    struct cJSON *list = json_ensure_list(pass->arena, term, key);
    JSON_EACH (item, json_get(from, key))
        json_append(list, json_copy(pass->arena, item));
}

/* Terms are alternatives, so both sides hold when every pair of terms does. */
static struct cJSON *product(struct pass *pass, const struct cJSON *ours,
                             const struct cJSON *theirs) {
    struct cJSON *terms = json_list(pass->arena);
    JSON_EACH (a, ours) {
        JSON_EACH (b, theirs) {
            struct cJSON *term = json_copy(pass->arena, a);
            append_copies(pass, term, SV("matchExpressions"), b);
            append_copies(pass, term, SV("matchFields"), b);
            json_append(terms, term);
        }
    }
    return terms;
}

static void render_node_affinity(struct pass *pass, struct cJSON *affinity) {
    struct cJSON *rules = json_ensure_map(pass->arena, affinity, SV("nodeAffinity"));
    struct cJSON *preference = json_map(pass->arena);
    json_append(json_ensure_list(pass->arena, preference, SV("matchExpressions")),
                expression(pass, pass->names.fuse_label, SV("In"), SV("true")));
    json_append(json_ensure_list(pass->arena, rules, PREFERRED),
                weighted(pass, 100, SV("preference"), preference));
    const struct cJSON *wanted =
        json_find(pass->snapshot->dataset, "spec.nodeAffinity.required.nodeSelectorTerms");
    if (json_count(wanted) == 0)
        return;
    struct cJSON *required = json_ensure_map(pass->arena, rules, REQUIRED);
    const struct cJSON *own = json_get(required, SV("nodeSelectorTerms"));
    struct cJSON *terms =
        json_count(own) == 0 ? json_copy(pass->arena, wanted) : product(pass, own, wanted);
    json_set(pass->arena, required, SV("nodeSelectorTerms"), terms);
}

void render_affinity(struct pass *pass, const struct component *component, struct cJSON *pod) {
    if (component->type != COMPONENT_WORKER)
        return;
    struct cJSON *affinity = json_ensure_map(pass->arena, pod, SV("affinity"));
    render_pod_anti_affinity(pass, affinity);
    render_node_affinity(pass, affinity);
}
