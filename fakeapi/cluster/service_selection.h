/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_selection: which pods a service selects and which services select a pod, without
 * looking at all of either. Pods are found under each of their labels; a service is found under
 * the one pair of its selector that is likely to be the rarest. It keeps names, no objects. Pure.
 */
#ifndef FAKEAPI_CLUSTER_SERVICE_SELECTION_H
#define FAKEAPI_CLUSTER_SERVICE_SELECTION_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct service_selection; /* opaque */

struct service_selection *service_selection_new(void);
/* Accepts NULL. */
void service_selection_free(struct service_selection *selection);

/* `before` is the state that was put last, NULL for none; `now` NULL when it went. */
void service_selection_put_pod(struct service_selection *selection, const struct cJSON *now,
                               const struct cJSON *before);
void service_selection_put_service(struct service_selection *selection, const struct cJSON *now,
                                   const struct cJSON *before);

/* The names of pods that may match the service's selector: all that do, and some that only
 * share a label. Sorted, in `arena`. */
const struct sv *service_selection_pods(const struct service_selection *selection,
                                        const struct cJSON *service, struct arena *arena,
                                        size_t *ret_count);
/* Calls `found` with the name of each service that may select a pod with the pod's labels. */
void service_selection_services(const struct service_selection *selection, const struct cJSON *pod,
                                void (*found)(void *context, struct sv name), void *context);

/* Whether all pairs of the service's selector are labels of the pod; an empty one selects none. */
bool service_selects(const struct cJSON *service, const struct cJSON *pod);

#endif
