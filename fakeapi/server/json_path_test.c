/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/json_path.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static const struct {
    const char *path, *found; /* as JSON; "" is nothing */
} cases[] = {
    {".spec.size", "3"},
    {"{.spec.size}", "3"},
    {"$.spec.size", "3"},
    {".spec.a\\.b", "\"dotted\""},
    {".spec['a.b']", "\"dotted\""},
    {".spec[\"a.b\"]", "\"dotted\""},
    {".list[0].n", "\"one\""},
    {".list[-1].n", "\"two\""},
    {".list[2]", ""},
    {".list[*].v", "1"},
    {".list[?(@.n==\"two\")].v", "2"},
    {".list[?(@.n=='two')].v", "2"},
    {".list[?(@.v>1)].n", "\"two\""},
    {".list[?(@.n != \"one\")].n", "\"two\""},
    {".list[?(@.b==true)].n", "\"two\""},
    {".list[?(@.b)].n", "\"two\""},
    {".list[?(@.n==\"three\")].v", ""},
    {".spec", "{\"size\":3,\"a.b\":\"dotted\"}"},
    {".spec.*", "3"},
    {".nothing.here", ""},
    {"spec.size", ""},
    {"", ""},
    {".list[", ""},
    {".list[?(x)]", ""},
    {".spec.", ""},
};

TEST(printer_columns_find_their_values) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *root = json_read(
        arena,
        SV("{\"spec\":{\"size\":3,\"a.b\":\"dotted\"},\"list\":[{\"n\":\"one\",\"v\":1},{\"n\":"
           "\"two\",\"v\":2,\"b\":true}]}"),
        &err);
    REQUIRE(root != NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct cJSON *found = json_path_find(root, sv_from(cases[i].path));
        struct sv text = found ? json_write_arena(arena, found, JSON_COMPACT) : SV("");
        CHECK_SV(text, sv_from(cases[i].found));
    }
}
