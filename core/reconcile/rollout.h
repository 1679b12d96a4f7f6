/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout: how an edit of a class, or a controller that renders something differently, reaches the
 * runtimes of the class (contract.md §1.6, §2): one canary, then so many at a time; one that misses
 * its deadline stops the rollout until the class is edited again. Pure: what the controller knows
 * of the runtimes goes in, who may change its pod templates now and the class's status come out.
 */
#ifndef CORE_RECONCILE_ROLLOUT_H
#define CORE_RECONCILE_ROLLOUT_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/reconcile/plan.h"

struct arena;
struct cJSON;

/* One runtime of the class, as its last plan left it. */
struct rollout_runtime {
    struct sv key;            /* "ns/name" */
    enum rollout_state state; /* of the plan */
    bool is_ready;
    bool is_granted;     /* it may change its templates */
    bool was_ready;      /* when it was granted: then it counts */
    int64_t granted_ms;  /* with is_granted */
    bool is_granted_now; /* out: this call granted it */
};

/* What was last said of the rollout, and of which generation of the class. */
struct rollout_told {
    struct sv reason; /* SV(""): nothing yet; a literal */
    int64_t generation;
};

struct rollout_snapshot {
    int64_t now_ms;
    /* SV(""): all namespaces are served. Else something in front of the condition's type, "a.b" of
     * the namespaces a and b: such a controller tells of the class by a condition of its own, and
     * has no say in the counts, since it does not know the other runtimes. */
    struct sv scope;
    const struct cJSON *runtime_class;
    struct rollout_runtime *runtimes; /* in order of their keys */
    size_t runtime_count;
    /* Every runtime of the class has been planned: before that nobody is granted anything. */
    bool is_complete;
    /* The server keeps no status of classes: none is written, and what it would tell is here. */
    bool status_is_refused;
    struct rollout_told told; /* in and out */
};

/* Marks grants in `runtimes`. The plan holds the write of the class's status, if it differs, and
 * events; wake_ms is the next deadline. */
void rollout_plan(struct rollout_snapshot *snapshot, struct arena *arena, struct plan *ret_plan);

#endif
