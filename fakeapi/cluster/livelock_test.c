/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/livelock.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/test.h"
#include "core/client/transport.h"

static void note(struct livelock *livelock, enum verb verb, struct sv name, int http_status) {
    struct request request = request_to(verb, &RESOURCE_PODS, SV("default"), name);
    livelock_note(livelock, SV("actor"), &request, http_status);
}

static const struct {
    enum verb verb;
    int http_status;
    const char *text; /* after so many of them to one object */
} cases[] = {
    {VERB_PATCH, 200, "actor wrote pods default/a 1000 times at one moment"},
    {VERB_UPDATE, 200, "actor wrote pods default/a 1000 times at one moment"},
    {VERB_PATCH, 409, ""}, /* who is refused will back off */
    {VERB_PATCH, 0, ""},   /* no answer */
    {VERB_GET, 200, ""},
};

TEST(one_object_is_not_written_for_ever) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(livelock) livelock = livelock_new();
        for (int k = 0; k < LIVELOCK_WRITES_MAX - 1; k++) {
            note(livelock, cases[i].verb, SV("a"), cases[i].http_status);
            note(livelock, cases[i].verb, SV("b"), 500);
        }
        CHECK_SV(livelock_text(livelock), SV(""));
        note(livelock, cases[i].verb, SV("a"), cases[i].http_status);
        CHECK_SV(livelock_text(livelock), sv_from(cases[i].text));
        livelock_forget(livelock);
        CHECK_SV(livelock_text(livelock), SV(""));
        note(livelock, cases[i].verb, SV("a"), cases[i].http_status);
        CHECK_SV(livelock_text(livelock), SV(""));
    }
}

/* Each object once, more of them than are counted apart. */
TEST(objects_are_not_made_without_end) {
    AUTO(arena) arena = arena_new();
    AUTO(livelock) livelock = livelock_new();
    for (int k = 0; k < LIVELOCK_WRITES_OF_KIND_MAX; k++) {
        CHECK(livelock_text(livelock).len == 0);
        note(livelock, VERB_CREATE, arena_printf(arena, "pod-%d", k), 201);
    }
    CHECK_SV(livelock_text(livelock), SV("actor wrote pods 100000 times at one moment"));
}

/* Names are the server's, where the request has none. */
TEST(objects_without_a_name_are_counted_too) {
    AUTO(livelock) livelock = livelock_new();
    for (int k = 0; k < LIVELOCK_WRITES_OF_KIND_MAX; k++)
        note(livelock, VERB_CREATE, SV(""), 201);
    CHECK_SV(livelock_text(livelock), SV("actor wrote pods 100000 times at one moment"));
}
