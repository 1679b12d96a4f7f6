/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate: what a class that many runtimes share is asked only once. What is refused, and why, is
 * in gates_test.c.
 */
#include "core/reconcile/validate.h"

#include "core/data/frozen.h"
#include "core/reconcile/plan_fixture.h"

/* The text of a gate's stall under a class that stays as it is, as in the cache. */
static struct sv judge(struct world *world, struct frozen *class) {
    struct plan plan;
    world->runtime_class = (struct cJSON *)frozen_root(class);
    plan_once(world, &plan);
    return plan.gates[GATE_CLASS].message;
}

TEST(a_class_is_judged_the_same_when_it_is_known) {
    static const struct {
        const char *component, *stalls;
    } cases[] = {
        {NULL, ""},
        {"master", "topology.master.options must be an object and is array"},
        {"client", "topology.client.options must be an object and is array"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct cJSON *topology = json_get(world.runtime_class, SV("topology"));
        if (cases[i].component)
            json_set(arena, json_get(topology, sv_from(cases[i].component)), SV("options"),
                     json_list(arena));
        struct frozen *class = frozen_new(world.runtime_class);
        for (int again = 0; again < 3; again++)
            CHECK_SV(judge(&world, class), sv_from(cases[i].stalls));
        frozen_unref(class);
        world_release(&world);
    }
}

/* What is remembered of one class says nothing of the next. */
TEST(an_edited_class_is_judged_anew) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    struct frozen *before = frozen_new(world.runtime_class);
    CHECK_SV(judge(&world, before), SV(""));
    world.runtime_class = json_copy(arena, frozen_root(before));
    json_set(arena, json_find(world.runtime_class, "topology.worker"), SV("services"),
             json_map(arena));
    struct frozen *after = frozen_new(world.runtime_class);
    CHECK_CONTAINS(judge(&world, after), "topology.worker.services must be an array");
    CHECK_SV(judge(&world, before), SV(""));
    frozen_unref(before);
    frozen_unref(after);
    world_release(&world);
}
