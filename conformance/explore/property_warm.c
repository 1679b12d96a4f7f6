/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/property_warm.h"

#include "conformance/explore/generate.h"
#include "conformance/explore/generated_worlds.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "fakeapi/cluster/world.h"

/* A case is run without its faults and with them. */
enum { RUNS_MAX = 2, WARM_MAX = RUNS_MAX * GENERATED_WORLDS };

struct property_warm {
    struct session_options options[WARM_MAX];
    struct session *sessions[WARM_MAX]; /* NULL: taken, or it could not be made */
};

static struct session_options options_of(uint64_t seed, size_t world) {
    return (struct session_options){
        .seed = seed,
        .node_count = generated_worlds[world].node_count,
        .image_pull_ms = -1,
        .pod_start_ms = -1,
        .config_map_lag_ms = generated_worlds[world].config_map_lag_ms,
    };
}

struct property_warm *property_warm_new(uint64_t seed) {
    struct property_warm *warm = mem_alloc(sizeof(*warm));
    for (size_t i = 0; i < WARM_MAX; i++) {
        struct error err = {0};
        warm->options[i] = options_of(seed, i / RUNS_MAX);
        /* What fails here fails in the case again, and is told there. */
        warm->sessions[i] = session_new(&warm->options[i], &err);
    }
    return warm;
}

void property_warm_free(struct property_warm *warm) {
    for (size_t i = 0; warm && i < WARM_MAX; i++)
        session_free(warm->sessions[i]);
    mem_free(warm);
}

static bool is_like(const struct session_options *a, const struct session_options *b) {
    return a->seed == b->seed && session_node_count(a) == session_node_count(b) &&
           a->image_pull_ms == b->image_pull_ms && a->pod_start_ms == b->pod_start_ms &&
           a->config_map_lag_ms == b->config_map_lag_ms &&
           a->without_controller == b->without_controller;
}

struct session *property_warm_take(struct property_warm *warm,
                                   const struct session_options *options, struct error *err) {
    for (size_t i = 0; warm && i < WARM_MAX; i++) {
        struct session *session = warm->sessions[i];
        if (!session || !is_like(&warm->options[i], options))
            continue;
        warm->sessions[i] = NULL;
        for (size_t k = 0; k < options->engine_count; k++)
            world_add_engine(session_world(session), &options->engines[k]);
        return session;
    }
    return session_new(options, err);
}
