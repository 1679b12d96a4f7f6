/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/protobuf.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/base64.h"
#include "core/data/json.h"

#include <stdio.h>

enum { BODY_BYTES_MAX = 4 * 1024 * 1024 };

/* Objects as Go's serializers write them, in both forms. */
static const struct cJSON *read_samples(struct arena *arena) {
    struct error err = {0};
    struct sv text =
        test_read_file(arena, TEST_SOURCE_DIR "/fakeapi/schema/testdata/protobuf.json");
    const struct cJSON *samples = json_read(arena, text, &err);
    assert(samples);
    return samples;
}

/* Go writes null for a list that is not there; to a reader both are the same. */
static void drop_nulls(struct cJSON *item) {
    struct cJSON *next;
    for (struct cJSON *child = item->child; child; child = next) {
        next = child->next;
        if (json_is_null(child) && json_is_map(item))
            json_detach(item, child);
        else
            drop_nulls(child);
    }
}

static void check_same(struct arena *arena, const struct cJSON *sample, struct cJSON *actual) {
    struct cJSON *expected = json_copy(arena, json_get(sample, SV("object")));
    drop_nulls(expected);
    drop_nulls(actual);
    CHECK(json_equal(actual, expected));
    if (!json_equal(actual, expected)) {
        json_sort(actual);
        json_sort(expected);
        printf("%.*s\n  is     %s\n  wanted %s\n", SV_ARG(json_find_string(sample, "kind")),
               json_write_arena(arena, actual, JSON_COMPACT).ptr,
               json_write_arena(arena, expected, JSON_COMPACT).ptr);
    }
}

TEST(bodies_of_go_clients_become_the_json_they_would_send) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *samples = read_samples(arena);
    JSON_EACH (sample, samples) {
        struct error err = {0};
        struct cJSON *tree;
        struct sv bytes;
        REQUIRE(base64_decode(arena, json_find_string(sample, "base64"), &bytes));
        bool held = protobuf_decode(bytes, arena, &tree, &err);
        CHECK(held);
        if (held)
            check_same(arena, sample, tree);
        else
            printf("%.*s: %s\n", SV_ARG(json_find_string(sample, "kind")), err.message);
    }
}

TEST(what_is_encoded_reads_back_the_same) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *samples = read_samples(arena);
    JSON_EACH (sample, samples) {
        struct error err = {0};
        struct cJSON *tree;
        struct buf buf;
        buf_init(&buf, BODY_BYTES_MAX);
        CHECK(protobuf_encode(json_get(sample, SV("object")), &buf, &err));
        CHECK(protobuf_decode(buf_view(&buf), arena, &tree, &err));
        check_same(arena, sample, tree);
        buf_release(&buf);
    }
}

/* Generated code of Go writes what is no pointer, and Go's decoders may look for it. */
TEST(empty_scalars_are_written_and_absent_pointers_are_not) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct buf buf;
    buf_init(&buf, BODY_BYTES_MAX);
    const struct cJSON *tree = json_read(
        arena, SV("{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{}}"),
        &err);
    REQUIRE(tree && protobuf_encode(tree, &buf, &err));
    static const char metadata[] = "\x0a\0\x12\0\x1a\0\"\0*\0\x32\0\x38\0";
    CHECK(sv_contains(buf_view(&buf), (struct sv){metadata, sizeof(metadata) - 1}));
    /* A lease's spec has pointers only. */
    buf_clear(&buf);
    tree = json_read(
        arena, SV("{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"spec\":{}}"),
        &err);
    REQUIRE(tree && protobuf_encode(tree, &buf, &err));
    CHECK(sv_ends_with(buf_view(&buf), (struct sv){"\x12\0\x1a\0\"\0", 6}));
    buf_release(&buf);
}

TEST(a_body_without_a_type_is_of_the_kind_that_was_asked_for) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *tree;
    struct sv body = {"k8s\0\x0a\0\x12\x05\x0a\x03\x0a\x01p", 13};
    CHECK(!protobuf_decode(body, arena, &tree, &err));
    CHECK(err.code == ERROR_UNSUPPORTED);
    REQUIRE(protobuf_decode_kind(body, SV("v1"), SV("ConfigMap"), arena, &tree, &err));
    CHECK_SV(json_find_string(tree, "kind"), SV("ConfigMap"));
    CHECK_SV(json_find_string(tree, "metadata.name"), SV("p"));
}

/* A connection may end anywhere, and a client may send anything. */
TEST(a_body_that_is_cut_is_refused_or_shorter_but_never_a_crash) {
    AUTO(arena) arena = arena_new();
    struct sv bytes;
    REQUIRE(base64_decode(arena, json_find_string(read_samples(arena)->child, "base64"), &bytes));
    AUTO(arena) scratch = arena_new();
    size_t refused = 0;
    for (size_t cut = 0; cut < bytes.len; cut++) {
        struct error err = {0};
        struct cJSON *tree;
        bool held = protobuf_decode(sv_prefix(bytes, cut), scratch, &tree, &err);
        CHECK(held || err.message[0] != 0);
        refused += !held;
        arena_reset(scratch);
    }
    CHECK(refused > bytes.len / 2);
}

TEST(what_has_no_table_is_refused_by_name) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *tree;
    struct buf buf;
    buf_init(&buf, BODY_BYTES_MAX);
    const struct cJSON *foo =
        json_read(arena, SV("{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\"}"), &err);
    CHECK(!protobuf_encode(foo, &buf, &err));
    CHECK(err.code == ERROR_UNSUPPORTED);
    CHECK_SV(sv_from(err.message),
             SV("no protobuf message for kind \"Foo\" of apiVersion \"x.io/v1\": ask for JSON"));
    struct sv body = {"k8s\0\n\x0f\n\x07x.io/v1\x12\x03"
                      "Foo... ",
                      24};
    CHECK(!protobuf_decode(sv_prefix(body, 21), arena, &tree, &err));
    CHECK(err.code == ERROR_INVALID || err.code == ERROR_UNSUPPORTED);
    CHECK(!protobuf_decode(SV("{\"kind\":\"Pod\"}"), arena, &tree, &err));
    CHECK_SV(sv_from(err.message), SV("protobuf, byte 0: the body does not begin with \"k8s\\0\""));
    CHECK(protobuf_knows(SV("apps/v1"), SV("Deployment")));
    CHECK(!protobuf_knows(SV("data.fluid.io/v1alpha1"), SV("Dataset")));
    buf_release(&buf);
}

TEST(events_of_a_watch_come_in_frames) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct buf buf;
    buf_init(&buf, BODY_BYTES_MAX);
    const struct cJSON *pod = json_read(
        arena, SV("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}"), &err);
    REQUIRE(protobuf_encode_event(SV("ADDED"), pod, &buf, &err));
    struct sv frame = buf_view(&buf);
    CHECK(frame.ptr[0] == 0 && frame.ptr[1] == 0 && frame.ptr[2] == 0);
    CHECK((size_t)(unsigned char)frame.ptr[3] == frame.len - 4);
    CHECK(sv_starts_with(sv_drop(frame, 4), SV("\x0a\x05"
                                               "ADDED")));
    CHECK(sv_contains(frame, (struct sv){"k8s\0", 4}));
    buf_release(&buf);
}

TEST(an_answer_larger_than_its_buffer_is_refused) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct buf buf;
    buf_init(&buf, 16);
    const struct cJSON *pod = json_read(
        arena, SV("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}"), &err);
    CHECK(!protobuf_encode(pod, &buf, &err));
    CHECK(err.code == ERROR_TOO_LARGE);
    buf_release(&buf);
}
