/* SPDX-License-Identifier: Apache-2.0 */
#include "core/queue/begin_window.h"

#include "core/base/clock.h"
#include "core/base/rng.h"
#include "core/base/test.h"

enum { PLACES = 4, PATIENCE_MS = 100, PATIENCE_MS_MAX = 1000 };

static const struct begin_window_options options = {
    .places = PLACES, .patience_ms = PATIENCE_MS, .patience_ms_max = PATIENCE_MS_MAX};

static void fill(struct begin_window *window, struct begin_item *items, int64_t now_ms) {
    for (size_t i = 0; i < PLACES; i++)
        CHECK(begin_window_enter(window, &items[i], now_ms));
}

TEST(who_finds_no_place_waits_for_one_that_is_finished) {
    AUTO(begin_window) window = begin_window_new(&options);
    struct begin_item items[PLACES] = {0}, second = {0}, first = {0};
    fill(window, items, 0);
    CHECK(begin_window_next_ms(window) == DEADLINE_NEVER);
    CHECK(!begin_window_enter(window, &first, 1));
    CHECK(!begin_window_enter(window, &second, 1));
    CHECK(!begin_window_enter(window, &first, 2));
    CHECK(begin_window_enter(window, &items[0], 2));
    CHECK(begin_window_next(window, 2) == NULL);
    begin_window_finish(window, &items[2], 3);
    CHECK(begin_window_next_ms(window) == INT64_MIN);
    CHECK(begin_window_next(window, 3) == &first);
    CHECK(begin_window_next(window, 3) == NULL);
    CHECK(begin_window_enter(window, &first, 3));
    CHECK(begin_window_enter(window, &items[2], 3));
    CHECK(begin_window_has_waiting(window));
}

/* Two more with each that comes free, whether it is finished or hangs; never more than all. */
TEST(places_grow_from_few_with_each_that_comes_free) {
    static const bool hangs[] = {false, true};
    for (size_t i = 0; i < COUNT_OF(hangs); i++) {
        struct begin_window_options slow = options;
        slow.places_at_first = 1;
        AUTO(begin_window) window = begin_window_new(&slow);
        struct begin_item items[20] = {0};
        int64_t now_ms = 0;
        size_t first = 0, held = 1;
        CHECK(begin_window_enter(window, &items[0], 0));
        for (size_t j = 1; j < COUNT_OF(items); j++)
            CHECK(!begin_window_enter(window, &items[j], 0));
        /* 1, then 3, then all 4 and no more. */
        for (size_t round = 0; round < 3; round++) {
            CHECK(begin_window_next(window, now_ms) == NULL);
            now_ms += hangs[i] ? PATIENCE_MS : 0;
            for (size_t j = first; j < first + held && !hangs[i]; j++)
                begin_window_finish(window, &items[j], now_ms);
            first += held;
            held = held * 3 < PLACES ? held * 3 : PLACES;
            for (size_t j = first; j < first + held; j++)
                CHECK(begin_window_next(window, now_ms) == &items[j]);
        }
        CHECK(begin_window_next(window, now_ms) == NULL);
    }
}

/* A server that answers one request in a millisecond, those who have begun in turns. */
struct served {
    struct begin_item items[20];
    size_t asked[20], finished_count;
    int64_t first_ms, last_ms;
};

enum { REQUESTS_EACH = 10 };

/* One request of each that has begun; those that had all of theirs are finished. */
static void serve_all(struct begin_window *window, struct served *served, int64_t *now_ms) {
    for (size_t i = 0; i < COUNT_OF(served->items); i++) {
        if (served->items[i].state != BEGIN_HAS_PLACE)
            continue;
        ++*now_ms;
        if (++served->asked[i] < REQUESTS_EACH)
            continue;
        begin_window_finish(window, &served->items[i], *now_ms);
        served->first_ms = served->first_ms > 0 ? served->first_ms : *now_ms;
        served->last_ms = *now_ms;
        served->finished_count++;
    }
    while (begin_window_next(window, *now_ms)) {
    }
}

/* All of them come at once: the fewer begin at first, the sooner the first one is finished, and all
 * are when they would be. */
TEST(few_places_at_first_are_for_the_first_and_cost_the_last_nothing) {
    static const size_t at_first[] = {1, 2, PLACES};
    for (size_t i = 0; i < COUNT_OF(at_first); i++) {
        struct begin_window_options slow = options;
        slow.places_at_first = at_first[i];
        AUTO(begin_window) window = begin_window_new(&slow);
        struct served served = {0};
        int64_t now_ms = 0;
        for (size_t j = 0; j < COUNT_OF(served.items); j++)
            (void)begin_window_enter(window, &served.items[j], 0);
        while (served.finished_count < COUNT_OF(served.items))
            serve_all(window, &served, &now_ms);
        size_t before = at_first[i] * (REQUESTS_EACH - 1) + 1;
        CHECK(served.first_ms == (int64_t)before);
        CHECK(served.last_ms == (int64_t)(COUNT_OF(served.items) * REQUESTS_EACH));
    }
}

/* Nothing is ever finished: places come free all the same. */
TEST(what_hangs_loses_its_place) {
    AUTO(begin_window) window = begin_window_new(&options);
    struct begin_item items[PLACES] = {0}, late = {0};
    fill(window, items, 0);
    CHECK(!begin_window_enter(window, &late, 50));
    CHECK(begin_window_next_ms(window) == PATIENCE_MS);
    CHECK(begin_window_next(window, PATIENCE_MS - 1) == NULL);
    CHECK(begin_window_next(window, PATIENCE_MS) == &late);
    CHECK(begin_window_enter(window, &items[0], PATIENCE_MS));
}

TEST(those_behind_one_that_is_finished_have_not_hung) {
    AUTO(begin_window) window = begin_window_new(&options);
    struct begin_item items[PLACES] = {0}, late = {0};
    fill(window, items, 0);
    CHECK(!begin_window_enter(window, &late, 50));
    begin_window_finish(window, &items[1], 90);
    CHECK(begin_window_next(window, 90) == &late);
    /* The first did not become ready although one behind it did. */
    CHECK(items[0].since_ms == 0);
    CHECK(items[2].since_ms == 90);
    CHECK(items[3].since_ms == 90);
}

/* One after the other is finished after so long, then one hangs: when is its place free? */
TEST(patience_is_twice_what_is_usual) {
    static const struct {
        int64_t took_ms, patience_ms;
    } rows[] = {
        {10, PATIENCE_MS},
        {PATIENCE_MS / 2, PATIENCE_MS},
        {PATIENCE_MS, 2 * PATIENCE_MS},
        {3 * PATIENCE_MS, 6 * PATIENCE_MS},
        {PATIENCE_MS_MAX, PATIENCE_MS_MAX},
        {100 * PATIENCE_MS_MAX, PATIENCE_MS_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(begin_window) window = begin_window_new(&options);
        struct begin_item steady[10] = {0}, items[PLACES] = {0}, late = {0};
        int64_t now_ms = 0;
        for (size_t j = 0; j < COUNT_OF(steady); j++) {
            CHECK(begin_window_enter(window, &steady[j], now_ms));
            begin_window_finish(window, &steady[j], now_ms += rows[i].took_ms);
        }
        fill(window, items, now_ms);
        CHECK(!begin_window_enter(window, &late, now_ms));
        CHECK(begin_window_next_ms(window) == now_ms + rows[i].patience_ms);
    }
}

/* What was usual is soon forgotten when all hang: nobody waits that long for each of a crowd. */
TEST(patience_shrinks_with_each_that_hangs) {
    AUTO(begin_window) window = begin_window_new(&options);
    struct begin_item slow = {0}, crowd[20 * PLACES] = {0};
    CHECK(begin_window_enter(window, &slow, 0));
    int64_t now_ms = PATIENCE_MS_MAX;
    begin_window_finish(window, &slow, now_ms);
    for (size_t i = 0; i < COUNT_OF(crowd); i++)
        (void)begin_window_enter(window, &crowd[i], now_ms);
    int64_t last_ms = now_ms, step_ms = 0;
    for (int64_t next_ms; (next_ms = begin_window_next_ms(window)) != DEADLINE_NEVER;) {
        if (next_ms != INT64_MIN)
            now_ms = next_ms;
        if (!begin_window_next(window, now_ms))
            continue;
        step_ms = now_ms > last_ms ? now_ms - last_ms : step_ms;
        last_ms = now_ms;
    }
    CHECK(step_ms <= PATIENCE_MS);
    CHECK(now_ms < 10 * PATIENCE_MS_MAX);
}

/* However many come before it: who is behind them keeps its place for so long and no longer. */
TEST(no_place_is_kept_beyond_the_maximum) {
    AUTO(begin_window) window = begin_window_new(&options);
    struct begin_item early[20] = {0}, items[PLACES] = {0}, late = {0};
    int64_t now_ms = 0;
    for (size_t i = 0; i < COUNT_OF(early); i++) {
        if (!begin_window_enter(window, &early[i], now_ms))
            CHECK(begin_window_next(window, now_ms += PATIENCE_MS) == &early[i]);
    }
    now_ms += PATIENCE_MS;
    fill(window, items, now_ms);
    int64_t begun_ms = now_ms;
    CHECK(!begin_window_enter(window, &late, now_ms));
    for (size_t i = 0; i < COUNT_OF(early) && now_ms < begun_ms + PATIENCE_MS_MAX - 50; i++) {
        now_ms += 50;
        begin_window_finish(window, &early[i], now_ms);
        CHECK(begin_window_next(window, now_ms) == NULL);
    }
    CHECK(begin_window_next(window, begun_ms + PATIENCE_MS_MAX) == &late);
}

TEST(who_leaves_gives_its_place_or_its_turn_away) {
    AUTO(begin_window) window = begin_window_new(&options);
    struct begin_item items[PLACES] = {0}, first = {0}, second = {0};
    fill(window, items, 0);
    CHECK(!begin_window_enter(window, &first, 0));
    CHECK(!begin_window_enter(window, &second, 0));
    begin_window_leave(window, &first);
    begin_window_leave(window, &items[3]);
    CHECK(begin_window_next(window, 1) == &second);
    begin_window_leave(window, &second);
    begin_window_finish(window, &items[0], 1);
    CHECK(!begin_window_has_waiting(window));
    CHECK(begin_window_enter(window, &first, 1));
}

enum { CROWD = 200, TURNS = 4000 };

struct crowd {
    struct begin_window *window;
    struct begin_item items[CROWD];
    bool hangs[CROWD];
    int64_t waits_since_ms[CROWD]; /* 0: does not */
    size_t waiting_count;
};

static size_t count_in(const struct crowd *crowd, enum begin_state state) {
    size_t count = 0;
    for (size_t i = 0; i < CROWD; i++)
        count += crowd->items[i].state == state;
    return count;
}

static void do_something(struct crowd *crowd, struct rng *rng, int64_t now_ms) {
    size_t at = rng_below(rng, CROWD);
    struct begin_item *item = &crowd->items[at];
    bool is_begun = item->state == BEGIN_HAS_PLACE || item->state == BEGIN_LOST_PLACE;
    if (rng_chance(rng, 1, 50))
        begin_window_leave(crowd->window, item);
    else if (is_begun && !crowd->hangs[at] && rng_chance(rng, 1, 2))
        begin_window_finish(crowd->window, item, now_ms);
    else
        (void)begin_window_enter(crowd->window, item, now_ms);
}

/* What the caller of the window does each turn, and what must hold afterwards. */
static void check_turn(struct crowd *crowd, int64_t now_ms) {
    while (begin_window_next(crowd->window, now_ms)) {
    }
    size_t holders = count_in(crowd, BEGIN_HAS_PLACE);
    bool is_waited_for = count_in(crowd, BEGIN_WAITS) > 0;
    CHECK(holders <= PLACES);
    CHECK(is_waited_for == begin_window_has_waiting(crowd->window));
    CHECK(!is_waited_for || holders == PLACES);
    CHECK(is_waited_for ? begin_window_next_ms(crowd->window) <= now_ms + PATIENCE_MS_MAX
                        : begin_window_next_ms(crowd->window) == DEADLINE_NEVER);
    for (size_t i = 0; i < CROWD; i++) {
        bool waits = crowd->items[i].state == BEGIN_WAITS;
        if (!waits)
            crowd->waits_since_ms[i] = 0;
        else if (crowd->waits_since_ms[i] == 0)
            crowd->waits_since_ms[i] = now_ms;
        /* Everybody before it has had a place for as long as may be. */
        CHECK(!waits || now_ms - crowd->waits_since_ms[i] <= CROWD / PLACES * PATIENCE_MS_MAX);
    }
}

/* At any time nobody waits beside a free place, and whatever hangs, nobody waits for ever. */
TEST(nobody_starves_and_no_place_is_left_free) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        AUTO(begin_window) window = begin_window_new(&options);
        struct crowd crowd = {.window = window};
        struct rng rng;
        rng_init(&rng, seed);
        for (size_t i = 0; i < CROWD; i++)
            crowd.hangs[i] = rng_below(&rng, 5) < seed - 1;
        int64_t now_ms = 1;
        for (size_t i = 0; i < TURNS; i++) {
            do_something(&crowd, &rng, now_ms);
            check_turn(&crowd, now_ms);
            now_ms += (int64_t)rng_below(&rng, 20);
        }
        int64_t next_ms;
        while ((next_ms = begin_window_next_ms(window)) != DEADLINE_NEVER) {
            if (next_ms > now_ms)
                now_ms = next_ms;
            check_turn(&crowd, now_ms);
            CHECK(begin_window_next_ms(window) > now_ms);
        }
        CHECK(count_in(&crowd, BEGIN_WAITS) == 0);
    }
}
