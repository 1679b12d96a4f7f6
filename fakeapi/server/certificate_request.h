/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_request: what a PKCS#10 request asks for, as far as Kubernetes' rules look at it.
 * Reading one takes a library that pure layers do without: whoever runs the server lends it a
 * reader.
 */
#ifndef FAKEAPI_SERVER_CERTIFICATE_REQUEST_H
#define FAKEAPI_SERVER_CERTIFICATE_REQUEST_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;

struct certificate_request {
    struct sv common_name; /* SV(""): none */
    const struct sv *organizations;
    size_t organization_count;
    size_t dns_count, email_count, ip_count, uri_count; /* alternative names */
};

/* Reads `pem` into `arena`. Fails with ERROR_INVALID for what is no request, or is not signed by
 * its own key. */
typedef bool certificate_reader(struct sv pem, struct arena *arena,
                                struct certificate_request *ret_request, struct error *err);

#endif
