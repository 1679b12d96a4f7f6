/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/frozen_pool.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/frozen.h"
#include "core/data/json.h"

/* Freezes each text in turn, through one pool; all must read as they were written. */
static size_t add_all(struct frozen_pool *pool, const struct sv *texts, size_t count,
                      struct frozen **ret_values) {
    for (size_t i = 0; i < count; i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        ret_values[i] = frozen_pool_add(pool, json_read(arena, texts[i], &err));
    }
    for (size_t i = 0; i < count; i++) {
        AUTO(arena) arena = arena_new();
        CHECK_SV(json_write_arena(arena, frozen_root(ret_values[i]), JSON_COMPACT), texts[i]);
    }
    return frozen_pool_part_count(pool);
}

static void let_go(struct frozen **values, size_t count) {
    for (size_t i = 0; i < count; i++)
        frozen_unref(values[i]);
}

#define POD(name, spec) SV("{\"metadata\":{\"name\":\"" name "\"},\"spec\":" spec "}")
#define SPEC "{\"a\":[1,2,3],\"b\":{\"c\":\"x\",\"d\":null}}"
static const struct {
    struct sv texts[4];
    size_t part_count;
} cases[] = {
    /* The first two make a part, the others find it. */
    {{POD("a", SPEC), POD("b", SPEC), POD("c", SPEC), POD("d", SPEC)}, 1},
    /* In one value as well. */
    {{SV("[" SPEC "," SPEC "," SPEC "]"), SV("1"), SV("{}"), SV("[]")}, 1},
    /* Small ones are not worth it. */
    {{POD("a", "[1,2]"), POD("b", "[1,2]"), POD("c", "[1,2]"), POD("d", "{}")}, 0},
    /* What differs in one place shares the rest: here the list under "a". */
    {{POD("a", "{\"a\":[1,2,3],\"b\":1}"), POD("b", "{\"a\":[1,2,3],\"b\":2}"),
      POD("c", "{\"a\":[1,2,3],\"b\":3}"), POD("d", "{\"a\":[1,2,3],\"b\":4}")},
     1},
    /* Order, keys, types and the text of numbers are kept, not only the value. */
    {{SV("[{\"a\":1,\"b\":2,\"c\":3}]"), SV("[{\"b\":2,\"a\":1,\"c\":3}]"),
      SV("[{\"a\":\"1\",\"b\":2,\"c\":3}]"), SV("[{\"a\":1.0,\"b\":2,\"c\":3}]")},
     0},
    {{SV("[{\"resourceVersion1\":[{},[],0]}]"), SV("[{\"resourceVersion2\":[{},[],0]}]"),
      SV("[[[{},[],0]]]"), SV("[[[[],[],0]]]")},
     1},
};

TEST(what_values_have_in_common_is_held_once) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frozen_pool *pool = frozen_pool_new();
        struct frozen *values[4];
        CHECK(add_all(pool, cases[i].texts, 4, values) == cases[i].part_count);
        let_go(values, 4);
        CHECK(frozen_pool_part_count(pool) == 0 && frozen_pool_part_bytes(pool) == 0);
        frozen_pool_free(pool);
    }
}

/* From the third on, a value costs only what is its own. */
TEST(what_is_shared_costs_nothing_again) {
    static const struct sv texts[] = {POD("a", SPEC), POD("b", SPEC), POD("c", SPEC)};
    struct frozen_pool *pool = frozen_pool_new();
    struct frozen *values[3];
    add_all(pool, texts, 3, values);
    CHECK(frozen_bytes(values[1]) == frozen_bytes(values[2]));
    CHECK(frozen_bytes(values[2]) < frozen_bytes(values[0]));
    CHECK(json_get(frozen_root(values[1]), SV("spec"))->child ==
          json_get(frozen_root(values[2]), SV("spec"))->child);
    let_go(values, 3);
    frozen_pool_free(pool);
}

TEST(a_value_outlives_its_pool) {
    static const struct sv texts[] = {POD("a", SPEC), POD("b", SPEC)};
    struct frozen_pool *pool = frozen_pool_new();
    struct frozen *values[2];
    add_all(pool, texts, 2, values);
    frozen_pool_free(pool);
    frozen_unref(values[0]);
    AUTO(arena) arena = arena_new();
    CHECK_SV(json_write_arena(arena, frozen_root(values[1]), JSON_COMPACT), texts[1]);
    frozen_unref(values[1]);
}

/* A copy is nobody's part, and may be changed. */
TEST(a_copy_of_a_value_with_parts_is_a_tree_of_its_own) {
    static const struct sv texts[] = {POD("a", SPEC), POD("b", SPEC)};
    struct frozen_pool *pool = frozen_pool_new();
    struct frozen *values[2];
    add_all(pool, texts, 2, values);
    AUTO(arena) arena = arena_new();
    struct cJSON *copy = json_copy(arena, frozen_root(values[1]));
    json_set_int(arena, json_find(copy, "spec.b"), SV("c"), 5);
    CHECK(json_find_int(copy, "spec.b.c", 0) == 5);
    CHECK_SV(json_write_arena(arena, frozen_root(values[0]), JSON_COMPACT), texts[0]);
    let_go(values, 2);
    frozen_pool_free(pool);
}

/* A part that was borrowed is taken as it is, wherever it comes to stand. */
TEST(a_borrowed_part_is_the_same_part_in_the_next_value) {
    static const struct sv texts[] = {POD("a", SPEC), POD("b", SPEC)};
    struct frozen_pool *pool = frozen_pool_new();
    struct frozen *values[2];
    size_t part_count = add_all(pool, texts, 2, values);
    AUTO(arena) arena = arena_new();
    struct cJSON *tree = json_borrow(arena, frozen_root(values[1]));
    json_set_string(arena, json_ensure_map(arena, tree, SV("metadata")), SV("name"), SV("c"));
    struct cJSON *list = json_list(arena);
    json_append(list, tree);
    struct frozen *value = frozen_pool_add(pool, list);
    CHECK(frozen_pool_part_count(pool) == part_count);
    CHECK(json_find(frozen_root(value), "0.spec")->child ==
          json_get(frozen_root(values[1]), SV("spec"))->child);
    let_go(values, 2);
    CHECK_SV(json_write_arena(arena, frozen_root(value), JSON_COMPACT),
             SV("[{\"metadata\":{\"name\":\"c\"},\"spec\":" SPEC "}]"));
    frozen_unref(value);
    CHECK(frozen_pool_part_count(pool) == 0);
    frozen_pool_free(pool);
}

/* The table of parts grows; each part is found again in it. */
TEST(many_parts_are_found_again) {
    enum { PARTS = 3000 };
    static struct frozen *values[2 * PARTS];
    AUTO(arena) arena = arena_new();
    struct frozen_pool *pool = frozen_pool_new();
    for (int i = 0; i < 2 * PARTS; i++) {
        struct error err = {0};
        struct sv text = arena_printf(arena, "[[%d,1,2,3]]", i / 2);
        values[i] = frozen_pool_add(pool, json_read(arena, text, &err));
    }
    CHECK(frozen_pool_part_count(pool) == PARTS);
    for (int i = 0; i < PARTS; i++)
        frozen_unref(values[2 * i]);
    CHECK(frozen_pool_part_count(pool) == PARTS);
    for (int i = 0; i < PARTS; i++)
        frozen_unref(values[2 * i + 1]);
    CHECK(frozen_pool_part_count(pool) == 0);
    frozen_pool_free(pool);
}

/* Whether a text was read or is a literal makes no difference to what is shared. */
TEST(a_part_of_literals_is_the_part_of_the_same_texts) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct frozen_pool *pool = frozen_pool_new();
    struct cJSON *made = json_map(arena), *spec = json_map(arena);
    json_set_string(arena, spec, SV("restartPolicy"), SV("Always"));
    json_set_string(arena, spec, SV("schedulerName"), SV("default-scheduler"));
    json_set_string(arena, spec, SV("dnsPolicy"), SV("ClusterFirst"));
    json_set(arena, made, SV("spec"), spec);
    const struct cJSON *read = json_read(arena, json_write_arena(arena, made, JSON_COMPACT), &err);
    struct frozen *values[] = {frozen_pool_add(pool, made), frozen_pool_add(pool, read),
                               frozen_pool_add(pool, made)};
    CHECK(frozen_pool_part_count(pool) == 1);
    CHECK(frozen_root(values[1])->child->child == frozen_root(values[2])->child->child);
    let_go(values, COUNT_OF(values));
    frozen_pool_free(pool);
}
