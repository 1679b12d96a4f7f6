/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_signer: reads requests for certificates, and makes certificates of those that the
 * cluster's controllers approve, by the authority that a server makes at its start.
 */
#ifndef FAKEAPI_HTTP_CERTIFICATE_SIGNER_H
#define FAKEAPI_HTTP_CERTIFICATE_SIGNER_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct certificate_order;
struct certificate_request;
struct error;
struct tls_identity;

/* The subject and the alternative names are the request's, everything else is the order's. PEM, in
 * `arena`. Fails with ERROR_INVALID for a request that cannot be read, is not signed by its own
 * key, or for a usage that is unknown. */
MUST_CHECK bool certificate_sign(const struct tls_identity *identity,
                                 const struct certificate_order *order, struct arena *arena,
                                 struct sv *ret_certificate, struct error *err);

/* A certificate_reader (fakeapi/server/certificate_request.h). */
MUST_CHECK bool certificate_request_read(struct sv pem, struct arena *arena,
                                         struct certificate_request *ret_request,
                                         struct error *err);

#endif
