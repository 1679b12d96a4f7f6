/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_url: how a request is spelled in HTTP: method, path with query, media types. Pure, so
 * that every transport spells them alike.
 */
#ifndef CORE_CLIENT_REQUEST_URL_H
#define CORE_CLIENT_REQUEST_URL_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"

struct arena;

/* "GET", "POST", "PUT", "PATCH", "DELETE". An exec is a GET: it becomes a WebSocket. */
const char *request_method(const struct request *request);
/* "/apis/apps/v1/namespaces/ns/statefulsets/x?fieldManager=m": from the root, percent-encoded,
 * terminated. */
struct sv request_path(const struct request *request, struct arena *arena);
/* The body's media type; SV("") without a body. */
struct sv request_content_type(const struct request *request);
/* What the answer may be. */
struct sv request_accept(const struct request *request);

#endif
