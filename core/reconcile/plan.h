/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan: what to do next for one CacheRuntime, as an ordered list of actions with reasons. Pure:
 * the same snapshot gives the same plan, on every machine.
 *
 * The plan is made of stages in lifecycle order (contract.md §6). Actions carry a step number;
 * those of one step are independent and go out together, the next step starts when all of them
 * succeeded, and the first failure ends the round: the runtime is then planned again.
 * After applying a plan and observing its effect, planning again gives an empty plan (or one
 * that only waits).
 */
#ifndef CORE_RECONCILE_PLAN_H
#define CORE_RECONCILE_PLAN_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"
#include "core/reconcile/snapshot.h"

struct arena;
struct cJSON;
struct resource;

enum action_type {
    ACTION_GET,     /* live read of a name whose state is UNKNOWN; a NotFound is a success */
    ACTION_APPLY,   /* server-side apply of `body`, with or without force */
    ACTION_TRIAL,   /* an apply as a dry run: nothing comes of it but its refusal */
    ACTION_PATCH,   /* `patch_type` says which */
    ACTION_DELETE,  /* a NotFound is a success */
    ACTION_EXECUTE, /* an execution entry in a pod */
    ACTION_EVENT,   /* an event record for the user; aggregated by the controller */
};

enum event_kind { EVENT_NORMAL, EVENT_WARNING };

struct action {
    enum action_type type;
    uint32_t step;
    struct sv reason;  /* identifier: "WorkloadMissing", "MountsChanged" */
    struct sv message; /* sentence for people */

    const struct resource *resource;
    struct sv namespace_name, name, subresource;
    struct cJSON *body;         /* apply, patch, DeleteOptions */
    enum patch_type patch_type; /* with ACTION_PATCH */
    struct sv made_for;         /* resourceVersion that the patch of a shared object was made for */
    struct sv field_manager;    /* SV(""): the controller's */
    bool force;                 /* with ACTION_APPLY */
    bool must_create; /* with ACTION_APPLY, ACTION_TRIAL: an object that is there is a failure, and
                         keeps nothing of ours if somebody else made it */
    uint64_t desired_hash; /* if not 0: remembered, with the answer's hash, as
                              observed.last_desired_hash of the name */

    /* ACTION_EXECUTE: name is the pod's. */
    enum execution_entry entry;
    struct sv container, pod_uid, container_id, input_hash;
    int32_t restart_count;
    const struct sv *command;
    size_t command_count;
    bool has_stdin;
    struct sv stdin_bytes;
    int64_t timeout_ms;

    /* ACTION_EVENT: about the object that resource, namespace and name say. */
    enum event_kind event_kind;
    struct sv object_uid;
};

/* The gates of contract.md §6 in order; the second column is the identifier that explain,
 * conditions and reports use. */
#define GATES(X)                                                                                   \
    X(CLASS, "ClassFound")                                                                         \
    X(DATASET, "DatasetFound")                                                                     \
    X(METADATA, "MetadataWritten")                                                                 \
    X(OBJECTS, "ObjectsWritten")                                                                   \
    X(PODS, "PodsReady")                                                                           \
    X(READY_CHECK, "RuntimeReady")                                                                 \
    X(MOUNTS, "MountsReady")                                                                       \
    X(VOLUME, "VolumeReady")                                                                       \
    X(BOUND, "Bound")                                                                              \
    X(CLAIM, "ClaimBound")                                                                         \
    X(NODES, "NodesLabelled")
#define X(name, text) GATE_##name,
enum gate_id { GATES(X) GATE_COUNT };
#undef X
struct sv gate_text(enum gate_id gate);

struct gate {
    bool is_open;
    struct sv reason;  /* identifier; "" while open */
    struct sv message; /* what it waits for, a sentence; "" while open */
};

/* How the pod templates stand to what class and rendering ask for. */
enum rollout_state {
    ROLLOUT_CURRENT,
    ROLLOUT_UPDATING, /* written, and pods are being replaced */
    ROLLOUT_HELD,     /* the class changed, and snapshot.may_roll is not given */
};

struct plan {
    struct action *actions;
    size_t action_count;
    struct gate gates[GATE_COUNT];
    /* Plan again then at the latest, even if nothing changed; DEADLINE_NEVER: only on change. */
    int64_t wake_ms;
    /* The inputs cannot be acted on (invalid class, name too long, foreign object): the controller
     * backs off instead of planning at once. Conditions in the plan say the same. */
    bool is_stalled;
    enum gate_id stalled_gate; /* where; the first of several */
    enum rollout_state rollout;
    /* What config maps, services and workloads were worked out from, when all of them were found
     * as they should be (objects_inputs.h); 0 otherwise. For snapshot.settled_inputs. */
    uint64_t settled_inputs;
};

/* Everything in `ret_plan` lives in `arena`. Never fails: bad input becomes a closed gate, a
 * condition and an event. A runtime that does not exist gives an empty plan, except for what a
 * dataset alone needs (contract.md §11). */
void plan_runtime(const struct snapshot *snapshot, struct arena *arena, struct plan *ret_plan);

/* True when there is nothing to send: no action. */
bool plan_is_empty(const struct plan *plan);

#endif
