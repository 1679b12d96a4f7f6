/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/trouble.h"

#include "core/base/test.h"

static const struct {
    const char *cause;
    int64_t now_ms;
    bool is_due;
} tries[] = {
    {"refused", 0, true},
    {"refused", 0, false},
    {"forbidden", 1, true}, /* another one is news */
    {"refused", TROUBLE_TELL_MS - 1, false},
    {"refused", TROUBLE_TELL_MS, true},
    {"forbidden", TROUBLE_TELL_MS, false},
    {"forbidden", TROUBLE_TELL_MS + 1, true},
    {"refused", 2 * TROUBLE_TELL_MS - 1, false},
};

TEST(each_cause_is_told_once_a_minute) {
    struct trouble trouble = {0};
    for (size_t i = 0; i < COUNT_OF(tries); i++)
        CHECK(trouble_is_due(&trouble, sv_from(tries[i].cause), tries[i].now_ms) ==
              tries[i].is_due);
}

TEST(what_is_beyond_the_limit_waits_for_the_next_minute) {
    static const char causes[] = "0123456789abcdefg";
    struct trouble trouble = {0};
    for (size_t i = 0; i <= TROUBLE_CAUSES_MAX; i++)
        CHECK(trouble_is_due(&trouble, (struct sv){causes + i, 1}, 5) == (i < TROUBLE_CAUSES_MAX));
    struct sv last = {causes + TROUBLE_CAUSES_MAX, 1};
    CHECK(!trouble_is_due(&trouble, last, 4 + TROUBLE_TELL_MS));
    CHECK(trouble_is_due(&trouble, last, 5 + TROUBLE_TELL_MS));
}
