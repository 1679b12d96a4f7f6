/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_slice_parts: what the files of the endpoint slice controller share: the controller,
 * and what it makes of one pod behind one service.
 */
#ifndef FAKEAPI_CLUSTER_ENDPOINT_SLICE_PARTS_H
#define FAKEAPI_CLUSTER_ENDPOINT_SLICE_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct agent;
struct agent_cache;
struct agent_part;
struct arena;
struct cJSON;
struct service_selection;

struct endpoint_slice_controller {
    struct agent *agent;
    struct agent_part *part; /* keys are services, "ns/name" */
    struct agent_cache *services, *pods, *nodes, *slices, *endpoints;
    size_t slices_by_service; /* by the uid of the service */
    struct service_selection *selection;
};

/* A pod behind the service that is being reconciled. */
struct backend {
    const struct cJSON *pod;
    struct sv address, address_type;
    struct sv hostname, node_name; /* SV("") for none */
    bool is_serving, is_terminating;
    struct cJSON *ports; /* those of the service as numbers of this pod */
    struct sv group;     /* address type and ports as text: a slice holds one group */
};

/* One service and its pods, sorted by name, while they are compared with what there is. */
struct service_pass {
    struct endpoint_slice_controller *controller;
    const struct cJSON *service;
    struct sv key;
    struct arena *arena;
    struct backend *backends;
    size_t backend_count;
    bool is_headless;
    bool publishes_unready;
    struct sv trigger_time; /* of the newest change that the endpoints show */
};

/* endpoint_slice_backends.c */
void backends_find(struct service_pass *pass);
/* The targetRef of its endpoint. */
struct cJSON *backend_target(struct service_pass *pass, const struct backend *backend);

/* endpoint_slice_plan.c */
void slices_write(struct service_pass *pass);
/* Labels of what belongs to the service: its own, and what marks headless ones. */
struct cJSON *service_labels(struct service_pass *pass);
/* A patch of labels that turns `present` into `wanted`, and adds the trigger time; NULL when the
 * labels are equal and `is_forced` is false. */
struct cJSON *metadata_patch(struct service_pass *pass, const struct cJSON *present,
                             const struct cJSON *wanted, bool is_forced);

/* endpoint_slice_legacy.c */
void endpoints_write(struct service_pass *pass);
void endpoints_delete(struct endpoint_slice_controller *controller, struct sv key,
                      struct arena *arena);

#endif
