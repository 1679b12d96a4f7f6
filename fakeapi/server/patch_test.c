/* SPDX-License-Identifier: Apache-2.0 */
/* Expected texts are those of a kube-apiserver given the same request. */
#include "fakeapi/server/patch.h"

#include "core/base/arena.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/schema/registry.h"

static struct cJSON *tree(struct arena *arena, const char *text) {
    struct error err = {0};
    struct cJSON *item = json_read(arena, sv_from(text), &err);
    assert(item);
    return item;
}

struct json_case {
    const char *target, *patch, *expected;
};

/* The result as text, or the error's. */
static struct sv outcome(struct arena *arena, const struct cJSON *result, const struct error *err) {
    return result ? json_write_arena(arena, result, JSON_COMPACT)
                  : arena_copy(arena, sv_from(err->message));
}

#define REFUSED "the server rejected our request due to an error in our request"
#define NO_LIST                                                                                    \
    "error decoding patch: json: cannot unmarshal object into Go value of type "                   \
    "[]handlers.jsonPatchOp"
#define NO_MAP                                                                                     \
    "error decoding patch: json: cannot unmarshal array into Go value of type "                    \
    "map[string]interface {}"

static const struct json_case json_cases[] = {
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]", "{\"a\":1,\"b\":2}"},
    {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":{\"x\":[]}}]",
     "{\"a\":{\"x\":[]}}"},
    {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{}"},
    {"{\"a/b\":1,\"c~d\":2}",
     "[{\"op\":\"remove\",\"path\":\"/a~1b\"},{\"op\":\"replace\",\"path\":\"/c~0d\",\"value\":3}]",
     "{\"c~d\":3}"},
    {"{\"l\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/l/1\",\"value\":9}]", "{\"l\":[1,9,2]}"},
    {"{\"l\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/l/-\",\"value\":9}]", "{\"l\":[1,2,9]}"},
    {"{\"l\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/l/2\",\"value\":9}]", "{\"l\":[1,2,9]}"},
    {"{\"l\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/l/0\"}]", "{\"l\":[2]}"},
    {"{\"l\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/l/-1\"}]", "{\"l\":[1]}"},
    {"{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c\"}]",
     "{\"a\":{},\"c\":1}"},
    {"{\"l\":[1,2,3]}", "[{\"op\":\"move\",\"from\":\"/l/0\",\"path\":\"/l/2\"}]",
     "{\"l\":[2,3,1]}"},
    {"{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/c\"}]",
     "{\"a\":{\"b\":1,\"c\":{\"b\":1}}}"},
    {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1}]", "{\"a\":1}"},
    {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/b\",\"value\":null}]", "{\"a\":1}"},
    {"{\"a\":1}", "[]", "{\"a\":1}"},
    {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"b\":1}}]", "{\"b\":1}"},

    {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", REFUSED},
    {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", REFUSED},
    {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", "{\"a\":1,\"b\":1}"},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b/c\",\"value\":1}]", REFUSED},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\"}]", REFUSED},
    {"{\"a\":1}", "[{\"op\":\"odd\",\"path\":\"/a\"}]", REFUSED},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", REFUSED},
    {"{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/x\",\"path\":\"/a\"}]", REFUSED},
    {"{\"a\":{}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", REFUSED},
    {"{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l/2\",\"value\":1}]", REFUSED},
    {"{\"l\":[1]}", "[{\"op\":\"remove\",\"path\":\"/l/1\"}]", REFUSED},
    {"{\"l\":[1]}", "[{\"op\":\"remove\",\"path\":\"/l/-\"}]", REFUSED},
    {"{\"a\":1}", "[1]", REFUSED},
    {"{\"a\":1}", "{}", NO_LIST},
};

TEST(json_patch_table) {
    for (size_t i = 0; i < COUNT_OF(json_cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct cJSON *target = tree(arena, json_cases[i].target);
        struct cJSON *result = patch_json(arena, target, tree(arena, json_cases[i].patch), &err);
        CHECK_SV(outcome(arena, result, &err), sv_from(json_cases[i].expected));
        CHECK_SV(json_write_arena(arena, target, JSON_COMPACT), sv_from(json_cases[i].target));
    }
}

TEST(json_patch_classes_of_errors) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    CHECK(!patch_json(arena, tree(arena, "{}"), tree(arena, "{}"), &err));
    CHECK(err.code == ERROR_INVALID);
    CHECK(!patch_json(arena, tree(arena, "{}"), tree(arena, "[{}]"), &err));
    CHECK(err.code == ERROR_CONFLICT);
}

TEST(json_patch_refuses_too_many_operations) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *patch = json_list(arena);
    for (int i = 0; i < JSON_PATCH_OPERATIONS_MAX; i++)
        json_append(patch, tree(arena, "{\"op\":\"add\",\"path\":\"/a\",\"value\":1}"));
    CHECK(patch_json(arena, tree(arena, "{}"), patch, &err));
    json_append(patch, tree(arena, "{\"op\":\"remove\",\"path\":\"/a\"}"));
    CHECK(!patch_json(arena, tree(arena, "{}"), patch, &err));
    CHECK(err.code == ERROR_TOO_LARGE);
    CHECK_SV(sv_from(err.message),
             SV("The allowed maximum operations in a JSON patch is 10000, got 10001"));
}

/* Each operation doubles the object: 2^40 bytes without a limit. */
TEST(json_patch_bounds_copies) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *patch = json_list(arena);
    for (int i = 0; i < 40; i++)
        json_append(patch, tree(arena, "{\"op\":\"copy\",\"from\":\"/l\",\"path\":\"/l/-\"}"));
    CHECK(!patch_json(arena, tree(arena, "{\"l\":[\"0123456789\"]}"), patch, &err));
    CHECK(err.code == ERROR_CONFLICT);
}

/* A refusal that shows the patch is as long as the patch, however deep that is. */
TEST(a_deep_patch_is_refused_at_once) {
    AUTO(registry) registry = registry_new();
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv below = SV("1"), shown = SV("1");
    for (int i = 0; i < JSON_DEPTH_MAX - 8; i++) {
        below = arena_printf(arena, "{\"a\":%.*s}", SV_ARG(below));
        shown = arena_printf(arena, "map[a:%.*s]", SV_ARG(shown));
    }
    struct sv labels = arena_printf(arena, "{\"$patch\":\"bogus\",\"a\":%.*s}", SV_ARG(below));
    struct sv patch = arena_printf(arena, "{\"metadata\":{\"labels\":%.*s}}", SV_ARG(labels));
    const struct schema *schema = registry_find(registry, SV(""), SV("v1"), SV("pods"))->schema;
    CHECK(!patch_strategic(arena, schema, tree(arena, "{\"metadata\":{\"labels\":{}}}"),
                           tree(arena, patch.ptr), &err));
    CHECK(sv_contains(sv_from(err.message),
                      SV("unknown patch type: bogus in map: map[$patch:bogus")));
    CHECK(go_value_text(arena, tree(arena, below.ptr)).len == shown.len);
}

TEST(json_patch_bounds_depth) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *patch = json_list(arena);
    struct sv path = SV("");
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        path = arena_printf(arena, "%.*s/a", SV_ARG(path));
        struct cJSON *operation = tree(arena, "{\"op\":\"add\",\"value\":{}}");
        json_set_string(arena, operation, SV("path"), path);
        if (i == JSON_DEPTH_MAX - 1)
            CHECK(patch_json(arena, tree(arena, "{}"), patch, &err));
        json_append(patch, operation);
    }
    CHECK(!patch_json(arena, tree(arena, "{}"), patch, &err));
}

static const struct json_case merge_cases[] = {
    {"{\"a\":1,\"b\":{\"c\":1,\"d\":2}}", "{\"b\":{\"c\":null,\"e\":3}}",
     "{\"a\":1,\"b\":{\"d\":2,\"e\":3}}"},
    {"{\"a\":[1,2]}", "{\"a\":[3]}", "{\"a\":[3]}"},
    {"{\"a\":1}", "{\"a\":{\"b\":null,\"c\":1}}", "{\"a\":{\"c\":1}}"},
    {"{\"a\":1}", "{\"b\":[null]}", "{\"a\":1,\"b\":[null]}"},
    {"{\"a\":1}", "{}", "{\"a\":1}"},
    {"{\"a\":1}", "[]", NO_MAP},
};

TEST(merge_patch_table) {
    for (size_t i = 0; i < COUNT_OF(merge_cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct cJSON *target = tree(arena, merge_cases[i].target);
        struct cJSON *result = patch_merge(arena, target, tree(arena, merge_cases[i].patch), &err);
        CHECK_SV(outcome(arena, result, &err), sv_from(merge_cases[i].expected));
        CHECK_SV(json_write_arena(arena, target, JSON_COMPACT), sv_from(merge_cases[i].target));
    }
}

/* Against the schema of v1 Pod. */
static const struct json_case strategic_cases[] = {
    /* Containers merge by name; what the patch brings new comes first. */
    {"{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"2\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},"
     "{\"name\":\"b\",\"image\":\"2\"}]}}"},
    {"{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":\"A\",\"value\":\"1\"}]}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":\"B\",\"value\":\"2\"}]}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":\"B\",\"value\":\"2\"},"
     "{\"name\":\"A\",\"value\":\"1\"}]}]}}"},
    /* A new one that follows a known one stays behind it. */
    {"{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"c\"},{\"name\":\"x\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"},"
     "{\"name\":\"x\"}]}}"},
    {"{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"x\"}],"
     "\"$setElementOrder/containers\":[{\"name\":\"b\"},{\"name\":\"x\"},{\"name\":\"a\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"b\"},{\"name\":\"x\"},{\"name\":\"a\"}]}}"},
    {"{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"a\",\"$patch\":\"delete\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}"},
    {"{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
     "{\"spec\":{\"containers\":[{\"$patch\":\"replace\"},{\"name\":\"z\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"z\"}]}}"},
    /* Volume mounts merge by mountPath, container ports by containerPort. */
    {"{\"spec\":{\"containers\":[{\"name\":\"c\",\"volumeMounts\":[{\"mountPath\":\"/a\","
     "\"name\":\"v\"}],\"ports\":[{\"containerPort\":80}]}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"c\",\"volumeMounts\":[{\"mountPath\":\"/a\","
     "\"name\":\"w\"}],\"ports\":[{\"containerPort\":80,\"name\":\"http\"}]}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"c\",\"volumeMounts\":[{\"mountPath\":\"/a\","
     "\"name\":\"w\"}],\"ports\":[{\"containerPort\":80,\"name\":\"http\"}]}]}}"},
    /* Lists without merge key are replaced. */
    {"{\"spec\":{\"tolerations\":[{\"key\":\"a\"}]}}",
     "{\"spec\":{\"tolerations\":[{\"key\":\"b\"}]}}",
     "{\"spec\":{\"tolerations\":[{\"key\":\"b\"}]}}"},
    /* Lists of primitives that merge. */
    {"{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
     "{\"metadata\":{\"finalizers\":[\"b\",\"c\"]}}",
     "{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\"]}}"},
    {"{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
     "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"a\"]}}",
     "{\"metadata\":{\"finalizers\":[\"b\"]}}"},
    {"{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
     "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"a\"],\"finalizers\":[\"c\"],"
     "\"$setElementOrder/finalizers\":[\"b\",\"c\"]}}",
     "{\"metadata\":{\"finalizers\":[\"b\",\"c\"]}}"},
    /* Maps. */
    {"{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}",
     "{\"metadata\":{\"labels\":{\"a\":null,\"c\":\"3\"}}}",
     "{\"metadata\":{\"labels\":{\"b\":\"2\",\"c\":\"3\"}}}"},
    {"{\"metadata\":{\"labels\":{\"a\":\"1\"}}}",
     "{\"metadata\":{\"labels\":{\"$patch\":\"replace\",\"c\":\"3\"}}}",
     "{\"metadata\":{\"labels\":{\"c\":\"3\"}}}"},
    {"{\"spec\":{\"nodeSelector\":{\"a\":\"1\"}}}",
     "{\"spec\":{\"nodeSelector\":{\"$patch\":\"delete\"}}}", "{\"spec\":{\"nodeSelector\":{}}}"},
    {"{\"spec\":{}}", "{\"spec\":{\"nodeSelector\":{\"a\":\"1\",\"b\":null}}}",
     "{\"spec\":{\"nodeSelector\":{\"a\":\"1\"}}}"},
    {"{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}",
     "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"$retainKeys\":[\"name\",\"hostPath\"],"
     "\"hostPath\":{\"path\":\"/x\"}}]}}",
     "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/x\"}}]}}"},

    {"{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}",
     "{\"spec\":{\"containers\":[{\"image\":\"c\"}]}}",
     "map: map[image:c] does not contain declared merge key: name"},
    {"{\"metadata\":{\"labels\":{}}}",
     "{\"metadata\":{\"labels\":{\"$patch\":\"bogus\",\"a\":\"b\"}}}",
     "unknown patch type: bogus in map: map[$patch:bogus a:b]"},
    {"{}", "[]", NO_MAP},
};

TEST(strategic_merge_table) {
    AUTO(registry) registry = registry_new();
    const struct schema *schema = registry_find(registry, SV(""), SV("v1"), SV("pods"))->schema;
    for (size_t i = 0; i < COUNT_OF(strategic_cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct cJSON *target = tree(arena, strategic_cases[i].target);
        struct cJSON *patch = tree(arena, strategic_cases[i].patch);
        struct cJSON *result = patch_strategic(arena, schema, target, patch, &err);
        CHECK_SV(outcome(arena, result, &err), sv_from(strategic_cases[i].expected));
        CHECK_SV(json_write_arena(arena, target, JSON_COMPACT), sv_from(strategic_cases[i].target));
        CHECK_SV(json_write_arena(arena, patch, JSON_COMPACT), sv_from(strategic_cases[i].patch));
    }
}
