/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_protobuf: the OpenAPI 2 document as the message openapi.v2.Document, which kubectl and
 * older clients ask for (github.com/google/gnostic-models, openapiv2/OpenAPIv2.proto). What the
 * message has no field for is left out, as it is from a stock server's. Pure.
 */
#ifndef FAKEAPI_SERVER_OPENAPI_PROTOBUF_H
#define FAKEAPI_SERVER_OPENAPI_PROTOBUF_H

#include "core/base/base.h"

struct buf;
struct cJSON;
struct error;

/* Enough for schemas in schemas as deep as a definition may nest them. */
enum { OPENAPI_PROTOBUF_DEPTH_MAX = 256 };

/* Appends the message. ERROR_TOO_LARGE: the buffer's maximum is reached, or the depth. */
MUST_CHECK bool openapi_protobuf_write(const struct cJSON *document, struct buf *buf,
                                       struct error *err);

#endif
