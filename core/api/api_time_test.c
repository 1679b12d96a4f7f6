/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_time.h"

#include "core/base/arena.h"
#include "core/base/test.h"

TEST(times_go_both_ways) {
    static const struct {
        int64_t time_ms;
        struct sv text;
    } cases[] = {
        {0, SV("1970-01-01T00:00:00Z")},
        {1767225600000, SV("2026-01-01T00:00:00Z")},
        {1709164800000, SV("2024-02-29T00:00:00Z")},
        {951782400000, SV("2000-02-29T00:00:00Z")},
        {-1000, SV("1969-12-31T23:59:59Z")},
        {4102444799000, SV("2099-12-31T23:59:59Z")},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t parsed;
        CHECK_SV(api_time_format(cases[i].time_ms, arena), cases[i].text);
        CHECK(api_time_parse(cases[i].text, &parsed) && parsed == cases[i].time_ms);
    }
    CHECK_SV(api_time_format_micro(1767225600123, arena), SV("2026-01-01T00:00:00.123000Z"));
    /* What the API has no digits for is told as the nearest year that it has. */
    CHECK_SV(api_time_format(253402300800000, arena), SV("9999-01-01T00:00:00Z"));
    CHECK_SV(api_time_format(-62167219200001, arena), SV("0000-12-31T23:59:59Z"));
}

TEST(times_of_other_zones_and_with_fractions_are_read) {
    int64_t parsed;
    CHECK(api_time_parse(SV("2026-01-01T02:00:00.25+02:00"), &parsed) && parsed == 1767225600250);
    CHECK(api_time_parse(SV("2025-12-31T23:30:00-00:30"), &parsed) && parsed == 1767225600000);
    static const struct sv wrong[] = {
        SV(""),
        SV("2026-01-01"),
        SV("2026-13-01T00:00:00Z"),
        SV("2025-02-29T00:00:00Z"),
        SV("2026-01-01T24:00:00Z"),
        SV("2026-01-01T00:00:00"),
        SV("2026-01-01T00:00:00Zx"),
        SV("2026-01-01T00:00:00.Z"),
        SV("2026-1-01T00:00:00Z"),
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        CHECK(!api_time_parse(wrong[i], &parsed));
}

TEST(durations_are_go_texts) {
    static const struct {
        int64_t duration_ms;
        struct sv text;
    } cases[] = {
        {0, SV("0s")},       {250, SV("250ms")},        {1500, SV("1.5s")},
        {63000, SV("1m3s")}, {3605000, SV("1h0m5s")},   {-63000, SV("-1m3s")},
        {60000, SV("1m0s")}, {86400000, SV("24h0m0s")},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t parsed;
        CHECK_SV(api_duration_format(cases[i].duration_ms, arena), cases[i].text);
        CHECK(api_duration_parse(cases[i].text, &parsed) && parsed == cases[i].duration_ms);
    }
    int64_t parsed;
    CHECK(api_duration_parse(SV("1h30m"), &parsed) && parsed == 5400000);
    CHECK(api_duration_parse(SV("0"), &parsed) && parsed == 0);
    CHECK(!api_duration_parse(SV("90"), &parsed));
    CHECK(!api_duration_parse(SV("s"), &parsed));
    CHECK(!api_duration_parse(SV(""), &parsed));
    CHECK(!api_duration_parse(SV("1d"), &parsed));
    CHECK(!api_duration_parse(SV("9999999999999999h"), &parsed));
}
