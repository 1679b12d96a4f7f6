/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/generate.h"

#include "conformance/scenario/scenario.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

enum { CASES = 500 };

static bool read_nothing(void *context, struct arena *arena, struct sv path, struct sv *ret_text,
                         struct error *err) {
    (void)context, (void)arena, (void)ret_text;
    return error_set(err, ERROR_NOT_FOUND, "%.*s: no file is meant", SV_ARG(path));
}

static struct sv text_of(struct arena *arena, struct case_id id, size_t *ret_parts) {
    struct generated generated;
    generate_scenario(arena, id, &generated);
    *ret_parts = generated.part_count;
    return json_write_arena(arena, generated.scenario, JSON_COMPACT);
}

/* What is generated is what people may write. */
TEST(every_case_is_a_scenario) {
    static const struct scenario_files files = {.read = read_nothing};
    for (uint64_t number = 0; number < CASES; number++) {
        AUTO(arena) arena = arena_new();
        struct scenario scenario;
        struct error err = {0};
        size_t parts;
        struct sv text = text_of(arena, (struct case_id){7, number, 0}, &parts);
        CHECK(scenario_read(arena, SV("generated"), text, &files, &scenario, &err));
        CHECK_SV(sv_from(err.message), SV(""));
        CHECK(parts > 0 && scenario.step_count >= 2);
    }
}

TEST(a_case_is_the_same_each_time_and_others_differ) {
    AUTO(arena) arena = arena_new();
    size_t parts;
    struct sv first = text_of(arena, (struct case_id){1, 2, 0}, &parts);
    CHECK_SV(text_of(arena, (struct case_id){1, 2, 0}, &parts), first);
    CHECK(!sv_eq(text_of(arena, (struct case_id){1, 3, 0}, &parts), first));
    CHECK(!sv_eq(text_of(arena, (struct case_id){2, 2, 0}, &parts), first));
}

/* One of each, in so many cases. */
static const char *const drawn[] = {
    "\"kind\":\"DaemonSet\"",
    "\"kind\":\"Deployment\"",
    "\"script\":{\"configMap\":\"tools\"",
    "\"maxConcurrentRuntimes\":2",
    "\"runtimeClassName\":\"twin\"",
    "\"namespace\":\"team\"",
    "\"delete\":\"namespace/team\"",
    "\"delete\":\"cacheruntimeclass/class\"",
    "\"rollout\":{\"paused\":true}",
    "\"delete\":\"pvc/demo\"",
    "\"delete\":\"pv/default-demo\"",
    "\"delete\":\"statefulset/demo-worker\"",
    "\"restart-pod\":{\"ref\":\"pod/demo-worker-0\"",
    "\"finalizers\":[\"example.org/hold\"]",
    "\"name\":\"delete-in-use\"",
    "\"kind\":\"crash.after-request\",\"count\":",
    "\"accessModes\":null",
    "\"tieredStore\":null",
    "\"services\":null",
    "\"namespace\":\"team-x\"",
    "\"delete\":\"cacheruntime/team-x/demo\"",
    "\"delete\":\"secret/keys\"",
    "\"quota\":\"-1Gi\"",
    "\"quotas\":[\"0\"]",
    "\"apiVersion\":\"apps.kruise.io/v1beta1\"",
};

TEST(all_kinds_of_cases_are_drawn) {
    bool are_seen[COUNT_OF(drawn)] = {false};
    for (uint64_t number = 0; number < 2 * CASES; number++) {
        AUTO(arena) arena = arena_new();
        size_t parts;
        struct sv text = text_of(arena, (struct case_id){7, number, 0}, &parts);
        for (size_t i = 0; i < COUNT_OF(drawn); i++)
            are_seen[i] = are_seen[i] || sv_contains(text, sv_from(drawn[i]));
    }
    for (size_t i = 0; i < COUNT_OF(drawn); i++)
        CHECK_SV(are_seen[i] ? sv_from(drawn[i]) : SV("never drawn"), sv_from(drawn[i]));
}

/* What is compared with and without faults must not depend on which pod asked for a node first, nor
 * on how far a rollout came before a pod found none. */
TEST(with_faults_there_is_a_node_for_each_worker) {
    size_t compared = 0;
    for (uint64_t number = 0; number < CASES; number++) {
        AUTO(arena) arena = arena_new();
        struct generated generated;
        generate_scenario(arena, (struct case_id){7, number, 0}, &generated);
        if (json_count(json_get(generated.scenario, SV("faults"))) == 0)
            continue;
        JSON_EACH (step, json_get(generated.scenario, SV("steps"))) {
            int64_t replicas = json_find_int(step, "do.scale.replicas", 0);
            CHECK(replicas <= json_find_int(generated.scenario, "world.nodes", 0));
            compared += replicas > 0;
        }
    }
    CHECK(compared > 0);
}

/* A part that is taken out makes the scenario shorter and does not move the others. */
TEST(parts_are_taken_out_one_by_one) {
    AUTO(arena) arena = arena_new();
    size_t parts, fewer;
    struct case_id id = {1, 4, 0};
    struct sv whole = text_of(arena, id, &parts);
    REQUIRE(parts > 1);
    for (size_t i = 0; i < parts && i < GENERATED_PARTS_MAX; i++) {
        id.removed = UINT64_C(1) << i;
        struct sv text = text_of(arena, id, &fewer);
        CHECK(fewer == parts);
        CHECK(!sv_eq(text, whole));
    }
}

static const struct {
    const char *text;
    bool is_case;
    struct case_id id;
} ids[] = {
    {"1:2", true, {1, 2, 0}},
    {"18:0:ff", true, {18, 0, 255}},
    {"1", false, {0}},
    {"1:", false, {0}},
    {"-1:2", false, {0}},
    {"1:2:xyz", false, {0}},
    {"1:2:11112222333344445", false, {0}},
    {"", false, {0}},
};

TEST(names_of_cases_are_read_as_they_are_written) {
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        AUTO(arena) arena = arena_new();
        struct case_id id = {0};
        CHECK(case_id_parse(sv_from(ids[i].text), &id) == ids[i].is_case);
        CHECK(id.seed == ids[i].id.seed && id.number == ids[i].id.number &&
              id.removed == ids[i].id.removed);
        if (ids[i].is_case)
            CHECK_SV(case_id_text(id, arena), sv_from(ids[i].text));
    }
}
