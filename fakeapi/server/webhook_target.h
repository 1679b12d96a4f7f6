/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_target: where a clientConfig leads: to a URL, or to a Service. There is no network of a
 * cluster, so a Service is answered for by what the server's owner said (fakeapi_route_service()),
 * by its externalName, or by an endpoint outside of the cluster; a simulated pod is none that
 * could answer. An aggregated API server is found in the same way (aggregation.h). Whoever answers
 * shows a certificate for NAME.NAMESPACE.svc. Pure.
 */
#ifndef FAKEAPI_SERVER_WEBHOOK_TARGET_H
#define FAKEAPI_SERVER_WEBHOOK_TARGET_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct call;
struct cJSON;
struct fakeapi;

struct webhook_target {
    struct sv url;
    struct sv connect_to; /* "HOST:PORT"; "": where the URL says */
    struct sv ca_bundle;  /* PEM; "": those that the system trusts */
    bool is_unverified;   /* whoever answers is believed */
};

/* A Service {namespace, name, path, port} as a target; SV(""), or why nobody answers for it:
 * 'service "x" not found'. Sets url and connect_to, in the call's arena; the URL even then. */
struct sv service_target_read(struct call *call, const struct cJSON *service,
                              struct webhook_target *target);
/* Whether the server's owner said who answers for it. */
bool service_is_routed(struct fakeapi *api, struct sv namespace_name, struct sv name,
                       struct arena *arena);

/* SV("") and the target, in the call's arena; or why there is none. */
struct sv webhook_target_read(struct call *call, const struct cJSON *client_config,
                              struct webhook_target *ret_target);

#endif
