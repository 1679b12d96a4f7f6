/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector: label selectors, in both spellings: the text of a request ("a=b,c in (d,e),!f") and
 * the LabelSelector of an object. Grammar and messages are those of apiserver-semantics.md §1.3.
 * A selector lives in the arena it was parsed into and owns copies of its texts. Pure.
 */
#ifndef CORE_API_SELECTOR_H
#define CORE_API_SELECTOR_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;

enum selector_operator {
    SELECTOR_IN,
    SELECTOR_NOT_IN,
    SELECTOR_EXISTS,
    SELECTOR_NOT_EXISTS,
    SELECTOR_GREATER,
    SELECTOR_LESS,
};

struct selector_requirement {
    struct sv key;
    enum selector_operator op;
    const struct sv *values;
    size_t value_count;
};

/* A zeroed selector matches everything. */
struct selector {
    const struct selector_requirement *requirements;
    size_t requirement_count;
    bool matches_nothing; /* a null LabelSelector */
};

MUST_CHECK bool selector_parse(struct arena *arena, struct sv text, struct selector *ret_selector,
                               struct error *err);
/* From {matchLabels, matchExpressions}; an absent one matches nothing, an empty one everything. */
MUST_CHECK bool selector_from_object(struct arena *arena, const struct cJSON *label_selector,
                                     struct selector *ret_selector, struct error *err);
/* One spelling for all selectors that ask the same of each key: "b==2, a notin (1)" is "a!=1,b=2".
 * SV("") for one that matches everything. In `arena`. */
struct sv selector_canonical(struct arena *arena, const struct selector *selector);
/* `labels` is a map of strings, or NULL. */
bool selector_matches(const struct selector *selector, const struct cJSON *labels);

#endif
