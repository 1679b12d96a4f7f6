/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller_parts: the struct that the files of core/controller share. Internal.
 */
#ifndef CORE_CONTROLLER_CONTROLLER_PARTS_H
#define CORE_CONTROLLER_CONTROLLER_PARTS_H

#include "core/api/selector.h"
#include "core/base/base.h"
#include "core/base/rng.h"
#include "core/controller/controller.h"
#include "core/controller/controller_metrics.h"
#include "core/reconcile/snapshot.h"

struct begin_window;
struct cache_store;
struct claim_lists;
struct event_recorder;
struct map;
struct refusals;
struct request;
struct runtime_state;
struct watches;
struct workqueue;

struct controller {
    struct transport *transport;
    struct clock *clock;
    struct log *log;
    struct arena *texts;
    struct reconcile_options reconcile;
    struct rng rng;

    struct cache_store *store;
    struct workqueue *queue;
    struct begin_window *beginnings; /* of runtimes that are not ready yet */
    struct map *states;              /* "ns/name" -> struct runtime_state */
    struct map *flights;             /* request id -> struct flight */
    struct claim_lists *claim_lists;
    struct node_turns *node_turns; /* whose patches of a node are under way, and who waits */
    struct event_recorder *events;
    struct refusals *refusals;
    struct watches *watches;
    int64_t now_ms;     /* of this turn */
    size_t round_count; /* under way */
    bool is_paused, is_dry_run;
    struct sv namespaces;
    struct sv rollout_scope; /* as in a rollout_snapshot */
    struct selector class_selector;
    struct controller_stats stats;
    struct controller_metrics metrics;
    size_t taken_count; /* completions since the last turn took those that were there */
};

enum flight_type { FLIGHT_ACTION, FLIGHT_WITHDRAWAL, FLIGHT_EXECUTE, FLIGHT_CLAIM_PODS };

/* A request under way whose answer somebody waits for. */
struct flight {
    enum flight_type type;
    uint64_t id;
    struct runtime_state *state;
    size_t action_index; /* with FLIGHT_ACTION, FLIGHT_WITHDRAWAL */
};

/* Sends it and remembers who waits for the answer. */
uint64_t controller_send(struct controller *controller, const struct request *request,
                         enum flight_type type, struct runtime_state *state, size_t action_index);

#endif
