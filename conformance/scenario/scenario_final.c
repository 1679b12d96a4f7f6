/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_final.h"

#include "conformance/session.h"
#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "core/reconcile/names.h"
#include "fakeapi/cluster/world.h"

static const struct resource *const compared[] = {
    &RESOURCE_PODS,
    &RESOURCE_NODES,
    &RESOURCE_NAMESPACES,
    &RESOURCE_SERVICES,
    &RESOURCE_CONFIG_MAPS,
    &RESOURCE_SECRETS,
    &RESOURCE_PERSISTENT_VOLUMES,
    &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
    &RESOURCE_ENDPOINT_SLICES,
    &RESOURCE_STATEFUL_SETS,
    &RESOURCE_DAEMON_SETS,
    &RESOURCE_DEPLOYMENTS,
    &RESOURCE_CACHE_RUNTIME_CLASSES,
    &RESOURCE_CACHE_RUNTIMES,
    &RESOURCE_DATASETS,
};

struct normaliser {
    struct arena *arena;
    bool ignores_placement;
    struct map *node_labels; /* "key=value", or a key -> the sum of its quantities */
    struct map *replaced;    /* a uid or a generated name -> struct sv, what stands for it */
};

/* --- names for uids and generated names --- */

static void replace(struct normaliser *normaliser, struct sv text, struct sv by) {
    struct sv *value = ARENA_NEW(normaliser->arena, struct sv);
    *value = by;
    if (text.len > 0)
        map_put(normaliser->replaced, text, value);
}

/* "demo-worker-" and "demo-worker-12": a StatefulSet's pods have names of their own. */
static bool is_ordinal(struct sv name, struct sv prefix) {
    int64_t ordinal;
    return sv_to_int64(sv_drop(name, prefix.len), &ordinal) && ordinal >= 0;
}

/* The volume with the service account's token, which the API server adds to each pod. */
static void learn_volumes(struct normaliser *normaliser, const struct cJSON *pod) {
    JSON_EACH (volume, json_find(pod, "spec.volumes")) {
        struct sv name = json_find_string(volume, "name");
        if (sv_starts_with(name, SV("kube-api-access-")))
            replace(normaliser, name, SV("kube-api-access-<suffix>"));
    }
}

static void learn(struct normaliser *normaliser, const struct cJSON *object, struct sv plural) {
    struct sv name = object_name(object);
    if (normaliser->ignores_placement && sv_eq(plural, RESOURCE_NODES.plural))
        replace(normaliser, name, SV("<node>"));
    struct sv prefix = json_find_string(object, "metadata.generateName");
    learn_volumes(normaliser, object);
    if (prefix.len > 0 && !is_ordinal(name, prefix)) {
        /* A DaemonSet has one pod a node: the node tells them apart. */
        struct sv node =
            normaliser->ignores_placement ? SV("node") : json_find_string(object, "spec.nodeName");
        struct sv stable =
            arena_printf(normaliser->arena, "%.*s<%.*s>", SV_ARG(prefix), SV_ARG(node));
        replace(normaliser, name, stable);
        name = stable;
    }
    replace(normaliser, object_uid(object),
            arena_printf(normaliser->arena, "<uid of %.*s %.*s>", SV_ARG(plural), SV_ARG(name)));
}

/* --- masking --- */

static bool is_masked(struct sv key) {
    static const struct sv keys[] = {
        SV("uid"),       SV("resourceVersion"), SV("managedFields"), SV("time"),
        SV("clusterIP"), SV("clusterIPs"),      SV("podIP"),         SV("podIPs"),
        SV("hostIP"),    SV("hostIPs"),         SV("containerID"),   SV("addresses"),
        SV("startedAt"), SV("finishedAt"),      SV("imageID"),       SV("setupDuration"),
        SV("podUID"),    SV("lastState"),       SV("restartCount"),  SV("daemonEndpoints"),
        SV("timeAdded"),
    };
    return sv_ends_with(key, SV("Time")) || sv_ends_with(key, SV("Timestamp")) ||
           sv_ends_with(key, SV("-time")) || sv_eq(key, ANNOTATION_APPLIED) ||
           sv_index_of(key, keys, COUNT_OF(keys)) < COUNT_OF(keys);
}

/* What tells of the past only: how the number of workers moved last, and that a difference, an
 * outdated volume, an update or a trouble is over. */
static bool is_history(const struct cJSON *item) {
    static const struct {
        struct sv type, status;
    } past[] = {
        {{"Synced", 6}, {"True", 4}},           {{"VolumeOutdated", 14}, {"False", 5}},
        {{"NotReady", 8}, {"False", 5}},        {{"Updating", 8}, {"False", 5}},
        {{"UpdateReady", 11}, {"True", 4}},     {{"WorkersScaledOut", 16}, {"True", 4}},
        {{"WorkersScaledIn", 15}, {"True", 4}},
    };
    if (!json_is_map(item))
        return false;
    struct sv type = json_find_string(item, "type"), status = json_find_string(item, "status");
    for (size_t i = 0; i < COUNT_OF(past); i++)
        if (sv_eq(type, past[i].type) && sv_eq(status, past[i].status))
            return true;
    return false;
}

/* Of an object that several runtimes share, the label and the first owner tell which of them came
 * first. */
static void mask_first_owner(struct cJSON *object) {
    struct cJSON *labels = json_find(object, "metadata.labels");
    struct cJSON *owners = json_find(object, "metadata.ownerReferences");
    if (object_annotation(object, ANNOTATION_CLASS).len == 0 || json_count(owners) == 0)
        return;
    if (json_is_map(labels))
        json_remove(labels, LABEL_RUNTIME_NAME);
    struct cJSON *first = json_at(owners, 0);
    JSON_EACH (owner, owners)
        if (sv_compare(json_find_string(owner, "name"), json_find_string(first, "name")) < 0)
            first = owner;
    json_detach(owners, first);
    json_insert(owners, 0, first);
}

static struct cJSON *mask(struct normaliser *normaliser, struct cJSON *value) {
    struct cJSON *next;
    for (struct cJSON *child = value->child; child; child = next) {
        next = child->next;
        if ((json_is_map(value) && is_masked(json_key(child))) ||
            (json_is_list(value) && is_history(child)))
            json_detach(value, child);
        else if (json_is_map(child) || json_is_list(child))
            mask(normaliser, child);
        const struct sv *by =
            json_is_string(child) ? map_get(normaliser->replaced, json_text(child)) : NULL;
        if (by && json_is_map(value) && !is_masked(json_key(child)))
            json_set_string(normaliser->arena, value, json_key(child), *by);
        else if (by && json_is_list(value))
            json_replace(value, child, json_string(normaliser->arena, *by));
    }
    if (json_is_map(value))
        json_sort(value);
    return value;
}

/* --- nodes that stand for each other --- */

#define LABEL_RUNTIME_PREFIX SV("fluid.io/s-cache-")

/* What all nodes together hold of one cache. Two workers that share a node hold as much as two
 * that do not, but it is labelled once. */
static void add_amount(struct normaliser *normaliser, struct sv key, struct quantity amount) {
    struct quantity *sum = map_get(normaliser->node_labels, key);
    if (!sum) {
        sum = ARENA_NEW(normaliser->arena, struct quantity);
        map_put(normaliser->node_labels, key, sum);
    }
    *sum = quantity_add(*sum, amount);
}

/* How many datasets a node says it has, beyond those whose labels it has. */
static void add_miscount(struct normaliser *normaliser, const struct cJSON *labels) {
    int64_t said = 0, count = 0;
    bool is_said = sv_to_int64(json_string_or(labels, LABEL_DATASET_NUM, SV("")), &said);
    JSON_EACH (label, labels)
        count += sv_starts_with(json_key(label), LABEL_RUNTIME_PREFIX);
    if (said != count)
        map_put(normaliser->node_labels,
                arena_printf(normaliser->arena, "%.*s: %lld on a node with %lld",
                             SV_ARG(LABEL_DATASET_NUM), (long long)(is_said ? said : 0),
                             (long long)count),
                NULL);
}

/* "1GiB" is how capacities stand on nodes. */
static bool is_amount(struct sv value, struct quantity *ret_amount) {
    bool has_unit = sv_ends_with(value, SV("iB"));
    return quantity_parse(has_unit ? sv_prefix(value, value.len - 1) : value, ret_amount);
}

static void take_node_labels(struct normaliser *normaliser, struct cJSON *node) {
    struct cJSON *labels = json_find(node, "metadata.labels");
    struct quantity amount;
    JSON_EACH (label, labels) {
        struct sv key = json_key(label), value = json_text(label);
        if (sv_eq(key, LABEL_DATASET_NUM) || sv_eq(key, WORLD_NODE_LABEL))
            continue;
        if (is_amount(value, &amount))
            add_amount(normaliser, key, amount);
        else
            map_put(normaliser->node_labels,
                    arena_printf(normaliser->arena, "%.*s=%.*s", SV_ARG(key), SV_ARG(value)), NULL);
    }
    add_miscount(normaliser, labels);
    if (labels)
        json_remove(json_get(node, SV("metadata")), SV("labels"));
}

static struct sv label_line(const struct normaliser *normaliser, struct sv label,
                            const struct quantity *sum) {
    struct sv amount = sum ? quantity_format(*sum, normaliser->arena) : SV("");
    return arena_printf(normaliser->arena, "label of nodes %.*s%s%.*s", SV_ARG(label),
                        sum ? ", together " : "", SV_ARG(amount));
}

/* --- lines --- */

static bool list_all(struct session *session, struct arena *arena, const struct cJSON **ret_lists,
                     struct error *err) {
    for (size_t i = 0; i < COUNT_OF(compared); i++) {
        ret_lists[i] = session_list(session, compared[i], SV(""), SV(""), arena, err);
        if (!ret_lists[i])
            return error_wrap(err, "list %.*s", SV_ARG(compared[i]->plural));
    }
    return true;
}

struct lines {
    struct sv *items;
    size_t count, capacity;
};

static struct sv join(struct arena *arena, const struct sv *lines, size_t count) {
    size_t bytes = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        bytes += lines[i].len + 1;
    char *text = arena_alloc(arena, bytes + 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + at, lines[i].ptr, lines[i].len);
        at += lines[i].len;
        text[at++] = '\n';
    }
    return (struct sv){text, bytes};
}

static void learn_all(struct normaliser *normaliser, const struct cJSON *const *lists) {
    for (size_t i = 0; i < COUNT_OF(compared); i++)
        JSON_EACH (object, json_get(lists[i], SV("items")))
            learn(normaliser, object, compared[i]->plural);
}

static struct sv object_line(struct normaliser *normaliser, const struct cJSON *object,
                             const struct resource *resource) {
    struct arena *arena = normaliser->arena;
    struct cJSON *masked = mask(normaliser, json_copy(arena, object));
    mask_first_owner(masked);
    if (normaliser->ignores_placement && resource == &RESOURCE_NODES)
        take_node_labels(normaliser, masked);
    struct sv key = object_key(arena, object_namespace(masked), object_name(masked));
    return arena_printf(arena, "%.*s %.*s %.*s", SV_ARG(resource->plural), SV_ARG(key),
                        SV_ARG(json_write_arena(arena, masked, JSON_COMPACT)));
}

/* What an API server keeps for itself depends on how it is served. */
static bool is_servers_own(const struct cJSON *object) {
    return sv_starts_with(object_namespace(object), SV("kube-")) ||
           sv_eq(object_name(object), SV("kube-root-ca.crt"));
}

static void add_lines(struct normaliser *normaliser, const struct cJSON *const *lists,
                      struct lines *lines) {
    struct sv label;
    void *sum;
    for (size_t i = 0; i < COUNT_OF(compared); i++)
        JSON_EACH (object, json_get(lists[i], SV("items")))
            if (!is_servers_own(object))
                vec_push(lines, object_line(normaliser, object, compared[i]));
    for (size_t i = 0; map_next(normaliser->node_labels, &i, &label, &sum);)
        vec_push(lines, label_line(normaliser, label, sum));
    sv_sort(lines->items, lines->count);
}

bool scenario_final_text(struct session *session, bool ignores_placement, struct arena *arena,
                         struct sv *ret_text, struct error *err) {
    const struct cJSON *lists[COUNT_OF(compared)];
    if (!list_all(session, arena, lists, err))
        return false;
    AUTO(map) replaced = map_new();
    AUTO(map) node_labels = map_new();
    struct normaliser normaliser = {arena, ignores_placement, node_labels, replaced};
    struct lines lines = {0};
    learn_all(&normaliser, lists);
    add_lines(&normaliser, lists, &lines);
    *ret_text = join(arena, lines.items, lines.count);
    vec_release(&lines);
    return true;
}

void scenario_final_compare(struct sv expected, struct sv actual, struct sv *ret_expected,
                            struct sv *ret_actual) {
    *ret_expected = *ret_actual = SV("");
    while (expected.len > 0 || actual.len > 0) {
        struct sv x = sv_cut(&expected, '\n'), y = sv_cut(&actual, '\n');
        if (sv_eq(x, y))
            continue;
        *ret_expected = x;
        *ret_actual = y;
        return;
    }
}

/* --- differences for people --- */

struct difference {
    struct arena *arena;
    struct sv path;
    const struct cJSON *expected, *actual; /* NULL: absent */
};

static bool find_difference(struct difference *difference, const struct cJSON *expected,
                            const struct cJSON *actual, struct sv path);

static bool differs_below(struct difference *difference, const struct cJSON *expected,
                          const struct cJSON *actual, struct sv path) {
    const struct cJSON *x = expected->child, *y = actual->child;
    for (size_t i = 0; x && y; i++, x = x->next, y = y->next) {
        struct sv key = json_key(x);
        struct sv below = json_is_map(expected)
                              ? arena_printf(difference->arena, "%.*s%s%.*s", SV_ARG(path),
                                             path.len > 0 ? "." : "", SV_ARG(key))
                              : arena_printf(difference->arena, "%.*s[%zu]", SV_ARG(path), i);
        if (find_difference(difference, x, y, below))
            return true;
    }
    return false;
}

/* Members are sorted, so that equal trees have equal names side by side. */
static bool has_same_keys(const struct cJSON *expected, const struct cJSON *actual) {
    const struct cJSON *x = expected->child, *y = actual->child;
    while (x && y && sv_eq(json_key(x), json_key(y))) {
        x = x->next;
        y = y->next;
    }
    return !x && !y;
}

static bool find_difference(struct difference *difference, const struct cJSON *expected,
                            const struct cJSON *actual, struct sv path) {
    bool are_maps = json_is_map(expected) && json_is_map(actual);
    bool are_lists = json_is_list(expected) && json_is_list(actual);
    if (json_equal(expected, actual))
        return false;
    bool is_alike = are_maps ? has_same_keys(expected, actual)
                             : are_lists && json_count(expected) == json_count(actual);
    if (is_alike && differs_below(difference, expected, actual, path))
        return true;
    difference->path = path;
    difference->expected = expected;
    difference->actual = actual;
    return true;
}

/* Cuts "plural key {…}" before the object. */
static struct sv take_head(struct sv *line) {
    size_t len = sv_find(*line, '{');
    struct sv head = sv_prefix(*line, len);
    *line = sv_drop(*line, len);
    return head;
}

void scenario_final_shorten(struct arena *arena, struct sv *expected, struct sv *actual) {
    struct error err = {0};
    struct sv x = *expected, y = *actual;
    struct sv head = take_head(&x);
    if (!sv_eq(head, take_head(&y)) || x.len == 0 || y.len == 0)
        return;
    const struct cJSON *left = json_read(arena, x, &err), *right = json_read(arena, y, &err);
    struct difference difference = {.arena = arena};
    if (!left || !right || !find_difference(&difference, left, right, SV("")))
        return;
    *expected = arena_printf(arena, "%.*s%.*s: %.*s", SV_ARG(head), SV_ARG(difference.path),
                             SV_ARG(json_write_arena(arena, difference.expected, JSON_COMPACT)));
    *actual = arena_printf(arena, "%.*s%.*s: %.*s", SV_ARG(head), SV_ARG(difference.path),
                           SV_ARG(json_write_arena(arena, difference.actual, JSON_COMPACT)));
}
