/* SPDX-License-Identifier: Apache-2.0 */
/* Expected texts are those of a kube-apiserver given the same request. */
#include "fakeapi/server/patch.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/frozen.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
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

TEST(merge_of_what_is_stored_is_the_same) {
    for (size_t i = 0; i < COUNT_OF(merge_cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct frozen *target = frozen_new(tree(arena, merge_cases[i].target));
        struct cJSON *result =
            patch_merge_stored(arena, frozen_root(target), tree(arena, merge_cases[i].patch), &err);
        CHECK_SV(outcome(arena, result, &err), sv_from(merge_cases[i].expected));
        CHECK_SV(json_write_arena(arena, frozen_root(target), JSON_COMPACT),
                 sv_from(merge_cases[i].target));
        frozen_unref(target);
    }
}

/* What is borrowed is not admitted again, so that nothing but the same may be. */
TEST(merge_borrows_what_stays) {
    static const struct {
        const char *patch;
        bool is_list_borrowed, is_first_borrowed, is_second_borrowed;
    } cases[] = {
        {"{\"a\":{\"x\":2}}", true, false, false},
        {"{\"a\":{\"l\":[{\"k\":\"1\",\"n\":1},{\"k\":\"2\"}]}}", true, false, false},
        {"{\"a\":{\"l\":[{\"k\":\"1\",\"n\":1},{\"k\":\"3\"}]}}", false, true, false},
        {"{\"a\":{\"l\":[{\"k\":\"1\",\"n\":2},{\"k\":\"2\"},3]}}", false, false, true},
        {"{\"a\":{\"l\":[{\"k\":\"1\",\"n\":1}]}}", false, true, false},
        /* Equal, but not byte for byte. */
        {"{\"a\":{\"l\":[{\"n\":1,\"k\":\"1\"},{\"k\":\"2\"}]}}", false, false, true},
        {"{\"a\":{\"l\":[{\"k\":\"1\",\"n\":1.0},{\"k\":\"2\"}]}}", false, false, true},
        {"{\"a\":{\"l\":[{\"k\":\"1\",\"n\":1,\"m\":1},{\"k\":\"2\"}]}}", false, false, true},
        {"{\"a\":{\"l\":[{\"k\":\"1\",\"n\":\"1\"},{\"k\":\"2\"}]}}", false, false, true},
    };
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct frozen *target =
        frozen_new(tree(arena, "{\"a\":{\"x\":1,\"l\":[{\"k\":\"1\",\"n\":1},{\"k\":\"2\"}]}}"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct cJSON *patch = tree(arena, cases[i].patch);
        struct cJSON *result = patch_merge_stored(arena, frozen_root(target), patch, &err);
        struct cJSON *plain = patch_merge(arena, frozen_root(target), patch, &err);
        CHECK_SV(outcome(arena, result, &err), outcome(arena, plain, &err));
        CHECK(json_is_borrowed(json_find(result, "a.l")) == cases[i].is_list_borrowed);
        CHECK(json_is_borrowed(json_find(result, "a.l.0")) == cases[i].is_first_borrowed);
        CHECK(json_is_borrowed(json_find(result, "a.l.1")) == cases[i].is_second_borrowed);
    }
    frozen_unref(target);
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
    /* What goes does so first, wherever the patch says it. */
    {"{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"a\",\"tty\":true},"
     "{\"name\":\"a\",\"$patch\":\"delete\"}]}}",
     "{\"spec\":{\"containers\":[{\"name\":\"a\",\"tty\":true},{\"name\":\"b\"}]}}"},
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

/* --- patches as wide as a request may be: in minutes for whoever looks at one after the other ---
 */

enum { WIDE = 40 * 1000 };

static struct sv wide_key(struct arena *arena, size_t number) {
    return arena_printf(arena, "k%05zu", number);
}

/* {"k00000": value, ...}, or from the last to the first. */
static struct cJSON *wide_map(struct arena *arena, const char *value, bool is_reversed) {
    struct cJSON *map = json_map(arena);
    struct json_index members = json_index_of(arena, map);
    for (size_t i = 0; i < WIDE; i++)
        json_index_set(&members, wide_key(arena, is_reversed ? WIDE - 1 - i : i),
                       tree(arena, value));
    return map;
}

static struct cJSON *below(struct arena *arena, const char *above, const char *name,
                           struct cJSON *value) {
    struct cJSON *root = json_map(arena);
    json_set(arena, json_ensure_map(arena, root, sv_from(above)), sv_from(name), value);
    return root;
}

/* Ports, or with `is_deleted` what takes them away. */
static struct cJSON *wide_ports(struct arena *arena, const char *name, bool is_reversed,
                                bool is_deleted) {
    struct cJSON *list = json_list(arena);
    for (size_t i = 0; i < WIDE; i++) {
        struct cJSON *port = json_append(list, json_map(arena));
        json_set_int(arena, port, SV("port"), (int64_t)(is_reversed ? WIDE - i : i + 1));
        if (is_deleted)
            json_set_string(arena, port, SV("$patch"), SV("delete"));
        else
            json_set_string(arena, port, SV("name"), sv_from(name));
    }
    return list;
}

TEST(a_wide_map_is_merged) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *target = wide_map(arena, "1", false), *patch = wide_map(arena, "2", true);
    struct cJSON *merged = patch_merge(arena, target, patch, &err);
    CHECK(json_equal(merged, patch));
    CHECK_SV(json_key(merged->child), SV("k00000"));
    struct cJSON *emptied = patch_merge(arena, merged, wide_map(arena, "null", true), &err);
    CHECK(emptied && !emptied->child);
}

TEST(a_wide_map_is_patched_by_operations) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *patch = json_list(arena);
    for (size_t i = 0; i < JSON_PATCH_OPERATIONS_MAX; i++) {
        static const char *const operations[] = {"remove", "replace", "test", "move", "add"};
        struct cJSON *operation = json_append(patch, tree(arena, "{\"value\":1}"));
        struct sv path = arena_printf(arena, "/k%05zu", (size_t)WIDE - 1 - i);
        json_set_string(arena, operation, SV("op"), sv_from(operations[i % 5]));
        json_set_string(arena, operation, SV("path"), i % 5 == 3 ? SV("/k00000") : path);
        json_set_string(arena, operation, SV("from"), path);
    }
    struct cJSON *result = patch_json(arena, wide_map(arena, "1", false), patch, &err);
    CHECK(result && json_count(result) == WIDE - 2 * JSON_PATCH_OPERATIONS_MAX / 5);
}

TEST(a_long_list_is_patched_by_operations) {
    enum { LONG = 100 * 1000 };
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *target = json_list(arena), *patch = json_list(arena);
    for (size_t i = 0; i < LONG; i++)
        json_append(target, json_int(arena, 1));
    /* Three 2s are put in front of the middle, one of them becomes a 3, and one goes. */
    for (size_t i = 0; i < JSON_PATCH_OPERATIONS_MAX; i++) {
        static const char *const operations[] = {
            "{\"op\":\"add\",\"path\":\"/50000\",\"value\":2}",
            "{\"op\":\"copy\",\"from\":\"/50000\",\"path\":\"/50000\"}",
            "{\"op\":\"move\",\"from\":\"/99998\",\"path\":\"/50000\"}",
            "{\"op\":\"replace\",\"path\":\"/50000\",\"value\":3}",
            "{\"op\":\"remove\",\"path\":\"/50002\"}",
        };
        json_append(patch, tree(arena, operations[i % 5]));
    }
    struct cJSON *result = patch_json(arena, target, patch, &err);
    CHECK(result && json_count(result) == LONG + JSON_PATCH_OPERATIONS_MAX / 5);
    CHECK_SV(json_text(json_at(result, 49999)), SV("1"));
    CHECK_SV(json_text(json_at(result, 50000)), SV("3"));
    CHECK_SV(json_text(json_at(result, 50001)), SV("2"));
}

/* A move is no copy: ten thousand of a large part are as cheap as of a small one. */
TEST(a_large_part_is_moved) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *patch = json_list(arena), *target = json_map(arena);
    json_set(arena, target, SV("a"), wide_map(arena, "1", false));
    for (size_t i = 0; i < JSON_PATCH_OPERATIONS_MAX; i++)
        json_append(patch,
                    tree(arena, i % 2 ? "{\"op\":\"move\",\"from\":\"/b\",\"path\":\"/a\"}"
                                      : "{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}"));
    size_t before = arena_used_bytes(arena);
    CHECK(json_equal(patch_json(arena, target, patch, &err), target));
    CHECK(arena_used_bytes(arena) - before < 64 * 1024 * 1024);
}

TEST(a_wide_object_is_merged_strategically) {
    AUTO(registry) registry = registry_new();
    const struct schema *schema = registry_find(registry, SV(""), SV("v1"), SV("services"))->schema;
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *labels = patch_strategic(
        arena, schema, below(arena, "metadata", "labels", wide_map(arena, "\"1\"", false)),
        below(arena, "metadata", "labels", wide_map(arena, "null", true)), &err);
    CHECK_SV(outcome(arena, labels, &err), SV("{\"metadata\":{\"labels\":{}}}"));

    struct cJSON *target = below(arena, "spec", "ports", wide_ports(arena, "a", false, false));
    struct cJSON *patch = below(arena, "spec", "ports", wide_ports(arena, "b", true, false));
    struct cJSON *ports = patch_strategic(arena, schema, target, patch, &err);
    CHECK(json_equal(ports, patch));
    json_set(arena, json_get(patch, SV("spec")), SV("$setElementOrder/ports"),
             wide_ports(arena, "", true, false));
    CHECK(json_equal(patch_strategic(arena, schema, target, patch, &err), ports));
    struct cJSON *gone =
        patch_strategic(arena, schema, target,
                        below(arena, "spec", "ports", wide_ports(arena, "", true, true)), &err);
    CHECK_SV(outcome(arena, gone, &err), SV("{\"spec\":{\"ports\":[]}}"));
}
