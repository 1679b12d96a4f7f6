/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/crd_schema.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/schema/registry.h"

TEST(versions_are_ranked_by_their_stability) {
    static const struct sv best_first[] = {SV("v10"),      SV("v2"),       SV("v1"),
                                           SV("v2beta1"),  SV("v1beta2"),  SV("v1beta1"),
                                           SV("v3alpha1"), SV("v1alpha9"), SV("foo")};
    for (size_t i = 1; i < COUNT_OF(best_first); i++)
        CHECK(version_rank(best_first[i - 1]) > version_rank(best_first[i]));
    CHECK(version_rank(SV("vx")) == 0);
}

TEST(a_deprecated_version_names_the_newest_to_use) {
    static const struct {
        const char *versions, *said; /* of the first of them */
    } cases[] = {
        {"{\"name\":\"v1\",\"served\":true}", ""},
        {"{\"name\":\"v1\",\"served\":true,\"deprecated\":true}", "x.io/v1 Foo is deprecated"},
        {"{\"name\":\"v1\",\"served\":true,\"deprecated\":true,\"deprecationWarning\":\"gone\"}",
         "gone"},
        {"{\"name\":\"v1beta1\",\"served\":true,\"deprecated\":true},{\"name\":\"v1\",\"served\":"
         "true},{\"name\":\"v2\",\"served\":true}",
         "x.io/v1beta1 Foo is deprecated; use x.io/v2 Foo"},
        /* Nobody is sent to one that is older, deprecated itself, or not offered. */
        {"{\"name\":\"v2\",\"served\":true,\"deprecated\":true},{\"name\":\"v1\",\"served\":true},"
         "{\"name\":\"v3\",\"served\":false},{\"name\":\"v4\",\"served\":true,\"deprecated\":"
         "true}",
         "x.io/v2 Foo is deprecated"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        const struct cJSON *crd =
            json_read(arena,
                      arena_printf(arena,
                                   "{\"spec\":{\"group\":\"x.io\",\"names\":{\"kind\":\"Foo\"},"
                                   "\"versions\":[%s]}}",
                                   cases[i].versions),
                      &err);
        REQUIRE(crd != NULL);
        CHECK_SV(crd_deprecation(arena, crd, json_find(crd, "spec.versions.0")),
                 sv_from(cases[i].said));
    }
}
