/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crd_defaults: defaults of a definition that its own schema would refuse. They are held against
 * the schema node that states them, its rules in CEL included. Pure.
 */
#ifndef FAKEAPI_SCHEMA_CRD_DEFAULTS_H
#define FAKEAPI_SCHEMA_CRD_DEFAULTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct findings;
struct schema;

/* `schema` is that of a custom type, and `path` how messages call it. Appends what is wrong. */
void crd_defaults_check(struct arena *arena, const struct schema *schema, struct sv path,
                        struct findings *findings);

#endif
