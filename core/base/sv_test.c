/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/sv.h"

#include "core/base/test.h"

TEST(cuts_and_trims) {
    struct sv rest = SV("a=b=c");
    CHECK_SV(sv_cut(&rest, '='), SV("a"));
    CHECK_SV(rest, SV("b=c"));
    CHECK_SV(sv_cut(&rest, ','), SV("b=c"));
    CHECK_SV(rest, SV(""));
    CHECK_SV(sv_trim(SV(" \t x y\n")), SV("x y"));
    CHECK_SV(sv_trim(SV("  ")), SV(""));
    CHECK_SV(sv_prefix(SV("abc"), 9), SV("abc"));
    CHECK_SV(sv_drop(SV("abc"), 9), SV(""));
    CHECK(sv_find_last(SV("a/b/c"), '/') == 3);
    CHECK(sv_find(SV("abc"), 'x') == 3);
}

TEST(joins_and_cuts_at_the_end_of_the_space) {
    char space[6];
    const struct sv parts[] = {SV("ab"), SV("/"), SV("cde")};
    CHECK_SV(sv_join(space, sizeof(space), parts, 2), SV("ab/"));
    CHECK_SV(sv_join(space, sizeof(space), parts, 3), SV("ab/cd"));
    CHECK(space[5] == '\0');
    CHECK_SV(sv_join(space, 1, parts, 3), SV(""));
}

TEST(a_path_is_within_its_folder) {
    static const struct {
        struct sv path, folder;
        bool is_within;
    } cases[] = {
        {SV("/a/b"), SV("/a"), true},   {SV("/a"), SV("/a"), true}, {SV("/ab"), SV("/a"), false},
        {SV("/a"), SV("/a/b"), false},  {SV("/a"), SV("/"), true},  {SV("/"), SV("/"), true},
        {SV("/a/b/c"), SV("/a"), true}, {SV("a"), SV("/"), false},  {SV("/a"), SV(""), false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        CHECK(sv_is_within(cases[i].path, cases[i].folder) == cases[i].is_within);
}

TEST(order_is_bytewise_and_a_prefix_comes_first) {
    CHECK(sv_compare(SV("a"), SV("ab")) < 0);
    CHECK(sv_compare(SV("b"), SV("ab")) > 0);
    CHECK(sv_compare(SV("ab"), SV("ab")) == 0);
    CHECK(sv_compare(SV(""), SV("")) == 0);
    CHECK(sv_contains(SV("abcd"), SV("bc")) && !sv_contains(SV("abcd"), SV("cb")));
    CHECK(sv_starts_with(SV("abc"), SV("ab")) && !sv_starts_with(SV("a"), SV("ab")));
    CHECK(sv_ends_with(SV("abc"), SV("bc")) && !sv_ends_with(SV("c"), SV("bc")));
}

TEST(texts_are_sorted_and_may_be_left_once) {
    struct sv items[] = {SV("b"), SV("ab"), SV(""), SV("b"), SV("a"), SV("ab")};
    static const struct sv all[] = {SV(""), SV("a"), SV("ab"), SV("ab"), SV("b"), SV("b")};
    static const struct sv once[] = {SV(""), SV("a"), SV("ab"), SV("b")};
    sv_sort(items, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(all); i++)
        CHECK_SV(items[i], all[i]);
    CHECK(sv_sort_unique(items, COUNT_OF(items)) == COUNT_OF(once));
    for (size_t i = 0; i < COUNT_OF(once); i++)
        CHECK_SV(items[i], once[i]);
    sv_sort(NULL, 0);
    CHECK(sv_sort_unique(NULL, 0) == 0);
}

TEST(integers_are_read_whole_or_not_at_all) {
    static const struct {
        struct sv text;
        bool is_number;
        int64_t value;
    } cases[] = {
        {SV("0"), true, 0},
        {SV("-1"), true, -1},
        {SV("9223372036854775807"), true, INT64_MAX},
        {SV("-9223372036854775808"), true, INT64_MIN},
        {SV("9223372036854775808"), false, 0},
        {SV("-9223372036854775809"), false, 0},
        {SV(""), false, 0},
        {SV("-"), false, 0},
        {SV("1x"), false, 0},
        {SV("+1"), false, 0},
        {SV("1e3"), false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = 0;
        CHECK(sv_to_int64(cases[i].text, &value) == cases[i].is_number);
        CHECK(value == cases[i].value);
    }
}

TEST(numbers_are_written_as_they_are_read) {
    static const struct {
        int64_t value;
        struct sv text;
    } numbers[] = {
        {0, SV("0")},
        {7, SV("7")},
        {-1, SV("-1")},
        {1203, SV("1203")},
        {INT64_MAX, SV("9223372036854775807")},
        {INT64_MIN, SV("-9223372036854775808")},
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        char space[INT64_TEXT_BYTES];
        int64_t value;
        struct sv text = sv_from_int64(space, numbers[i].value);
        CHECK_SV(text, numbers[i].text);
        CHECK(sv_to_int64(text, &value) && value == numbers[i].value);
    }
}

/* Suggestions help only when they are near: a far one sends people the wrong way. */
TEST(hexadecimal_digits_of_either_case) {
    for (int byte = 0; byte < 256; byte++) {
        static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
        const char *place = byte == 0 ? NULL : strchr(lower, byte);
        const char *upper_place = byte == 0 ? NULL : strchr(upper, byte);
        long expected = place ? place - lower : upper_place ? upper_place - upper : -1;
        CHECK(hex_digit((char)byte) == expected);
    }
}

TEST(suggests_near_names_only) {
    static const struct sv names[] = {SV("mountUFS"), SV("reportSummary"), SV("timeout")};
    CHECK_SV(sv_nearest(SV("ReportSummary"), names, COUNT_OF(names)), SV("reportSummary"));
    CHECK_SV(sv_nearest(SV("timeuot"), names, COUNT_OF(names)), SV("timeout"));
    CHECK_SV(sv_nearest(SV("mountUfs"), names, COUNT_OF(names)), SV("mountUFS"));
    CHECK_SV(sv_nearest(SV("replicas"), names, COUNT_OF(names)), SV(""));
    CHECK(sv_distance(SV("ab"), SV("ba")) == 1);
    CHECK(sv_distance(SV(""), SV("abc")) == 3);
}
