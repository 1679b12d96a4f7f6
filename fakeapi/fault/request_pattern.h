/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_pattern: says of a request whether it is meant: by whom, which verb, on what. Faults
 * strike and scenarios count what a pattern matches. Pure.
 */
#ifndef FAKEAPI_FAULT_REQUEST_PATTERN_H
#define FAKEAPI_FAULT_REQUEST_PATTERN_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"

/* SV("") matches anything; a "*" inside a text matches any run of bytes. */
struct request_pattern {
    struct sv by;   /* user agent */
    struct sv verb; /* a verb, "apply" (a patch that is none otherwise), or "write" (any change) */
    struct sv plural, namespace_name, name, subresource;
    bool is_bare; /* only without a subresource; an empty `subresource` matches any */
};

/* Any request of that user agent. */
static inline struct request_pattern request_pattern_by(struct sv user_agent) {
    return (struct request_pattern){user_agent, SV(""), SV(""), SV(""), SV(""), SV(""), false};
}

/* What a pattern's verb may be; sorted. */
#define REQUEST_PATTERN_VERBS(X)                                                                   \
    X("*")                /* any */                                                                \
    X("apply")            /* a server-side apply */                                                \
    X("create")           /* POST */                                                               \
    X("delete")           /* DELETE of one object */                                               \
    X("deletecollection") /* DELETE of many */                                                     \
    X("exec")             /* of a subresource of pods */                                           \
    X("get")              /* GET of one object */                                                  \
    X("list")             /* GET of many */                                                        \
    X("patch")            /* PATCH but for an apply */                                             \
    X("update")           /* PUT */                                                                \
    X("watch")            /* GET of what follows */                                                \
    X("write")            /* whatever changes something */

/* "get", …, and "apply" for a server-side apply: how traces spell a request. */
struct sv request_verb_text(const struct request *request);
bool request_is_write(const struct request *request);
bool request_pattern_matches(const struct request_pattern *pattern, struct sv user_agent,
                             const struct request *request);
/* Whether `text` matches a pattern with "*". */
bool text_matches(struct sv pattern, struct sv text);

#endif
