/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_status: the Status object by which an API server answers when it does not answer with an
 * object (apiserver-semantics.md §1.1). Conflict and AlreadyExists are both HTTP 409: branch on
 * the reason, which becomes an error code here.
 */
#ifndef CORE_API_API_STATUS_H
#define CORE_API_API_STATUS_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* A server, or a proxy before it, that names a day or a century is not waited for until then: what
 * there is to do is tried again after as long as the longest back-off. */
enum { RETRY_AFTER_MS_MAX = 5 * 60 * 1000 };

/* The code for a reason and, where the reason is missing or unknown, an HTTP status. */
enum error_code api_status_error_code(struct sv reason, int http_status);
/* Sets `err` from a Status (or, when `body` is none, from the HTTP status); returns false. */
bool api_status_to_error(const struct cJSON *body, int http_status, struct error *err);
/* How long an answer asks to wait, in milliseconds, and RETRY_AFTER_MS_MAX at most: by its header
 * Retry-After, else (0 seconds) by details.retryAfterSeconds of its Status. 0: by neither. */
int64_t api_retry_after_ms(int64_t header_seconds, const struct cJSON *body);

#endif
