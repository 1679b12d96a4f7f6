/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/pattern.h"

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"

#include <regex.h>

/* --- from RE2 to POSIX --- */

struct text {
    char *bytes;
    size_t len;
};

static void put(struct text *text, struct sv bytes) {
    memcpy(text->bytes + text->len, bytes.ptr, bytes.len);
    text->len += bytes.len;
}

/* A class has a bracket of its own: [[:alpha:]_]. A colon before the end is only a colon. */
size_t pattern_bracket_bytes(struct sv pattern) {
    size_t i = 1;
    i += i < pattern.len && pattern.ptr[i] == '^';
    i += i < pattern.len && pattern.ptr[i] == ']';
    while (i < pattern.len && pattern.ptr[i] != ']') {
        struct sv rest = sv_drop(pattern, i);
        if (sv_starts_with(rest, SV("[:"))) {
            size_t end = sv_find(rest, ']');
            i += end > 2 && end < rest.len && rest.ptr[end - 1] == ':' ? end + 1 : 2;
        } else {
            i += rest.ptr[0] == '\\' ? 2 : 1;
        }
    }
    return i + 1;
}

/* What an escape stands for outside and inside of brackets; "" inside: it cannot stand there. */
static const struct {
    char letter;
    const char *outside, *inside;
} escapes[] = {
    {'d', "[0-9]", "0-9"},
    {'D', "[^0-9]", ""},
    {'w', "[A-Za-z0-9_]", "A-Za-z0-9_"},
    {'W', "[^A-Za-z0-9_]", ""},
    {'s', "[ \t\n\r\f]", " \t\n\r\f"},
    {'S', "[^ \t\n\r\f]", ""},
    {'n', "\n", "\n"},
    {'t', "\t", "\t"},
    {'r', "\r", "\r"},
    {'f', "\f", "\f"},
};

static size_t find_escape(char letter) {
    size_t i = 0;
    while (i < COUNT_OF(escapes) && escapes[i].letter != letter)
        i++;
    return i;
}

/* POSIX has no escapes in brackets: "]" must come first there, "^" not first and "-" last. */
static bool rewrite_brackets(struct sv inside, struct text *out) {
    bool is_negated = sv_starts_with(inside, SV("^"));
    bool has_close = false, has_dash = false, has_caret = false;
    struct sv rest = sv_drop(inside, is_negated ? 1 : 0);
    if (sv_starts_with(rest, SV("]"))) {
        has_close = true;
        rest = sv_drop(rest, 1);
    }
    for (size_t i = 0; i + 1 < rest.len; i++)
        has_close |= rest.ptr[i] == '\\' && rest.ptr[i + 1] == ']';
    put(out, is_negated ? SV("[^") : SV("["));
    put(out, has_close ? SV("]") : SV(""));
    while (rest.len > 0) {
        bool is_escape = rest.ptr[0] == '\\' && rest.len > 1;
        char byte = rest.ptr[is_escape ? 1 : 0];
        size_t escape = is_escape ? find_escape(byte) : COUNT_OF(escapes);
        if (escape < COUNT_OF(escapes)) {
            if (escapes[escape].inside[0] == 0)
                return false;
            put(out, sv_from(escapes[escape].inside));
        } else if (is_escape && byte == '-') {
            has_dash = true;
        } else if (is_escape && byte == '^') {
            has_caret = true;
        } else if (!is_escape || byte != ']') {
            put(out, (struct sv){&byte, 1});
        }
        rest = sv_drop(rest, is_escape ? 2 : 1);
    }
    put(out, has_caret ? SV("^") : SV(""));
    put(out, has_dash ? SV("-]") : SV("]"));
    return true;
}

/* Any character but a line's end, of one byte or of several. */
#define ANY_CHARACTER SV("([^\n\x80-\xff]|[\xc2-\xf4][\x80-\xbf]+)")

/* False when the pattern uses what cannot be said in POSIX. */
static bool posix_pattern(struct arena *arena, struct sv pattern, struct sv *ret_posix) {
    struct text out = {.bytes = arena_alloc(arena, (pattern.len + 1) * 40)};
    while (pattern.len > 0) {
        char byte = pattern.ptr[0];
        size_t taken = 1;
        if (byte == '[') {
            taken = pattern_bracket_bytes(pattern);
            if (taken > pattern.len ||
                !rewrite_brackets(sv_prefix(sv_drop(pattern, 1), taken - 2), &out))
                return false;
        } else if (byte == '\\' && pattern.len > 1) {
            size_t escape = find_escape(pattern.ptr[1]);
            taken = 2;
            put(&out, escape < COUNT_OF(escapes) ? sv_from(escapes[escape].outside)
                                                 : sv_prefix(pattern, 2));
        } else if (byte == '(') {
            taken = sv_starts_with(pattern, SV("(?:")) ? 3 : 1;
            put(&out, SV("("));
        } else {
            put(&out, byte == '.' ? ANY_CHARACTER : sv_prefix(pattern, 1));
        }
        pattern = sv_drop(pattern, taken);
    }
    *ret_posix = (struct sv){out.bytes, out.len};
    return true;
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
        bytes = pattern_bracket_bytes(*pattern);
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

/* --- compiled, and kept with the arena: a list has one pattern for all its items --- */

struct compiled {
    bool is_known;
    regex_t regex; /* if it is */
};

/* Far more than a schema has; what is beyond is compiled each time. */
enum { KEPT_MAX = 256 };

static void release_patterns(void *what) {
    struct map *patterns = what;
    void *value;
    for (size_t i = 0; map_next(patterns, &i, NULL, &value);)
        if (((struct compiled *)value)->is_known)
            regfree(&((struct compiled *)value)->regex);
    map_free_with_values(patterns);
}

/* The library starts anew at each byte of the text, in time that grows with its square, unless a
 * pattern begins with its start. Whether there is a match is asked with one that always does. */
static struct sv anchored(struct arena *arena, struct sv posix) {
    bool is_anchored = sv_starts_with(posix, SV("^")) && sv_find(posix, '|') == posix.len;
    return is_anchored ? posix : ARENA_JOIN(arena, SV("^.*("), posix, SV(")"));
}

static struct compiled *compile(struct arena *arena, struct sv pattern, bool finds_place) {
    struct compiled *compiled = mem_alloc(sizeof(*compiled));
    struct sv posix;
    bool ignores_case = sv_starts_with(pattern, SV("(?i)"));
    if (pattern.len > PATTERN_BYTES_MAX || memchr(pattern.ptr, 0, pattern.len))
        return compiled;
    pattern = ignores_case ? sv_drop(pattern, 4) : pattern;
    if (!is_small(pattern) || !posix_pattern(arena, pattern, &posix))
        return compiled;
    posix = arena_copy(arena, finds_place ? posix : anchored(arena, posix));
    int flags = REG_EXTENDED | (ignores_case ? REG_ICASE : 0) | (finds_place ? 0 : (int)REG_NOSUB);
    compiled->is_known = regcomp(&compiled->regex, posix.ptr, flags) == 0;
    return compiled;
}

/* NULL: not known. */
static const regex_t *compiled_for(struct arena *arena, struct sv pattern, bool finds_place) {
    struct map *patterns = arena_kept(arena, release_patterns);
    if (!patterns || map_count(patterns) == KEPT_MAX) {
        patterns = map_new();
        arena_at_reset(arena, release_patterns, patterns);
    }
    struct sv key = ARENA_JOIN(arena, finds_place ? SV("=") : SV("?"), pattern);
    struct compiled *compiled = map_get(patterns, key);
    if (!compiled) {
        compiled = compile(arena, pattern, finds_place);
        map_put(patterns, key, compiled);
    }
    return compiled->is_known ? &compiled->regex : NULL;
}

bool pattern_is_known(struct arena *arena, struct sv pattern) {
    return compiled_for(arena, pattern, false) && compiled_for(arena, pattern, true);
}

bool pattern_matches(struct arena *arena, struct sv pattern, struct sv text, struct sv *ret_match) {
    const regex_t *regex = compiled_for(arena, pattern, false);
    regmatch_t match;
    if (!regex)
        return true;
    const char *terminated = arena_copy(arena, text).ptr;
    bool held = regexec(regex, terminated, 0, NULL, 0) == 0;
    if (!held || !ret_match)
        return held;
    regex = compiled_for(arena, pattern, true);
    bool is_found = regex && regexec(regex, terminated, 1, &match, 0) == 0;
    if (is_found)
        *ret_match =
            sv_prefix(sv_drop(text, (size_t)match.rm_so), (size_t)(match.rm_eo - match.rm_so));
    return is_found;
}
