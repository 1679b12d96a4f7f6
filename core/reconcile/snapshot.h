/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot: everything that the plan of one CacheRuntime may read, gathered by the controller at
 * one moment. Trees are borrowed from the cache for as long as the snapshot is used. A plan is a
 * function of this struct and nothing else.
 */
#ifndef CORE_RECONCILE_SNAPSHOT_H
#define CORE_RECONCILE_SNAPSHOT_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"

struct cJSON;
struct resource;

/* What is known of one object by name. The cache holds only objects that carry our labels, so
 * that a name it does not hold is UNKNOWN until a live GET has answered. */
enum observed_state { OBSERVED_UNKNOWN, OBSERVED_ABSENT, OBSERVED_PRESENT };

struct observed {
    const struct resource *resource;
    struct sv namespace_name, name;
    enum observed_state state;
    const struct cJSON *object; /* with OBSERVED_PRESENT */
    /* Hash of the desired object and of the server's answer at our last write of this name, or
     * 0. A server that never shows what was sent is not written to again until one changes.
     * The response's is covers_content_hash() of covers.h. For the runtime itself the first is
     * the desired_hash of the last status patch. */
    uint64_t last_desired_hash, last_response_hash;
};

#define EXECUTION_ENTRIES(X)                                                                       \
    X(CHECK_RUNTIME_READY, "checkRuntimeReady")                                                    \
    X(MOUNT_UFS, "mountUFS")                                                                       \
    X(REPORT_SUMMARY, "reportSummary")                                                             \
    X(CLEAN_CACHE, "cleanCache")
#define X(name, text) ENTRY_##name,
enum execution_entry { EXECUTION_ENTRIES(X) ENTRY_COUNT };
#undef X
struct sv execution_entry_text(enum execution_entry entry);

/* The last execution of one entry by this process in one pod; the controller forgets them when
 * it restarts, so a plan must be able to begin again without them. */
struct execution {
    enum execution_entry entry;
    struct sv pod_name, pod_uid, container_id;
    int32_t restart_count;
    struct sv input_hash; /* what the plan put into the action: config and dataset mounts */
    bool is_running;
    int64_t started_ms, finished_ms;
    int64_t tried_since_ms;   /* when it was first tried in that container with that input */
    int consecutive_failures; /* of this entry for this runtime, this one included */
    int failures_before;      /* those of them in another container or with another input */
    enum error_code error;    /* ERROR_NONE: the process ran to its end */
    struct sv error_message;
    int64_t not_before_ms; /* the server takes none before then (Retry-After); 0: it said nothing */
    int exit_code;
    struct sv stdout_bytes, stderr_bytes;
    struct sv last_good_stdout; /* of the last one before it that ended with 0 */
    bool stands_in; /* for a pod before it that could not be reached, or did so last time */
};

/* It ended without having reached the pod: another one may take the pod's place. */
bool execution_is_unreached(const struct execution *execution);
/* Whether one in that pod, after `last` or NULL, stands in. */
bool execution_will_stand_in(const struct execution *last, struct sv pod_uid);

struct reconcile_options {
    struct sv mount_root;         /* "/runtime-mnt"; upstream's MOUNT_ROOT */
    struct sv field_manager;      /* "cacheruntime-controller" */
    bool owns_datasets;           /* do the dataset controller's duties too (contract.md §11) */
    int64_t resync_ms;            /* 600,000 */
    struct sv host_path_prefixes; /* "/mnt:/data": levels lie below one of them; SV(""): anywhere */
    struct sv excluded_nodes;     /* selector: nodes that get no labels of caches; SV(""): none */
    uint64_t jitter_seed;         /* spreads periodic work: hash of the runtime's uid by default */
};

struct snapshot {
    int64_t now_ms;
    struct sv namespace_name, name; /* the key of the runtime, and of its dataset */
    /* NULL: does not exist. */
    const struct cJSON *runtime_class, *runtime, *dataset;

    /* Everything else by name: workloads, services, config maps, volume, claim; datasets that refer
     * to one that is being deleted. */
    const struct observed *objects;
    size_t object_count;

    /* Pods that carry the runtime's label; in order of their names. */
    const struct cJSON *const *pods;
    size_t pod_count;
    /* Pods of the namespace that mount the runtime's claim. They are listed only while something
     * is deleted or the volume is outdated. */
    const struct cJSON *const *claim_pods;
    size_t claim_pod_count;
    bool claim_pods_are_listed;
    /* Metadata of nodes: those that run a pod of this runtime or carry one of its labels; in
     * order of their names. */
    const struct cJSON *const *nodes;
    size_t node_count;
    /* Other runtimes that share generated keys or names with this one ("a-b"/"c", "a"/"b-c"). */
    const struct cJSON *const *rivals;
    size_t rival_count;

    const struct execution *executions;
    size_t execution_count;

    /* Pod templates may change for what is not an edit of this runtime or its dataset (rollout.h).
     */
    bool may_roll;

    /* What the API server refuses to take of the last plan, or did not take in some tries: "Kind
     * "name": why"; SV("") while all goes well. */
    struct sv write_failure;

    /* When this process wrote the runtime's status last; 0: not yet. */
    int64_t told_ms;

    /* plan.settled_inputs of the last plan; 0: none. */
    uint64_t settled_inputs;

    const struct reconcile_options *options;
};

/* Never NULL: a name that is not in the list is UNKNOWN. */
const struct observed *snapshot_find(const struct snapshot *snapshot,
                                     const struct resource *resource, struct sv namespace_name,
                                     struct sv name);
/* A pod that mounts the claim and has not ended, or NULL. */
const struct cJSON *snapshot_claim_user(const struct snapshot *snapshot);
/* The last execution of an entry (in any pod), or NULL. */
const struct execution *snapshot_execution(const struct snapshot *snapshot,
                                           enum execution_entry entry);

#endif
