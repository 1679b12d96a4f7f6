/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/json.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/test.h"
#include "core/data/frozen.h"

/* What cJSON itself would change or accept (libraries.md §1) must come back as it was. */
TEST(a_round_trip_keeps_every_byte) {
    static const char *const texts[] = {
        "null",
        "true",
        "\"\"",
        "[]",
        "{}",
        "{\"a\":[1,2.50,-0,1e5,1E+400]}",
        "9007199254740993",
        "9223372036854775807",
        "0.30000000000000004",
        "[\"a\\u0000b\",\"\\\"\\\\/\\b\\f\\n\\r\\t\",\"\xc3\xa9\"]",
        "{\"A\":1,\"a\":2,\"<&>\":\"<\xe2\x80\xa8>\"}",
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct error err = {0};
        struct cJSON *item = json_read(arena, sv_from(texts[i]), &err);
        REQUIRE(item != NULL);
        struct sv expected = i == 9
                                 ? SV("[\"a\\u0000b\",\"\\\"\\\\/\\b\\f\\n\\r\\t\",\"\xc3\xa9\"]")
                                 : sv_from(texts[i]);
        CHECK_SV(json_write_arena(arena, item, JSON_COMPACT), expected);
        CHECK(json_equal(item, json_copy(arena, item)));
    }
}

TEST(refuses_what_is_no_json_and_says_where) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1 column 1: the text ends where a value was expected"},
        {"01", "line 1 column 2: a number must not start with 0"},
        {"1.", "line 1 column 3: a digit was expected after the decimal point"},
        {"[1,]", "line 1 column 4: a value was expected"},
        {"{\"a\":1,\n \"a\":2}", "duplicate key \"a\""},
        {"{\"x\":{\"a\":1,\"a\":2}}", "duplicate key \"x.a\""},
        {"{} x", "line 1 column 4: unexpected text after the value"},
        {"\"\xff\"", "line 1 column 2: bytes that are not UTF-8"},
        {"\"\\ud800\"", "line 1 column 8: a high surrogate without its low one"},
        {"\"a\nb\"", "line 1 column 3: a control character in a string must be escaped"},
        {"\"abc", "line 1 column 2: a string without its closing quote"},
        {"{\"a\\u0000\":1}", "line 1 column 11: a key must not hold a NUL"},
        {"tru", "line 1 column 1: a value was expected"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        CHECK(json_read(arena, sv_from(cases[i].text), &err) == NULL);
        CHECK_SV(sv_from(err.message), sv_from(cases[i].message));
        CHECK(err.code == ERROR_INVALID);
    }
}

TEST(depth_is_limited) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    char text[2 * (JSON_DEPTH_MAX + 1)];
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    CHECK(json_read(arena, (struct sv){text, sizeof(text)}, &err) == NULL);
    CHECK(err.code == ERROR_TOO_LARGE);
    CHECK(json_read(arena, (struct sv){text + 1, sizeof(text) - 2}, &err) != NULL);
}

TEST(last_of_equal_keys_wins_where_asked) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv duplicates;
    struct cJSON *item = json_read_last_wins(
        arena, SV("{\"a\":{\"b\":1,\"c\":0,\"b\":[2]},\"d\":1,\"d\":2}"), &duplicates, &err);
    REQUIRE(item != NULL);
    CHECK_SV(duplicates, SV("a.b\nd"));
    CHECK_SV(json_write_arena(arena, item, JSON_COMPACT),
             SV("{\"a\":{\"b\":[2],\"c\":0},\"d\":2}"));
}

TEST(not_more_duplicates_are_told_than_there_is_room_for) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct buf text;
    buf_init(&text, 4096);
    for (int i = 0; i <= JSON_DUPLICATES_MAX + 1; i++)
        CHECK(buf_append(&text, i == 0 ? SV("{\"k\":0") : SV(",\"k\":1")));
    CHECK(buf_append(&text, SV("}")));
    struct sv duplicates;
    REQUIRE(json_read_last_wins(arena, buf_view(&text), &duplicates, &err) != NULL);
    CHECK(duplicates.len == 2 * JSON_DUPLICATES_MAX - 1);
    buf_release(&text);
}

TEST(many_keys_are_checked_for_duplicates_too) {
    AUTO(arena) arena = arena_new();
    struct buf text;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < 2000; i++)
        CHECK(buf_printf(&text, "%s\"k%d\":%d", i ? "," : "{", i, i));
    CHECK(buf_append(&text, SV(",\"k1999\":0}")));
    struct error err = {0};
    CHECK(json_read(arena, buf_view(&text), &err) == NULL);
    CHECK_SV(sv_from(err.message), SV("duplicate key \"k1999\""));
    buf_release(&text);
}

/* A node has a label for each cache on it, and is read by every plan of one. */
TEST(many_keys_are_read_and_sorted_without_a_block_for_each) {
    enum { KEYS = 500, BLOCKS_MAX = 20 };
    AUTO(arena) arena = arena_new();
    struct buf text;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < KEYS; i++)
        CHECK(buf_printf(&text, "%s\"k%03d\":%d", i ? "," : "{", i, i));
    CHECK(buf_append_byte(&text, '}'));
    struct error err = {0};
    uint64_t before = mem_alloc_count();
    struct cJSON *map = json_read(arena, buf_view(&text), &err);
    CHECK(mem_alloc_count() - before <= BLOCKS_MAX);
    CHECK(json_count(map) == KEYS);
    before = mem_alloc_count();
    json_sort(map);
    CHECK(mem_alloc_count() == before); /* nothing is to be moved */
    CHECK_SV(json_write_arena(arena, map, JSON_COMPACT), buf_view(&text));
    buf_release(&text);
}

TEST(go_style_escapes_what_encoding_json_escapes) {
    AUTO(arena) arena = arena_new();
    struct cJSON *item = json_string(arena, SV("<a&b>\xe2\x80\xa8\xe2\x80\xa9\xff\x01\xc3\xa9"));
    CHECK_SV(json_write_arena(arena, item, JSON_GO_HTML),
             SV("\"\\u003ca\\u0026b\\u003e\\u2028\\u2029\\ufffd\\u0001\xc3\xa9\""));
}

enum { TEXT_BYTES_MAX = 20 };

static void check_escape(char byte, const char *written, size_t len, size_t at,
                         enum json_style style) {
    AUTO(arena) arena = arena_new();
    char text[TEXT_BYTES_MAX];
    memset(text, 'x', len);
    text[at] = byte;
    struct sv expected = arena_printf(arena, "\"%.*s%s%.*s\"", (int)at, text, written,
                                      (int)(len - at - 1), text + at + 1);
    CHECK_SV(json_write_arena(arena, json_string(arena, (struct sv){text, len}), style), expected);
}

/* Texts are looked through eight bytes at a time: a byte is found wherever it stands, and none
 * that looks like it is. */
TEST(what_needs_an_escape_is_found_at_every_place) {
    static const struct {
        char byte;
        const char *compact, *go;
    } escapes[] = {
        {'"', "\\\"", "\\\""},
        {'\\', "\\\\", "\\\\"},
        {'\n', "\\n", "\\n"},
        {'\0', "\\u0000", "\\u0000"},
        {0x1f, "\\u001f", "\\u001f"},
        {'<', "<", "\\u003c"},
        {'&', "&", "\\u0026"},
        {' ', " ", " "},
        {'!', "!", "!"},
        {'#', "#", "#"},
        {'[', "[", "["},
        {0x7f, "\x7f", "\x7f"},
    };
    for (size_t i = 0; i < COUNT_OF(escapes); i++)
        for (size_t len = 1; len <= TEXT_BYTES_MAX; len++)
            for (size_t at = 0; at < len; at++)
                for (int go = 0; go <= 1; go++)
                    check_escape(escapes[i].byte, go ? escapes[i].go : escapes[i].compact, len, at,
                                 go ? JSON_GO_HTML : JSON_COMPACT);
}

TEST(trees_are_edited_in_place) {
    AUTO(arena) arena = arena_new();
    struct cJSON *map = json_map(arena);
    json_set_int(arena, map, SV("b"), 1);
    json_set_int(arena, map, SV("a"), 2);
    json_set_string(arena, map, SV("b"), SV("x"));
    struct cJSON *list = json_ensure_list(arena, map, SV("l"));
    json_append(list, json_int(arena, 2));
    json_insert(list, 0, json_int(arena, 1));
    json_insert(list, 9, json_int(arena, 3));
    CHECK_SV(json_write_arena(arena, map, JSON_COMPACT), SV("{\"b\":\"x\",\"a\":2,\"l\":[1,2,3]}"));
    json_sort(map);
    json_remove(map, SV("l"));
    json_append(list, json_int(arena, 4));
    CHECK_SV(json_write_arena(arena, map, JSON_COMPACT), SV("{\"a\":2,\"b\":\"x\"}"));
    json_detach(list, json_at(list, 3));
    json_replace(list, json_at(list, 2), json_null(arena));
    json_append(list, json_bool(arena, true));
    CHECK_SV(json_write_arena(arena, list, JSON_COMPACT), SV("[1,2,null,true]"));
}

/* Look-ups compare lengths and words of keys first: whichever byte differs, it counts. */
TEST(keys_that_differ_in_one_byte_are_different) {
    static const size_t lengths[] = {0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 32, 254, 255, 256, 300};
    char text[512];
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        AUTO(arena) arena = arena_new();
        struct cJSON *map = json_map(arena);
        memset(text, 'k', sizeof(text));
        json_set_int(arena, map, (struct sv){text, lengths[i]}, 1);
        CHECK(json_int_or(map, (struct sv){text, lengths[i]}, 0) == 1);
        CHECK(!json_get(map, (struct sv){text, lengths[i] + 1}));
        CHECK(lengths[i] == 0 || !json_get(map, (struct sv){text, lengths[i] - 1}));
        for (size_t k = 0; k < lengths[i]; k++) {
            text[k] = 'x';
            CHECK(!json_get(map, (struct sv){text, lengths[i]}));
            text[k] = 'k';
        }
    }
}

TEST(a_list_has_a_text_only_as_a_string) {
    static const struct {
        struct sv list, text;
        bool is_in;
    } cases[] = {
        {SV("[\"a\",\"b\"]"), SV("b"), true},
        {SV("[\"a\",\"b\"]"), SV("c"), false},
        {SV("[\"ab\"]"), SV("a"), false},
        {SV("[\"\"]"), SV(""), true},
        {SV("[]"), SV(""), false},
        {SV("[1,null,{\"a\":\"b\"},[\"b\"],\"1x\"]"), SV("1"), false},
        {SV("[1,null,{\"a\":\"b\"},[\"b\"]]"), SV("b"), false},
        {SV("[null]"), SV(""), false},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        const struct cJSON *list = json_read(arena, cases[i].list, &err);
        CHECK(list && json_has_text(list, cases[i].text) == cases[i].is_in);
    }
    CHECK(!json_has_text(NULL, SV("")));
}

TEST(a_literal_finds_what_a_text_of_run_time_finds) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *map = json_read(
        arena, SV("{\"a\":{\"resourceVersion\":7},\"kind\":\"K\",\"\":0,\"annotations\":[3,4]}"),
        &err);
    CHECK(json_get(map, SV("a")) == json_find(map, "a"));
    CHECK(json_get(json_get(map, SV("a")), SV("resourceVersion")) ==
          json_find(map, "a.resourceVersion"));
    CHECK(json_is_integer(json_get(map, SV(""))));
    CHECK_SV(json_string_or(map, SV("kind"), SV("")), json_find_string(map, "kind"));
    CHECK(json_find_int(map, "annotations.1", 0) == 4);
    CHECK(!json_find(map, "annotations.2") && !json_find(map, "kind.x") && !json_find(map, "a.x"));
}

TEST(numbers_are_equal_by_value_and_maps_without_order) {
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"1", "1.0", true},
        {"1e2", "100", true},
        {"0.1", "0.2", false},
        {"1", "\"1\"", false},
        {"9007199254740993", "9007199254740992", false},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
        {"[1,2]", "[2,1]", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":null}", false},
        {"1e400", "1e400", true},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        const struct cJSON *a = json_read(arena, sv_from(cases[i].a), &err);
        const struct cJSON *b = json_read(arena, sv_from(cases[i].b), &err);
        uint64_t before = mem_alloc_count();
        CHECK(json_equal(a, b) == cases[i].equal);
        CHECK(json_equal(b, a) == cases[i].equal);
        CHECK(mem_alloc_count() == before); /* plans compare thousands of small maps */
    }
}

static bool names_it(const struct cJSON *value) {
    JSON_EACH (item, value)
        if (json_find_string(item, "name").len > 0)
            return json_get(item, SV("bulk")) == NULL;
    return false;
}

TEST(members_that_nobody_asked_for_are_passed_over) {
    static const struct json_omission omission = {.parent = SV("metadata"),
                                                  .key = SV("managedFields")};
    static const struct {
        struct sv text, kept; /* "": refused */
    } cases[] = {
        {SV("{\"metadata\":{\"name\":\"a\",\"managedFields\":[{\"f\":{}}],\"uid\":\"1\"}}"),
         SV("{\"metadata\":{\"name\":\"a\",\"uid\":\"1\"}}")},
        {SV("{\"object\":{\"metadata\":{\"managedFields\" : [ \"]}\\\"\\\\\" , "
            "{\"[\":1}]},\"b\":1}}"),
         SV("{\"object\":{\"metadata\":{},\"b\":1}}")},
        {SV("[{\"metadata\":{\"managedFields\":{}}},{\"managedFields\":[1]}]"),
         SV("[{\"metadata\":{}},{\"managedFields\":[1]}]")},
        {SV("{\"managedFields\":[],\"data\":{\"managedFields\":[2]}}"),
         SV("{\"managedFields\":[],\"data\":{\"managedFields\":[2]}}")},
        {SV("{\"metadata\":{\"managedFields\":null}}"),
         SV("{\"metadata\":{\"managedFields\":null}}")},
        {SV("{\"metadata\":{\"managedFields\":\"x\"}}"),
         SV("{\"metadata\":{\"managedFields\":\"x\"}}")},
        {SV("{\"metadata\":{\"managedFields\":[{\"a\":1}"), SV("")},
        {SV("{\"metadata\":{\"managedFields\":[\"a}]}}"), SV("")},
        {SV("{\"metadata\":{\"managedFields\":[]"), SV("")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        const struct cJSON *root = json_read_without(arena, cases[i].text, &omission, &err);
        CHECK((root != NULL) == (cases[i].kept.len > 0));
        CHECK(root || err.code == ERROR_INVALID);
        if (root)
            CHECK_SV(json_write_arena(arena, root, JSON_COMPACT), cases[i].kept);
    }
}

TEST(members_that_are_needed_are_read_whole) {
    static const struct json_omission omission = {.parent = SV("metadata"),
                                                  .key = SV("managedFields"),
                                                  .bulk = SV("bulk"),
                                                  .is_needed = names_it};
    static const struct {
        struct sv text, kept; /* "": refused */
    } cases[] = {
        {SV("{\"metadata\":{\"managedFields\":[{\"bulk\":{\"a\":1}}],\"uid\":\"1\"}}"),
         SV("{\"metadata\":{\"uid\":\"1\"}}")},
        {SV("{\"metadata\":{\"managedFields\":[{},{\"bulk\":{\"a\":[1]},\"name\":\"x\"}],\"b\":1},"
            "\"bulk\":{}}"),
         SV("{\"metadata\":{\"managedFields\":[{},{\"bulk\":{\"a\":[1]},\"name\":\"x\"}],\"b\":1},"
            "\"bulk\":{}}")},
        {SV("{\"metadata\":{\"managedFields\":[{\"bulk\":{\"a\":1}"), SV("")},
        {SV("{\"metadata\":{\"managedFields\":[{\"other\":]}]}}"), SV("")},
        {SV("{\"metadata\":{\"managedFields\":[{\"name\":\"x\",\"bulk\":[}]}]}}"), SV("")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        const struct cJSON *root = json_read_without(arena, cases[i].text, &omission, &err);
        CHECK((root != NULL) == (cases[i].kept.len > 0));
        if (root)
            CHECK_SV(json_write_arena(arena, root, JSON_COMPACT), cases[i].kept);
    }
}

TEST(a_glance_finds_strings_and_reads_no_further) {
    static const struct {
        struct sv text;
        bool is_seen;
        struct sv a, b, c; /* at "a", "b.c", and "b.d", which need not be there */
    } cases[] = {
        {SV("{\"a\":\"1\",\"b\":{\"c\":\"2\" broken"), true, SV("1"), SV("2"), SV("")},
        {SV(" { \"b\" : { \"x\":[{\"c\":\"]\"}], \"d\":\"3\", \"c\" : \"2\" } , \"a\":\"1\" }"),
         true, SV("1"), SV("2"), SV("3")},
        {SV("{\"n\":-1.5e3,\"t\":true,\"s\":\"\\\"{\",\"b\":{\"c\":\"\"},\"a\":\"1\"}"), true,
         SV("1"), SV(""), SV("")},
        {SV("{\"c\":\"2\",\"x\":{\"a\":\"1\",\"b\":{\"c\":\"2\"}}}"), false, SV(""), SV(""),
         SV("")},
        {SV("{\"a\":\"1\",\"b\":{\"c\":{\"\":\"2\"}}}"), false, SV("1"), SV(""), SV("")},
        {SV("{\"a\":\"1\",\"b\":{\"c\":2}}"), false, SV("1"), SV(""), SV("")},
        {SV("{\"a\":\"1\\n\",\"b\":{\"c\":\"2\"}}"), false, SV(""), SV(""), SV("")},
        {SV("{\"a\":\"1\",\"b\":{}}"), false, SV("1"), SV(""), SV("")},
        {SV("{\"a\":\"1"), false, SV(""), SV(""), SV("")},
        {SV("{\"a\":\"1\",\"x\":[1"), false, SV("1"), SV(""), SV("")},
        {SV("{\"a\""), false, SV(""), SV(""), SV("")},
        {SV("{"), false, SV(""), SV(""), SV("")},
        {SV("[\"a\",\"1\"]"), false, SV(""), SV(""), SV("")},
        {SV(""), false, SV(""), SV(""), SV("")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json_glimpse glimpses[] = {
            {.path = SV("a")}, {.path = SV("b.c")}, {.path = SV("b.d")}};
        CHECK(json_glance(cases[i].text, glimpses, COUNT_OF(glimpses), 2) == cases[i].is_seen);
        CHECK_SV(glimpses[0].text, cases[i].a);
        CHECK_SV(glimpses[1].text, cases[i].b);
        CHECK_SV(glimpses[2].text, cases[i].c);
    }
}

/* What is borrowed is changed in a copy of the nodes on the way there only. */
TEST(a_borrowed_tree_is_changed_without_its_lender) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv text = SV("{\"a\":{\"b\":{\"c\":1}},\"d\":[{\"e\":2}],\"f\":3}");
    struct frozen *lent = frozen_new(json_read(arena, text, &err));
    struct cJSON *tree = json_borrow(arena, frozen_root(lent));
    CHECK(json_is_borrowed(tree));
    CHECK(json_equal(tree, frozen_root(lent)));
    json_set_int(arena, tree, SV("f"), 4);
    CHECK(!json_is_borrowed(tree));
    CHECK(json_is_borrowed(json_get(tree, SV("a"))));
    json_set_int(arena, json_ensure_map(arena, json_get(tree, SV("a")), SV("b")), SV("c"), 5);
    json_own(arena, json_get(tree, SV("d")));
    json_append(json_get(tree, SV("d")), json_int(arena, 6));
    CHECK(!json_is_borrowed(json_copy(arena, json_find(tree, "d.0"))));
    CHECK_SV(json_write_arena(arena, tree, JSON_COMPACT),
             SV("{\"a\":{\"b\":{\"c\":5}},\"d\":[{\"e\":2},6],\"f\":4}"));
    CHECK_SV(json_write_arena(arena, frozen_root(lent), JSON_COMPACT), text);
    frozen_unref(lent);
}

/* Whether the look-up finds what a walk along the members finds, for each key that may be there. */
static bool finds_its_members(const struct cJSON *map) {
    for (char key = 'a'; key <= 'z'; key++) {
        const struct cJSON *found = NULL;
        JSON_EACH (member, map)
            if (sv_eq(json_key(member), (struct sv){&key, 1}))
                found = member;
        if (json_get(map, (struct sv){&key, 1}) != found)
            return false;
    }
    return true;
}

/* What is known of a map's keys and of where its members stand holds after each change, too,
 * however the map came to be. */
TEST(members_are_found_after_every_change) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv text = SV("{\"a\":{},\"c\":[],\"e\":{\"f\":1},\"g\":1,\"i\":null,\"k\":2}");
    struct frozen *frozen = frozen_new(json_read(arena, text, &err));
    struct cJSON *built = json_map(arena);
    JSON_EACH (member, frozen_root(frozen))
        json_append(built, json_share(arena, member));
    struct cJSON *maps[] = {json_read(arena, text, &err), json_copy(arena, frozen_root(frozen)),
                            json_borrow(arena, frozen_root(frozen)),
                            json_share(arena, json_copy(arena, frozen_root(frozen))), built};
    for (size_t i = 0; i < COUNT_OF(maps); i++) {
        CHECK(finds_its_members(maps[i]));
        json_set_int(arena, maps[i], SV("b"), 1);
        CHECK(finds_its_members(maps[i]));
        json_remove(maps[i], SV("c"));
        json_set_int(arena, maps[i], SV("g"), 2);
        CHECK(finds_its_members(maps[i]));
        json_sort(maps[i]);
        json_set_int(arena, json_ensure_map(arena, maps[i], SV("e")), SV("h"), 2);
        CHECK(finds_its_members(maps[i]) && finds_its_members(json_get(maps[i], SV("e"))));
        CHECK_SV(json_write_arena(arena, maps[i], JSON_COMPACT),
                 SV("{\"a\":{},\"b\":1,\"e\":{\"f\":1,\"h\":2},\"g\":2,\"i\":null,\"k\":2}"));
    }
    CHECK(finds_its_members(frozen_root(frozen)));
    frozen_unref(frozen);
}

/* The word of a key is a constant where the key is a literal, and worked out elsewhere. */
TEST(a_key_of_any_length_is_found_whoever_spells_it) {
    AUTO(arena) arena = arena_new();
    struct cJSON *spelled = json_map(arena), *copied = json_map(arena);
#define LOOK(key)                                                                                  \
    json_set_string(arena, spelled, SV(key), SV(key));                                             \
    json_set_string(arena, copied, arena_copy(arena, SV(key)), SV(key));                           \
    CHECK_SV(json_text(json_get(copied, SV(key))), SV(key));                                       \
    CHECK_SV(json_text(json_get(spelled, arena_copy(arena, SV(key)))), SV(key));
    LOOK("");
    LOOK("a");
    LOOK("ab");
    LOOK("abc");
    LOOK("abcd");
    LOOK("abcde");
    LOOK("abcdef");
    LOOK("abcdefg");
    LOOK("abcdefgh");
    LOOK("abcdefghi");
    LOOK("\xc3\xa9");
    LOOK("abc\xff");
    LOOK("abcdef\xff");
    LOOK("b\xff\xff\xff\xff\xff");
#undef LOOK
    CHECK(json_count(copied) == 14 && json_equal(spelled, copied));
}
