/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/nodes.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "core/reconcile/node_capacity.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"

/* The patch of one node in the making. */
struct node_patch {
    struct pass *pass;
    const struct cJSON *node;
    struct cJSON *tests, *changes;
    bool tests_version;
};

static bool is_true(const struct cJSON *node, struct sv key) {
    return sv_eq(object_label(node, key), SV("true"));
}

/* "/metadata/labels/" and the key, with "~" and "/" spelled as JSON pointers want. */
static struct sv pointer_to(struct pass *pass, struct sv key) {
    struct sv path = SV("/metadata/labels/");
    while (key.len > 0) {
        size_t len = 0;
        while (len < key.len && key.ptr[len] != '/' && key.ptr[len] != '~')
            len++;
        const char *escape = len == key.len ? "" : key.ptr[len] == '/' ? "~1" : "~0";
        path = arena_printf(pass->arena, "%.*s%.*s%s", SV_ARG(path), SV_ARG(sv_prefix(key, len)),
                            escape);
        key = sv_drop(key, len + 1);
    }
    return path;
}

static struct cJSON *add(struct node_patch *patch, struct cJSON *list, struct sv op,
                         struct sv path) {
    struct cJSON *item = json_append(list, json_map(patch->pass->arena));
    json_set_string(patch->pass->arena, item, SV("op"), op);
    json_set_string(patch->pass->arena, item, SV("path"), path);
    return item;
}

static bool has_label(const struct cJSON *node, struct sv key) {
    return json_get(json_find(node, "metadata.labels"), key) != NULL;
}

static void test_label(struct node_patch *patch, struct sv key) {
    struct arena *arena = patch->pass->arena;
    struct cJSON *test = add(patch, patch->tests, SV("test"), pointer_to(patch->pass, key));
    json_set_string(arena, test, SV("value"), object_label(patch->node, key));
}

static void set_label(struct node_patch *patch, struct sv key, struct sv value) {
    if (sv_eq(object_label(patch->node, key), value) && has_label(patch->node, key))
        return;
    if (has_label(patch->node, key))
        test_label(patch, key);
    struct cJSON *change = add(patch, patch->changes, SV("add"), pointer_to(patch->pass, key));
    json_set_string(patch->pass->arena, change, SV("value"), value);
}

static void drop_label(struct node_patch *patch, struct sv key) {
    if (!has_label(patch->node, key))
        return;
    test_label(patch, key);
    add(patch, patch->changes, SV("remove"), pointer_to(patch->pass, key));
}

/* That a label is absent cannot be tested: where somebody else must not have given it meanwhile,
 * the node must not have changed at all. */
static void test_version(struct node_patch *patch) {
    if (patch->tests_version)
        return;
    patch->tests_version = true;
    struct cJSON *test = add(patch, patch->tests, SV("test"), SV("/metadata/resourceVersion"));
    json_set_string(patch->pass->arena, test, SV("value"), object_resource_version(patch->node));
}

/* How many datasets have a cache on the node; moves in the same patch as our label. */
static void change_dataset_num(struct node_patch *patch, int64_t by) {
    int64_t count = 0;
    if (!sv_to_int64(object_label(patch->node, LABEL_DATASET_NUM), &count) || count < 0)
        count = 0;
    if (!has_label(patch->node, LABEL_DATASET_NUM))
        test_version(patch);
    if (count + by > 0)
        set_label(patch, LABEL_DATASET_NUM,
                  pass_printf(patch->pass, "%lld", (long long)(count + by)));
    else
        drop_label(patch, LABEL_DATASET_NUM);
}

static void send(struct node_patch *patch, struct sv reason, const char *what) {
    struct pass *pass = patch->pass;
    if (!patch->changes->child)
        return;
    struct sv name = object_name(patch->node);
    struct action *action =
        pass_add(pass, ACTION_PATCH, STEP_NODES, reason,
                 pass_printf(pass, "%s labels of Node %.*s", what, SV_ARG(name)));
    action->resource = &RESOURCE_NODES;
    action->name = name;
    action->patch_type = PATCH_JSON;
    action->made_for = object_resource_version(patch->node);
    action->body = patch->tests;
    struct cJSON *next;
    for (struct cJSON *change = patch->changes->child; change; change = next) {
        next = change->next;
        json_detach(patch->changes, change);
        json_append(action->body, change);
    }
}

static struct node_patch begin(struct pass *pass, const struct cJSON *node) {
    struct node_patch patch = {.pass = pass, .node = node};
    patch.tests = json_list(pass->arena);
    patch.changes = json_list(pass->arena);
    if (!json_is_map(json_find(node, "metadata.labels"))) {
        struct cJSON *change = add(&patch, patch.changes, SV("add"), SV("/metadata/labels"));
        json_set(pass->arena, change, SV("value"), json_map(pass->arena));
    }
    return patch;
}

/* --- which nodes --- */

const struct component *nodes_cache_component(const struct pass *pass) {
    const struct component *worker = &pass->components[COMPONENT_WORKER];
    const struct component *client = &pass->components[COMPONENT_CLIENT];
    if (worker->is_enabled)
        return worker;
    return client->is_enabled && client->is_always ? client : NULL;
}

/* How many pods of the component each node has that has one, by its name. */
static struct map *count_cache_pods(struct pass *pass, const struct component *component) {
    struct map *nodes = map_new();
    for (size_t i = 0; component && i < pass->snapshot->pod_count; i++) {
        const struct cJSON *pod = pass->snapshot->pods[i];
        struct sv node = json_find_string(pod, "spec.nodeName");
        if (node.len == 0 ||
            !sv_eq(object_label(pod, LABEL_COMPONENT_NAME), component->workload_name))
            continue;
        size_t *count = map_get(nodes, node);
        if (!count)
            map_put(nodes, node, count = ARENA_NEW(pass->arena, size_t));
        (*count)++;
    }
    return nodes;
}

/* Workers may claim a node for themselves. Clients that run everywhere do not, and whoever was
 * first keeps it: two that overwrite each other would never come to an end. */
static void mark_exclusive(struct node_patch *patch, const struct component *component) {
    struct sv mine = patch->pass->names.exclusive;
    struct sv old = object_label(patch->node, LABEL_EXCLUSIVE);
    bool wants_it =
        component->type == COMPONENT_WORKER && !sv_eq(render_placement(patch->pass), SV("Shared"));
    if (wants_it && old.len == 0) {
        test_version(patch);
        set_label(patch, LABEL_EXCLUSIVE, mine);
    } else if (!wants_it && sv_eq(old, mine)) {
        drop_label(patch, LABEL_EXCLUSIVE);
    }
}

/* What is not known has no label. */
static void keep_label(struct node_patch *patch, struct sv key, struct sv value) {
    if (value.len > 0)
        set_label(patch, key, value);
    else
        drop_label(patch, key);
}

static void label_node(struct pass *pass, const struct component *component,
                       const struct cJSON *node, size_t pod_count) {
    const struct names *names = &pass->names;
    struct node_patch patch = begin(pass, node);
    struct node_capacity capacity =
        node_capacity_of(pass, component, pod_count, object_label(node, names->total_label));
    if (!is_true(node, names->runtime_label))
        change_dataset_num(&patch, 1);
    set_label(&patch, names->runtime_label, SV("true"));
    set_label(&patch, names->common_label, SV("true"));
    mark_exclusive(&patch, component);
    keep_label(&patch, names->total_label, capacity.total);
    keep_label(&patch, names->memory_label, capacity.memory);
    keep_label(&patch, names->disk_label, capacity.disk);
    send(&patch, SV("CacheOnNode"), "Write");
}

static void drop_cache_labels(struct node_patch *patch) {
    const struct names *names = &patch->pass->names;
    if (is_true(patch->node, names->runtime_label))
        change_dataset_num(patch, -1);
    drop_label(patch, names->runtime_label);
    drop_label(patch, names->common_label);
    drop_label(patch, names->total_label);
    drop_label(patch, names->disk_label);
    drop_label(patch, names->memory_label);
    if (sv_eq(object_label(patch->node, LABEL_EXCLUSIVE), names->exclusive))
        drop_label(patch, LABEL_EXCLUSIVE);
}

static bool carries_labels(const struct pass *pass, const struct cJSON *node) {
    return has_label(node, pass->names.runtime_label) || has_label(node, pass->names.common_label);
}

/* The administrator wants no labels there; those that are, are kept up to date until they go. */
static bool is_excluded(const struct pass *pass, const struct cJSON *node) {
    struct selector selector;
    struct error err = {0};
    struct sv text = pass->snapshot->options->excluded_nodes;
    return text.len > 0 && !carries_labels(pass, node) &&
           selector_parse(pass->arena, text, &selector, &err) &&
           selector_matches(&selector, json_find(node, "metadata.labels"));
}

void gate_nodes(struct pass *pass) {
    const struct component *component = nodes_cache_component(pass);
    AUTO(map) cache_pods = count_cache_pods(pass, component);
    size_t before = pass->plan->action_count;
    for (size_t i = 0; i < pass->snapshot->node_count; i++) {
        const struct cJSON *node = pass->snapshot->nodes[i];
        const size_t *pod_count = map_get(cache_pods, object_name(node));
        if (pod_count && !is_excluded(pass, node)) {
            label_node(pass, component, node, *pod_count);
        } else if (!pod_count && carries_labels(pass, node)) {
            struct node_patch patch = begin(pass, node);
            drop_cache_labels(&patch);
            send(&patch, SV("NoCacheOnNode"), "Remove");
        }
    }
    if (pass->plan->action_count == before)
        pass_open(pass, GATE_NODES);
    else
        pass_close(pass, GATE_NODES, SV("NodesDiffer"), SV("writes labels of nodes"));
}

bool nodes_release(struct pass *pass) {
    bool is_done = true;
    for (size_t i = 0; i < pass->snapshot->node_count; i++) {
        const struct cJSON *node = pass->snapshot->nodes[i];
        bool has_fuse = has_label(node, pass->names.fuse_label);
        if (!has_fuse && !carries_labels(pass, node))
            continue;
        struct node_patch patch = begin(pass, node);
        drop_cache_labels(&patch);
        drop_label(&patch, pass->names.fuse_label);
        send(&patch, SV("RuntimeDeleted"), "Remove");
        is_done = false;
    }
    return is_done;
}
