/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crd_cost: rules of a definition that could cost beyond measure. An API server estimates what each
 * may cost for the largest object that its schema allows, and refuses what exceeds its budget.
 * Here only the rounds of macros and the texts that are searched are counted, each with the least
 * that it can cost there: what is refused is refused by an API server as well, in these words;
 * what exceeds the budget less than a hundredfold is let through. Pure.
 */
#ifndef FAKEAPI_SCHEMA_CRD_COST_H
#define FAKEAPI_SCHEMA_CRD_COST_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct findings;
struct schema;

/* `schema` is that of a custom type, and `path` how messages call it. Appends a finding for each
 * such rule, for the most expensive ones, and for the schema. */
void crd_cost_check(struct arena *arena, const struct schema *schema, struct sv path,
                    struct findings *findings);

#endif
