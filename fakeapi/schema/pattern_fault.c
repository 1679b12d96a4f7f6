/* SPDX-License-Identifier: Apache-2.0 */
/* Of pattern.h: what Go has against a pattern, in the words of its regexp package. */
#include "fakeapi/schema/pattern.h"

#include "core/base/arena.h"

enum { REPEAT_MAX = 1000 };

struct scan {
    struct sv whole, rest;
    struct sv repetition; /* from the last repetition on, when nothing stood between; else empty */
    size_t depth;
    bool has_atom;
    const char *fault; /* NULL: none so far */
    struct sv where;
};

static void fail(struct scan *scan, const char *fault, struct sv where) {
    scan->fault = fault;
    scan->where = where;
}

/* The first `bytes` of what is left are an atom, which may be repeated. */
static void take_atom(struct scan *scan, size_t bytes) {
    scan->rest = sv_drop(scan->rest, bytes);
    scan->has_atom = true;
    scan->repetition = SV("");
}

/* Flags ("(?i)") stand for nothing; "(?:" and "(?P<name>" are groups. */
static void take_open(struct scan *scan) {
    bool is_special = sv_starts_with(scan->rest, SV("(?"));
    size_t end = sv_find(scan->rest, ':'), close = sv_find(scan->rest, ')');
    bool is_named = sv_starts_with(scan->rest, SV("(?P<")) || sv_starts_with(scan->rest, SV("(?<"));
    size_t bytes = 1;
    if (is_named)
        bytes = sv_find(scan->rest, '>') + 1;
    else if (is_special)
        bytes = (end < close ? end : close) + 1;
    bool is_flags = is_special && !is_named && close < end;
    scan->depth += !is_flags;
    scan->rest = sv_drop(scan->rest, bytes < scan->rest.len ? bytes : scan->rest.len);
    scan->has_atom = false;
    scan->repetition = SV("");
}

static void take_close(struct scan *scan) {
    if (scan->depth == 0) {
        fail(scan, "unexpected )", scan->whole);
        return;
    }
    scan->depth--;
    take_atom(scan, 1);
}

static void take_brackets(struct scan *scan) {
    size_t bytes = pattern_bracket_bytes(scan->rest);
    if (bytes > scan->rest.len)
        fail(scan, "missing closing ]", scan->rest);
    else
        take_atom(scan, bytes);
}

static void take_escape(struct scan *scan) {
    if (scan->rest.len == 1) {
        fail(scan, "trailing backslash at end of expression", SV(""));
        return;
    }
    unsigned char byte = (unsigned char)scan->rest.ptr[1];
    bool is_word = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                   (byte >= '1' && byte <= '9');
    if (byte >= 0x80 || (is_word && !strchr("afnrtvxAbBCQEzdDsSwWpP", byte)))
        fail(scan, "invalid escape sequence", sv_prefix(scan->rest, 2));
    else
        take_atom(scan, 2);
}

/* "{2}", "{2,}" or "{2,5}"; 0: the brace stands for itself. */
static size_t count_bytes(struct sv rest, bool *ret_is_bounded) {
    size_t end = sv_find(rest, '}');
    struct sv inside = sv_drop(sv_prefix(rest, end), 1);
    bool has_comma = sv_find(inside, ',') < inside.len;
    struct sv low = sv_cut(&inside, ',');
    int64_t least = 0, most = 0;
    if (end == rest.len || !sv_to_int64(low, &least) || least < 0 ||
        (inside.len > 0 && !sv_to_int64(inside, &most)))
        return 0;
    if (!has_comma || inside.len == 0)
        most = least;
    *ret_is_bounded = least <= REPEAT_MAX && most <= REPEAT_MAX && least <= most;
    return end + 1;
}

/* A "?" behind a repetition makes it lazy. */
static void take_repetition(struct scan *scan) {
    bool is_bounded = true;
    size_t bytes = scan->rest.ptr[0] == '{' ? count_bytes(scan->rest, &is_bounded) : 1;
    if (bytes == 0) {
        take_atom(scan, 1);
        return;
    }
    struct sv from = scan->repetition.len > 0 ? scan->repetition : scan->rest;
    struct sv sign = sv_prefix(scan->rest, bytes);
    scan->rest = sv_drop(scan->rest, bytes);
    if (sv_starts_with(scan->rest, SV("?")))
        scan->rest = sv_drop(scan->rest, 1);
    if (!is_bounded)
        fail(scan, "invalid repeat count", sign);
    else if (scan->repetition.len > 0)
        fail(scan, "invalid nested repetition operator",
             sv_prefix(from, from.len - scan->rest.len));
    else if (!scan->has_atom)
        fail(scan, "missing argument to repetition operator",
             sv_prefix(from, from.len - scan->rest.len));
    scan->repetition = from;
}

static void take(struct scan *scan) {
    switch (scan->rest.ptr[0]) {
    case '(':
        take_open(scan);
        return;
    case ')':
        take_close(scan);
        return;
    case '[':
        take_brackets(scan);
        return;
    case '\\':
        take_escape(scan);
        return;
    case '*':
    case '+':
    case '?':
    case '{':
        take_repetition(scan);
        return;
    case '|':
        take_atom(scan, 1);
        scan->has_atom = false;
        return;
    default:
        take_atom(scan, 1);
    }
}

struct sv pattern_fault(struct arena *arena, struct sv pattern) {
    struct scan scan = {.whole = pattern, .rest = pattern, .repetition = SV("")};
    while (scan.rest.len > 0 && !scan.fault)
        take(&scan);
    if (!scan.fault && scan.depth > 0)
        fail(&scan, "missing closing )", scan.whole);
    return scan.fault ? arena_printf(arena, "error parsing regexp: %s: `%.*s`", scan.fault,
                                     SV_ARG(scan.where))
                      : SV("");
}
