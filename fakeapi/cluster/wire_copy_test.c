/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/wire_copy.h"

#include "core/base/arena.h"
#include "core/base/test.h"
#include "core/data/json.h"

TEST(a_copy_outlives_the_request) {
    AUTO(arena) kept = arena_new();
    struct request copy;
    {
        AUTO(arena) sender = arena_new();
        struct cJSON *body = json_map(sender);
        json_set_string(sender, body, SV("kind"), SV("Pod"));
        struct sv command[] = {arena_copy(sender, SV("cat")), arena_copy(sender, SV("/etc/hosts"))};
        struct request request = {
            .verb = VERB_EXEC,
            .name = arena_copy(sender, SV("pod-0")),
            .body = body,
            .exec = {.command = command, .command_count = 2},
        };
        copy = wire_copy_request(kept, &request);
    }
    CHECK_SV(copy.name, SV("pod-0"));
    CHECK_SV(json_string_or(copy.body, SV("kind"), SV("")), SV("Pod"));
    REQUIRE(copy.exec.command_count == 2);
    CHECK_SV(copy.exec.command[0], SV("cat"));
    CHECK_SV(copy.exec.command[1], SV("/etc/hosts"));
}

TEST(what_was_left_out_becomes_an_empty_text) {
    AUTO(arena) arena = arena_new();
    struct request copy = wire_copy_request(arena, &(struct request){.verb = VERB_LIST});
    CHECK(copy.group.ptr != NULL);
    CHECK(copy.exec.stdin_bytes.ptr != NULL);
    CHECK_SV(copy.label_selector, SV(""));
    CHECK(copy.body == NULL);
}
