/* SPDX-License-Identifier: Apache-2.0 */
/* kubelet_target: the paths under which API servers reach kubelets, and those of the API that
 * clients use for the same, each as the other. */
#ifndef FAKEAPI_HTTP_KUBELET_TARGET_H
#define FAKEAPI_HTTP_KUBELET_TARGET_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

/* "/exec/NAMESPACE/POD/CONTAINER?command=a&output=1" as the request of a client to the API server
 * would be: "/api/v1/namespaces/NAMESPACE/pods/POD/exec?container=CONTAINER&command=a&stdout=1";
 * the same for attach, containerLogs and portForward. "/healthz" stays; anything else becomes a
 * path that nobody serves. In `arena`. */
struct sv kubelet_target(struct sv target, struct arena *arena);

struct kubelet_request {
    struct sv namespace_name, pod;
    struct sv container;   /* SV("") for a port-forward */
    struct sv subresource; /* "exec", "attach", "log" or "portforward" */
    struct sv query;       /* the client's, as it came */
};

/* The other way round: what a client asks of the API as a request to the kubelet. In `arena`. */
struct sv kubelet_request(const struct kubelet_request *request, struct arena *arena);

#endif
