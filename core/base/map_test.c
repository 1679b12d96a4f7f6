/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/map.h"

#include "core/base/map_parts.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/test.h"

enum { KEY_COUNT = 500 };

static struct sv key_text(char *space, size_t index) {
    int len = snprintf(space, 16, "key-%zu", index);
    return (struct sv){space, (size_t)len};
}

TEST(iterates_in_the_order_of_insertion_also_after_removals) {
    AUTO(map) map = map_new();
    int values[5];
    map_put(map, SV("c"), &values[0]);
    map_put(map, SV("a"), &values[1]);
    map_put(map, SV("b"), &values[2]);
    CHECK(map_remove(map, SV("a")) == &values[1]);
    CHECK(map_put(map, SV("c"), &values[3]) == &values[0]);
    map_put(map, SV("a"), &values[4]);
    struct sv key;
    void *value;
    size_t cursor = 0;
    CHECK(map_next(map, &cursor, &key, &value) && sv_eq(key, SV("c")) && value == &values[3]);
    CHECK(map_next(map, &cursor, &key, &value) && sv_eq(key, SV("b")) && value == &values[2]);
    CHECK(map_next(map, &cursor, &key, &value) && sv_eq(key, SV("a")) && value == &values[4]);
    CHECK(!map_next(map, &cursor, &key, &value));
    CHECK(map_count(map) == 3);
}

TEST(a_null_value_is_there_all_the_same) {
    AUTO(map) map = map_new();
    CHECK(!map_has(map, SV("")));
    map_put(map, SV(""), NULL);
    CHECK(map_has(map, SV("")) && map_get(map, SV("")) == NULL);
}

/* Against the simplest model: an array of what should be in the map. */
TEST(agrees_with_a_model_under_random_use) {
    AUTO(map) map = map_new();
    uintptr_t model[KEY_COUNT] = {0};
    struct rng rng;
    rng_init(&rng, 7);
    char space[16];
    for (uintptr_t step = 1; step < 20000; step++) {
        size_t index = rng_below(&rng, KEY_COUNT);
        struct sv key = key_text(space, index);
        if (rng_chance(&rng, 1, 3)) {
            CHECK((uintptr_t)map_remove(map, key) == model[index]);
            model[index] = 0;
        } else {
            CHECK((uintptr_t)map_put(map, key, (void *)step) == model[index]);
            model[index] = step;
        }
    }
    size_t live = 0;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        CHECK((uintptr_t)map_get(map, key_text(space, i)) == model[i]);
        live += model[i] != 0;
    }
    CHECK(map_count(map) == live);
}

/* The leak checker of sanitizer builds would tell of a value that stays. */
TEST(a_map_may_own_its_values) {
    struct map *map = map_new();
    map_put(map, SV("a"), mem_alloc(16));
    map_put(map, SV("b"), NULL);
    mem_free(map_put(map, SV("a"), mem_alloc(16)));
    map_free_with_values(map);
    map_free_with_values(NULL);
}

/* Keys whose hashes end alike without a seed, as somebody would send them who wants a server to be
 * busy. */
TEST(keys_cannot_be_chosen_to_fall_together) {
    enum { COUNT = 500, ALIKE_BITS = 11, RUN_MAX = 100 };
    AUTO(map) map = map_new();
    for (size_t number = 0; map_count(map) < COUNT; number++) {
        char text[32];
        int len = snprintf(text, sizeof(text), "k%zu", number);
        struct sv key = {text, (size_t)len};
        if ((sv_hash(key) & ((1 << ALIKE_BITS) - 1)) == 0)
            map_put(map, key, NULL);
    }
    CHECK(map_longest_run(map) < RUN_MAX);
}
