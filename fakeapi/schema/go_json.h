/* SPDX-License-Identifier: Apache-2.0 */
/*
 * go_json: what Go's encoding/json says about a text that is no JSON. Refusals of a stock server
 * repeat these sentences, and clients print them. Our own reader says where the fault is instead,
 * and stays the one that reads. Pure.
 */
#ifndef FAKEAPI_SCHEMA_GO_JSON_H
#define FAKEAPI_SCHEMA_GO_JSON_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

/* True when `text` is no JSON document by its syntax; then `ret_fault` is Go's sentence, in
 * `arena`. Deeper than GO_JSON_DEPTH_MAX is a fault, as it is for Go. */
enum { GO_JSON_DEPTH_MAX = 10000 };
bool go_json_fault(struct arena *arena, struct sv text, struct sv *ret_fault);

#endif
