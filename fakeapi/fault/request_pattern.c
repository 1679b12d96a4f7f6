/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/fault/request_pattern.h"

#define WRITE SV("write")
#define APPLY SV("apply")

struct sv request_verb_text(const struct request *request) {
    bool is_apply = request->verb == VERB_PATCH && request->patch_type == PATCH_APPLY;
    return is_apply ? APPLY : verb_text(request->verb);
}

bool request_is_write(const struct request *request) {
    return verb_is_write(request->verb);
}

bool text_matches(struct sv pattern, struct sv text) {
    /* Most fail here: a schedule has hundreds of patterns, and each request meets all of them. */
    if (pattern.len > 0 && pattern.ptr[0] != '*' &&
        (text.len == 0 || pattern.ptr[0] != text.ptr[0]))
        return false;
    /* The last "*" and what it stands for so far: on a mismatch it takes one byte more. */
    size_t star = pattern.len, taken = 0, p = 0, t = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star < pattern.len) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool verb_matches(struct sv wanted, const struct request *request) {
    if (sv_eq(wanted, WRITE))
        return request_is_write(request);
    return text_matches(wanted, request_verb_text(request));
}

bool request_pattern_matches(const struct request_pattern *pattern, struct sv user_agent,
                             const struct request *request) {
    const struct {
        struct sv wanted, actual;
    } texts[] = {
        {pattern->plural, request->plural},
        {pattern->name, request->name},
        {pattern->subresource, request->subresource},
        {pattern->namespace_name, request->namespace_name},
        {pattern->by, user_agent}, /* the longest, and mostly the same one */
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].wanted.len > 0 && !text_matches(texts[i].wanted, texts[i].actual))
            return false;
    if (pattern->is_bare && request->subresource.len > 0)
        return false;
    return pattern->verb.len == 0 || verb_matches(pattern->verb, request);
}
