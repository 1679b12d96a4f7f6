/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/daemonset_nodes.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/scheduler_parts.h"

/* Sorted texts under one key. */
struct texts {
    VEC(char *) items;
};

struct daemonset_nodes {
    struct pod_control *control;
    struct agent_cache *nodes;
    struct map *by_label;    /* "key=value" -> struct texts: names of nodes */
    struct map *by_selector; /* key of a label, or "" for no selector -> struct texts: DaemonSets */
};

/* --- texts under keys --- */

static size_t text_position(const struct texts *texts, struct sv text, bool *ret_found) {
    size_t low = 0, high = texts->items.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sv_compare(sv_from(texts->items.items[middle]), text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = low < texts->items.count && sv_eq(sv_from(texts->items.items[low]), text);
    return low;
}

static void text_add(struct map *map, struct sv key, struct sv text) {
    struct texts *texts = map_get(map, key);
    if (!texts) {
        texts = mem_alloc(sizeof(*texts));
        map_put(map, key, texts);
    }
    bool is_found;
    size_t at = text_position(texts, text, &is_found);
    if (is_found)
        return;
    char *copy = mem_copy_text(text);
    vec_push(&texts->items, NULL);
    memmove(&texts->items.items[at + 1], &texts->items.items[at],
            sizeof(char *) * (texts->items.count - at - 1));
    texts->items.items[at] = copy;
}

static void text_remove(struct map *map, struct sv key, struct sv text) {
    struct texts *texts = map_get(map, key);
    bool is_found = false;
    size_t at = texts ? text_position(texts, text, &is_found) : 0;
    if (!is_found)
        return;
    mem_free(texts->items.items[at]);
    vec_remove(&texts->items, at);
    if (texts->items.count > 0)
        return;
    vec_release(&texts->items);
    mem_free(map_remove(map, key));
}

static void texts_free(struct map *map) {
    size_t cursor = 0;
    void *value;
    while (map_next(map, &cursor, NULL, &value)) {
        struct texts *texts = value;
        for (size_t i = 0; i < texts->items.count; i++)
            mem_free(texts->items.items[i]);
        vec_release(&texts->items);
        mem_free(texts);
    }
    map_free(map);
}

/* --- who is concerned --- */

static void mark_selecting(struct daemonset_nodes *nodes, struct sv label_key) {
    const struct texts *texts = map_get(nodes->by_selector, label_key);
    for (size_t i = 0; texts && i < texts->items.count; i++)
        agent_mark(pod_control_part(nodes->control), sv_from(texts->items.items[i]), 0);
}

static void mark_all(struct daemonset_nodes *nodes) {
    size_t cursor = 0;
    const struct cJSON *daemonset;
    while ((daemonset = cache_next(pod_control_owners(nodes->control), &cursor)))
        agent_mark_object(pod_control_part(nodes->control), daemonset);
}

static struct sv label_text(struct arena *arena, const struct cJSON *label) {
    return arena_printf(arena, "%.*s=%.*s", SV_ARG(json_key(label)), SV_ARG(json_text(label)));
}

/* Calls `change` for each label of `a` that `b` has not, or with another value. The labels of a
 * node stay in their order, and one of them changes at a time: looking at the same place first
 * keeps this linear with thousands of them. */
static bool each_difference(struct daemonset_nodes *nodes, const struct cJSON *a,
                            const struct cJSON *b, struct sv node,
                            void (*change)(struct map *map, struct sv key, struct sv text)) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *beside = b ? b->child : NULL;
    bool any = false;
    JSON_EACH (label, a) {
        bool is_beside = beside && sv_eq(json_key(beside), json_key(label));
        const struct cJSON *other = is_beside ? beside : json_get(b, json_key(label));
        beside = other ? other->next : beside;
        if (other && sv_eq(json_text(other), json_text(label)))
            continue;
        change(nodes->by_label, label_text(arena, label), node);
        mark_selecting(nodes, json_key(label));
        any = true;
    }
    return any;
}

static void handle_node(void *context, const struct cJSON *object, const struct cJSON *before,
                        bool is_gone) {
    struct daemonset_nodes *nodes = context;
    struct sv name = object_name(object);
    const struct cJSON *old_labels = json_find(before, "metadata.labels");
    const struct cJSON *labels = is_gone ? NULL : json_find(object, "metadata.labels");
    bool is_labelled = each_difference(nodes, old_labels, labels, name, text_remove);
    is_labelled |= each_difference(nodes, labels, old_labels, name, text_add);
    if (!before || is_gone || is_labelled)
        mark_selecting(nodes, SV(""));
    if (before && !is_gone &&
        !json_equal(json_find(before, "spec.taints"), json_find(object, "spec.taints")))
        mark_all(nodes);
}

static const struct cJSON *selector_of(const struct cJSON *daemonset) {
    return json_find(daemonset, "spec.template.spec.nodeSelector");
}

static void each_selector_key(struct daemonset_nodes *nodes, const struct cJSON *daemonset,
                              void (*change)(struct map *map, struct sv key, struct sv text)) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *selector = selector_of(daemonset);
    struct sv key = object_key(arena, object_namespace(daemonset), object_name(daemonset));
    JSON_EACH (label, selector)
        change(nodes->by_selector, json_key(label), key);
    /* Affinity may ask for any label. */
    if (json_count(selector) == 0 ||
        json_find(daemonset, "spec.template.spec.affinity.nodeAffinity"))
        change(nodes->by_selector, SV(""), key);
}

static void handle_daemonset(void *context, const struct cJSON *object, const struct cJSON *before,
                             bool is_gone) {
    struct daemonset_nodes *nodes = context;
    bool is_same = before && !is_gone && object_generation(before) == object_generation(object) &&
                   sv_eq(object_uid(before), object_uid(object));
    if (is_same)
        return;
    if (before)
        each_selector_key(nodes, before, text_remove);
    if (!is_gone)
        each_selector_key(nodes, object, text_add);
}

/* --- questions --- */

const struct cJSON *daemonset_nodes_get(const struct daemonset_nodes *nodes, struct sv name) {
    return cache_get(nodes->nodes, SV(""), name);
}

static int compare_names(const void *left, const void *right) {
    return sv_compare(object_name(*(const struct cJSON *const *)left),
                      object_name(*(const struct cJSON *const *)right));
}

static const struct cJSON **all_nodes(const struct daemonset_nodes *nodes, struct arena *arena,
                                      size_t *ret_count) {
    const struct cJSON **found =
        ARENA_ARRAY(arena, const struct cJSON *, cache_count(nodes->nodes) + 1);
    size_t cursor = 0, count = 0;
    while ((found[count] = cache_next(nodes->nodes, &cursor)))
        count++;
    qsort(found, count, sizeof(*found), compare_names);
    *ret_count = count;
    return found;
}

const struct cJSON **daemonset_nodes_candidates(const struct daemonset_nodes *nodes,
                                                const struct cJSON *daemonset, struct arena *arena,
                                                size_t *ret_count) {
    const struct cJSON *selector = selector_of(daemonset);
    if (json_count(selector) == 0)
        return all_nodes(nodes, arena, ret_count);
    const struct texts *names = map_get(nodes->by_label, label_text(arena, selector->child));
    size_t count = names ? names->items.count : 0;
    const struct cJSON **found = ARENA_ARRAY(arena, const struct cJSON *, count + 1);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct cJSON *node = daemonset_nodes_get(nodes, sv_from(names->items.items[i]));
        if (node)
            found[(*ret_count)++] = node;
    }
    return found;
}

static bool is_selected(const struct cJSON *pod, const struct cJSON *node) {
    const struct cJSON *labels = json_find(node, "metadata.labels");
    struct sv node_name = json_find_string(pod, "spec.nodeName");
    const struct cJSON *terms =
        json_find(pod, "spec.affinity.nodeAffinity."
                       "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    if (node_name.len > 0 && !sv_eq(node_name, object_name(node)))
        return false;
    JSON_EACH (label, json_find(pod, "spec.nodeSelector")) {
        const struct cJSON *value = json_get(labels, json_key(label));
        if (!value || !sv_eq(json_text(value), json_text(label)))
            return false;
    }
    return !terms || terms_match_node(terms, node);
}

struct daemonset_fit daemonset_fits_node(const struct cJSON *pod, const struct cJSON *node) {
    bool repels_new = false, repels_all = false;
    if (!node || !is_selected(pod, node))
        return (struct daemonset_fit){false, false};
    JSON_EACH (taint, json_find(node, "spec.taints")) {
        struct sv effect = json_string_or(taint, SV("effect"), SV(""));
        if (sv_eq(effect, SV("PreferNoSchedule")) || pod_tolerates(pod, taint))
            continue;
        repels_new = true;
        repels_all |= sv_eq(effect, SV("NoExecute"));
    }
    return (struct daemonset_fit){.should_run = !repels_new, .may_stay = !repels_all};
}

/* --- life --- */

struct daemonset_nodes *daemonset_nodes_new(struct agent *agent, struct pod_control *control) {
    struct daemonset_nodes *nodes = mem_alloc(sizeof(*nodes));
    nodes->control = control;
    nodes->by_label = map_new();
    nodes->by_selector = map_new();
    nodes->nodes = agent_watch(agent, &RESOURCE_NODES, handle_node, nodes);
    agent_watch(agent, pod_control_resource(control), handle_daemonset, nodes);
    return nodes;
}

void daemonset_nodes_free(struct daemonset_nodes *nodes) {
    if (!nodes)
        return;
    texts_free(nodes->by_label);
    texts_free(nodes->by_selector);
    mem_free(nodes);
}
