/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discovery: which groups, versions and resources the server has, in the three forms that
 * clients ask for (apiserver-semantics.md §1.12): the legacy documents, one for each group and
 * version, and the aggregated lists v2 and v2beta1. Built-in rows come from data/discovery.json,
 * custom ones from the registry. Pure.
 */
#ifndef FAKEAPI_SERVER_DISCOVERY_H
#define FAKEAPI_SERVER_DISCOVERY_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct fakeapi;

/* The document at /api, /apis, /api/v1, /apis/<group> or /apis/<group>/<version>; false: no such
 * document. `accept` is the header's text, or SV(""): it decides whether /api and /apis answer
 * aggregated. `ret_media_type` is the Content-Type, with the parameters that clients test for.
 * The body lives in `arena`. */
bool discovery_answer(struct fakeapi *api, struct sv path, struct sv accept, struct arena *arena,
                      struct cJSON **ret_body, struct sv *ret_media_type);

#endif
