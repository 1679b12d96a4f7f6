/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/index.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/cache/cache_store.h"
#include "core/data/json.h"
#include "core/reconcile/snapshot.h"

#define OTHERS "{\"manager\":\"kubectl\",\"operation\":\"Apply\",\"fieldsV1\":{\"f:spec\":{}}}"
#define UPSTREAMS "{\"manager\":\"manager\",\"operation\":\"Update\",\"fieldsV1\":{\"f:spec\":{}}}"
#define OBJECT(entries, rest)                                                                      \
    "{\"apiVersion\":\"v1\",\"kind\":\"K\",\"metadata\":{\"name\":\"a\",\"managedFields\":"        \
    "[" entries "],\"uid\":\"1\"}," rest "}"
#define KEPT(rest)                                                                                 \
    "{\"apiVersion\":\"v1\",\"kind\":\"K\",\"metadata\":{\"name\":\"a\",\"uid\":\"1\"}" rest "}"

static const struct {
    const struct resource *resource;
    struct sv object, kept;
} cases[] = {
    {&RESOURCE_DATASETS, SV(OBJECT(UPSTREAMS, "\"spec\":{\"a\":[1,{\"b\":2}]}")),
     SV(KEPT(",\"spec\":{\"a\":[1,{\"b\":2}]}"))},
    {&RESOURCE_SERVICES, SV(OBJECT(OTHERS, "\"spec\":{\"a\":1}")), SV(KEPT(",\"spec\":{\"a\":1}"))},
    {&RESOURCE_SERVICES, SV(OBJECT(UPSTREAMS, "\"spec\":{\"a\":1}")),
     SV(OBJECT(UPSTREAMS, "\"spec\":{\"a\":1}"))},
    {&RESOURCE_NODES, SV(OBJECT(OTHERS, "\"spec\":{\"a\":1}")), SV(KEPT(""))},
    {&RESOURCE_PODS,
     SV(OBJECT(OTHERS, "\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"c\",\"image\":"
                       "\"i\",\"args\":[\"x\"]}],\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]},"
                       "\"status\":{\"phase\":\"Running\",\"hostIP\":\"10.0.0.1\"}")),
     SV(KEPT(",\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],"
             "\"volumes\":[]},\"status\":{\"phase\":\"Running\"}"))},
    /* As an item of a list. */
    {&RESOURCE_CONFIG_MAPS, SV("{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"}}"),
     SV("{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"},\"apiVersion\":\"v1\",\"kind\":"
        "\"ConfigMap\"}")},
    {&RESOURCE_CONFIG_MAPS, SV("{\"metadata\":null,\"kind\":\"ConfigMap\"}"),
     SV("{\"metadata\":null,\"kind\":\"ConfigMap\"}")},
};

TEST(keeps_what_plans_read_and_leaves_the_object_as_it_was) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        const struct cJSON *object = json_read(arena, cases[i].object, &err);
        const struct cJSON *kept = index_reduce(cases[i].resource, object, arena);
        CHECK_SV(json_write_arena(arena, kept, JSON_COMPACT), cases[i].kept);
        CHECK_SV(json_write_arena(arena, object, JSON_COMPACT), cases[i].object);
    }
}

#define LABELLED(phase, version, rest)                                                             \
    "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"resourceVersion\":\"" version            \
    "\",\"labels\":{\"cacheruntime.fluid.io/name\":\"rt\"}},"                                      \
    "\"spec\":{\"claimRef\":{\"namespace\":\"ns\"}" rest "},\"status\":{\"phase\":\"" phase "\"}}"

static const struct {
    const struct resource *resource;
    struct sv before, after;
    bool is_news;
} changes[] = {
    {&RESOURCE_PERSISTENT_VOLUMES, SV(LABELLED("Pending", "1", "")),
     SV(LABELLED("Available", "2", "")), true},
    {&RESOURCE_PERSISTENT_VOLUMES, SV(LABELLED("Available", "1", "")),
     SV(LABELLED("Bound", "2", "")), false},
    {&RESOURCE_PERSISTENT_VOLUMES, SV(LABELLED("Bound", "1", "")),
     SV(LABELLED("Released", "2", "")), true},
    {&RESOURCE_PERSISTENT_VOLUMES, SV(LABELLED("Bound", "1", "")),
     SV(LABELLED("Bound", "2", ",\"mountOptions\":[]")), true},
    {&RESOURCE_PERSISTENT_VOLUME_CLAIMS, SV(LABELLED("Bound", "1", "")),
     SV(LABELLED("Bound", "2", "")), false},
    {&RESOURCE_PERSISTENT_VOLUME_CLAIMS, SV(LABELLED("Pending", "1", "")),
     SV(LABELLED("Bound", "2", "")), true},
    {&RESOURCE_STATEFUL_SETS, SV(LABELLED("x", "1", "")), SV(LABELLED("x", "2", "")), true},
};

static void note_changed(void *context, const struct resource *resource, struct sv group) {
    (void)resource;
    ++*(size_t *)context;
    CHECK_SV(group, SV("runtime/ns/rt"));
}

static void groups_of(void *context, const struct resource *resource, const struct cJSON *object,
                      struct arena *arena, struct cache_groups *ret_groups) {
    (void)context;
    index_groups(&(struct reconcile_options){.resync_ms = 0}, resource, object, arena, ret_groups);
}

TEST(a_runtime_is_planned_for_what_its_plan_reads) {
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        size_t told = 0;
        AUTO(cache_store)
        store = cache_store_new(
            &(struct cache_index){.groups = groups_of, .changed = note_changed, .context = &told});
        cache_store_upsert(store, changes[i].resource, json_read(arena, changes[i].before, &err));
        CHECK(told == 1);
        cache_store_upsert(store, changes[i].resource, json_read(arena, changes[i].after, &err));
        CHECK(told == (changes[i].is_news ? 2 : 1));
    }
}
