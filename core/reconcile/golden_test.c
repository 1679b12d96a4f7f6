/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first plan of each case in testdata, all names being absent, with everything that would be
 * sent. UPDATE_GOLDEN=1 in the environment writes the files anew; review them like code.
 */
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/plan.h"
#include "core/reconcile/plan_text.h"
#include "core/reconcile/render.h"
#include "core/reconcile/runtime_json.h"

enum { OBJECTS_MAX = 64, MUTATIONS = 3000 };

static const char *const cases[] = {"master-worker-client", "workers-only", "client-only",
                                    "peer-to-peer"};

static const struct reconcile_options options = {
    .mount_root = {"/runtime-mnt", 12},
    .field_manager = {"cacheruntime-controller", 23},
    .owns_datasets = true,
    .resync_ms = 600000,
};

static struct sv path_of(struct arena *arena, const char *name, const char *file) {
    return arena_printf(arena, "%s/core/reconcile/testdata/%s/%s", TEST_SOURCE_DIR, name, file);
}

static struct cJSON *read_object(struct arena *arena, const char *name, const char *file) {
    struct error err = {0};
    struct yaml_documents documents;
    bool is_read =
        yaml_read(arena, test_read_file(arena, path_of(arena, name, file).ptr), &documents, &err);
    CHECK(is_read && documents.count == 1);
    return documents.roots[0];
}

static void read_case(struct arena *arena, const char *name, struct snapshot *ret_snapshot) {
    *ret_snapshot = (struct snapshot){
        .now_ms = 1767225605000,
        .namespace_name = SV("default"),
        .name = SV("demo"),
        .runtime_class = read_object(arena, name, "class.yaml"),
        .runtime = read_object(arena, name, "runtime.yaml"),
        .dataset = read_object(arena, name, "dataset.yaml"),
        .options = &options,
    };
}

/* Every name that the first plan wants to read is absent. */
static void plan_with_absent(struct snapshot *snapshot, struct observed objects[OBJECTS_MAX],
                             struct arena *arena, struct plan *ret_plan) {
    plan_runtime(snapshot, arena, ret_plan);
    snapshot->objects = objects;
    for (size_t i = 0; i < ret_plan->action_count && snapshot->object_count < OBJECTS_MAX; i++) {
        const struct action *action = &ret_plan->actions[i];
        if (action->type == ACTION_GET)
            objects[snapshot->object_count++] =
                (struct observed){.resource = action->resource,
                                  .namespace_name = action->namespace_name,
                                  .name = action->name,
                                  .state = OBSERVED_ABSENT};
    }
    plan_runtime(snapshot, arena, ret_plan);
}

static void write_text(struct sv path, struct sv text) {
    FILE *file = fopen(path.ptr, "wb");
    REQUIRE(file != NULL);
    CHECK(fwrite(text.ptr, 1, text.len, file) == text.len);
    fclose(file);
}

TEST(first_plans_are_the_golden_ones) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct snapshot snapshot;
        struct observed objects[OBJECTS_MAX];
        struct plan plan;
        read_case(arena, cases[i], &snapshot);
        plan_with_absent(&snapshot, objects, arena, &plan);
        struct sv text = json_write_arena(arena, plan_to_json(&plan, true, arena), JSON_PRETTY);
        struct sv path = path_of(arena, cases[i], "plan.golden");
        text = arena_printf(arena, "%.*s\n", SV_ARG(text));
        if (getenv("UPDATE_GOLDEN"))
            write_text(path, text);
        CHECK_SV(test_read_file(arena, path.ptr), text);
    }
}

/* fluid-contract: the worked example of runtime.json. */
TEST(runtime_json_is_upstreams_byte_for_byte) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct snapshot snapshot = {.namespace_name = SV("default"), .name = SV("demo")};
    snapshot.options = &options;
    snapshot.runtime_class =
        json_read(arena,
                  SV("{\"topology\":{\"master\":{\"service\":{\"headless\":{}}},\"worker\":{},"
                     "\"client\":{}}}"),
                  &err);
    snapshot.runtime = json_read(
        arena,
        SV("{\"spec\":{\"worker\":{\"replicas\":2,\"tieredStore\":{\"levels\":[{"
           "\"processMemory\":{\"quota\":\"1024Mi\"},\"high\":\"0.9\",\"low\":\"0.7\"}]}}}}"),
        &err);
    snapshot.dataset = json_read(
        arena,
        SV("{\"spec\":{\"mounts\":[{\"mountPoint\":\"s3://bkt/\",\"options\":{\"endpoint\":\"e\"},"
           "\"name\":\"m\",\"encryptOptions\":[{\"name\":\"ak\",\"valueFrom\":{\"secretKeyRef\":{"
           "\"name\":\"sec\",\"key\":\"ak\"}}}]}]}}"),
        &err);
    struct plan plan;
    struct pass pass;
    pass_init(&pass, &snapshot, arena, &plan);
    runtime_json_render(&pass);
    CHECK_SV(
        pass.runtime_json,
        SV("{\"mounts\":[{\"mountPoint\":\"s3://bkt/\",\"options\":{\"endpoint\":\"e\"},"
           "\"encryptOptions\":{\"ak\":\"/etc/fluid/secrets/sec/ak\"},\"name\":\"m\",\"path\":\"/"
           "m\"}],\"accessModes\":[\"ReadOnlyMany\"],\"targetPath\":\"/runtime-mnt/cache/default/"
           "demo/cache-fuse\",\"master\":{\"enabled\":true,\"name\":\"demo-master\",\"replicas\":1,"
           "\"service\":{\"name\":\"svc-demo-master\"}},\"worker\":{\"enabled\":true,\"name\":"
           "\"demo-worker\",\"replicas\":2,\"service\":{\"name\":\"\"},\"tieredStoreLevels\":[{"
           "\"mountPaths\":[\"/dev/shm\"],\"mediumType\":\"MEM\",\"quotas\":[\"1Gi\"],\"high\":"
           "\"0.9\",\"low\":\"0.7\"}]},\"client\":{\"enabled\":true,\"name\":\"demo-client\","
           "\"service\":{\"name\":\"\"}}}"));
}

/* --- bad input --- */

static size_t count_items(const struct cJSON *item) {
    size_t count = 1;
    JSON_EACH (child, item)
        count += count_items(child);
    return count;
}

/* Puts something else in the place of the `index`-th value below `parent`. */
static bool replace_nth(struct cJSON *parent, size_t *index, struct cJSON *replacement) {
    JSON_EACH (child, parent) {
        if ((*index)-- == 0) {
            json_replace(parent, child, replacement);
            return true;
        }
        if (replace_nth(child, index, replacement))
            return true;
    }
    return false;
}

static struct cJSON *odd_value(struct arena *arena, struct rng *rng) {
    static const char *const texts[] = {"null",
                                        "true",
                                        "0",
                                        "-1",
                                        "1e30",
                                        "\"\"",
                                        "\"x\"",
                                        "{}",
                                        "[]",
                                        "[null]",
                                        "[[]]",
                                        "{\"name\":{}}",
                                        "[{\"name\":1}]",
                                        "{\"a\":[]}",
                                        "99999999999999999999",
                                        "\"\\u0000\""};
    struct error err = {0};
    return json_read(arena, sv_from(texts[rng_below(rng, COUNT_OF(texts))]), &err);
}

static void mutate(struct arena *arena, struct rng *rng, const struct cJSON **object) {
    struct cJSON *copy = json_copy(arena, *object);
    size_t index = (size_t)rng_below(rng, count_items(copy));
    if (replace_nth(copy, &index, odd_value(arena, rng)))
        *object = copy;
}

/* Whatever stands in the three objects: no crash, the same plan twice, and never more steps than
 * there are names. */
TEST(survives_any_shape_of_input) {
    struct rng rng;
    rng_init(&rng, 1);
    for (int round = 0; round < MUTATIONS; round++) {
        AUTO(arena) arena = arena_new();
        struct snapshot snapshot;
        struct observed objects[OBJECTS_MAX];
        struct plan first, second;
        read_case(arena, cases[rng_below(&rng, COUNT_OF(cases))], &snapshot);
        const struct cJSON **targets[] = {&snapshot.runtime_class, &snapshot.runtime,
                                          &snapshot.dataset};
        for (uint64_t i = 0; i <= rng_below(&rng, 3); i++)
            mutate(arena, &rng, targets[rng_below(&rng, COUNT_OF(targets))]);
        plan_with_absent(&snapshot, objects, arena, &first);
        plan_runtime(&snapshot, arena, &second);
        struct sv text = json_write_arena(arena, plan_to_json(&first, true, arena), JSON_COMPACT);
        CHECK_SV(text, json_write_arena(arena, plan_to_json(&second, true, arena), JSON_COMPACT));
    }
}
