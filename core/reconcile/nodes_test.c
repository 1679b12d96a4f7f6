/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/nodes.h"

#include "core/reconcile/plan_fixture.h"

#define TOTAL SV("fluid.io/s-h-cache-t-default-demo")
#define DISK SV("fluid.io/s-h-cache-d-default-demo")

static struct sv label(const struct world *world, size_t node, struct sv key) {
    return object_label(world->nodes[node], key);
}

/* The first node that one of the two workers runs on. */
static size_t worker_node(const struct world *world) {
    for (size_t i = 0; i < world->node_count; i++)
        if (sv_starts_with(object_name(world->nodes[i]), SV("node-demo-worker")))
            return i;
    return 0;
}

static const struct {
    const char *report; /* of reportSummary; NULL: it fails */
    const char *levels; /* of the worker's tiers */
    const char *total, *disk;
} capacity_cases[] = {
    {"{\"cacheCapacity\":\"3.00GiB\"}", "[{emptyDir: {quota: 1Gi}}]", "1.50GiB", "1GiB"},
    {"{\"cacheCapacity\":\"3 GiB\"}", "[]", "1.50GiB", ""},
    {"{\"cacheCapacity\":\"4096\"}", "[]", "2KiB", ""},
    {"{\"cacheCapacity\":\"2KB\"}", "[{emptyDir: {quota: 1Gi}}]", "1GiB", "1GiB"},
    {"{\"cacheCapacity\":\"2kB\"}", "[]", "1000B", ""},
    {"{\"cacheCapacity\":\"4EiB\"}", "[]", "2EiB", ""},
    {"{\"cacheCapacity\":\"0B\"}", "[{emptyDir: {quota: 1Gi}}]", "1GiB", "1GiB"},
    {"{\"cacheCapacity\":\"much\"}", "[{emptyDir: {quota: 1Gi}}]", "1GiB", "1GiB"},
    {"{\"cached\":\"1GiB\"}", "[{emptyDir: {quota: 10G}}, {emptyDir: {quota: 2G}}]", "12GB",
     "12GB"},
    {"no report", "[{emptyDir: {quota: 1Gi}}]", "1GiB", "1GiB"},
    {NULL, "[{emptyDir: {quota: 1Gi}}]", "1GiB", "1GiB"},
    {NULL, "[]", "", ""},
};

TEST(a_node_holds_its_part_of_what_is_reported_else_of_what_the_tiers_say) {
    for (size_t i = 0; i < COUNT_OF(capacity_cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.answers[ENTRY_REPORT_SUMMARY] = capacity_cases[i].report;
        json_set(
            arena, json_find(world.runtime, "spec.worker"), SV("tieredStore"),
            fixture_yaml(arena, arena_printf(arena, "{levels: %s}", capacity_cases[i].levels).ptr));
        world_bind(&world);
        size_t node = worker_node(&world);
        CHECK_SV(label(&world, node, TOTAL), sv_from(capacity_cases[i].total));
        CHECK_SV(label(&world, node, DISK), sv_from(capacity_cases[i].disk));
        world_release(&world);
    }
}

/* A controller that starts anew has no report yet: what the label says stays. */
TEST(a_reported_capacity_survives_a_restart) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.answers[ENTRY_REPORT_SUMMARY] = "{\"cacheCapacity\":\"3.00GiB\"}";
    world_bind(&world);
    int writes = world.writes;
    world.execution_count = 0;
    struct plan plan;
    plan_once(&world, &plan);
    for (size_t i = 0; i < plan.action_count; i++)
        CHECK(plan.actions[i].resource != &RESOURCE_NODES);
    CHECK(world.writes == writes);
    CHECK_SV(label(&world, worker_node(&world), TOTAL), SV("1.50GiB"));
    world_release(&world);
}

/* --- how labels are written --- */

static const struct cJSON *operation(const struct plan *plan, const char *op, const char *path) {
    for (size_t i = 0; i < plan->action_count; i++) {
        if (plan->actions[i].resource != &RESOURCE_NODES)
            continue;
        JSON_EACH (item, plan->actions[i].body)
            if (sv_eq(json_find_string(item, "op"), sv_from(op)) &&
                sv_eq(json_find_string(item, "path"), sv_from(path)))
                return item;
    }
    return NULL;
}

static int count_version_tests(const struct plan *plan) {
    int count = 0;
    for (size_t i = 0; i < plan->action_count; i++)
        JSON_EACH (item,
                   plan->actions[i].resource == &RESOURCE_NODES ? plan->actions[i].body : NULL)
            count += sv_eq(json_find_string(item, "path"), SV("/metadata/resourceVersion"));
    return count;
}

/* Others label the node as well: what is changed was read, and is still so when it is written. What
 * is not there cannot be tested: a count or an owner that somebody else may give at the same time
 * is given only to a node that did not change at all. */
TEST(a_patch_of_a_node_tests_what_it_changes) {
    static const struct {
        const char *labels; /* of the node before its first worker */
        const char *tested, *value;
        const char *count; /* what the number of datasets becomes */
        int version_tests;
    } cases[] = {
        {"{fluid.io/dataset-num: '2', fluid_exclusive: default_other}",
         "/metadata/labels/fluid.io~1dataset-num", "2", "3", 0},
        {"{fluid.io/dataset-num: '2'}", "/metadata/resourceVersion", "1", "3", 1},
        {"{fluid_exclusive: default_other}", "/metadata/resourceVersion", "1", "1", 1},
        {"{a: b}", "/metadata/resourceVersion", "1", "1", 1},
        {"{fluid.io/dataset-num: many}", "/metadata/labels/fluid.io~1dataset-num", "many", "1", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct cJSON *metadata = json_get(world.nodes[worker_node(&world)], SV("metadata"));
        json_set(arena, metadata, SV("labels"), fixture_yaml(arena, cases[i].labels));
        json_set_string(arena, metadata, SV("resourceVersion"), SV("1"));
        struct plan plan;
        plan_once(&world, &plan);
        const struct cJSON *test = operation(&plan, "test", cases[i].tested);
        CHECK_SV(json_find_string(test, "value"), sv_from(cases[i].value));
        const struct cJSON *count =
            operation(&plan, "add", "/metadata/labels/fluid.io~1dataset-num");
        CHECK_SV(json_find_string(count, "value"), sv_from(cases[i].count));
        CHECK(count_version_tests(&plan) == cases[i].version_tests);
        world_release(&world);
    }
}

/* --- how they go --- */

static void set_label(struct world *world, size_t node, const char *key, const char *value) {
    struct cJSON *metadata = json_get(world->nodes[node], SV("metadata"));
    json_set_string(world->arena, json_ensure_map(world->arena, metadata, SV("labels")),
                    sv_from(key), sv_from(value));
}

static bool has_any(const struct world *world, size_t node, const char *part) {
    JSON_EACH (item, json_find(world->nodes[node], "metadata.labels"))
        if (sv_contains(json_key(item), sv_from(part)))
            return true;
    return false;
}

/* A node without a worker says so at once; what is another runtime's, or the CSI plugin's, stays.
 */
TEST(labels_go_with_the_worker) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    size_t node = worker_node(&world);
    CHECK_SV(label(&world, node, SV("fluid_exclusive")), SV("default_demo"));
    set_label(&world, node, "fluid_exclusive", "default_other");
    set_label(&world, node, "fluid.io/f-default-demo", "true");
    set_label(&world, node, "fluid.io/dataset-num", "2");
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 0);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(!has_any(&world, node, "fluid.io/s-"));
    CHECK_SV(label(&world, node, SV("fluid.io/dataset-num")), SV("1"));
    CHECK_SV(label(&world, node, SV("fluid_exclusive")), SV("default_other"));
    CHECK_SV(label(&world, node, SV("fluid.io/f-default-demo")), SV("true"));
    world_release(&world);
}

/* Half of them are labels, too: somebody removed the others. */
TEST(what_is_left_of_the_labels_goes) {
    static const char *const lefts[] = {"fluid.io/s-cache-default-demo", "fluid.io/s-default-demo"};
    for (size_t i = 0; i < COUNT_OF(lefts); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        size_t node = world.node_count++;
        world.nodes[node] = fixture_yaml(arena, "{metadata: {name: z, resourceVersion: '1'}}");
        set_label(&world, node, lefts[i], "true");
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(!has_any(&world, node, "default-demo"));
        world_release(&world);
    }
}

/* With the runtime the label goes that lets a client run, wherever it is. */
TEST(labels_go_with_the_runtime) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    size_t node = worker_node(&world), other = world.node_count++;
    world.nodes[other] =
        fixture_yaml(arena, "{metadata: {name: z, resourceVersion: '1', labels: {\n"
                            " fluid.io/f-default-demo: 'true', a: b}}}");
    set_label(&world, node, "fluid_exclusive", "default_other");
    delete_runtime(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(!has_any(&world, node, "default-demo") && !has_any(&world, other, "default-demo"));
    CHECK_SV(label(&world, node, SV("fluid_exclusive")), SV("default_other"));
    CHECK_SV(label(&world, other, SV("a")), SV("b"));
    world_release(&world);
}

/* What an administrator excludes gets no labels; what is there is kept up to date, and goes. */
TEST(an_excluded_node_gets_no_labels) {
    static const struct {
        const char *excluded;
        bool was_labelled, is_labelled;
    } cases[] = {
        {"", false, true},
        {"pool=edge", false, false},
        {"pool in (core)", false, true},
        {"pool=edge", true, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        size_t node = worker_node(&world);
        if (!cases[i].was_labelled)
            json_remove(json_get(world.nodes[node], SV("metadata")), SV("labels"));
        set_label(&world, node, "pool", "edge");
        world.options.excluded_nodes = sv_from(cases[i].excluded);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(has_any(&world, node, "fluid") == cases[i].is_labelled);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        delete_runtime(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(!has_any(&world, node, "fluid"));
        world_release(&world);
    }
}
