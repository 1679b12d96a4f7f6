/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip: an answer's body compressed a piece at a time. Pure.
 */
#ifndef FAKEAPI_HTTP_GZIP_H
#define FAKEAPI_HTTP_GZIP_H

#include "core/base/base.h"
#include "core/base/buf.h"

struct gzip; /* opaque */

/* What it makes is at most `bytes_max`. NULL when the library does not start. */
struct gzip *gzip_new(size_t bytes_max);
/* Accepts NULL. */
void gzip_free(struct gzip *gzip);
DEFINE_AUTO(gzip)

/* The next piece of what is compressed. False: it does not fit. */
MUST_CHECK bool gzip_add(struct gzip *gzip, struct sv bytes);
/* Behind the last piece; what was made is `ret_body`'s from here on. */
MUST_CHECK bool gzip_end(struct gzip *gzip, struct buf *ret_body);

#endif
