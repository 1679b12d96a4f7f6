/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/node_turns.h"

#include "core/base/test.h"

TEST(one_writes_and_the_others_follow_in_order) {
    struct node_turns *turns = node_turns_new();
    char space[NODE_TURNS_KEY_BYTES_MAX];
    struct sv next;
    CHECK(node_turns_begin(turns, SV("n"), SV("a")));
    CHECK(!node_turns_begin(turns, SV("n"), SV("b")));
    CHECK(!node_turns_begin(turns, SV("n"), SV("c")));
    CHECK(!node_turns_begin(turns, SV("n"), SV("b")));
    CHECK(node_turns_begin(turns, SV("other"), SV("b")));
    CHECK(node_turns_end(turns, SV("n"), space, &next));
    CHECK_SV(next, SV("b"));
    /* b no longer wants it; c comes by itself. */
    CHECK(node_turns_begin(turns, SV("n"), SV("c")));
    CHECK(!node_turns_end(turns, SV("n"), space, &next));
    CHECK(!node_turns_end(turns, SV("other"), space, &next));
    node_turns_free(turns);
}
