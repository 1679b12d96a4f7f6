/* SPDX-License-Identifier: Apache-2.0 */
/* kubelet_target: the paths under which API servers reach kubelets, as paths of the API. */
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

#endif
