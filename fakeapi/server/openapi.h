/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi: the OpenAPI documents, as far as kubectl reads them (apiserver-semantics.md §1.12):
 * the definitions of built-in and custom types, and the paths with the query parameters of
 * their operations. Pure.
 */
#ifndef FAKEAPI_SERVER_OPENAPI_H
#define FAKEAPI_SERVER_OPENAPI_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct fakeapi;

/* What `ret_media_type` says when the body is to be written by openapi_protobuf_write(). */
#define OPENAPI_PROTOBUF_TYPE "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

/* The document at /openapi/v2, /openapi/v3, /openapi/v3/api/v1 or
 * /openapi/v3/apis/<group>/<version>; false: no such document. The body lives in `arena`. A
 * document with the "hash" of /openapi/v3 in its query never changes. Version 2 is protobuf when
 * the Accept header names that before JSON, everything else is JSON. */
bool openapi_answer(struct fakeapi *api, struct sv path, struct sv accept, struct arena *arena,
                    struct cJSON **ret_body, struct sv *ret_media_type);

#endif
