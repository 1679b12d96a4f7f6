/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/fair_line.h"

#include "core/base/test.h"

enum { PLACES = 64, HOGS = 200 };

static size_t take_all(struct fair_line *line) {
    size_t count = 0;
    while (fair_line_next(line))
        count++;
    return count;
}

/* Scripts of one class that never end, and one of another class that comes last of all. */
TEST(one_share_leaves_half_of_the_places) {
    AUTO(fair_line) line = fair_line_new(PLACES);
    struct fair_item hogs[HOGS], late;
    for (size_t i = 0; i < HOGS; i++)
        fair_line_join(line, &hogs[i], SV("hanging"));
    CHECK(take_all(line) == PLACES / 2);
    CHECK(fair_line_has_waiting(line));
    fair_line_join(line, &late, SV("good"));
    CHECK(fair_line_next(line) == &late);
    CHECK(fair_line_next(line) == NULL);
    CHECK(fair_line_taken(line) == PLACES / 2 + 1);
    fair_line_leave(line, &late);
    for (size_t i = 0; i < HOGS; i++)
        fair_line_leave(line, &hogs[i]);
    CHECK(fair_line_taken(line) == 0);
    CHECK(!fair_line_has_waiting(line));
}

/* However many shares hang, the next one finds a place until there are as many as places. */
TEST(many_hanging_shares_leave_places_too) {
    static const struct {
        size_t share_count, taken_each;
    } cases[] = {{1, 32}, {2, 21}, {3, 16}, {7, 8}};
    for (size_t at = 0; at < COUNT_OF(cases); at++) {
        AUTO(fair_line) line = fair_line_new(PLACES);
        struct fair_item hogs[HOGS], late;
        size_t taken[HOGS] = {0};
        for (size_t i = 0; i < HOGS; i++) {
            char name = (char)('a' + i % cases[at].share_count);
            fair_line_join(line, &hogs[i], (struct sv){&name, 1});
        }
        struct fair_item *item;
        while ((item = fair_line_next(line)))
            taken[(size_t)(item - hogs) % cases[at].share_count]++;
        for (size_t i = 0; i < cases[at].share_count; i++)
            CHECK(taken[i] >= cases[at].taken_each && taken[i] <= cases[at].taken_each + 1);
        fair_line_join(line, &late, SV("late"));
        CHECK(fair_line_next(line) == &late);
        fair_line_leave(line, &late);
        for (size_t i = 0; i < HOGS; i++)
            fair_line_leave(line, &hogs[i]);
    }
}

TEST(shares_take_turns_and_items_of_one_come_in_order) {
    static const struct {
        struct sv share;
        size_t place; /* in the order in which they are served */
    } cases[] = {{{"a", 1}, 0}, {{"a", 1}, 2}, {{"b", 1}, 1}, {{"a", 1}, 4}, {{"b", 1}, 3}};
    AUTO(fair_line) line = fair_line_new(PLACES);
    struct fair_item items[COUNT_OF(cases)];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        fair_line_join(line, &items[i], cases[i].share);
    for (size_t place = 0; place < COUNT_OF(cases); place++) {
        struct fair_item *item = fair_line_next(line);
        CHECK(item && cases[item - items].place == place);
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        fair_line_leave(line, &items[i]);
}

/* Requests are cancelled in any state, and places come back. */
TEST(who_leaves_gives_its_place_to_the_next) {
    AUTO(fair_line) line = fair_line_new(2);
    struct fair_item items[4];
    for (size_t i = 0; i < COUNT_OF(items); i++)
        fair_line_join(line, &items[i], SV("a"));
    CHECK(fair_line_next(line) == &items[0]);
    CHECK(fair_line_next(line) == NULL);
    fair_line_leave(line, &items[1]);
    fair_line_leave(line, &items[0]);
    CHECK(fair_line_next(line) == &items[2]);
    fair_line_leave(line, &items[3]);
    fair_line_leave(line, &items[3]);
    fair_line_leave(line, &items[2]);
    CHECK(!fair_line_has_waiting(line));
    CHECK(fair_line_next(line) == NULL);
}
