/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/index.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

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
