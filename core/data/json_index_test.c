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

TEST(what_is_absent_has_no_members) {
    AUTO(arena) arena = arena_new();
    struct json_index index = json_index_of(arena, NULL);
    CHECK(json_index_get(&index, SV("name")) == NULL);
}
