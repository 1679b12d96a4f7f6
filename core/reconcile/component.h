/* SPDX-License-Identifier: Apache-2.0 */
/*
 * component: master, worker and client of one runtime: what class and runtime ask for, and what
 * their workloads report (contract.md §4, fluid-contract.md §2.6). Borrows from the snapshot.
 */
#ifndef CORE_RECONCILE_COMPONENT_H
#define CORE_RECONCILE_COMPONENT_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/reconcile/snapshot.h"

struct arena;
struct cJSON;
struct resource;

#define COMPONENTS(X) X(MASTER, "master") X(WORKER, "worker") X(CLIENT, "client")
#define X(name, text) COMPONENT_##name,
enum component_type { COMPONENTS(X) COMPONENT_COUNT };
#undef X

enum component_phase { PHASE_NOT_READY, PHASE_PARTIAL_READY, PHASE_READY };

struct component {
    enum component_type type;
    struct sv text;                 /* "master" */
    bool is_enabled;                /* the class declares it and the runtime does not disable it */
    const struct cJSON *class_part; /* topology.<c> */
    const struct cJSON *spec;       /* runtime.spec.<c> */
    const struct cJSON *levels;     /* of the tiered store in force; never of a master */

    struct sv workload_name;         /* <rt>-<c> */
    struct sv service_name;          /* of the first unnamed service, or SV("") */
    const struct resource *workload; /* NULL: a kind that we do not know */
    bool has_replicas;
    int64_t replicas;
    bool is_kept;   /* it asks for what its workload does, whatever the runtime asks for */
    bool is_always; /* a client on every node, not only where a volume is mounted */
    bool is_held;   /* its workload stays, of the kind that it is, until the rollout gets here */

    const struct cJSON *observed; /* the workload, or NULL */
    bool is_foreign;              /* the workload of that name is somebody else's */
    bool is_observed;             /* its controller has seen this generation */
    int64_t desired, current, available, unavailable, ready, updated, existing;
    enum component_phase phase;
    bool is_ready_to_bind;
    bool is_rolling; /* replicas that are not at the template yet, where they will get there */
};

void components_init(struct component components[COMPONENT_COUNT], const struct snapshot *snapshot,
                     struct arena *arena);
/* Makes the components those that run, whatever a class says that is gone or cannot be used: they
 * ask for what their workloads ask for. */
void components_read_workloads(struct component components[COMPONENT_COUNT],
                               const struct snapshot *snapshot);

/* The kind of the workload of ours that has the component's name, or NULL. */
const struct resource *component_running_kind(const struct component *component,
                                              const struct snapshot *snapshot);
/* The component stays as `running` for now, whatever kind is asked for, or though none is. */
void component_hold(struct component *component, const struct resource *running,
                    const struct snapshot *snapshot);

struct sv component_phase_text(enum component_phase phase);
/* StatefulSets of Kubernetes and of OpenKruise: pods with ordinals; NULL when class or runtime name
 * another kind. */
bool component_is_stateful_set(const struct component *component);
bool component_is_daemon_set(const struct component *component);
/* Whether pods are replaced by the workload's controller when the template changes. */
struct sv component_update_type(const struct component *component);
/* Workers of a StatefulSet that are more than asked for: they leave one by one. */
bool component_is_scaling_in(const struct component *component);
/* The template's first container, or NULL. */
const struct cJSON *component_container(const struct component *component);
/* The entry's declaration, or NULL. */
const struct cJSON *component_entry(const struct component *component, enum execution_entry entry);

#endif
