/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch: the three client-side patches (RFC 6902, RFC 7386, Kubernetes' strategic merge) as pure
 * functions from a tree and a patch to a new tree. Server-side apply is apply.h.
 * Inputs are not changed; results live in `arena` and share nothing with the inputs.
 */
#ifndef FAKEAPI_SERVER_PATCH_H
#define FAKEAPI_SERVER_PATCH_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "fakeapi/schema/schema.h"

struct arena;
struct cJSON;

/* More operations than this in one JSON patch are refused, as by the real server. */
enum { JSON_PATCH_OPERATIONS_MAX = 10000 };

/* NULL and `err` with the server's text: ERROR_INVALID for a patch that is none (400),
 * ERROR_CONFLICT for one that cannot be applied (a failed test, a missing path: 422). */
MUST_CHECK struct cJSON *patch_json(struct arena *arena, const struct cJSON *target,
                                    const struct cJSON *patch, struct error *err);
/* Never fails but for a patch that is no map. */
MUST_CHECK struct cJSON *patch_merge(struct arena *arena, const struct cJSON *target,
                                     const struct cJSON *patch, struct error *err);
/* The same for an object of the store, which outlives `arena`: what the patch leaves as it was, or
 * says as it was, is borrowed (core/data/json.h): members, and items of lists. */
MUST_CHECK struct cJSON *patch_merge_stored(struct arena *arena, const struct cJSON *target,
                                            const struct cJSON *patch, struct error *err);
/* By the schema's merge keys; knows $patch, $retainKeys, $setElementOrder and
 * $deleteFromPrimitiveList. */
MUST_CHECK struct cJSON *patch_strategic(struct arena *arena, const struct schema *schema,
                                         const struct cJSON *target, const struct cJSON *patch,
                                         struct error *err);

/* As Go prints a value with %v: "map[a:1 b:[x y]]". */
struct sv go_value_text(struct arena *arena, const struct cJSON *value);

#endif
