/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/json_index.h"

#include "core/base/arena.h"
#include "core/base/test.h"
#include "core/data/json.h"

/* Below, at and above the number from which there is a table, and where that table grows. */
static const size_t sizes[] = {0, 1, 23, 24, 25, 26, 48, 49, 50, 51, 1000, 50000};

static struct sv key_of(struct arena *arena, size_t number) {
    return arena_printf(arena, "k:{\"name\":\"item-%zu\"}", number);
}

TEST(what_was_added_is_found_in_its_order) {
    for (size_t row = 0; row < COUNT_OF(sizes); row++) {
        AUTO(arena) arena = arena_new();
        struct cJSON *map = json_map(arena);
        struct json_index index = json_index_of(arena, map);
        for (size_t i = 0; i < sizes[row]; i++)
            json_index_set(&index, key_of(arena, i), json_int(arena, (int64_t)i));
        size_t number = 0;
        JSON_EACH (member, map) {
            CHECK_SV(json_key(member), key_of(arena, number));
            CHECK(json_index_get(&index, key_of(arena, number)) == member);
            number++;
        }
        CHECK(number == sizes[row]);
        CHECK(json_index_get(&index, SV("")) == NULL);
        CHECK(json_index_get(&index, key_of(arena, sizes[row])) == NULL);
    }
}

TEST(a_member_is_replaced_where_it_stands) {
    for (size_t row = 1; row < COUNT_OF(sizes) && sizes[row] <= 1000; row++) {
        AUTO(arena) arena = arena_new();
        struct cJSON *map = json_map(arena);
        size_t count = sizes[row];
        for (size_t i = 0; i < count; i++)
            json_set_int(arena, map, key_of(arena, i), (int64_t)i);
        struct json_index index = json_index_of(arena, map);
        json_index_set(&index, key_of(arena, 0), json_int(arena, 7));
        json_index_set(&index, key_of(arena, 0), json_int(arena, 8));
        json_index_set(&index, key_of(arena, count), json_int(arena, 9));
        CHECK_SV(json_text(map->child), SV("8"));
        CHECK_SV(json_key(map->child), key_of(arena, 0));
        CHECK(json_index_get(&index, key_of(arena, 0)) == map->child);
        CHECK(json_int_or(map, key_of(arena, count), 0) == 9);
        CHECK(json_count(map) == count + 1);
    }
}

/* Each member is there until it is removed, whatever was removed before it. */
TEST(a_member_that_was_removed_is_absent_and_the_others_are_not) {
    enum { COUNT = 400, STEP = 147 }; /* no common divisor: each is met once */
    AUTO(arena) arena = arena_new();
    struct cJSON *map = json_map(arena);
    struct json_index index = json_index_of(arena, map);
    for (size_t i = 0; i < COUNT; i++)
        json_index_set(&index, key_of(arena, i), json_int(arena, (int64_t)i));
    for (size_t i = 0, gone = 0; i < COUNT; i++, gone = (gone + STEP) % COUNT) {
        CHECK(json_int_or(map, key_of(arena, gone), -1) == (int64_t)gone);
        CHECK(json_index_remove(&index, key_of(arena, gone)));
        CHECK(!json_index_remove(&index, key_of(arena, gone)));
        CHECK(json_count(map) == COUNT - 1 - i);
        JSON_EACH (member, map)
            CHECK(json_index_get(&index, json_key(member)) == member);
    }
    json_index_set(&index, SV("again"), json_int(arena, 1));
    CHECK(json_index_get(&index, SV("again")) == map->child);
}

TEST(a_map_is_given_what_it_lacks) {
    for (size_t row = 0; row < COUNT_OF(sizes); row++) {
        AUTO(arena) arena = arena_new();
        struct cJSON *map = json_map(arena), *from = json_map(arena);
        json_set_int(arena, map, key_of(arena, 0), 7);
        struct json_index members = json_index_for(arena, from, 1);
        for (size_t i = 0; i < sizes[row]; i++)
            json_index_append(&members, json_set_int(arena, json_map(arena), key_of(arena, i), 1));
        json_add_absent(arena, map, from);
        CHECK(json_count(map) == (sizes[row] > 0 ? sizes[row] : 1));
        CHECK(json_int_or(map, key_of(arena, 0), 0) == 7);
        CHECK(json_count(from) == sizes[row]);
        if (sizes[row] > 1)
            CHECK(json_int_or(map, key_of(arena, sizes[row] - 1), 0) == 1);
    }
}

/* Slots that are taken, one behind the other: as many are passed by a look-up at most. */
static size_t longest_run(const struct json_index *index) {
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < index->slot_count; i++) {
        run = index->slots[i].member ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* Keys whose hashes end alike without a seed, as somebody would send them who wants the server to
 * be busy. */
TEST(keys_cannot_be_chosen_to_fall_together) {
    enum { COUNT = 2000, ALIKE_BITS = 11, RUN_MAX = 200 };
    AUTO(arena) arena = arena_new();
    struct json_index index = json_index_of(arena, json_map(arena));
    for (size_t number = 0; index.count < COUNT; number++) {
        char text[32];
        int len = snprintf(text, sizeof(text), "k%zu", number);
        struct sv key = {text, (size_t)len};
        if ((sv_hash(key) & ((1 << ALIKE_BITS) - 1)) == 0)
            json_index_set(&index, key, json_null(arena));
    }
    CHECK(json_count(index.map) == COUNT);
    CHECK(longest_run(&index) < RUN_MAX);
}

TEST(what_is_absent_has_no_members) {
    AUTO(arena) arena = arena_new();
    struct json_index index = json_index_of(arena, NULL);
    CHECK(json_index_get(&index, SV("name")) == NULL);
    struct cJSON *list = json_list(arena);
    for (size_t i = 0; i < 100; i++)
        json_append(list, json_int(arena, 1));
    index = json_index_of(arena, list);
    CHECK(json_index_get(&index, SV("name")) == NULL);
}

/* In seconds for whoever looks up one key after the other. */
TEST(wide_maps_are_equal_in_any_order) {
    enum { WIDE = 40 * 1000 };
    AUTO(arena) arena = arena_new();
    struct cJSON *forwards = json_map(arena), *backwards = json_map(arena);
    struct json_index one = json_index_of(arena, forwards), other = json_index_of(arena, backwards);
    for (size_t i = 0; i < WIDE; i++) {
        json_index_set(&one, key_of(arena, i), json_int(arena, 1));
        json_index_set(&other, key_of(arena, WIDE - 1 - i), json_int(arena, 1));
    }
    CHECK(json_equal(forwards, backwards));
    json_index_set(&other, key_of(arena, 7), json_int(arena, 2));
    CHECK(!json_equal(forwards, backwards));
    json_index_remove(&other, key_of(arena, 7));
    CHECK(!json_equal(forwards, backwards));
    CHECK(!json_equal(backwards, forwards));
}
