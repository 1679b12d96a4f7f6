/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/store/store.h"

#include "core/base/arena.h"
#include "core/base/rng.h"
#include "core/base/test.h"
#include "core/data/frozen.h"
#include "core/data/frozen_pool.h"
#include "core/data/json.h"

enum { NAME_COUNT = 700, STEP_COUNT = 6000 };

static struct cJSON *object(struct arena *arena, size_t name, uint64_t value) {
    struct cJSON *tree = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, tree, SV("metadata"));
    json_set_string(arena, metadata, SV("namespace"), name % 2 ? SV("a") : SV("b"));
    json_set_string(arena, metadata, SV("name"), arena_printf(arena, "n-%05zu", name));
    json_set_int(arena, tree, SV("value"), (int64_t)value);
    return tree;
}

static struct sv name_of(struct arena *arena, size_t name) {
    return arena_printf(arena, "n-%05zu", name);
}

/* Against the simplest model: an array of the values that should be there. */
TEST(agrees_with_a_model_and_stays_sorted) {
    AUTO(arena) arena = arena_new();
    struct store *store = store_new((struct log_window){64, 64, 0});
    struct collection *things = store_collection(store, SV("x/things"));
    uint64_t model[NAME_COUNT] = {0};
    struct rng rng;
    rng_init(&rng, 11);
    for (uint64_t step = 1; step <= STEP_COUNT; step++) {
        arena_reset(arena);
        size_t name = rng_below(&rng, NAME_COUNT);
        if (model[name] && rng_chance(&rng, 1, 3)) {
            store_remove(store, things, object(arena, name, model[name]), arena);
            model[name] = 0;
        } else {
            store_put(store, things, object(arena, name, step), arena);
            model[name] = step;
        }
        if (step % 500 == 0)
            store_trim(store);
    }
    size_t expected = 0;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct stored *stored =
            collection_get(things, i % 2 ? SV("a") : SV("b"), name_of(arena, i));
        CHECK((stored != NULL) == (model[i] != 0));
        if (stored)
            CHECK(json_find_int(stored_tree(stored), "value", 0) == (int64_t)model[i]);
        expected += model[i] != 0;
    }
    CHECK(things->count == expected);
    struct position position = collection_seek(things, SV(""), SV(""));
    struct stored *before = NULL, *now;
    size_t seen = 0;
    for (; (now = collection_at(things, &position)); position_advance(&position), seen++) {
        if (before) {
            int order = sv_compare(before->namespace_name, now->namespace_name);
            CHECK(order < 0 || (order == 0 && sv_compare(before->name, now->name) < 0));
        }
        before = now;
    }
    CHECK(seen == expected);
    CHECK(store_revision(store) == STEP_COUNT + 1);
    store_free(store);
}

/* A search begins where the last one ended, and ends where it would have anyway: at bounds of
 * chunks, before the first object, behind the last, and after writes in between. */
TEST(where_a_search_ends_does_not_depend_on_the_one_before) {
    enum { OBJECTS = 700, SEARCHES = 3000 };
    AUTO(arena) arena = arena_new();
    struct store *store = store_new((struct log_window){100, 100, 0});
    struct collection *things = store_collection(store, SV("x/things"));
    bool is_there[OBJECTS] = {false};
    struct rng rng;
    rng_init(&rng, 7);
    for (size_t i = 0; i < SEARCHES; i++) {
        size_t number = rng_below(&rng, OBJECTS);
        struct sv name = arena_printf(arena, "n%03zu", number);
        size_t next = number;
        while (next < OBJECTS && !is_there[next])
            next++;
        for (int again = 0; again < 2; again++) {
            struct position position = collection_seek(things, SV("a"), name);
            struct stored *found = collection_at(things, &position);
            CHECK((found != NULL) == (next < OBJECTS));
            if (found)
                CHECK_SV(found->name, arena_printf(arena, "n%03zu", next));
        }
        struct cJSON *tree = json_map(arena);
        struct cJSON *metadata = json_ensure_map(arena, tree, SV("metadata"));
        json_set_string(arena, metadata, SV("namespace"), SV("a"));
        json_set_string(arena, metadata, SV("name"), name);
        if (is_there[number])
            store_remove(store, things, tree, arena);
        else
            store_put(store, things, tree, arena);
        is_there[number] = !is_there[number];
    }
    store_free(store);
}

#define LONG_PREFIX "a-name-whose-first-sixty-four-bytes-are-those-of-many-others-too-"

static struct cJSON *named(struct arena *arena, struct sv namespace_name, struct sv name) {
    struct cJSON *tree = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, tree, SV("metadata"));
    if (namespace_name.len > 0)
        json_set_string(arena, metadata, SV("namespace"), namespace_name);
    json_set_string(arena, metadata, SV("name"), name);
    return tree;
}

/* Keys of which one begins as the other, which differ behind what searches look at first, and which
 * come in an order in which less and less is common to all. */
TEST(any_two_keys_are_told_apart_and_in_order) {
    static const struct {
        struct sv namespace_name, name;
    } keys[] = {
        {SV("team-b"), SV(LONG_PREFIX "2")},
        {SV("team-b"), SV(LONG_PREFIX "10")},
        {SV("team-b"), SV(LONG_PREFIX "1")},
        {SV("team-b"), SV(LONG_PREFIX)},
        {SV("team-b"), SV("a-name")},
        {SV("team-b"), SV("a-name-")},
        {SV("team-a"), SV("z")},
        {SV("team"), SV("z")},
        {SV("team"), SV("a")},
        {SV("t" LONG_PREFIX), SV("b")},
        {SV("t" LONG_PREFIX), SV("a")},
        {SV(""), SV("team")},
        {SV(""), SV("a")},
        {SV("\xc3\xa9"), SV("a")},
    };
    AUTO(arena) arena = arena_new();
    struct store *store = store_new((struct log_window){64, 64, 0});
    struct collection *things = store_collection(store, SV("x/things"));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        store_put(store, things, named(arena, keys[i].namespace_name, keys[i].name), arena);
        for (size_t k = 0; k < COUNT_OF(keys); k++) {
            const struct stored *found =
                collection_get(things, keys[k].namespace_name, keys[k].name);
            CHECK((found != NULL) == (k <= i));
            CHECK(!found || sv_eq(found->name, keys[k].name));
        }
    }
    struct position position = collection_seek(things, SV(""), SV(""));
    const struct stored *before = NULL, *now;
    size_t count = 0;
    for (; (now = collection_at(things, &position)); position_advance(&position), count++) {
        int order = before ? sv_compare(before->namespace_name, now->namespace_name) : -1;
        CHECK(order < 0 || (order == 0 && sv_compare(before->name, now->name) < 0));
        before = now;
    }
    CHECK(count == COUNT_OF(keys));
    store_free(store);
}

TEST(the_log_tells_what_happened_and_forgets_the_oldest) {
    AUTO(arena) arena = arena_new();
    struct store *store = store_new((struct log_window){3, 3, 0});
    struct collection *things = store_collection(store, SV("x/things"));
    store_put(store, things, object(arena, 1, 1), arena);
    store_put(store, things, object(arena, 1, 2), arena);
    store_remove(store, things, object(arena, 1, 2), arena);
    const struct log_entry *entry = collection_log_at(things, 1);
    REQUIRE(entry != NULL);
    CHECK(entry->type == WATCH_MODIFIED && entry->revision == 3);
    CHECK(json_find_int(stored_tree(entry->before), "value", 0) == 1);
    entry = collection_log_at(things, 2);
    REQUIRE(entry != NULL);
    CHECK(entry->type == WATCH_DELETED);
    CHECK_SV(json_find_string(stored_tree(entry->object), "metadata.resourceVersion"), SV("4"));
    CHECK(collection_log_after(things, 2) == 1 && collection_log_after(things, 4) == 3);
    CHECK(things->forgotten_revision == 0);
    store_put(store, things, object(arena, 1, 3), arena);
    CHECK(collection_log_at(things, 0) == NULL && things->forgotten_revision == 2);
    store_compact(store);
    CHECK(collection_log_at(things, 3) == NULL && things->forgotten_revision == 5);
    store_free(store);
}

/* Also of a collection that is empty, or that nobody asked for yet. */
TEST(history_begins_where_a_store_was_restored) {
    struct store *store = store_new((struct log_window){3, 3, 0});
    struct collection *things = store_collection(store, SV("x/things"));
    store_end_restore(store, 40);
    CHECK(things->forgotten_revision == 40);
    CHECK(store_collection(store, SV("others"))->forgotten_revision == 40);
    store_free(store);
}

/* A tree that rested comes back equal. */
TEST(what_rests_comes_back_unchanged) {
    AUTO(arena) arena = arena_new();
    struct trees trees = {.pool = frozen_pool_new(), .bytes_max = 0};
    struct cJSON *tree = object(arena, 3, 9007199254740993u);
    struct stored *stored = stored_new(&trees, tree, 5);
    trees_trim(&trees);
    CHECK(stored->tree == NULL && trees.bytes == 0);
    CHECK(json_equal(stored_tree(stored), tree));
    trees_trim(&trees);
    CHECK(json_equal(stored_tree(stored), tree));
    stored_unref(stored);
    CHECK(trees.bytes == 0 && trees.own.first == NULL && trees.own.last == NULL);
    frozen_pool_free(trees.pool);
}

/* Letting it rest would give nothing back while somebody holds it. */
TEST(a_tree_that_is_held_rests_once_it_is_let_go) {
    AUTO(arena) arena = arena_new();
    struct trees trees = {.pool = frozen_pool_new(), .bytes_max = 0};
    struct stored *stored = stored_new(&trees, object(arena, 3, 4), 5);
    struct frozen *held = frozen_ref(frozen_of(stored_tree(stored)));
    trees_trim(&trees);
    CHECK(stored->tree == held && trees.bytes == 0);
    CHECK(stored_tree(stored) == frozen_root(held));
    frozen_unref(held);
    trees_trim(&trees);
    CHECK(stored->tree == NULL && trees.shared.first == NULL);
    stored_unref(stored);
    frozen_pool_free(trees.pool);
}

/* What every watcher has seen need not be kept, but what one still has to read is. */
TEST(the_past_goes_when_all_readers_have_passed_it) {
    AUTO(arena) arena = arena_new();
    struct store *store = store_new((struct log_window){4096, 16, 0});
    struct collection *collection = store_collection(store, SV("things"));
    struct log_reader slow = {0};
    collection_add_reader(collection, &slow);
    for (uint64_t i = 0; i < 1024; i++)
        store_put(store, collection, object(arena, 1, i), arena);
    CHECK(collection->log_end - collection->log_start == 1024);
    slow.sequence = 1000;
    for (uint64_t i = 0; i < 256; i++)
        store_put(store, collection, object(arena, 1, i), arena);
    CHECK(collection->log_start == 1000);
    collection_remove_reader(collection, &slow);
    for (uint64_t i = 0; i < 256; i++)
        store_put(store, collection, object(arena, 1, i), arena);
    CHECK(collection->log_end - collection->log_start == 16);
    store_free(store);
}

static void put_large(struct store *store, struct collection *collection, uint64_t number,
                      size_t bytes) {
    AUTO(arena) arena = arena_new();
    struct cJSON *tree = object(arena, 1, number);
    char *filler = arena_alloc(arena, bytes);
    memset(filler, 'x', bytes);
    json_set_string(arena, tree, SV("filler"), (struct sv){filler, bytes});
    stored_text(store_put(store, collection, tree, arena));
    store_trim(store);
}

/* Whoever writes a large object again and again does not fill the memory; other histories, and
 * what is stored now, stay. */
TEST(the_past_of_large_objects_is_bounded_by_its_bytes) {
    enum { LARGE = 10 * 1000, BYTES_MAX = 20 * LARGE, WRITES = 500 };
    AUTO(arena) arena = arena_new();
    struct store *store = store_new((struct log_window){4096, 4096, BYTES_MAX});
    struct collection *large = store_collection(store, SV("large"));
    struct collection *small = store_collection(store, SV("small"));
    for (uint64_t i = 0; i < 100; i++)
        store_put(store, small, object(arena, 1, i), arena);
    for (uint64_t i = 0; i < WRITES; i++)
        put_large(store, large, i, LARGE);
    CHECK(small->log_end - small->log_start == 100);
    CHECK(large->log_end - large->log_start >= 10);
    CHECK(large->log_end - large->log_start <= 25);
    CHECK(large->forgotten_revision > 0 && collection_log_at(large, 0) == NULL);
    struct position position = collection_seek(large, SV(""), SV(""));
    struct stored *now = collection_at(large, &position);
    REQUIRE(now != NULL);
    CHECK(json_find_int(stored_tree(now), "value", 0) == WRITES - 1);
    store_free(store);
}
