/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/crd_difference.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

#define CRD(version, served, subresources, schema)                                                 \
    "{\"spec\":{\"versions\":[{\"name\":\"" version "\",\"served\":" served                        \
    ",\"subresources\":{" subresources "},\"schema\":{\"openAPIV3Schema\":" schema "}}]}}"
#define OURS                                                                                       \
    CRD("v1", "true", "\"status\":{}",                                                             \
        "{\"properties\":{\"spec\":{\"properties\":{\"a\":{},\"list\":{\"items\":{\"properties\":" \
        "{\"b\":{},\"c\":{}}}}}}}}")

/* What is installed, and what it lacks. */
static const struct {
    const char *theirs;
    struct sv missing;
} cases[] = {
    {OURS, SV("")},
    {CRD("v1", "true", "\"status\":{},\"scale\":{}",
         "{\"properties\":{\"more\":{},\"spec\":{\"properties\":{\"a\":{},\"list\":{\"items\":"
         "{\"properties\":{\"b\":{},\"c\":{}}}}}}}}"),
     SV("")},
    {CRD("v1", "true", "\"status\":{}",
         "{\"properties\":{\"spec\":{\"properties\":{\"list\":{\"items\":{\"properties\":"
         "{\"c\":{}}}}}}}}"),
     SV("spec.a spec.list[].b ")},
    {CRD("v1", "true", "", "{\"properties\":{}}"), SV("subresource status spec ")},
    {CRD("v1", "true", "\"status\":{}", "{\"x-kubernetes-preserve-unknown-fields\":true}"), SV("")},
    {CRD("v1", "false", "\"status\":{}", "{}"), SV("version v1 ")},
    {CRD("v2", "true", "\"status\":{}", "{}"), SV("version v1 ")},
    {"{}", SV("version v1 ")},
};

static struct sv missing(const struct crd_difference *difference, struct arena *arena) {
    struct sv text = SV("");
    for (size_t i = 0; i < difference->count && i < CRD_FIELDS_NAMED_MAX; i++)
        text = arena_printf(arena, "%.*s%.*s ", SV_ARG(text), SV_ARG(difference->fields[i]));
    return text;
}

TEST(names_what_is_missing_and_not_what_is_more) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct crd_difference difference;
        crd_compare(json_read(arena, sv_from(OURS), &err),
                    json_read(arena, sv_from(cases[i].theirs), &err), arena, &difference);
        CHECK_SV(missing(&difference, arena), cases[i].missing);
        CHECK_SV(sv_from(err.message), SV(""));
    }
}

TEST(more_than_can_be_named_is_counted) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct crd_difference difference;
    crd_compare(json_read(arena,
                          SV(CRD("v1", "true", "",
                                 "{\"properties\":{\"a\":{},\"b\":{},\"c\":{},\"d\":{},"
                                 "\"e\":{},\"f\":{},\"g\":{},\"h\":{},\"i\":{},\"j\":{}}}")),
                          &err),
                json_read(arena, SV(CRD("v1", "true", "", "{\"properties\":{}}")), &err), arena,
                &difference);
    CHECK_SV(sv_from(err.message), SV(""));
    CHECK(difference.count == 10);
    CHECK_SV(missing(&difference, arena), SV("a b c d e f g h "));
}
