/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfig: the file with which kubectl and others find a server and log in as administrator. */
#ifndef FAKEAPI_HTTP_KUBECONFIG_H
#define FAKEAPI_HTTP_KUBECONFIG_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

struct kubeconfig {
    struct sv server;         /* "https://127.0.0.1:6443" */
    struct sv ca_certificate; /* PEM; "" over plain HTTP */
    struct sv token;          /* "": none */
};

/* The file's YAML. */
struct sv kubeconfig_text(const struct kubeconfig *config, struct arena *arena);

#endif
