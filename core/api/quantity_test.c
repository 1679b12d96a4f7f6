/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/quantity.h"

#include "core/base/arena.h"
#include "core/base/test.h"

TEST(texts_become_gos_canonical_form) {
    static const struct {
        struct sv text, canonical;
    } cases[] = {
        {SV("1024Mi"), SV("1Gi")},
        {SV("1.5Gi"), SV("1536Mi")},
        {SV("0.5"), SV("500m")},
        {SV("1000m"), SV("1")},
        {SV("1e3"), SV("1e3")},
        {SV("1500"), SV("1500")},
        {SV("0"), SV("0")},
        {SV("0Gi"), SV("0")},
        {SV("100Pi"), SV("100Pi")},
        {SV("1000Ki"), SV("1000Ki")},
        {SV("512"), SV("512")},
        {SV("1k"), SV("1k")},
        {SV("1000k"), SV("1M")},
        {SV("-1.5"), SV("-1500m")},
        {SV("+2"), SV("2")},
        {SV("0.1Ki"), SV("102400m")},
        {SV("12E"), SV("9223372036854775807")},
        {SV("1E"), SV("1E")},
        {SV("0.0000000001"), SV("1n")},
        {SV("5e-3"), SV("5e-3")},
        {SV("1.0"), SV("1")},
        {SV("00123"), SV("123")},
        {SV(".5"), SV("500m")},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct quantity quantity;
        REQUIRE(quantity_parse(cases[i].text, &quantity));
        CHECK_SV(quantity_format(quantity, arena), cases[i].canonical);
    }
}

TEST(what_is_no_quantity_is_refused) {
    static const struct sv texts[] = {SV(""),  SV("Gi"), SV("1 Gi"), SV("1gi"), SV("1GB"),
                                      SV("."), SV("1e"), SV("1ee3"), SV("0x1"), SV("--1")};
    struct quantity quantity;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        CHECK(!quantity_parse(texts[i], &quantity));
}

TEST(equal_by_value_not_by_text) {
    CHECK(quantity_texts_equal(SV("0.5"), SV("500m")));
    CHECK(quantity_texts_equal(SV("1Gi"), SV("1073741824")));
    CHECK(!quantity_texts_equal(SV("1G"), SV("1Gi")));
    CHECK(!quantity_texts_equal(SV("x"), SV("x")));
}

TEST(sums_and_units) {
    AUTO(arena) arena = arena_new();
    struct quantity a, b;
    REQUIRE(quantity_parse(SV("1Gi"), &a) && quantity_parse(SV("512Mi"), &b));
    CHECK_SV(quantity_format(quantity_add(a, b), arena), SV("1536Mi"));
    REQUIRE(quantity_parse(SV("1500m"), &a));
    CHECK(quantity_value(a) == 2 && quantity_milli_value(a) == 1500);
    REQUIRE(quantity_parse(SV("1u"), &a));
    CHECK(quantity_value(a) == 1 && quantity_milli_value(a) == 1);
}
