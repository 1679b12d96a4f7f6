/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregation: the APIServices: which groups and versions this server answers for itself, and which
 * another API server behind a Service does, as kube-aggregator has it. It keeps the objects of the
 * server's own groups, knows what the others serve, and says where they are; who asks them, and
 * passes requests on, is the HTTP front. Pure.
 */
#ifndef FAKEAPI_SERVER_AGGREGATION_H
#define FAKEAPI_SERVER_AGGREGATION_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct aggregation; /* opaque */
struct arena;
struct cJSON;
struct collection;
struct fakeapi;
struct webhook_target;

/* Of the collection of APIServices, which is borrowed. */
struct aggregation *aggregation_new(struct collection *services);
/* Accepts NULL. */
void aggregation_free(struct aggregation *aggregation);

/* A group and version that another API server answers for. Texts live until the next write. */
struct remote_api {
    struct sv name; /* of the APIService: "v1beta1.metrics.k8s.io" */
    struct sv group, version;
    int64_t group_priority, version_priority;
    bool is_available;
    /* Its APIResourceList as it was last read; NULL: never. */
    const struct cJSON *resources;
    struct sv openapi; /* its document of version 2, as JSON; "" without */
};

/* False: nobody else answers for it. Costs next to nothing while there is no such APIService. */
bool aggregation_find(const struct fakeapi *api, struct sv group, struct sv version,
                      struct remote_api *ret_remote);
/* The same for "/apis/GROUP/VERSION", "/openapi/v3/apis/GROUP/VERSION" and what is below them. */
bool aggregation_find_path(const struct fakeapi *api, struct sv path,
                           struct remote_api *ret_remote);
/* All of them by name; NULL behind the last. */
const struct remote_api *aggregation_at(const struct fakeapi *api, size_t index);

/* Where it is: SV("") with the target, whose URL has no path, in `arena`; or why nobody can say. */
struct sv aggregation_target(struct fakeapi *api, const struct remote_api *remote,
                             struct arena *arena, struct webhook_target *ret_target);

/* --- whether they are available --- */

/* What its condition Available is going to say. */
struct availability {
    bool is_available;
    struct sv reason, message;
};
/* True: whoever is at `ret_target` has to be asked for aggregation_discovery_path(). False: that
 * need not be, `ret_why` says why it is unavailable. */
bool aggregation_check(struct fakeapi *api, const struct remote_api *remote, struct arena *arena,
                       struct webhook_target *ret_target, struct availability *ret_why);
struct sv aggregation_discovery_path(const struct remote_api *remote, struct arena *arena);
/* Writes the condition of the APIService of that name, unless it says so already. `body` is what
 * was answered, "" without an answer. */
void aggregation_note(struct fakeapi *api, struct sv name, const struct availability *availability,
                      struct sv body);

/* What it answered at /openapi/v2; "" when it has no such document. Copied. */
void aggregation_note_openapi(struct fakeapi *api, struct sv name, struct sv body);

/* Grows when what any of this depends on was written. */
uint64_t aggregation_news(struct fakeapi *api);

/* --- the server's own --- */

/* Writes the APIServices of built-in groups, once, and keeps those of definitions. For a server
 * that clients look at; without it there are none. */
void aggregation_settle(struct fakeapi *api);

/* Tells aggregated API servers, in the ConfigMap where they look for it, whose certificates are
 * those of users (`client_ca`) and whose those of this server, which names a user in its headers
 * (`proxy_ca`, of a certificate for `proxy_name`). */
struct proxy_identity {
    struct sv client_ca, proxy_ca, proxy_name;
};
void aggregation_publish(struct fakeapi *api, const struct proxy_identity *identity);

#endif
