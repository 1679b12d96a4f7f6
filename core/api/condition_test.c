/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/condition.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static struct cJSON *read(struct arena *arena, struct sv text) {
    struct error err = {0};
    struct cJSON *tree = json_read(arena, text, &err);
    CHECK(tree != NULL);
    return tree;
}

TEST(a_condition_is_found_by_its_type) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *list =
        read(arena, SV("[{\"type\":\"Ready\",\"status\":\"True\"},{\"status\":\"False\"},null]"));
    CHECK(condition_find(list, SV("Ready")) == list->child);
    CHECK(condition_find(list, SV("Read")) == NULL);
    CHECK(condition_find(NULL, SV("Ready")) == NULL);
}

TEST(there_is_one_condition_of_a_type_and_the_others_keep_their_places) {
    static const struct {
        struct sv item, expected;
    } cases[] = {
        {SV("{\"type\":\"A\",\"status\":\"New\"}"),
         SV("[{\"type\":\"A\",\"status\":\"New\"},{\"type\":\"B\"}]")},
        {SV("{\"type\":\"B\",\"status\":\"New\"}"),
         SV("[{\"type\":\"A\"},{\"type\":\"B\",\"status\":\"New\"}]")},
        {SV("{\"type\":\"C\"}"), SV("[{\"type\":\"A\"},{\"type\":\"B\"},{\"type\":\"C\"}]")},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cJSON *list = read(arena, SV("[{\"type\":\"A\"},{\"type\":\"B\"}]"));
        condition_put(list, read(arena, cases[i].item));
        CHECK_SV(json_write_arena(arena, list, JSON_COMPACT), cases[i].expected);
    }
}

TEST(the_time_is_kept_while_the_status_is) {
    static const struct {
        struct sv known, since;
    } cases[] = {
        {SV("{\"status\":\"True\",\"lastTransitionTime\":\"before\"}"), SV("before")},
        {SV("{\"status\":\"False\",\"lastTransitionTime\":\"before\"}"), SV("now")},
        {SV("{\"status\":\"True\"}"), SV("now")},
        {SV("{\"lastTransitionTime\":\"before\"}"), SV("now")},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        CHECK_SV(condition_since(read(arena, cases[i].known), SV("True"), SV("now")),
                 cases[i].since);
    CHECK_SV(condition_since(NULL, SV("True"), SV("now")), SV("now"));
}
