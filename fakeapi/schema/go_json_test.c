/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"
#include "core/base/test.h"
#include "fakeapi/schema/go_json.h"

/* What encoding/json of Go 1.24 said. */
static const struct {
    const char *text, *fault; /* "": it is JSON */
} cases[] = {
    {"{}", ""},
    {" [1, -2.5e+3, \"\\u00e9\\n\", true, false, null, {\"a\": {}, \"b\": []}] ", ""},
    {"", "unexpected end of JSON input"},
    {"  ", "unexpected end of JSON input"},
    {"{", "unexpected end of JSON input"},
    {"[{", "unexpected end of JSON input"},
    {"{\"a\":\"b\"", "unexpected end of JSON input"},
    {"\"abc", "unexpected end of JSON input"},
    {"-", "unexpected end of JSON input"},
    {"{bad json", "invalid character 'b' looking for beginning of object key string"},
    {"{'a':1}", "invalid character '\\'' looking for beginning of object key string"},
    {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
    {"x", "invalid character 'x' looking for beginning of value"},
    {"[1,]", "invalid character ']' looking for beginning of value"},
    {"{\"a\" 1}", "invalid character '1' after object key"},
    {"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"},
    {"[1 2]", "invalid character '2' after array element"},
    {"{} {}", "invalid character '{' after top-level value"},
    {"01", "invalid character '1' after top-level value"},
    {"-x", "invalid character 'x' in numeric literal"},
    {"1.x", "invalid character 'x' after decimal point in numeric literal"},
    {"1ex", "invalid character 'x' in exponent of numeric literal"},
    {"tru3", "invalid character '3' in literal true (expecting 'e')"},
    {"nil", "invalid character 'i' in literal null (expecting 'u')"},
    {"\"a\nb\"", "invalid character '\\n' in string literal"},
    {"\"\\x\"", "invalid character 'x' in string escape code"},
    {"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"},
    {"\x01", "invalid character '\\x01' looking for beginning of value"},
    {"\xc3\xa9", "invalid character '\xc3\x83' looking for beginning of value"},
    {"\x80", "invalid character '\\u0080' looking for beginning of value"},
    {"\xad", "invalid character '\\u00ad' looking for beginning of value"},
};

TEST(says_what_go_says) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct sv fault = SV("");
        bool is_broken = go_json_fault(arena, sv_from(cases[i].text), &fault);
        CHECK(is_broken == (cases[i].fault[0] != '\0'));
        CHECK_SV(fault, sv_from(cases[i].fault));
    }
}

TEST(depth_has_a_bound) {
    AUTO(arena) arena = arena_new();
    char *text = arena_alloc(arena, GO_JSON_DEPTH_MAX + 1);
    memset(text, '[', GO_JSON_DEPTH_MAX + 1);
    struct sv fault = SV("");
    CHECK(go_json_fault(arena, (struct sv){text, GO_JSON_DEPTH_MAX}, &fault));
    CHECK_SV(fault, SV("unexpected end of JSON input"));
    CHECK(go_json_fault(arena, (struct sv){text, GO_JSON_DEPTH_MAX + 1}, &fault));
    CHECK_SV(fault, SV("exceeded max depth"));
}
