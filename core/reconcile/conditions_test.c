/* SPDX-License-Identifier: Apache-2.0 */
/* One condition in the list of a status: times, order, and no change without a difference. */
#include "core/reconcile/conditions.h"

#include "core/reconcile/pass.h"
#include "core/reconcile/plan_fixture.h"

static struct condition say(const char *type, enum condition_status status, const char *reason) {
    return (struct condition){.type = sv_from(type),
                              .status = status,
                              .reason = sv_from(reason),
                              .message = SV("m"),
                              .observed_generation = 1};
}

TEST(the_time_of_a_condition_moves_with_its_status_only) {
    AUTO(arena) arena = arena_new();
    struct snapshot snapshot = {.now_ms = 1767225600000};
    struct pass pass = {.snapshot = &snapshot, .arena = arena};
    struct cJSON *status = json_map(arena);
    condition_set(&pass, status, say("Ready", CONDITION_FALSE, "A"));
    snapshot.now_ms += 60 * 1000;
    condition_set(&pass, status, say("Ready", CONDITION_FALSE, "B"));
    const struct cJSON *item = json_find(status, "conditions.0");
    CHECK_SV(json_find_string(item, "reason"), SV("B"));
    CHECK_SV(json_find_string(item, "lastTransitionTime"), SV("2026-01-01T00:00:00Z"));
    condition_set(&pass, status, say("Ready", CONDITION_TRUE, "B"));
    CHECK_SV(json_find_string(item, "lastTransitionTime"), SV("2026-01-01T00:01:00Z"));
    struct sv before = json_write_arena(arena, status, JSON_COMPACT);
    snapshot.now_ms += 60 * 1000;
    condition_set(&pass, status, say("Ready", CONDITION_TRUE, "B"));
    CHECK_SV(json_write_arena(arena, status, JSON_COMPACT), before);
}

TEST(conditions_have_one_order) {
    static const char *const orders[][5] = {
        {"Ready", "MasterInitialized", "WorkersReady", "Synced", "Custom"},
        {"Custom", "Synced", "WorkersReady", "MasterInitialized", "Ready"},
        {"WorkersReady", "Custom", "Ready", "Synced", "MasterInitialized"},
    };
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        AUTO(arena) arena = arena_new();
        struct snapshot snapshot = {.now_ms = 0};
        struct pass pass = {.snapshot = &snapshot, .arena = arena};
        struct cJSON *status = json_map(arena);
        for (size_t k = 0; k < COUNT_OF(orders[i]); k++)
            condition_set(&pass, status, say(orders[i][k], CONDITION_TRUE, "A"));
        for (size_t k = 0; k < COUNT_OF(orders[0]); k++)
            CHECK_SV(json_find_string(json_at(json_get(status, SV("conditions")), k), "type"),
                     sv_from(orders[0][k]));
    }
}
