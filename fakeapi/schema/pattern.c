/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/pattern.h"

#include "core/base/arena.h"

#include <regex.h>

/* POSIX knows no \d, \w, \s and no (?:…): the ones that CRDs use are rewritten. */
static struct sv posix_pattern(struct arena *arena, struct sv pattern) {
    static const struct {
        struct sv from;
        const char *to, *to_in_brackets;
    } rewrites[] = {
        {SV("\\d"), "[0-9]", "0-9"},
        {SV("\\w"), "[A-Za-z0-9_]", "A-Za-z0-9_"},
        {SV("\\s"), "[ \t\n\r\f]", " \t\n\r\f"},
        {SV("(?:"), "(", "(?:"},
    };
    /* Any character but a line's end, of one byte or of several. */
    static const char any_bytes[] = "([^\n\x80-\xff]|[\xc2-\xf4][\x80-\xbf]+)";
    static const struct sv any = {any_bytes, sizeof(any_bytes) - 1};
    char *out = arena_alloc(arena, pattern.len * (any.len + 1) + 1);
    size_t len = 0;
    bool in_brackets = false;
    while (pattern.len > 0) {
        size_t i = 0;
        while (i < COUNT_OF(rewrites) && !sv_starts_with(pattern, rewrites[i].from))
            i++;
        if (i < COUNT_OF(rewrites)) {
            struct sv to = sv_from(in_brackets ? rewrites[i].to_in_brackets : rewrites[i].to);
            memcpy(out + len, to.ptr, to.len);
            len += to.len;
            pattern = sv_drop(pattern, rewrites[i].from.len);
            continue;
        }
        if (pattern.ptr[0] == '.' && !in_brackets) {
            memcpy(out + len, any.ptr, any.len);
            len += any.len;
            pattern = sv_drop(pattern, 1);
            continue;
        }
        if (pattern.ptr[0] == '[')
            in_brackets = true;
        else if (pattern.ptr[0] == ']')
            in_brackets = false;
        size_t taken = pattern.ptr[0] == '\\' && pattern.len > 1 ? 2 : 1;
        memcpy(out + len, pattern.ptr, taken);
        len += taken;
        pattern = sv_drop(pattern, taken);
    }
    return (struct sv){out, len};
}

static bool compile(struct arena *arena, struct sv pattern, regex_t *ret_regex) {
    if (pattern.len > PATTERN_BYTES_MAX || memchr(pattern.ptr, 0, pattern.len))
        return false;
    bool ignores_case = sv_starts_with(pattern, SV("(?i)"));
    struct sv posix = posix_pattern(arena, ignores_case ? sv_drop(pattern, 4) : pattern);
    return regcomp(ret_regex, arena_copy(arena, posix).ptr,
                   REG_EXTENDED | (ignores_case ? REG_ICASE : 0)) == 0;
}

bool pattern_is_known(struct arena *arena, struct sv pattern) {
    regex_t regex;
    if (!compile(arena, pattern, &regex))
        return false;
    regfree(&regex);
    return true;
}

bool pattern_matches(struct arena *arena, struct sv pattern, struct sv text, struct sv *ret_match) {
    regex_t regex;
    regmatch_t match;
    if (!compile(arena, pattern, &regex))
        return true;
    const char *terminated = arena_copy(arena, text).ptr;
    bool held = regexec(&regex, terminated, 1, &match, 0) == 0;
    regfree(&regex);
    if (held && ret_match)
        *ret_match =
            sv_prefix(sv_drop(text, (size_t)match.rm_so), (size_t)(match.rm_eo - match.rm_so));
    return held;
}
