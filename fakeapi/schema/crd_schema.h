/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crd_schema: from the openAPIV3Schema of a CRD to schema nodes. Refuses what is not structural
 * (apiserver-semantics.md §1.10) or not supported here, with the path. Private to the registry.
 */
#ifndef FAKEAPI_SCHEMA_CRD_SCHEMA_H
#define FAKEAPI_SCHEMA_CRD_SCHEMA_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/schema.h"

struct arena;
struct cJSON;
struct error;

struct cel_program;

/* One of x-kubernetes-validations. */
struct schema_rule {
    const struct cel_program *program;
    const struct cel_program *message_program; /* messageExpression, or NULL */
    struct sv text, message, reason, field_path;
    bool is_for_creation_too; /* optionalOldSelf: a transition rule that runs without an old */
};

/* What only CRDs have: the validation of values, read from the source where it is needed. */
struct schema_rules {
    const struct cJSON *source; /* the JSON schema node */
    struct json_index words;    /* of a long enum its texts; else empty */
    const struct schema_rule *rules;
    size_t rule_count;
    bool states_values;   /* of a scalar more than its type */
    bool has_rules_below; /* here or anywhere below */
    bool has_embedded_below;
};

/* How messages call the schema of a version: one alone stands at the top of the definition. */
struct sv crd_schema_path(struct arena *arena, const struct cJSON *crd, size_t version_index);

/* `source` must live as long as the result, which lives in `arena`. `path` names the root in
 * messages. NULL and ERROR_INVALID when refused. */
MUST_CHECK const struct schema *crd_schema_build(struct arena *arena, const struct cJSON *source,
                                                 struct sv path, struct error *err);

/* The warning about a version that is deprecated: the definition's, or one that names the newest
 * version to use instead. SV("") for one that is not. */
struct sv crd_deprecation(struct arena *arena, const struct cJSON *crd,
                          const struct cJSON *version);

#endif
