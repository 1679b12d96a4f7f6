/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/pattern.h"

#include "core/base/arena.h"
#include "core/base/test.h"

static const struct {
    const char *pattern, *text;
    bool matches;
} cases[] = {
    {"^[a-z]([-a-z0-9]*[a-z0-9])?$", "web-1", true},
    {"^[a-z]([-a-z0-9]*[a-z0-9])?$", "-web", false},
    {"^(?:a|b)+$", "abba", true},
    {"^\\d{1,3}\\.\\d+$", "10.25", true},
    {"^\\d{1,3}\\.\\d+$", "x.25", false},
    {"^[\\w.]+$", "a_1.b", true},
    {"^.{1,2}$", "\xc3\xa9x", true},
    {"(?i)^web$", "WEB", true},
    {"[[:digit:]]+", "a1", true},
    {"^[]a]+$", "a]", true},
    /* Of the reason of every condition. */
    {"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", "AllDone", true},
    {"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", "A:b,c", true},
    {"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", "A:", false},
    {"^[a:]$", ":", true},
    {"^[[:alpha:]:]+[:]$", "a::", true},
    {"^[^:]+$", "a:b", false},
    {"^[[:alpha:]_[:digit:]]+$", "a_1", true},
    {"^$", "", true},
    {"^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\."
     "[0-9]*)?)|"
     "(\\.[0-9]+))))?$",
     "1.5Gi", true},
    {"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
     "1h30m", true},
    {"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/"
     ")?([A-Za-z0-9][-A-Za-z0-9_.]"
     "{0,61})?[A-Za-z0-9]$",
     "example.com/x", true},
    {"^[\\-a-c]+$", "-a", true},
    {"^[\\-a-c]+$", "]", false},
    {"^[a-z\\]\\^]+$", "a]^", true},
    {"^[^\\s/]+$", "a b", false},
    {"^\\S+\\D$", "ab", true},
    {"^\\/[a-z\\\\]+$", "/a\\", true},
    {"^([0-9]{1,3}\\.){3}[0-9]{1,3}$", "10.0.0.1", true},
    /* Of the definitions of the Gateway API, the Prometheus operator, Calico and Kueue. */
    {"^(?i)\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$", "Com.Example", true},
    {"^(?i)(abort|warn)?$", "WARN", true},
    {"^(?i)(abort|warn)?$", "WARNING", false},
    {"^[0-9a-zA-Z-.]+$", "a-9.Z", true},
    {"^[0-9a-zA-Z-.]+$", "a_9", false},
    {"^(?i:a)b$", "Ab", true},
    {"^(?i:a)b$", "AB", false},
    {"(?s)^a.b$", "a\nb", true},
    {"^a.b$", "a\nb", false},
    {"(?m)^b$", "a\nb", true},
    {"b$", "ab\n", false},
    {"\\bcat\\b", "a cat.", true},
    {"\\bcat\\b", "concat", false},
    {"\\Aa\\x62\\x{63}\\Q.*\\E\\z", "abc.*", true},
    {"^\\p{Lu}\\pL+$", "\xc3\x89t\xc3\xa9", true},
    {"^(?P<a>x)(?<b>y)$", "xy", true},
    {"^[(?<]+$", "(?<", true},
    {"^a+?b*?$", "aab", true},
};

TEST(patterns_of_definitions_match_as_in_go) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sv pattern = sv_from(cases[i].pattern);
        CHECK(pattern_is_known(arena, pattern));
        CHECK(pattern_matches(arena, pattern, sv_from(cases[i].text), NULL) == cases[i].matches);
    }
}

/* The library behind this copies what is repeated: a few bytes could fill the memory. */
TEST(patterns_that_grow_or_that_go_does_not_know_are_refused) {
    static const char *const refused[] = {
        "a++",
        "a+++++++++++++++++++++++++++++++++++++++++",
        "((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+",
        "((a{1,1000}){1,1000}){1,1000}",
        "a{2000}",
        "(a)\\1",
        "(a",
        "a)",
        "*a",
        "a{2,1}",
        "(?=a)",
        "(?<!a)",
        "\\Z",
        "[z-a]",
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        CHECK(!pattern_is_known(arena, sv_from(refused[i])));
    char *longest = arena_alloc(arena, PATTERN_BYTES_MAX + 2);
    memset(longest, 'a', PATTERN_BYTES_MAX + 1);
    CHECK(!pattern_is_known(arena, (struct sv){longest, PATTERN_BYTES_MAX + 1}));
}

/* In hours for whoever starts anew at each byte. */
TEST(a_pattern_that_may_begin_anywhere_is_looked_for_in_long_texts) {
    AUTO(arena) arena = arena_new();
    enum { BYTES = 200 * 1000 };
    char *bytes = arena_alloc(arena, BYTES);
    memset(bytes, 'a', BYTES);
    struct sv text = {bytes, BYTES};
    CHECK(!pattern_matches(arena, SV("([a-z]*[a-z]*[a-z]*)0"), text, NULL));
    CHECK(!pattern_matches(arena, SV("(a.*b.*c.*d)+x"), text, NULL));
    CHECK(!pattern_matches(arena, SV("^b|a+c"), text, NULL));
    CHECK(pattern_matches(arena, SV("^b|a$"), text, NULL));
}

/* Each is compiled once for an arena, of which more than are kept are still right. */
TEST(many_patterns_stand_beside_each_other) {
    AUTO(arena) arena = arena_new();
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 600; i++) {
            struct sv found, pattern = arena_printf(arena, "x%d-?y", i);
            struct sv text = arena_printf(arena, "ax%dyb", i);
            CHECK(pattern_matches(arena, pattern, text, NULL));
            CHECK(!pattern_matches(arena, pattern, sv_drop(text, 2), NULL));
            CHECK(pattern_matches(arena, pattern, text, &found));
            CHECK_SV(found, sv_prefix(sv_drop(text, 1), text.len - 2));
        }
}

TEST(what_is_matched_is_the_first_part) {
    AUTO(arena) arena = arena_new();
    struct sv found = SV("");
    CHECK(pattern_matches(arena, SV("a|ab"), SV("xab"), &found));
    CHECK_SV(found, SV("a"));
    CHECK(pattern_matches(arena, SV("<.+?>"), SV("<a><b>"), &found));
    CHECK_SV(found, SV("<a>"));
    CHECK(pattern_matches(arena, SV("[0-9]+|^x"), SV("ab12c3"), &found));
    CHECK_SV(found, SV("12"));
    CHECK(!pattern_matches(arena, SV("[0-9]+|^x"), SV("abx"), &found));
}

/* As Go's regexp.Compile() said it. */
static const struct {
    const char *pattern, *fault;
} faults[] = {
    {"(", "missing closing ): `(`"},
    {"(?:a", "missing closing ): `(?:a`"},
    {"a)", "unexpected ): `a)`"},
    {"x[a", "missing closing ]: `[a`"},
    {"\\", "trailing backslash at end of expression: ``"},
    {"\\y", "invalid escape sequence: `\\y`"},
    {"\\1", "invalid escape sequence: `\\1`"},
    {"*a", "missing argument to repetition operator: `*`"},
    {"a|*", "missing argument to repetition operator: `*`"},
    {"(*)", "missing argument to repetition operator: `*`"},
    {"a**", "invalid nested repetition operator: `**`"},
    {"a*?*", "invalid nested repetition operator: `*?*`"},
    {"x{2}*", "invalid nested repetition operator: `{2}*`"},
    {"a+{2}?", "invalid nested repetition operator: `+{2}?`"},
    {"a???", "invalid nested repetition operator: `???`"},
    {"a{1001}", "invalid repeat count: `{1001}`"},
    {"a{3,2}", "invalid repeat count: `{3,2}`"},
    {"a{,2}", NULL},
    {"(?i)a+", NULL},
    {"(?P<n>a)+", NULL},
    {"^*", NULL},
    {"[]a]+?", NULL},
    {"(|a)*", NULL},
    {"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
    {"(?P<>a)", "invalid named capture: `(?P<>`"},
    {"[z-a]", "invalid character class range: `z-a`"},
    {"\\p{Nope}", "invalid character class range: `\\p{Nope}`"},
    {"[[:nope:]]", "invalid character class range: `[:nope:]`"},
    {"[a-\\d]", "invalid escape sequence: `\\d`"},
    {"((a{100}){100}){100}", "invalid repeat count: `{100}`"},
    {"a{2}{3}", "invalid nested repetition operator: `{2}{3}`"},
    {"\\Z", "invalid escape sequence: `\\Z`"},
    {"[0-9a-zA-Z-.]", NULL},
    {"[--a]", NULL},
    {"(?is-m:a)", NULL},
};

TEST(what_is_wrong_is_told_as_go_tells_it) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct sv wanted = faults[i].fault
                               ? arena_printf(arena, "error parsing regexp: %s", faults[i].fault)
                               : SV("");
        CHECK_SV(pattern_fault(arena, sv_from(faults[i].pattern)), wanted);
    }
}
