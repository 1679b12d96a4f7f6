/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world_fixture: what the tests of the simulated cluster share: a world with nodes, and requests
 * given and read as JSON text. Only for tests.
 */
#ifndef FAKEAPI_CLUSTER_WORLD_FIXTURE_H
#define FAKEAPI_CLUSTER_WORLD_FIXTURE_H

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/server/fakeapi.h"

enum { FIXTURE_START_MS = 1000000 };

static inline void fixture_run_ms(struct world *world, int64_t duration_ms) {
    world_run_until(world, world_now_ms(world) + duration_ms, NULL, NULL);
}

/* Nothing takes time unless the test says so. */
static inline struct world *fixture_world(size_t node_count, int64_t pod_start_ms) {
    struct world *world = world_new(&(struct world_options){.seed = 1,
                                                            .start_ms = FIXTURE_START_MS,
                                                            .node_count = node_count,
                                                            .pod_start_ms = pod_start_ms,
                                                            .config_map_lag_ms = 60000});
    fixture_run_ms(world, 1);
    return world;
}

/* The HTTP status. */
static inline int fixture_send(struct world *world, struct arena *arena,
                               const struct request *request) {
    struct api_response response;
    fakeapi_handle(world_api(world), request, SV("test"), arena, &response);
    return response.http_status;
}

static inline int fixture_create(struct world *world, struct arena *arena,
                                 const struct resource *resource, const char *text) {
    struct error err = {0};
    const struct cJSON *object = json_read(arena, sv_from(text), &err);
    struct request request = agent_create(resource, object);
    return object ? fixture_send(world, arena, &request) : 0;
}

static inline const struct cJSON *fixture_get(struct world *world, struct arena *arena,
                                              const struct resource *resource, const char *name) {
    struct request request = request_to(VERB_GET, resource, SV("default"), sv_from(name));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return response.http_status == 200 ? response.body : NULL;
}

/* The first event of that reason in namespace "default", NULL for none. */
static inline const struct cJSON *fixture_event(struct world *world, struct arena *arena,
                                                struct sv reason) {
    struct request request = request_to(VERB_LIST, &RESOURCE_EVENTS, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    JSON_EACH (event, json_get(response.body, SV("items")))
        if (sv_eq(json_find_string(event, "reason"), reason))
            return event;
    return NULL;
}

#define FIXTURE_POD(name, labels, spec)                                                            \
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"default\",\"name\":"    \
    "\"" name "\",\"labels\":{" labels                                                             \
    "}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"                                   \
    "\"img\"" spec "}"

#endif
