/* SPDX-License-Identifier: Apache-2.0 */
/* defaults: the two sources of defaults behind admit_set_defaults(). Private to schema/. */
#ifndef FAKEAPI_SCHEMA_DEFAULTS_H
#define FAKEAPI_SCHEMA_DEFAULTS_H

#include "fakeapi/schema/registry.h"

struct arena;
struct cJSON;

/* Those that a CRD's schema states. */
void schema_set_defaults(const struct schema *schema, struct cJSON *item, struct arena *arena);
/* Those that the server knows for built-in kinds (apiserver-semantics.md §1.2). */
void builtin_set_defaults(struct sv kind, struct cJSON *object, struct arena *arena);

/* What an object of a built-in kind has although nobody set it. */
void schema_write_zeros(const struct schema *schema, struct cJSON *item, struct arena *arena);

#endif
