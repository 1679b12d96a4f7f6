/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_merge: OpenAPI version 2 documents of aggregated API servers within the server's own, as
 * kube-aggregator puts them together. Pure.
 */
#ifndef FAKEAPI_SERVER_OPENAPI_MERGE_H
#define FAKEAPI_SERVER_OPENAPI_MERGE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* Moves the paths below `prefix` that `document` does not have, and the definitions that they need,
 * from `source` to `document`; both live in `arena`. A definition that the document has under that
 * name, and that says something else, is called NAME_v2 (or _v3, …). */
void openapi_merge(struct cJSON *document, struct cJSON *source, struct sv prefix,
                   struct arena *arena);

#endif
