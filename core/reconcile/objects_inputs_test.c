/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of objects that were as they should be. That a plan with it is the plan
 * without it is checked by plan_once() in all tests of plans; here is what makes it worth having,
 * and that every input ends it.
 */
#include "core/reconcile/objects_inputs.h"

#include "core/reconcile/plan_fixture.h"
#include "core/reconcile/names.h"

static struct cJSON *object(struct world *world, const struct resource *resource,
                            const char *name) {
    return (struct cJSON *)find(world, resource, SV("default"), sv_from(name))->object;
}

static void change_text(struct world *world, struct cJSON *map, struct sv key, const char *text) {
    CHECK(json_is_map(map));
    json_set_string(world->arena, map, key, sv_from(text));
}

static void image_of_class(struct world *world) {
    change_text(world,
                json_find(world->runtime_class, "topology.worker.template.spec.containers.0"),
                SV("image"), "other");
}

static void option_of_runtime(struct world *world) {
    change_text(
        world,
        json_ensure_map(world->arena, json_find(world->runtime, "spec.worker"), SV("options")),
        SV("a"), "b");
}

static void label_of_runtime(struct world *world) {
    struct cJSON *metadata = json_get(world->runtime, SV("metadata"));
    change_text(world, json_ensure_map(world->arena, metadata, SV("labels")), SV("a"), "b");
}

static void mount_of_dataset(struct world *world) {
    change_text(world, json_find(world->dataset, "spec.mounts.0"), SV("mountPoint"), "s3://other/");
}

static void template_of_workload(struct world *world) {
    change_text(world,
                json_find(object(world, &RESOURCE_STATEFUL_SETS, "demo-worker"),
                          "spec.template.spec.containers.0"),
                SV("image"), "drifted");
}

static void annotation_of_workload(struct world *world) {
    change_text(
        world,
        json_find(object(world, &RESOURCE_STATEFUL_SETS, "demo-master"), "metadata.annotations"),
        ANNOTATION_TEMPLATE, "edited");
}

static void data_of_config_map(struct world *world) {
    change_text(
        world,
        json_get(object(world, &RESOURCE_CONFIG_MAPS, "fluid-runtime-config-demo"), SV("data")),
        SV("runtime.json"), "{}");
}

static void workload_is_gone(struct world *world) {
    struct observed *observed =
        find(world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-master"));
    observed->state = OBSERVED_ABSENT;
    observed->object = NULL;
}

static void permission_to_roll(struct world *world) {
    world->may_not_roll = !world->may_not_roll;
}

static void folder_of_options(struct world *world) {
    world->options.mount_root = SV("/elsewhere");
}

static void (*const edits[])(struct world *world) = {
    image_of_class,       option_of_runtime,      label_of_runtime,   mount_of_dataset,
    template_of_workload, annotation_of_workload, data_of_config_map, workload_is_gone,
    permission_to_roll,   folder_of_options,
};

/* A cache that is bound, and what is remembered of its inputs. */
static uint64_t init_settled(struct world *world, struct arena *arena) {
    struct plan plan;
    world_init(world, arena);
    world_bind(world);
    plan_once(world, &plan);
    return plan.settled_inputs;
}

TEST(every_input_ends_what_is_remembered) {
    for (size_t i = 0; i < COUNT_OF(edits); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan;
        uint64_t settled = init_settled(&world, arena);
        CHECK(settled != 0);
        edits[i](&world);
        plan_once(&world, &plan);
        CHECK(plan.settled_inputs != settled);
        buf_release(&world.trace);
    }
}

/* Most news is of pods that start, which workloads count. */
TEST(the_status_of_a_workload_is_no_input) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    uint64_t settled = init_settled(&world, arena);
    struct cJSON *workload = object(&world, &RESOURCE_STATEFUL_SETS, "demo-worker");
    json_set_int(arena, json_get(workload, SV("status")), SV("readyReplicas"), 1);
    json_set_string(arena, json_get(workload, SV("metadata")), SV("resourceVersion"), SV("999"));
    plan_once(&world, &plan);
    CHECK(plan.settled_inputs == settled);
    buf_release(&world.trace);
}

/* The write of the runtime's own status comes while its objects are as they should be. */
TEST(the_status_that_was_written_is_no_input) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    uint64_t settled = init_settled(&world, arena);
    struct observed *self = find(&world, &RESOURCE_CACHE_RUNTIMES, SV("default"), SV("demo"));
    self->state = OBSERVED_PRESENT;
    self->object = world.runtime;
    self->last_desired_hash++;
    self->last_response_hash = covers_content_hash(world.runtime);
    plan_once(&world, &plan);
    CHECK(plan.settled_inputs == settled);
    buf_release(&world.trace);
}

/* Without an object that is written, nothing is settled. */
TEST(what_is_to_be_written_is_not_remembered) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    plan_once(&world, &plan);
    CHECK(plan.settled_inputs == 0);
    world_bind(&world);
    template_of_workload(&world);
    plan_once(&world, &plan);
    CHECK(plan.settled_inputs == 0 && plan.action_count > 0);
    buf_release(&world.trace);
}
