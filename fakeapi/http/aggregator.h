/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregator: asks aggregated API servers whether they are there, what they serve and how that is
 * described, when an APIService, its Service or its endpoints change and every half minute besides,
 * and keeps the APIServices of the server's own groups (fakeapi/server/aggregation.h says what
 * follows).
 */
#ifndef FAKEAPI_HTTP_AGGREGATOR_H
#define FAKEAPI_HTTP_AGGREGATOR_H

#include "core/base/base.h"

struct aggregator; /* opaque */
struct curl_loop;
struct fakeapi;
struct tls_identity;

/* Everything is borrowed. */
struct aggregator_options {
    struct fakeapi *api;
    struct curl_loop *loop;
    const struct tls_identity *tls; /* NULL: there is no certificate to show */
};

/* Writes the APIServices of built-in groups at once. */
struct aggregator *aggregator_new(const struct aggregator_options *options);
/* Accepts NULL; forgets what is open. */
void aggregator_free(struct aggregator *aggregator);

/* Looks at what was written meanwhile, and asks who is due. */
void aggregator_run(struct aggregator *aggregator, int64_t now_ms);
/* When it wants to run without anything written; DEADLINE_NEVER without aggregated servers. */
int64_t aggregator_next_ms(const struct aggregator *aggregator);

#endif
