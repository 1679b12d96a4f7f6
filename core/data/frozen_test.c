/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/frozen.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static const struct sv texts[] = {
    SV("null"),
    SV("\"a\""),
    SV("[]"),
    SV("{}"),
    SV("{\"a\":[1,2.50,{\"b\":\"x\\u0000y\",\"c\":true}],\"d\":{},\"e\":[[]],\"f\":null}"),
};

TEST(a_tree_is_what_it_was_made_from) {
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct frozen *frozen = frozen_new(json_read(arena, texts[i], &err));
        arena_reset(arena);
        CHECK_SV(json_write_arena(arena, frozen_root(frozen), JSON_COMPACT), texts[i]);
        frozen_unref(frozen);
    }
}

/* Lists are walked from both ends: appending looks at the last item. */
TEST(the_last_item_is_found_from_the_first) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct frozen *frozen = frozen_new(json_read(arena, SV("[1,2,3]"), &err));
    CHECK_SV(json_text(frozen_root(frozen)->child->prev), SV("3"));
    frozen_unref(frozen);
}

TEST(an_arena_holds_a_tree_until_it_is_reset) {
    AUTO(arena) arena = arena_new();
    struct frozen *frozen = frozen_new(json_string(arena, SV("x")));
    const struct cJSON *root = frozen_hold(arena, frozen);
    CHECK(frozen_is_shared(frozen));
    frozen_unref(frozen);
    CHECK_SV(json_text(root), SV("x"));
    arena_reset(arena);
}

TEST(a_root_leads_to_what_holds_it) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct frozen *frozen = frozen_new(json_read(arena, SV("{\"a\":{}}"), &err));
    const struct cJSON *root = frozen_root(frozen);
    CHECK(frozen_of(root) == frozen);
    CHECK(frozen_of(json_get(root, SV("a"))) == NULL);
    CHECK(frozen_of(json_copy(arena, root)) == NULL);
    CHECK(frozen_of(json_share(arena, root)) == NULL);
    CHECK(frozen_of(NULL) == NULL);
    frozen_unref(frozen);
}

TEST(what_was_worked_out_stays_with_the_value) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct frozen *frozen = frozen_new(json_read(arena, SV("{\"a\":{}}"), &err));
    const struct cJSON *root = frozen_root(frozen);
    CHECK(*frozen_memo(root, FROZEN_MEMO_CONTENT_HASH) == 0);
    *frozen_memo(root, FROZEN_MEMO_CONTENT_HASH) = 7;
    CHECK(*frozen_memo(root, FROZEN_MEMO_CONTENT_HASH) == 7);
    CHECK(*frozen_memo(root, FROZEN_MEMO_FOREIGN_ENTRIES) == 0);
    CHECK(frozen_memo(json_get(root, SV("a")), FROZEN_MEMO_CONTENT_HASH) == NULL);
    CHECK(frozen_memo(json_copy(arena, root), FROZEN_MEMO_CONTENT_HASH) == NULL);
    frozen_unref(frozen);
}

/* As most keys and many values of objects that are made in this process. */
TEST(literals_are_referred_to_and_all_else_is_copied) {
    static const char key[] = "terminationGracePeriodSeconds", value[] = "IfNotPresent";
    const struct sv key_text = {key, strlen(key)}, value_text = {value, strlen(value)};
    AUTO(arena) arena = arena_new();
    struct cJSON *literal = json_map(arena), *copied = json_map(arena), *piece = json_map(arena);
    json_set_string(arena, literal, key_text, value_text);
    json_set(arena, copied, arena_copy(arena, key_text),
             json_string(arena, arena_copy(arena, value_text)));
    json_set_string(arena, piece, sv_prefix(key_text, 11), sv_prefix(value_text, 2));
    struct frozen *of_literal = frozen_new(literal), *of_copied = frozen_new(copied);
    struct frozen *of_piece = frozen_new(piece);
    arena_reset(arena);
    const struct cJSON *member = frozen_root(of_literal)->child;
    CHECK(json_key(member).ptr == key && json_text(member).ptr == value);
    CHECK(json_equal(frozen_root(of_literal), frozen_root(of_copied)));
    CHECK(frozen_bytes(of_copied) - frozen_bytes(of_literal) == sizeof(key) + sizeof(value));
    CHECK_SV(json_write_arena(arena, frozen_root(of_piece), JSON_COMPACT),
             SV("{\"termination\":\"If\"}"));
    frozen_unref(of_literal);
    frozen_unref(of_copied);
    frozen_unref(of_piece);
}
