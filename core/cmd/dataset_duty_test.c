/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/dataset_duty.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"
#include "core/client/transport.h"
#include "core/data/json.h"

#define HELD(renewed) "{\"spec\":{\"holderIdentity\":\"a\",\"renewTime\":\"" renewed "\"}}"
#define HELD_FOR(renewed, seconds)                                                                 \
    "{\"spec\":{\"holderIdentity\":\"a\",\"renewTime\":\"" renewed                                 \
    "\",\"leaseDurationSeconds\":" seconds "}}"

enum { LOOKS_MAX = 6 };

/* Looks at the lease, one after the other. */
static const struct {
    const char *title;
    enum dataset_duty_mode mode;
    struct look {
        int64_t at_ms;
        const char *lease;    /* NULL: none */
        enum error_code code; /* instead of it */
        bool is_ours;
    } looks[LOOKS_MAX];
} cases[] = {
    {"nobody ever held it", DATASETS_AUTO, {{0, NULL, ERROR_NOT_FOUND, true}}},
    {"somebody renews it",
     DATASETS_AUTO,
     {{0, HELD("1"), ERROR_NONE, false},
      {10000, HELD("2"), ERROR_NONE, false},
      {20000, HELD("3"), ERROR_NONE, false}}},
    {"it is from long ago, which only a wait can tell",
     DATASETS_AUTO,
     {{0, HELD("1"), ERROR_NONE, false},
      {10000, HELD("1"), ERROR_NONE, false},
      {20000, HELD("1"), ERROR_NONE, true}}},
    {"its holder comes back",
     DATASETS_AUTO,
     {{0, HELD("1"), ERROR_NONE, false},
      {20000, HELD("1"), ERROR_NONE, true},
      {30000, HELD("2"), ERROR_NONE, false}}},
    {"it lasts as long as it says",
     DATASETS_AUTO,
     {{0, HELD_FOR("1", "60"), ERROR_NONE, false},
      {50000, HELD_FOR("1", "60"), ERROR_NONE, false},
      {60000, HELD_FOR("1", "60"), ERROR_NONE, true}}},
    {"what it says of its length is nonsense",
     DATASETS_AUTO,
     {{0, HELD_FOR("1", "9000000000"), ERROR_NONE, false},
      {15000, HELD_FOR("1", "9000000000"), ERROR_NONE, true}}},
    {"it was given back",
     DATASETS_AUTO,
     {{0, HELD("1"), ERROR_NONE, false},
      {10000, "{\"spec\":{\"holderIdentity\":\"\",\"renewTime\":\"2\"}}", ERROR_NONE, true}}},
    {"it is deleted",
     DATASETS_AUTO,
     {{0, HELD("1"), ERROR_NONE, false}, {10000, NULL, ERROR_NOT_FOUND, true}}},
    {"until it is known they are not, and what was known stays",
     DATASETS_AUTO,
     {{0, NULL, ERROR_UNAVAILABLE, false},
      {2000, NULL, ERROR_FORBIDDEN, false},
      {4000, NULL, ERROR_NOT_FOUND, true},
      {14000, NULL, ERROR_TIMEOUT, true},
      {16000, HELD("1"), ERROR_NONE, false},
      {26000, NULL, ERROR_UNAVAILABLE, false}}},
};

struct line {
    struct transport base;
    size_t asked;
    struct request request;
};

static uint64_t start(struct transport *base, const struct request *request) {
    struct line *line = (struct line *)base;
    line->request = *request;
    return ++line->asked;
}

static bool take(struct transport *base, struct completion *ret_completion) {
    (void)base, (void)ret_completion;
    return false;
}

static void cancel(struct transport *base, uint64_t id) {
    (void)base, (void)id;
}

static void answer(struct dataset_duty *duty, const struct line *line, const struct look *look,
                   struct arena *arena) {
    struct completion completion = {.id = line->asked, .type = COMPLETION_RESPONSE};
    struct error err = {0};
    if (look->lease)
        completion.body = json_read(arena, sv_from(look->lease), &err);
    if (look->code != ERROR_NONE)
        error_set(&completion.err, look->code, "%s", error_code_text(look->code));
    dataset_duty_take(duty, &completion, look->at_ms);
}

TEST(datasets_are_ours_while_nobody_renews_the_lease) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct line line = {.base = {start, take, cancel}};
        struct dataset_duty *duty =
            dataset_duty_new(&line.base, log_none(), SV("fluid-system"), cases[i].mode);
        CHECK(!dataset_duty_is_ours(duty));
        for (size_t k = 0; k < LOOKS_MAX && (k == 0 || cases[i].looks[k].at_ms > 0); k++) {
            const struct look *look = &cases[i].looks[k];
            /* It was asked for at the moment that was said, and not twice. */
            CHECK(dataset_duty_step(duty, look->at_ms) == DEADLINE_NEVER);
            CHECK(dataset_duty_step(duty, look->at_ms) == DEADLINE_NEVER);
            CHECK(line.asked == k + 1);
            answer(duty, &line, look, arena);
            bool is_right = dataset_duty_is_ours(duty) == look->is_ours;
            CHECK(is_right);
            if (!is_right)
                printf("%s, look %zu\n", cases[i].title, k);
        }
        CHECK(line.request.verb == VERB_GET);
        CHECK_SV(line.request.namespace_name, SV("fluid-system"));
        CHECK_SV(line.request.name, SV("dataset.data.fluid.io"));
        dataset_duty_free(duty);
    }
}

/* A trouble is asked about sooner than what is known. */
TEST(the_next_look_comes_in_its_time) {
    static const struct {
        struct look look;
        int64_t due_ms;
    } dues[] = {
        {{0, NULL, ERROR_NOT_FOUND, true}, 10000},
        {{0, HELD("1"), ERROR_NONE, false}, 10000},
        {{0, NULL, ERROR_UNAVAILABLE, false}, 2000},
    };
    for (size_t i = 0; i < COUNT_OF(dues); i++) {
        AUTO(arena) arena = arena_new();
        struct line line = {.base = {start, take, cancel}};
        struct dataset_duty *duty =
            dataset_duty_new(&line.base, log_none(), SV("fluid-system"), DATASETS_AUTO);
        dataset_duty_step(duty, 0);
        answer(duty, &line, &dues[i].look, arena);
        CHECK(dataset_duty_step(duty, 1) == dues[i].due_ms);
        CHECK(line.asked == 1);
        dataset_duty_free(duty);
    }
}

TEST(who_is_told_asks_nobody) {
    static const enum dataset_duty_mode modes[] = {DATASETS_ON, DATASETS_OFF};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        struct line line = {.base = {start, take, cancel}};
        struct dataset_duty *duty =
            dataset_duty_new(&line.base, log_none(), SV("fluid-system"), modes[i]);
        CHECK(dataset_duty_step(duty, 1000) == DEADLINE_NEVER);
        CHECK(line.asked == 0);
        CHECK(dataset_duty_is_ours(duty) == (modes[i] == DATASETS_ON));
        dataset_duty_free(duty);
    }
}
