/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/openapi_protobuf.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

enum { DOCUMENT_BYTES_MAX = 1024 * 1024 };

static struct sv hex_of(struct arena *arena, const char *json) {
    struct error err = {0};
    struct buf buf;
    struct sv hex = SV("");
    buf_init(&buf, DOCUMENT_BYTES_MAX);
    CHECK(openapi_protobuf_write(fixture_json(arena, json), &buf, &err));
    struct sv bytes = buf_view(&buf);
    for (size_t i = 0; i < bytes.len; i++)
        hex = arena_printf(arena, "%.*s%s%02x", SV_ARG(hex), i > 0 ? " " : "",
                           (unsigned char)bytes.ptr[i]);
    buf_release(&buf);
    return hex;
}

/* A schema, and its bytes as field 2 of the entry "D" of the definitions (field 9). */
static const struct {
    const char *schema, *hex;
} schemas[] = {
    {"{\"$ref\":\"x\"}", "4a 0a 0a 08 0a 01 44 12 03 0a 01 78"},
    {"{\"type\":\"object\"}", "4a 12 0a 10 0a 01 44 12 0b b2 01 08 0a 06 6f 62 6a 65 63 74"},
    {"{\"minimum\":1}", "4a 10 0a 0e 0a 01 44 12 09 49 00 00 00 00 00 00 f0 3f"},
    {"{\"maxLength\":300}", "4a 0a 0a 08 0a 01 44 12 03 58 ac 02"},
    {"{\"uniqueItems\":true}", "4a 0a 0a 08 0a 01 44 12 03 80 01 01"},
    {"{\"required\":[\"a\",\"b\"]}", "4a 0f 0a 0d 0a 01 44 12 08 9a 01 01 61 9a 01 01 62"},
    {"{\"enum\":[1,\"a\"]}",
     "4a 17 0a 15 0a 01 44 12 10 a2 01 04 12 02 31 0a a2 01 06 12 04 22 61 22 0a"},
    /* A list that is one value. */
    {"{\"default\":[1]}", "4a 0f 0a 0d 0a 01 44 12 08 2a 06 12 04 5b 31 5d 0a"},
    {"{\"additionalProperties\":true}", "4a 0c 0a 0a 0a 01 44 12 05 aa 01 02 10 01"},
    {"{\"additionalProperties\":{\"$ref\":\"x\"}}",
     "4a 0f 0a 0d 0a 01 44 12 08 aa 01 05 0a 03 0a 01 78"},
    {"{\"items\":{\"$ref\":\"x\"}}", "4a 0f 0a 0d 0a 01 44 12 08 ba 01 05 0a 03 0a 01 78"},
    {"{\"allOf\":[{\"$ref\":\"x\"}]}", "4a 0d 0a 0b 0a 01 44 12 06 c2 01 03 0a 01 78"},
    {"{\"properties\":{\"p\":{\"$ref\":\"x\"}}}",
     "4a 14 0a 12 0a 01 44 12 0d ca 01 0a 0a 08 0a 01 70 12 03 0a 01 78"},
    {"{\"x-k\":true}",
     "4a 18 0a 16 0a 01 44 12 11 fa 01 0e 0a 03 78 2d 6b 12 07 12 05 74 72 75 65 0a"},
    /* What the message has no field for. */
    {"{\"nullable\":true,\"oneOf\":[{}]}", "4a 07 0a 05 0a 01 44 12 00"},
};

TEST(each_form_of_a_schema_has_its_bytes) {
    for (size_t i = 0; i < COUNT_OF(schemas); i++) {
        AUTO(arena) arena = arena_new();
        struct sv text = arena_printf(arena, "{\"definitions\":{\"D\":%s}}", schemas[i].schema);
        CHECK_SV(hex_of(arena, text.ptr), sv_from(schemas[i].hex));
    }
}

/* The path "/a" with parameters and an answer. */
static const struct {
    const char *item, *hex;
} items[] = {
    {"{\"parameters\":[{\"name\":\"q\",\"in\":\"query\"}]}",
     "42 1a 12 18 0a 02 2f 61 12 12 4a 10 0a 0e 12 0c 1a 0a 12 05 71 75 65 72 79 22 01 71"},
    {"{\"parameters\":[{\"name\":\"q\",\"in\":\"path\",\"required\":true}]}",
     "42 1b 12 19 0a 02 2f 61 12 13 4a 11 0a 0f 12 0d 22 0b 08 01 12 04 70 61 74 68 22 01 71"},
    {"{\"parameters\":[{\"name\":\"b\",\"in\":\"body\",\"schema\":{\"$ref\":\"x\"}}]}",
     "42 1c 12 1a 0a 02 2f 61 12 14 4a 12 0a 10 0a 0e 12 01 62 1a 04 62 6f 64 79 2a 03 0a 01 78"},
    {"{\"get\":{\"responses\":{\"200\":{\"description\":\"OK\"}}}}",
     "42 1b 12 19 0a 02 2f 61 12 13 12 11 4a 0f 0a 0d 0a 03 32 30 30 12 06 0a 04 0a 02 4f 4b"},
};

TEST(parameters_and_answers_stand_in_their_wrappers) {
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        AUTO(arena) arena = arena_new();
        struct sv text = arena_printf(arena, "{\"paths\":{\"/a\":%s}}", items[i].item);
        CHECK_SV(hex_of(arena, text.ptr), sv_from(items[i].hex));
    }
}

TEST(what_is_too_large_is_refused) {
    AUTO(arena) arena = arena_new();
    struct cJSON *schema = json_map(arena);
    for (int i = 0; i < OPENAPI_PROTOBUF_DEPTH_MAX; i++) {
        struct cJSON *outer = json_map(arena);
        json_set(arena, outer, SV("items"), schema);
        schema = outer;
    }
    struct cJSON *document = json_map(arena);
    json_set(arena, json_ensure_map(arena, document, SV("definitions")), SV("D"), schema);
    struct error err = {0};
    struct buf buf;
    buf_init(&buf, DOCUMENT_BYTES_MAX);
    CHECK(!openapi_protobuf_write(document, &buf, &err));
    CHECK(err.code == ERROR_TOO_LARGE);
    buf_release(&buf);

    struct error small_err = {0};
    buf_init(&buf, 8);
    CHECK(!openapi_protobuf_write(fixture_json(arena, "{\"swagger\":\"2.0 and more\"}"), &buf,
                                  &small_err));
    CHECK(small_err.code == ERROR_TOO_LARGE);
    buf_release(&buf);
}
