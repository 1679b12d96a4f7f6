/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority: what a cluster signs with its own keys. Keys and chance are the business of whoever
 * runs the server; the controllers that decide what is signed ask through this.
 */
#ifndef FAKEAPI_CLUSTER_AUTHORITY_H
#define FAKEAPI_CLUSTER_AUTHORITY_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/server/certificate_request.h"

struct arena;
struct cJSON;
struct error;

struct certificate_order {
    struct sv request;          /* PEM: whose key, and what it is to be called */
    const struct cJSON *usages; /* a list of Kubernetes' names for them */
    int64_t lifetime_s, now_ms;
};

/* A token of a service account that is good while the Secret stands in which it is kept. */
struct token_order {
    struct sv namespace_name;
    struct sv account_name, account_uid;
    struct sv secret_name, secret_uid;
    int64_t now_ms;
};

struct authority {
    struct sv root_certificate; /* PEM: what clients trust; outlives the authority */
    /* PEM, in `arena`. False when the request cannot be signed. */
    bool (*sign_certificate)(void *context, const struct certificate_order *order,
                             struct arena *arena, struct sv *ret_certificate, struct error *err);
    /* NULL: nobody reads requests, and what they ask for is not looked at. */
    certificate_reader *read_request;
    struct sv (*sign_token)(void *context, const struct token_order *order, struct arena *arena);
    void *context;
};

#endif
