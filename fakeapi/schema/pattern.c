/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/pattern.h"

#include "core/base/arena.h"
#include "core/base/map.h"
#include "fakeapi/schema/re2_bridge.h"

/* Far more than a schema has; what is beyond is compiled each time. */
enum { KEPT_MAX = 256 };

/* Compiled, and kept with the arena: a list has one pattern for all its items. */
static void release_patterns(void *what) {
    struct map *patterns = what;
    void *value;
    for (size_t i = 0; map_next(patterns, &i, NULL, &value);)
        re2_pattern_free(value);
    map_free(patterns);
}

/* Go's name of a group may leave out the P, which the library is too old to know. */
static struct sv with_older_names(struct arena *arena, struct sv pattern) {
    char *bytes = arena_alloc(arena, 2 * pattern.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        bool is_name = sv_starts_with(sv_drop(pattern, i), SV("(?<"));
        bytes[len++] = pattern.ptr[i];
        if (is_name || pattern.ptr[i] == '\\')
            bytes[len++] = i + 1 < pattern.len ? pattern.ptr[++i] : '\\';
        if (is_name)
            bytes[len++] = 'P';
    }
    return (struct sv){bytes, len};
}

static enum re2_fault fault_of(const struct re2_pattern *pattern, struct sv *ret_part) {
    return re2_pattern_fault(pattern, &ret_part->ptr, &ret_part->len);
}

static struct re2_pattern *compile(struct sv pattern) {
    struct re2_pattern *compiled = re2_pattern_new(pattern.ptr, pattern.len);
    assert(compiled);
    return compiled;
}

static struct re2_pattern *compile_with_names(struct arena *arena, struct sv pattern) {
    struct re2_pattern *compiled = compile(pattern);
    struct sv part;
    if (fault_of(compiled, &part) == RE2_FAULT_NONE || !sv_contains(pattern, SV("(?<")))
        return compiled;
    struct re2_pattern *older = compile(with_older_names(arena, pattern));
    bool is_known = fault_of(older, &part) == RE2_FAULT_NONE;
    re2_pattern_free(is_known ? compiled : older);
    return is_known ? older : compiled;
}

static const struct re2_pattern *compiled_for(struct arena *arena, struct sv pattern) {
    struct map *patterns = arena_kept(arena, release_patterns);
    if (!patterns || map_count(patterns) == KEPT_MAX) {
        patterns = map_new();
        arena_at_reset(arena, release_patterns, patterns);
    }
    struct re2_pattern *compiled = map_get(patterns, pattern);
    if (!compiled) {
        compiled = compile_with_names(arena, pattern);
        map_put(patterns, pattern, compiled);
    }
    return compiled;
}

bool pattern_is_known(struct arena *arena, struct sv pattern) {
    struct sv part;
    return pattern.len <= PATTERN_BYTES_MAX &&
           fault_of(compiled_for(arena, pattern), &part) == RE2_FAULT_NONE;
}

struct sv pattern_fault(struct arena *arena, struct sv pattern) {
    static const char *const words[] = {
        [RE2_FAULT_ESCAPE] = "invalid escape sequence",
        [RE2_FAULT_RANGE] = "invalid character class range",
        [RE2_FAULT_MISSING_BRACKET] = "missing closing ]",
        [RE2_FAULT_MISSING_PARENTHESIS] = "missing closing )",
        [RE2_FAULT_UNEXPECTED_PARENTHESIS] = "unexpected )",
        [RE2_FAULT_TRAILING_BACKSLASH] = "trailing backslash at end of expression",
        [RE2_FAULT_REPEAT_ARGUMENT] = "missing argument to repetition operator",
        [RE2_FAULT_REPEAT_COUNT] = "invalid repeat count",
        [RE2_FAULT_REPEAT_OPERATOR] = "invalid nested repetition operator",
        [RE2_FAULT_PERL_SYNTAX] = "invalid or unsupported Perl syntax",
        [RE2_FAULT_UTF8] = "invalid UTF-8",
        [RE2_FAULT_NAMED_CAPTURE] = "invalid named capture",
    };
    struct sv part;
    if (pattern.len > PATTERN_BYTES_MAX)
        return SV("");
    enum re2_fault fault = fault_of(compiled_for(arena, pattern), &part);
    if (fault >= COUNT_OF(words) || !words[fault])
        return SV("");
    return arena_printf(arena, "error parsing regexp: %s: `%.*s`", words[fault], SV_ARG(part));
}

bool pattern_matches(struct arena *arena, struct sv pattern, struct sv text, struct sv *ret_match) {
    size_t at = 0, len = 0;
    if (!pattern_is_known(arena, pattern))
        return true;
    if (!re2_pattern_find(compiled_for(arena, pattern), text.ptr, text.len, ret_match ? &at : NULL,
                          ret_match ? &len : NULL))
        return false;
    if (ret_match)
        *ret_match = sv_prefix(sv_drop(text, at), len);
    return true;
}
