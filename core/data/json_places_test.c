/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/json_places.h"

#include "core/base/arena.h"
#include "core/base/rng.h"
#include "core/base/test.h"
#include "core/data/json.h"

static struct cJSON *list_of(struct arena *arena, size_t count) {
    struct cJSON *list = json_list(arena);
    for (size_t i = 0; i < count; i++)
        json_append(list, json_int(arena, (int64_t)i));
    return list;
}

static void check_all(const struct json_places *places) {
    size_t index = 0;
    JSON_EACH (item, places->list)
        CHECK(json_places_at(places, index++) == item);
    CHECK(index == places->count);
    CHECK(json_places_at(places, index) == NULL);
}

/* Around the sizes at which lists are divided. */
static const size_t sizes[] = {0, 1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 10000};

TEST(an_item_is_found_by_its_position) {
    for (size_t row = 0; row < COUNT_OF(sizes); row++) {
        AUTO(arena) arena = arena_new();
        struct json_places places = json_places_of(arena, list_of(arena, sizes[row]));
        CHECK(places.count == sizes[row]);
        check_all(&places);
    }
}

TEST(a_list_grows_at_either_end_and_in_the_middle) {
    AUTO(arena) arena = arena_new();
    struct json_places places = json_places_of(arena, json_list(arena));
    for (size_t i = 0; i < 3000; i++) {
        json_places_insert(&places, 0, json_int(arena, 1));
        json_places_insert(&places, places.count, json_int(arena, 3));
        json_places_insert(&places, i + 1, json_int(arena, 2));
    }
    CHECK(places.count == 9000);
    check_all(&places);
    for (size_t i = 0; i < places.count; i += 500)
        CHECK(sv_eq(json_text(json_places_at(&places, i)), i < 3000   ? SV("1")
                                                           : i < 6000 ? SV("2")
                                                                      : SV("3")));
}

/* Until it is empty, and once more. */
TEST(a_list_shrinks_from_either_end) {
    AUTO(arena) arena = arena_new();
    struct json_places places = json_places_of(arena, list_of(arena, 5000));
    while (places.count > 0) {
        json_places_remove(&places, places.count % 2 ? 0 : places.count - 1);
        if (places.count % 977 == 0)
            check_all(&places);
    }
    CHECK(places.list->child == NULL);
    json_places_insert(&places, 0, json_int(arena, 7));
    check_all(&places);
}

TEST(changes_at_random_are_those_of_the_plain_list) {
    AUTO(arena) arena = arena_new();
    struct json_places places = json_places_of(arena, list_of(arena, 3000));
    struct cJSON *plain = list_of(arena, 3000);
    struct rng rng;
    rng_init(&rng, 1);
    for (int64_t i = 0; i < 3000; i++) {
        size_t at = rng_below(&rng, places.count);
        struct cJSON *present = json_at(plain, at);
        switch (rng_below(&rng, 3)) {
        case 0:
            json_places_insert(&places, at, json_int(arena, i));
            json_insert(plain, at, json_int(arena, i));
            break;
        case 1:
            json_places_replace(&places, at, json_int(arena, i));
            json_replace(plain, present, json_int(arena, i));
            break;
        default:
            json_places_remove(&places, at);
            json_detach(plain, present);
        }
    }
    CHECK(json_equal(places.list, plain));
    check_all(&places);
}
