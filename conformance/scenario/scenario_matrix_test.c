/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_matrix.h"

#include "conformance/manifest.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

/* What is left of the text behind vars and matrix, in case `index`. */
static const struct {
    const char *text;
    size_t index, count;
    const char *suffix, *left, *message;
} cases[] = {
    {"{a: '${x}'}", 0, 1, "", "{\"a\":\"${x}\"}", ""},
    {"{vars: {x: 3}, a: '${x}', b: ['n${x}', '$${x}']}", 0, 1, "",
     "{\"a\":3,\"b\":[\"n3\",\"${x}\"]}", ""},
    {"{vars: {x: [1, {z: true}]}, a: {b: '${x}'}}", 0, 1, "", "{\"a\":{\"b\":[1,{\"z\":true}]}}",
     ""},
    {"{vars: {x: {v: z}}, a: '${x.v}', b: '<${x}>'}", 0, 1, "",
     "{\"a\":\"z\",\"b\":\"<{\\\"v\\\":\\\"z\\\"}>\"}", ""},
    {"{matrix: {x: [1, 2], w: [p, q, r]}, a: '${x}${w}'}", 4, 6, "[x=2,w=q]", "{\"a\":\"2q\"}", ""},
    {"{matrix: {x: [{name: one, v: 1}, {name: two, v: 2}]}, a: '${x.v}'}", 1, 2, "[x=two]",
     "{\"a\":2}", ""},
    {"{vars: {level: 1}, a: '${levle}'}", 0, 1, "", "",
     "s.yaml:1:20: no variable \"levle\" in vars or matrix; did you mean \"level\"?; $${ stands "
     "for "
     "the text ${"},
    {"{vars: {x: 1}, a: '${x.v}'}", 0, 1, "", "",
     "s.yaml:1:16: ${x.v}: \"x\" has no such member in this case"},
    {"{vars: {x: 1}, a: 2}", 0, 1, "", "",
     "s.yaml:1:9: \"x\" is used nowhere: write ${x} where its value belongs, or remove it"},
    {"{vars: {x: 1}, matrix: {x: [1]}, a: '${x}'}", 0, 1, "", "",
     "s.yaml:1:25: \"x\" is in vars and in matrix: keep one"},
    {"{matrix: {x: []}, a: '${x}'}", 0, 1, "", "",
     "s.yaml:1:11: matrix.x must be a list of values"},
    {"{vars: 3, a: 1}", 0, 1, "", "", "s.yaml:1:2: vars and matrix are maps of names"},
};

TEST(each_case_has_its_values) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct manifest manifest;
        REQUIRE(manifest_parse(arena, SV("s.yaml"), sv_from(cases[i].text), &manifest, &err));
        struct cJSON *tree = manifest.documents.roots[0];
        struct sv suffix;
        size_t count;
        bool is_expanded =
            scenario_matrix_expand(&manifest, tree, cases[i].index, &suffix, &count, &err);
        CHECK(is_expanded == (cases[i].message[0] == '\0'));
        CHECK_SV(sv_from(err.message), sv_from(cases[i].message));
        if (!is_expanded)
            continue;
        CHECK(count == cases[i].count);
        CHECK_SV(suffix, sv_from(cases[i].suffix));
        json_remove(tree, SV("vars"));
        json_remove(tree, SV("matrix"));
        CHECK_SV(json_write_arena(arena, tree, JSON_COMPACT), sv_from(cases[i].left));
    }
}

TEST(refuses_too_many_cases) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct manifest manifest;
    struct sv suffix;
    size_t count;
    REQUIRE(manifest_parse(arena, SV("s.yaml"),
                           SV("{matrix: {a: [1, 2, 3, 4, 5, 6, 7], b: [1, 2, 3, 4, 5, 6, 7], "
                              "c: [1, 2, 3, 4, 5, 6]}}"),
                           &manifest, &err));
    CHECK(
        !scenario_matrix_expand(&manifest, manifest.documents.roots[0], 0, &suffix, &count, &err));
    CHECK_SV(sv_from(err.message), SV("s.yaml:1:2: matrix has more than 256 cases"));
}
