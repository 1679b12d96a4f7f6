/* SPDX-License-Identifier: Apache-2.0 */
/* Lists as text say what lists as trees say. */
#include "fakeapi/server/list_text.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "fakeapi/schema/protobuf.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/server_fixture.h"
#include "fakeapi/server/table.h"

#define CRD(rest)                                                                                  \
    "{\"metadata\":{\"name\":\"widgets.example.com\"},\"spec\":{\"group\":\"example.com\","        \
    "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\"},"             \
    "\"versions\":["                                                                               \
    "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":" \
    "\"object\",\"properties\":{\"size\":{\"type\":\"integer\"" rest "}}}}},"                      \
    "{\"name\":\"v2\",\"served\":true,\"storage\":false,\"schema\":{\"openAPIV3Schema\":{"         \
    "\"type\":"                                                                                    \
    "\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}]}}"

static const struct {
    const char *resource, *selector;
    int64_t limit;
} cases[] = {
    {"configmaps", "", 0},
    {"configmaps", "", 2},
    {"configmaps", "app=b", 0},
    {"configmaps", "app=none", 0},
    /* They are kept in another form than they are shown in. */
    {"events.k8s.io/v1/events", "", 0},
    {"example.com/v1/widgets", "", 0},
    {"example.com/v2/widgets", "", 0},
};

static struct fakeapi *make_api(struct arena *arena) {
    struct fakeapi *api = fixture_api();
    const char *const names[] = {"c", "a", "b"};
    fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "", CRD(""));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct sv map = arena_printf(arena,
                                     "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}},"
                                     "\"data\":{\"k\":\"\\\"<\\u00e9\"}}",
                                     names[i], names[i]);
        fixture_create(api, arena, "configmaps", "default", map.ptr);
        struct sv widget = arena_printf(arena,
                                        "{\"kind\":\"Widget\",\"apiVersion\":\"example.com/v1\","
                                        "\"metadata\":{\"name\":\"%s\"}}",
                                        names[i]);
        fixture_create(api, arena, "example.com/v1/widgets", "default", widget.ptr);
    }
    fixture_create(api, arena, "events", "default",
                   "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"namespace\":\"default\"},"
                   "\"reason\":\"Tested\"}");
    return api;
}

static struct sv read_all(struct arena *arena, struct list_text *list, size_t piece_bytes) {
    struct buf text;
    char piece[64];
    size_t len;
    buf_init(&text, 1024 * 1024);
    while ((len = list_text_read(list, piece, piece_bytes)) > 0)
        CHECK(buf_append(&text, (struct sv){piece, len}));
    struct sv copy = arena_copy(arena, buf_view(&text));
    buf_release(&text);
    return copy;
}

static struct request list_request(size_t i) {
    struct request request = fixture_request(VERB_LIST, cases[i].resource, "default", "");
    request.label_selector = sv_from(cases[i].selector);
    request.limit = cases[i].limit;
    return request;
}

static void check_same(struct fakeapi *api, struct arena *arena, struct request request,
                       size_t piece_bytes) {
    struct api_response tree = fixture_send(api, arena, &request);
    CHECK(tree.http_status == 200 && !tree.list);
    struct sv expected =
        arena_printf(arena, "%.*s\n", SV_ARG(json_write_arena(arena, tree.body, JSON_COMPACT)));
    request.wants_text = true;
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(response.http_status == 200 && response.list);
    AUTO(list_text) list = response.list;
    CHECK(list_text_prepare(list, SIZE_MAX));
    CHECK(list_text_bytes(list) == expected.len);
    CHECK_SV(read_all(arena, list, piece_bytes), expected);
}

TEST(text_says_what_the_tree_says_in_pieces_of_any_size) {
    AUTO(arena) arena = arena_new();
    struct fakeapi *api = make_api(arena);
    static const size_t sizes[] = {1, 7, 64};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t k = 0; k < COUNT_OF(sizes); k++)
            check_same(api, arena, list_request(i), sizes[k]);
    fakeapi_free(api);
}

/* Byte for byte what a client is sent without it. */
TEST(protobuf_says_what_the_tree_says) {
    AUTO(arena) arena = arena_new();
    struct fakeapi *api = make_api(arena);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request request = list_request(i);
        struct error err = {0};
        struct buf expected;
        buf_init(&expected, 1024 * 1024);
        struct api_response tree = fixture_send(api, arena, &request);
        bool has_form = protobuf_encode(tree.body, &expected, &err);
        request.wants_protobuf = true;
        struct api_response response = fixture_send(api, arena, &request);
        CHECK((response.list != NULL) == has_form);
        if (has_form) {
            size_t slices = 1;
            while (!list_text_prepare(response.list, 1))
                slices++;
            CHECK(slices >= json_count(json_get(tree.body, SV("items"))));
            CHECK(list_text_is_protobuf(response.list) && !list_text_is_broken(response.list));
            CHECK(list_text_bytes(response.list) == buf_view(&expected).len);
            CHECK(sv_eq(read_all(arena, response.list, 7), buf_view(&expected)));
        }
        list_text_free(response.list);
        buf_release(&expected);
    }
    fakeapi_free(api);
}

/* Of built-in types that have rows; byte for byte what a client is sent without it. */
TEST(tables_say_what_the_tree_says) {
    static const struct {
        const char *resource;
        int64_t limit;
        enum table_include include;
        bool is_text;
    } tables[] = {
        {"configmaps", 0, TABLE_METADATA, true},
        {"configmaps", 2, TABLE_OBJECT, true},
        {"events.k8s.io/v1/events", 0, TABLE_NONE, true},
        {"secrets", 0, TABLE_METADATA, false}, /* there is none */
        {"example.com/v1/widgets", 0, TABLE_METADATA, false},
    };
    AUTO(arena) arena = arena_new();
    struct fakeapi *api = make_api(arena);
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        struct request request = fixture_request(VERB_LIST, tables[i].resource, "default", "");
        request.limit = tables[i].limit;
        struct table_options options = {.include = tables[i].include,
                                        .has_columns = true,
                                        .version = SV("v1"),
                                        .now_ms = fixture_now_ms + 60 * 1000};
        struct api_response tree = fixture_send(api, arena, &request);
        const struct resource_type *type =
            registry_find(fakeapi_registry(api), request.group, request.version, request.plural);
        struct sv expected = arena_printf(
            arena, "%.*s\n",
            SV_ARG(json_write_arena(arena, table_of(type, tree.body, false, &options, arena),
                                    JSON_COMPACT)));
        struct caller caller = {.user_agent = SV("test/1"), .table = &options};
        struct api_response response;
        CHECK(fakeapi_handle_as(api, &request, &caller, arena, &response));
        CHECK((response.list != NULL) == tables[i].is_text);
        if (response.list) {
            while (!list_text_prepare(response.list, 1))
                continue;
            CHECK_SV(read_all(arena, response.list, 7), expected);
        } else {
            CHECK(json_equal(response.body, tree.body));
        }
        list_text_free(response.list);
    }
    fakeapi_free(api);
}

/* A default that came after the object was stored. */
TEST(new_defaults_are_in_texts_too) {
    AUTO(arena) arena = arena_new();
    struct fakeapi *api = make_api(arena);
    struct request update = fixture_request(
        VERB_PATCH, "apiextensions.k8s.io/v1/customresourcedefinitions", "", "widgets.example.com");
    update.patch_type = PATCH_MERGE;
    update.body = fixture_json(arena, CRD(",\"default\":3"));
    CHECK(fixture_send(api, arena, &update).http_status == 200);
    check_same(api, arena, list_request(5), 64);
    struct request request = list_request(5);
    request.wants_text = true;
    struct list_text *list = fixture_send(api, arena, &request).list;
    CHECK(list_text_prepare(list, SIZE_MAX));
    CHECK(sv_contains(read_all(arena, list, 64), SV("\"size\":3")));
    list_text_free(list);
    fakeapi_free(api);
}

/* Whoever reads it later sees what was there when it was made, whatever is written meanwhile. */
TEST(a_list_is_of_one_moment) {
    AUTO(arena) arena = arena_new();
    struct fakeapi *api = make_api(arena);
    struct request request = list_request(0);
    struct sv before =
        json_write_arena(arena, fixture_send(api, arena, &request).body, JSON_COMPACT);
    request.wants_text = true;
    struct list_text *list = fixture_send(api, arena, &request).list;
    struct request delete = fixture_request(VERB_DELETE, "configmaps", "default", "a");
    CHECK(fixture_send(api, arena, &delete).http_status == 200);
    struct request patch = fixture_request(VERB_PATCH, "configmaps", "default", "b");
    patch.patch_type = PATCH_MERGE;
    patch.body = fixture_json(arena, "{\"data\":{\"k\":\"new\"}}");
    CHECK(fixture_send(api, arena, &patch).http_status == 200);
    fakeapi_trim(api);
    CHECK(list_text_prepare(list, SIZE_MAX));
    CHECK_SV(sv_trim(read_all(arena, list, 64)), before);
    list_text_free(list);
    fakeapi_free(api);
}

/* Texts that were never written are made a few at a time. */
TEST(the_work_is_done_in_slices) {
    AUTO(arena) arena = arena_new();
    struct fakeapi *api = make_api(arena);
    struct request request = list_request(0);
    request.wants_text = true;
    struct list_text *list = fixture_send(api, arena, &request).list;
    size_t slices = 1;
    while (!list_text_prepare(list, 1))
        slices++;
    CHECK(slices == 3);
    list_text_free(list);
    fakeapi_free(api);
}
