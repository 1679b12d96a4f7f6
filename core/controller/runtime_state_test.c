/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/runtime_state.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/test.h"

TEST(a_name_is_remembered_with_its_resource_and_namespace) {
    struct runtime_state *state = runtime_state_new(SV("ns/a"));
    CHECK_SV(state->namespace_name, SV("ns"));
    CHECK_SV(state->name, SV("a"));
    runtime_state_name(state, &RESOURCE_SERVICES, SV("ns"), SV("x"))->desired_hash = 7;
    runtime_state_set_fact(state, &RESOURCE_CONFIG_MAPS, SV("ns"), SV("x"), OBSERVED_ABSENT, NULL);
    CHECK(runtime_state_name(state, &RESOURCE_SERVICES, SV("ns"), SV("x"))->desired_hash == 7);
    CHECK(runtime_state_find_name(state, &RESOURCE_CONFIG_MAPS, SV("ns"), SV("x"))->fact ==
          OBSERVED_ABSENT);
    CHECK(runtime_state_find_name(state, &RESOURCE_SERVICES, SV("n"), SV("sx")) == NULL);
    runtime_state_forget_fact(state, &RESOURCE_CONFIG_MAPS, SV("ns"), SV("x"));
    CHECK(runtime_state_find_name(state, &RESOURCE_CONFIG_MAPS, SV("ns"), SV("x"))->fact ==
          OBSERVED_UNKNOWN);
    CHECK(state->names.count == 2);
    runtime_state_free(state);
}

TEST(of_too_many_names_the_oldest_are_forgotten) {
    AUTO(arena) arena = arena_new();
    struct runtime_state *state = runtime_state_new(SV("ns/a"));
    for (int i = 0; i < RUNTIME_NAMES_MAX + 2; i++)
        runtime_state_set_fact(state, &RESOURCE_NODES, SV(""), arena_printf(arena, "n%d", i),
                               OBSERVED_ABSENT, NULL);
    CHECK(state->names.count == RUNTIME_NAMES_MAX);
    CHECK(runtime_state_find_name(state, &RESOURCE_NODES, SV(""), SV("n1")) == NULL);
    CHECK(runtime_state_find_name(state, &RESOURCE_NODES, SV(""), SV("n2")) != NULL);
    runtime_state_free(state);
}

TEST(who_rests_gives_back_room_and_remembers_all) {
    AUTO(arena) arena = arena_new();
    struct runtime_state *state = runtime_state_new(SV("ns/a"));
    runtime_state_give_back(state);
    for (int i = 0; i < 9; i++)
        runtime_state_name(state, &RESOURCE_NODES, SV(""), arena_printf(arena, "n%d", i));
    for (int i = 0; i < 3; i++) {
        runtime_state_give_back(state);
        CHECK(state->names.capacity == state->names.count);
        CHECK(runtime_state_find_name(state, &RESOURCE_NODES, SV(""), SV("n0")) != NULL);
        runtime_state_name(state, &RESOURCE_SERVICES, SV(""), arena_printf(arena, "s%d", i));
    }
    CHECK(state->names.count == 12);
    runtime_state_free(state);
}

TEST(a_plan_begins_empty_and_leaves_nothing) {
    struct runtime_state *state = runtime_state_new(SV("ns/a"));
    for (int i = 0; i < 2; i++) {
        runtime_state_begin_plan(state);
        CHECK(state->plan->action_count == 0);
        state->plan->action_count = 1;
        runtime_state_end_plan(state);
        CHECK(!state->plan && !state->arena);
    }
    runtime_state_free(state);
}
