/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/yaml.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

/* The readings of goyaml.v2 behind sigs.k8s.io/yaml (libraries.md §4). */
TEST(scalars_mean_what_kubernetes_takes_them_for) {
    static const struct {
        const char *yaml, *json;
    } cases[] = {
        {"yes", "true"},
        {"Off", "false"},
        {"y", "true"},
        {"'yes'", "\"yes\""},
        {"~", "null"},
        {"x: ", "{\"x\":null}"},
        {"010", "8"},
        {"0o10", "8"},
        {"0x1f", "31"},
        {"0b11", "3"},
        {"1_000", "1000"},
        {"1e3", "1000"},
        {"-0.50", "-0.5"},
        {"1e21", "1e+21"},
        {"1e-7", "1e-07"},
        {"18446744073709551615", "18446744073709551615"},
        {"0.1", "0.1"},
        {"2001-01-01", "\"2001-01-01\""},
        {"08", "8"},
        {"yes: 1", "{\"true\":1}"},
        {"8080: a", "{\"8080\":\"a\"}"},
        {"a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}"},
        {"- a\n- {b: [1]}", "[\"a\",{\"b\":[1]}]"},
        {"a: &x {k: 1}\nb: *x", "{\"a\":{\"k\":1},\"b\":{\"k\":1}}"},
        {"a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}",
         "{\"a\":{\"k\":1,\"l\":2},\"b\":{\"k\":3,\"l\":2}}"},
        {"1.5.2", "\"1.5.2\""},
        {"- -", "[[null]]"},
        {"!!str 12", "\"12\""},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        struct yaml_documents documents;
        REQUIRE(yaml_read(arena, sv_from(cases[i].yaml), &documents, &err));
        REQUIRE(documents.count == 1);
        CHECK_SV(json_write_arena(arena, documents.roots[0], JSON_COMPACT), sv_from(cases[i].json));
    }
}

TEST(errors_say_where) {
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"a: [1", "2:1: did not find expected ',' or ']'"},
        {"a: 1\n b: 2", "2:3: mapping values are not allowed in this context"},
        {"a: *x", "1:4: unknown alias"},
        {"a: &x [*x]", "1:8: an alias contains itself"},
        {"~: 1", "1:1: a key must not be null"},
        {"? [1]\n: 2", "1:3: a key must be a text"},
        {"a: .nan", "1:4: infinity and NaN have no JSON form"},
        {"a: \xff", "1:4: bytes that are not UTF-8"},
        {"a: b\nc: \x01", "2:4: a control character"},
        {"a: {<<: 3}", "1:4: << merges maps only"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        struct yaml_documents documents;
        CHECK(!yaml_read(arena, sv_from(cases[i].yaml), &documents, &err));
        CHECK_SV(sv_from(err.message), sv_from(cases[i].message));
    }
}

TEST(positions_remarks_and_documents) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct yaml_documents documents;
    REQUIRE(yaml_read(
        arena, SV("# first\na: 1\nspec:\n  on: yes\n  list: [x, 0x1]\n  on: no\n---\n---\nb: 2\n"),
        &documents, &err));
    REQUIRE(documents.count == 3);
    CHECK(documents.roots[1] == NULL);
    struct yaml_position at =
        yaml_position_of(documents.positions, json_find(documents.roots[0], "spec.list.1"));
    CHECK(at.line == 5 && at.column == 13);
    at = yaml_key_position_of(documents.positions, json_find(documents.roots[2], "b"));
    CHECK(at.line == 9 && at.column == 1);
    CHECK(yaml_position_of(documents.positions, NULL).line == 0);
    REQUIRE(documents.remark_count == 4);
    CHECK_SV(documents.remarks[0].path, SV("spec.true"));
    CHECK(documents.remarks[3].type == YAML_DUPLICATE_KEY &&
          documents.remarks[3].position.line == 6);
    CHECK(json_find(documents.roots[0], "spec.true") != NULL);
}

TEST(an_alias_bomb_is_refused_soon) {
    AUTO(arena) arena = arena_new();
    struct buf text;
    buf_init(&text, 4096);
    CHECK(buf_printf(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"));
    for (int i = 1; i < 12; i++)
        CHECK(buf_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n",
                         i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
                         i - 1));
    struct error err = {0};
    struct yaml_documents documents;
    CHECK(!yaml_read(arena, buf_view(&text), &documents, &err));
    CHECK(err.code == ERROR_TOO_LARGE);
    CHECK(arena_held_bytes(arena) < 200u * 1024 * 1024);
    buf_release(&text);
}

TEST(deep_nesting_is_refused) {
    AUTO(arena) arena = arena_new();
    char text[10000];
    memset(text, '[', sizeof(text));
    struct error err = {0};
    struct yaml_documents documents;
    CHECK(!yaml_read(arena, (struct sv){text, sizeof(text)}, &documents, &err));
    CHECK(err.code == ERROR_TOO_LARGE);
}

/* What is written must be read back as the same tree, whatever the texts look like. */
TEST(written_yaml_reads_back) {
    static const char *const trees[] = {
        "{\"a\":\"yes\",\"b\":\"010\",\"c\":\"\",\"d\":null,\"e\":[],\"f\":{},\"g\":\"- "
        "x\",\"h\":\"a: b\"}",
        "{\"s\":\"l1\\nl2\\n\",\"t\":\"l1\\nl2\",\"u\":\"  lead\\n\",\"v\":\"a "
        "#b\",\"w\":\"\xc3\xa9\",\"x\":\"tail \"}",
        "[{\"name\":\"a\",\"list\":[1,[2,[{\"x\":true}]]]},{\"k with "
        "space\":\"~\",\"true\":\"'q'\"}]",
        "{\"script\":\"#!/bin/sh\\n\\nif true; then\\n\\techo \\\"$A\\\"\\nfi\\n\"}",
        "\"'\\n$\\n\"",
        "{\"a\":\"x\xc2\x85"
        "y\\n\",\"b\\nc\\n\":\"\xe2\x80\xa8\\n\"}",
        "\"...\"",
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(trees); i++) {
        struct error err = {0};
        struct cJSON *tree = json_read(arena, sv_from(trees[i]), &err);
        REQUIRE(tree != NULL);
        struct buf text;
        buf_init(&text, 1 << 16);
        CHECK(yaml_write(&text, tree));
        struct yaml_documents documents;
        REQUIRE(yaml_read(arena, buf_view(&text), &documents, &err));
        REQUIRE(documents.count == 1);
        CHECK_SV(json_write_arena(arena, documents.roots[0], JSON_COMPACT), sv_from(trees[i]));
        buf_release(&text);
    }
}
