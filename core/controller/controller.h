/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller: joins cache, queue, plan and transport into the reconcile loop. One call of
 * controller_step() takes what arrived, updates the cache, plans the runtimes that are due and
 * starts requests; it never blocks, sleeps or knows a thread. The daemon calls it from epoll,
 * the simulation from its virtual clock.
 */
#ifndef CORE_CONTROLLER_CONTROLLER_H
#define CORE_CONTROLLER_CONTROLLER_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/reconcile/snapshot.h"

struct arena;
struct buf;
struct clock;
struct log;
struct plan;
struct transport;
struct controller; /* opaque */

struct controller_options {
    struct transport *transport; /* borrowed, like clock and log, until controller_free() */
    struct clock *clock;
    struct log *log;
    uint64_t seed;                      /* jitter of back-off and of periodic entries */
    struct reconcile_options reconcile; /* texts are copied */
    struct sv identity;                 /* reported by events as the reporting instance */
    struct sv namespaces;               /* "a,b": the only ones that are served; SV(""): all */
    struct sv class_selector; /* of the only classes that are served, valid; SV(""): all */
    size_t cache_memory_max;  /* as watches_options.memory_max */
    bool is_dry_run;          /* reads and logs what it would write */
    bool streams_lists;       /* asks for lists as streams (WatchList), with pages where refused */
    bool starts_paused;       /* fills its caches only, until controller_pause(false) */
};

struct controller *controller_new(const struct controller_options *options);
/* Cancels what is in flight. Accepts NULL. */
void controller_free(struct controller *controller);
DEFINE_AUTO(controller)

/* One turn of the loop. Returns when it wants to be called again at the latest, if nothing
 * arrives before; now_ms or less means at once. */
int64_t controller_step(struct controller *controller);
/* Takes one completion ahead of the next turn, which would begin with that; false: there is none,
 * or no more than a turn takes. */
bool controller_take(struct controller *controller);

/* A paused controller follows its watches, ends the rounds that are under way and begins none. */
void controller_pause(struct controller *controller, bool is_paused);

/* Whether Datasets are finished by us, as reconcile_options say at first. */
void controller_set_owns_datasets(struct controller *controller, bool owns_datasets);

/* All caches are filled, and none of their kinds has vanished since. Nothing is planned before. */
bool controller_is_synced(const struct controller *controller);
/* One line for each collection that is not in the cache yet, with what stands in the way. */
void controller_list_missing(const struct controller *controller, struct buf *text);
/* One line for each collection: "ok", or what stands in the way. */
void controller_list_all(const struct controller *controller, struct buf *text);
/* As for the missing, for each collection that is in the cache but cannot be followed now. */
void controller_list_stale(const struct controller *controller, struct buf *text);
/* Nothing in flight but watches, nothing due: only an event or a deadline brings work. */
bool controller_is_idle(const struct controller *controller);

struct controller_stats {
    uint64_t plans, empty_plans;
    uint64_t reads, writes, executions, events; /* requests sent; events apart from writes */
    uint64_t skipped;                           /* keys whose inputs had not changed */
    uint64_t relists, watch_events;
    size_t runtimes, objects; /* in the cache */
    size_t cache_bytes;
    uint64_t allocations; /* by reconciles, outside their arenas */
};
void controller_get_stats(const struct controller *controller, struct controller_stats *ret_stats);

/* In Prometheus' text format: the queue, rounds, execution entries, phases, and upstream's. False
 * when the buffer's maximum is reached. */
MUST_CHECK bool controller_write_metrics(const struct controller *controller, struct buf *text);

/* Plans one runtime from the cache as it is now, without acting; for explain and /debug/plan.
 * False when neither a runtime nor a dataset of that name is known. */
bool controller_plan(struct controller *controller, struct sv namespace_name, struct sv name,
                     struct arena *arena, struct plan *ret_plan);

#endif
