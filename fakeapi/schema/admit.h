/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit: what happens to an object between its bytes and the store, for any type: unknown and
 * mistyped fields are found, unknown ones pruned (custom types), defaults set, rules checked.
 * The order is the server's: check_fields, prune, normalize, set_defaults, (metadata is set),
 * validate. What a tree borrows (core/data/json.h) went through all this before and is only
 * validated. Findings name the field as Kubernetes does ("spec.template.spec.containers[0].name").
 */
#ifndef FAKEAPI_SCHEMA_ADMIT_H
#define FAKEAPI_SCHEMA_ADMIT_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/schema/registry.h"

struct arena;
struct cJSON;

/* One broken rule: a cause of a Status. */
struct finding {
    struct sv field;          /* "spec.replicas" */
    struct sv reason;         /* "FieldValueInvalid", "FieldValueRequired", … */
    struct sv message;        /* without the field: 'Invalid value: -1: must be …' */
    const struct cJSON *item; /* the offending value in the checked tree, or its parent; for
                                 callers that know positions; may be NULL */
};

struct findings {
    struct finding *items;
    size_t count;
    size_t capacity;
    size_t message_bytes;
    size_t tries; /* of values against alternatives of a schema */
};

/* No message is longer: values are shown whole, and some are schemas. */
enum { FINDING_BYTES_MAX = 64 * 1024 };

/* Whether no more are kept: nobody reads thousands. */
bool findings_are_full(const struct findings *findings);

/* Appends to `findings`, until they are full; everything lives in `arena`. */
void findings_add(struct arena *arena, struct findings *findings, struct sv field,
                  const char *reason, const struct cJSON *item, const char *format, ...)
    PRINTF_LIKE(6, 7);

/* Fields that the type does not declare (reason "UnknownField") and values of a wrong JSON type
 * ("FieldValueTypeInvalid"), at any depth. Text of an unknown field: `unknown field "spec.x"`. */
void admit_check_fields(const struct resource_type *type, const struct cJSON *object,
                        struct arena *arena, struct findings *findings);
/* The same below one node, for parts of objects; `field` is the path so far. */
void schema_check_fields(const struct schema *schema, const struct cJSON *item, struct sv field,
                         struct arena *arena, struct findings *findings);

bool is_base64(struct sv text);

/* Drops undeclared fields, except below nodes that preserve them: a built-in object is decoded
 * into its struct, which has no place for them. There are none in an object in which
 * admit_check_fields() found nothing. */
void admit_prune(const struct resource_type *type, struct cJSON *object);

/* What decoding into a struct of a built-in kind does to an object: quantities and times in their
 * canonical spelling (apiserver-semantics.md §1.15), and without what does not survive it. Lists
 * without items that are always written stay, since who sends one owns it; true: there are some. */
bool admit_normalize(const struct resource_type *type, struct cJSON *object, struct arena *arena);

/* Those lists become null, as storage has no word for an empty one. For after owners of fields were
 * settled. */
void admit_forget_empty_lists(const struct resource_type *type, struct cJSON *object,
                              struct arena *arena);

/* Defaults of the type's schema and, for built-in kinds, those of apiserver-semantics.md §1.2 and
 * the fields that are written even when nobody set them. */
void admit_set_defaults(const struct resource_type *type, struct cJSON *object,
                        struct arena *arena);

/* The value that Go writes for a field of the type that nobody set: null for times, lists and maps,
 * and for a struct those of its fields that it always writes. */
struct cJSON *schema_zero(const struct schema *schema, struct arena *arena);

/* Whether a stored custom object lacks a default of its schema. */
bool admit_lacks_defaults(const struct resource_type *type, const struct cJSON *object);

/* Rules of the type: metadata, the schema's, and those of built-in kinds; with `old` also what may
 * not change. `old` is NULL on creation. `subresource` is "" or "status". */
void admit_validate(const struct resource_type *type, const struct cJSON *object,
                    const struct cJSON *old, struct sv subresource, struct arena *arena,
                    struct findings *findings);

/* Why a text is no qualified name, as keys of labels are; NULL: it is one. */
const char *admit_qualified_name_fault(struct sv text);

/* The pod rules alone, for a template: as a workload's or a class's would be checked. `field` is
 * the template's path. */
void validate_pod_template(const struct cJSON *pod_template, struct sv field, struct arena *arena,
                           struct findings *findings);

#endif
