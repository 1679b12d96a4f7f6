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

/* --- what is too large to compile: the library here copies what is repeated --- */

enum { STATES_MAX = 20000, GROUPS_MAX = 64 };

struct estimate {
    size_t size[GROUPS_MAX]; /* of each open group, the whole first */
    size_t depth;
    size_t last;      /* of the atom that a repetition would repeat; 0: none */
    bool is_repeated; /* the last atom has its repetition */
};

static void add_atom(struct estimate *estimate, size_t size) {
    estimate->size[estimate->depth] += size;
    estimate->last = size;
    estimate->is_repeated = false;
}

/* RE2 knows no repetition of a repetition, but for a "?" that makes it lazy. */
static bool repeat(struct estimate *estimate, size_t times, bool is_question_mark) {
    if (estimate->is_repeated)
        return is_question_mark;
    if (estimate->last == 0)
        return false;
    estimate->size[estimate->depth] += estimate->last * (times - 1);
    estimate->last *= times;
    estimate->is_repeated = true;
    return estimate->size[estimate->depth] <= STATES_MAX;
}

static size_t bracket_bytes(struct sv pattern) {
    size_t i = 1;
    i += i < pattern.len && pattern.ptr[i] == '^';
    i += i < pattern.len && pattern.ptr[i] == ']';
    while (i < pattern.len && pattern.ptr[i] != ']')
        i += pattern.ptr[i] == '\\' || sv_starts_with(sv_drop(pattern, i), SV("[:")) ? 2 : 1;
    /* The end of [[:alpha:]] is the second one. */
    bool has_class = i > 0 && i < pattern.len && pattern.ptr[i - 1] == ':';
    return has_class && i + 1 < pattern.len ? i + 2 : i + 1;
}

/* "{2}", "{2,}" or "{2,5}": how often at most; 0: no repetition. */
static size_t counted(struct sv pattern, size_t *ret_bytes) {
    size_t end = sv_find(pattern, '}');
    struct sv inside = sv_drop(sv_prefix(pattern, end), 1);
    struct sv low = sv_cut(&inside, ',');
    int64_t least, most;
    if (end == pattern.len || !sv_to_int64(low, &least) || least < 0 || least > 1000)
        return 0;
    *ret_bytes = end + 1;
    most = least;
    if (inside.len > 0 && (!sv_to_int64(inside, &most) || most < least || most > 1000))
        return 0;
    return most > 0 ? (size_t)most : 1;
}

static bool estimate_step(struct estimate *estimate, struct sv *pattern) {
    size_t bytes = 1, times;
    bool held = true;
    switch (pattern->ptr[0]) {
    case '(':
        held = ++estimate->depth < GROUPS_MAX;
        if (held)
            estimate->size[estimate->depth] = 1;
        estimate->last = 0;
        estimate->is_repeated = false;
        bytes = sv_starts_with(*pattern, SV("(?:")) ? 3 : 1;
        break;
    case ')':
        held = estimate->depth > 0;
        if (held)
            add_atom(estimate, estimate->size[estimate->depth--]);
        break;
    case '[':
        bytes = bracket_bytes(*pattern);
        add_atom(estimate, 1);
        break;
    case '\\':
        bytes = 2;
        held = pattern->len > 1 && !(pattern->ptr[1] >= '1' && pattern->ptr[1] <= '9');
        add_atom(estimate, 1);
        break;
    case '*':
    case '?':
        held = repeat(estimate, 1, pattern->ptr[0] == '?');
        break;
    case '+':
        held = repeat(estimate, 2, false);
        break;
    case '{':
        times = counted(*pattern, &bytes);
        held = times > 0 && repeat(estimate, times, false);
        break;
    case '|':
        estimate->last = 0;
        estimate->is_repeated = false;
        break;
    default:
        add_atom(estimate, pattern->ptr[0] == '.' ? 4 : 1);
    }
    *pattern = sv_drop(*pattern, bytes);
    return held && estimate->size[estimate->depth] <= STATES_MAX;
}

static bool is_small(struct sv pattern) {
    struct estimate estimate = {0};
    while (pattern.len > 0)
        if (!estimate_step(&estimate, &pattern))
            return false;
    return estimate.depth == 0;
}

static bool compile(struct arena *arena, struct sv pattern, regex_t *ret_regex) {
    if (pattern.len > PATTERN_BYTES_MAX || memchr(pattern.ptr, 0, pattern.len))
        return false;
    bool ignores_case = sv_starts_with(pattern, SV("(?i)"));
    pattern = ignores_case ? sv_drop(pattern, 4) : pattern;
    if (!is_small(pattern))
        return false;
    struct sv posix = posix_pattern(arena, pattern);
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
