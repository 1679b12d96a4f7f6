/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass: what the stages of one plan share: the snapshot, what was worked out from it so far, and
 * the plan being written. A stage reads the pass, adds actions to it and opens or closes gates;
 * it never looks at another stage's insides. Everything lives in the plan's arena.
 */
#ifndef CORE_RECONCILE_PASS_H
#define CORE_RECONCILE_PASS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/reconcile/component.h"
#include "core/reconcile/names.h"
#include "core/reconcile/plan.h"
#include "core/reconcile/snapshot.h"

struct arena;
struct cJSON;

/* The controller's DEADLINE_NEVER, spelled here because core/reconcile knows no clock. */
#define WAKE_NEVER INT64_MAX

/* The order in which the actions of one plan go out. */
enum plan_step {
    STEP_READ,     /* live reads and metadata: nothing that others depend on halfway */
    STEP_TRIAL,    /* whether the API server would take what is created */
    STEP_OBJECTS,  /* config maps, services, workloads; or deletions of them */
    STEP_VOLUME,   /* persistent volume and claim */
    STEP_STATUS,   /* status of runtime and dataset, which tells what the steps before did */
    STEP_NODES,    /* labels of nodes */
    STEP_FINALIZE, /* finalizers, after which nothing may be left to do */
    STEP_EVENTS,   /* what a user waits for, told once it is true */
    STEP_EXECUTE,  /* an execution entry, which may take long */
};

/* The first thing that keeps the runtime from going on, for conditions and events. */
struct finding {
    struct sv reason, message;
};

struct pass {
    const struct snapshot *snapshot;
    struct arena *arena;
    struct plan *plan;
    size_t action_capacity;
    struct names names;
    struct component components[COMPONENT_COUNT];

    /* Worked out by the stages, in this order. */
    struct sv runtime_json;     /* the text in the config map; SV("") before it is rendered */
    size_t runtime_json_bytes;  /* what it has, or would have where that is beyond the limit */
    struct sv mounts_hash;      /* of the mounts in it */
    struct pass *base;          /* of the class alone; NULL until render_base_hash() needs it */
    bool was_bound;             /* the dataset's status says that this runtime serves it */
    bool metadata_is_written;   /* no metadata patch in this plan: status may be patched */
    bool is_rolling;            /* a rollout makes progress */
    bool is_held;               /* a pod template waits for the rollout of the class */
    bool is_failed;             /* contract.md §8 */
    bool mounts_wait_for_pod;   /* there is no pod yet that could mount, and need not be */
    bool mounts_changed;        /* the dataset's mounts are not those that were mounted */
    struct finding mounts_held; /* what keeps mounts that changed or are lost from being made */
    bool mounts_are_lost;       /* with mounts_held: the container that mounted is gone */
    struct finding failure;     /* with is_failed */
    struct finding unmounted;   /* clients that serve nothing, for which nothing else waits */
    const struct execution *mounted_by; /* an execution whose success is not recorded yet */
    const struct cJSON *report;         /* the last summary's object, or NULL */
    struct finding report_failure;      /* reason SV("") when there is none */
    bool nobody_reports;                /* no entry is left that could: its figures go as well */
    struct finding check_failure;
    struct sv check_message; /* what a passing check printed, or SV("") */
    bool is_reporting;       /* the first summary is waited for before binding */
    bool volume_is_outdated;
    bool volume_is_deleted; /* likewise: somebody deleted it or its claim, and something holds it */
    bool claim_is_lacking;  /* applications mount a claim that is not bound to its volume */
    bool has_foreign;       /* a name that is needed is somebody else's */
    struct finding stall;   /* what only an edit can repair; with plan->is_stalled */
    struct finding drift;   /* a server that does not keep what is sent: Synced=False */
};

void pass_init(struct pass *pass, const struct snapshot *snapshot, struct arena *arena,
               struct plan *plan);

/* The new action, zeroed but for type, step, reason and message. */
struct action *pass_add(struct pass *pass, enum action_type type, enum plan_step step,
                        struct sv reason, struct sv message);
void pass_event(struct pass *pass, enum event_kind kind, const struct resource *resource,
                const struct cJSON *about, struct sv reason, struct sv message);
/* Plan again at `at_ms` at the latest. */
void pass_wake_at(struct pass *pass, int64_t at_ms);

void pass_open(struct pass *pass, enum gate_id gate);
void pass_close(struct pass *pass, enum gate_id gate, struct sv reason, struct sv message);
/* Closes the gate for something that only an edit can repair. */
void pass_stall(struct pass *pass, enum gate_id gate, struct sv reason, struct sv message);
/* All gates before `gate` are open. */
bool pass_reached(const struct pass *pass, enum gate_id gate);
/* The first closed gate, or NULL. */
const struct gate *pass_first_closed(const struct pass *pass);

/* What the API server does not take, as a sentence; snapshot->write_failure is not SV(""). */
struct sv pass_write_failure(struct pass *pass);
/* When statuses are written: last, so that they tell what the steps before did; first where those
 * fail, or nobody would ever be told. */
enum plan_step pass_status_step(const struct pass *pass);
/* Events from `first_event` on go out just before the status that records them: a controller that
 * dies between the two tells them twice, and never not at all. */
void pass_tell_with_status(struct pass *pass, size_t first_event);

/* Whether an action for that object is already in the plan. */
bool pass_writes(const struct pass *pass, const struct resource *resource, struct sv name);

/* What people read is cut there: as much as an event may say. */
enum { PASS_TEXT_BYTES_MAX = 1024 };
struct sv pass_printf(struct pass *pass, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
