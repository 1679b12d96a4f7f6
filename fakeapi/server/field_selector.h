/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_selector: "spec.nodeName=n1,status.phase!=Running": the few fields by which a type can be
 * selected (apiserver-semantics.md §1.3). Pure.
 */
#ifndef FAKEAPI_SERVER_FIELD_SELECTOR_H
#define FAKEAPI_SERVER_FIELD_SELECTOR_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/schema/registry.h"

struct arena;
struct cJSON;
struct error;

enum { FIELD_TERMS_MAX = 16 };

struct field_term {
    struct sv field, value;
    bool is_unequal;
};

/* A zeroed one matches everything. */
struct field_selector {
    struct field_term terms[FIELD_TERMS_MAX];
    size_t term_count;
};

/* ERROR_INVALID with the server's text: grammar, or a field that the type does not offer. */
MUST_CHECK bool field_selector_parse(struct arena *arena, struct sv text,
                                     const struct resource_type *type,
                                     struct field_selector *ret_selector, struct error *err);
bool field_selector_matches(const struct field_selector *selector, const struct cJSON *object,
                            struct arena *arena);
/* The value that every match has in that field, or SV(""). */
struct sv field_selector_required(const struct field_selector *selector, struct sv field);

#endif
