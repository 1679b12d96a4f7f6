/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/service_selection.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"

struct service_selection {
    struct map *pods;     /* "namespace\nkey=value" -> names of pods, a struct map */
    struct map *services; /* the same of services, under one pair each */
};

struct service_selection *service_selection_new(void) {
    struct service_selection *selection = mem_alloc(sizeof(*selection));
    selection->pods = map_new();
    selection->services = map_new();
    return selection;
}

static void free_names(struct map *index) {
    size_t cursor = 0;
    void *value;
    while (map_next(index, &cursor, NULL, &value))
        map_free(value);
    map_free(index);
}

void service_selection_free(struct service_selection *selection) {
    if (!selection)
        return;
    free_names(selection->pods);
    free_names(selection->services);
    mem_free(selection);
}

static struct sv pair_key(struct arena *arena, const struct cJSON *object,
                          const struct cJSON *pair) {
    return ARENA_JOIN(arena, object_namespace(object), SV("\n"), json_key(pair), SV("="),
                      json_text(pair));
}

static void add_name(struct map *index, struct sv key, struct sv name) {
    struct map *names = map_get(index, key);
    if (!names) {
        names = map_new();
        map_put(index, key, names);
    }
    map_put(names, name, NULL);
}

static void remove_name(struct map *index, struct sv key, struct sv name) {
    struct map *names = map_get(index, key);
    if (!names)
        return;
    map_remove(names, name);
    if (map_count(names) > 0)
        return;
    map_remove(index, key);
    map_free(names);
}

static const struct cJSON *labels_of(const struct cJSON *object) {
    return json_find(object, "metadata.labels");
}

void service_selection_put_pod(struct service_selection *selection, const struct cJSON *now,
                               const struct cJSON *before) {
    if (now && before && json_equal(labels_of(now), labels_of(before)))
        return;
    AUTO(arena) arena = arena_new();
    JSON_EACH (pair, labels_of(before))
        remove_name(selection->pods, pair_key(arena, before, pair), object_name(before));
    JSON_EACH (pair, labels_of(now))
        add_name(selection->pods, pair_key(arena, now, pair), object_name(now));
}

/* Names of one workload are longer than the words that all of them share. */
static const struct cJSON *rarest_pair(const struct cJSON *service) {
    const struct cJSON *rarest = NULL;
    JSON_EACH (pair, json_find(service, "spec.selector"))
        if (!rarest || json_text(pair).len > json_text(rarest).len)
            rarest = pair;
    return rarest;
}

void service_selection_put_service(struct service_selection *selection, const struct cJSON *now,
                                   const struct cJSON *before) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *old_pair = rarest_pair(before), *pair = rarest_pair(now);
    if (old_pair)
        remove_name(selection->services, pair_key(arena, before, old_pair), object_name(before));
    if (pair)
        add_name(selection->services, pair_key(arena, now, pair), object_name(now));
}

const struct sv *service_selection_pods(const struct service_selection *selection,
                                        const struct cJSON *service, struct arena *arena,
                                        size_t *ret_count) {
    const struct map *fewest = NULL;
    *ret_count = 0;
    JSON_EACH (pair, json_find(service, "spec.selector")) {
        const struct map *names = map_get(selection->pods, pair_key(arena, service, pair));
        if (!names)
            return NULL;
        if (!fewest || map_count(names) < map_count(fewest))
            fewest = names;
    }
    if (!fewest)
        return NULL;
    struct sv *list = ARENA_ARRAY(arena, struct sv, map_count(fewest));
    size_t cursor = 0, count = 0;
    while (map_next(fewest, &cursor, &list[count], NULL))
        if (++count == map_count(fewest))
            break;
    sv_sort(list, count);
    *ret_count = count;
    return list;
}

void service_selection_services(const struct service_selection *selection, const struct cJSON *pod,
                                void (*found)(void *context, struct sv name), void *context) {
    AUTO(arena) arena = arena_new();
    JSON_EACH (pair, labels_of(pod)) {
        const struct map *names = map_get(selection->services, pair_key(arena, pod, pair));
        size_t cursor = 0;
        struct sv name;
        while (names && map_next(names, &cursor, &name, NULL))
            found(context, name);
    }
}

bool service_selects(const struct cJSON *service, const struct cJSON *pod) {
    const struct cJSON *selector = json_find(service, "spec.selector");
    const struct cJSON *labels = labels_of(pod);
    JSON_EACH (pair, selector) {
        const struct cJSON *label = json_get(labels, json_key(pair));
        if (!label || !sv_eq(json_text(label), json_text(pair)))
            return false;
    }
    return json_count(selector) > 0;
}
