/* SPDX-License-Identifier: Apache-2.0 */
/*
 * re2_bridge: RE2, as C can call it. RE2 is written in C++ and is the library whose syntax and
 * choices Go's regexp package follows; its time is linear in the text, whatever the pattern.
 * Private to schema/pattern.c. This header is read by C and by C++.
 */
#ifndef FAKEAPI_SCHEMA_RE2_BRIDGE_H
#define FAKEAPI_SCHEMA_RE2_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct re2_pattern;

/* What is wrong with a pattern. */
enum re2_fault {
    RE2_FAULT_NONE,
    RE2_FAULT_OTHER, /* of the library itself; or it would need more than 8 MiB */
    RE2_FAULT_ESCAPE,
    RE2_FAULT_RANGE,
    RE2_FAULT_MISSING_BRACKET,
    RE2_FAULT_MISSING_PARENTHESIS,
    RE2_FAULT_UNEXPECTED_PARENTHESIS,
    RE2_FAULT_TRAILING_BACKSLASH,
    RE2_FAULT_REPEAT_ARGUMENT,
    RE2_FAULT_REPEAT_COUNT,
    RE2_FAULT_REPEAT_OPERATOR,
    RE2_FAULT_PERL_SYNTAX,
    RE2_FAULT_UTF8,
    RE2_FAULT_NAMED_CAPTURE,
};

/* To be freed, whatever is wrong with it. NULL: no memory. */
struct re2_pattern *re2_pattern_new(const char *bytes, size_t len);
void re2_pattern_free(struct re2_pattern *pattern);
/* `ret_part` and `ret_len` are the part of the pattern that is meant; it lives as long as
 * `pattern`. */
enum re2_fault re2_pattern_fault(const struct re2_pattern *pattern, const char **ret_part,
                                 size_t *ret_len);
/* Of a pattern without a fault: whether it matches a part of the text; then *ret_at and *ret_len,
 * if given, are the leftmost part's place. */
bool re2_pattern_find(const struct re2_pattern *pattern, const char *text, size_t len,
                      size_t *ret_at, size_t *ret_len);

#ifdef __cplusplus
}
#endif

#endif
