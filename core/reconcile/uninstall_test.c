/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/uninstall.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/yaml.h"

static const struct cJSON *read(struct arena *arena, const char *text) {
    struct error err = {0};
    struct yaml_documents documents;
    bool is_read = yaml_read(arena, sv_from(text), &documents, &err);
    CHECK_SV(sv_from(err.message), SV(""));
    return is_read ? documents.roots[0] : NULL;
}

/* What the only step does to the object, as JSON; "" when there is none. */
static const struct {
    const char *name;
    const char *runtimes, *datasets, *nodes;
    bool has_dataset_controller;
    struct sv message, metadata;
} cases[] = {
    {
        "a runtime keeps the finalizers of others",
        "[{metadata: {namespace: a, name: b, resourceVersion: \"7\", finalizers: [x, "
        "cache-runtime-controller-finalizer]}}]",
        "[]",
        "[]",
        false,
        SV("the finalizer cache-runtime-controller-finalizer of CacheRuntime a/b"),
        SV("{\"resourceVersion\":\"7\",\"finalizers\":[\"x\"]}"),
    },
    {
        "a runtime without it is left alone",
        "[{metadata: {namespace: a, name: b, finalizers: [x]}}]",
        "[]",
        "[]",
        false,
        SV(""),
        SV(""),
    },
    {
        "a Dataset of ours",
        "[]",
        "[{metadata: {namespace: a, name: b, resourceVersion: \"8\", finalizers: "
        "[fluid-dataset-controller-finalizer]}, status: {runtimes: [{type: cache}]}}]",
        "[]",
        false,
        SV("the finalizer fluid-dataset-controller-finalizer of Dataset a/b"),
        SV("{\"resourceVersion\":\"8\",\"finalizers\":[]}"),
    },
    {
        "a Dataset that another kind of runtime serves",
        "[]",
        "[{metadata: {namespace: a, name: b, finalizers: [fluid-dataset-controller-finalizer]}, "
        "status: {runtimes: [{type: alluxio}]}}]",
        "[]",
        false,
        SV(""),
        SV(""),
    },
    {
        "a Dataset that another controller finishes",
        "[]",
        "[{metadata: {namespace: a, name: b, finalizers: [fluid-dataset-controller-finalizer]}}]",
        "[]",
        true,
        SV(""),
        SV(""),
    },
    {
        "a node with a cache, and one of another kind of runtime",
        "[]",
        "[]",
        "[{metadata: {name: node-1, resourceVersion: \"9\", labels: {zone: z, fluid.io/s-a-b: "
        "\"true\", "
        "fluid.io/s-cache-a-b: \"true\", fluid.io/f-a-b: \"true\", fluid.io/s-h-cache-t-a-b: 1GiB, "
        "fluid_exclusive: a_b, fluid.io/dataset-num: \"2\", fluid.io/s-alluxio-c-d: \"true\", "
        "fluid.io/s-c-d: \"true\"}}}]",
        false,
        SV("labels of Node node-1 (5)"),
        SV("{\"resourceVersion\":\"9\",\"labels\":{\"fluid.io/s-a-b\":null,"
           "\"fluid.io/s-cache-a-b\":null,\"fluid.io/f-a-b\":null,"
           "\"fluid.io/s-h-cache-t-a-b\":null,\"fluid_exclusive\":null,"
           "\"fluid.io/dataset-num\":\"1\"}}"),
    },
    {
        "a node with a client only",
        "[{metadata: {namespace: a, name: b}}]",
        "[]",
        "[{metadata: {name: node-1, resourceVersion: \"9\", labels: {fluid.io/f-a-b: \"true\", "
        "fluid.io/dataset-num: \"1\"}}}]",
        false,
        SV("labels of Node node-1 (1)"),
        SV("{\"resourceVersion\":\"9\",\"labels\":{\"fluid.io/f-a-b\":null}}"),
    },
    {
        "the last cache of a node",
        "[]",
        "[]",
        "[{metadata: {name: node-1, resourceVersion: \"9\", labels: {fluid.io/s-cache-a-b: "
        "\"true\", "
        "fluid.io/dataset-num: \"1\", fluid_exclusive: c_d}}}]",
        false,
        SV("labels of Node node-1 (1)"),
        SV("{\"resourceVersion\":\"9\",\"labels\":{\"fluid.io/s-cache-a-b\":null,"
           "\"fluid.io/dataset-num\":null}}"),
    },
};

TEST(what_would_stay_stuck_is_removed_and_nothing_else) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct uninstall_plan plan;
        uninstall_make(
            &(struct uninstall_input){
                .runtimes = read(arena, cases[i].runtimes),
                .datasets = read(arena, cases[i].datasets),
                .nodes = read(arena, cases[i].nodes),
                .has_dataset_controller = cases[i].has_dataset_controller,
            },
            arena, &plan);
        CHECK(plan.count == (cases[i].message.len > 0 ? 1 : 0));
        if (plan.count != 1)
            continue;
        CHECK_SV(plan.steps[0].message, cases[i].message);
        CHECK_SV(
            json_write_arena(arena, json_get(plan.steps[0].body, SV("metadata")), JSON_COMPACT),
            cases[i].metadata);
    }
}

TEST(volumes_are_named_and_not_touched) {
    AUTO(arena) arena = arena_new();
    struct uninstall_plan plan;
    uninstall_make(&(struct uninstall_input){.volumes = read(arena, "[{metadata: {name: v}}]")},
                   arena, &plan);
    CHECK(plan.count == 0);
    REQUIRE(plan.volume_count == 1);
    CHECK_SV(plan.volumes[0], SV("v"));
}
