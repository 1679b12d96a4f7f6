/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_state: what the controller remembers of one runtime between plans: live reads, hashes
 * of its own writes, executions, and the round of requests under way. Nothing of it survives a
 * restart, and nothing needs to. Internal to core/controller.
 */
#ifndef CORE_CONTROLLER_RUNTIME_STATE_H
#define CORE_CONTROLLER_RUNTIME_STATE_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"
#include "core/base/vec.h"
#include "core/queue/begin_window.h"
#include "core/reconcile/plan.h"
#include "core/reconcile/rollout.h"
#include "core/reconcile/snapshot.h"

struct arena;
struct cJSON;
struct map;
struct resource;

enum {
    /* Names that one runtime can have touched; beyond it the oldest are forgotten, which costs a
     * read each. */
    RUNTIME_NAMES_MAX = 256,
    /* Servers are away for moments, and edits meet: what lasts longer is worth a condition. */
    FAILED_ROUNDS_QUIET_MAX = 2,
    EXECUTION_OUTPUT_BYTES_MAX = 1024 * 1024,
    /* One for each entry, and one for each of 10,000 workers that are cleaned. */
    RUNTIME_EXECUTIONS_MAX = 10 * 1000 + ENTRY_COUNT,
};

/* What is remembered of one name. */
struct name_memory {
    const struct resource *resource;
    struct sv namespace_name, name; /* one block, which begins at the first */
    enum observed_state fact;       /* of a live read; UNKNOWN: none */
    struct sv bytes;                /* with OBSERVED_PRESENT */
    uint64_t desired_hash, response_hash;
};

struct execution_memory {
    struct arena *arena; /* the texts */
    struct execution execution;
};

/* What the rollout of the class asks about the runtime; class_rollout.h. */
struct rollout_memory {
    char *class_name; /* NULL: never planned with one */
    enum rollout_state state;
    int64_t class_generation; /* that `state` is about */
    bool is_ready, is_granted, was_ready;
    int64_t granted_ms;
    /* Of a class's own state. */
    struct rollout_told told;
    bool is_incomplete; /* when it was looked at last, runtimes of it had not been planned */
    int64_t refused_generation; /* at which the server kept no status of it; 0: it does */
};

/* Requests that failed, until a round goes through. */
struct write_failure {
    int rounds; /* in a row; 0: all goes well */
    bool is_refused;
    bool is_told; /* it is a refusal, or has lasted: plans speak of it */
    char *text;   /* "StatefulSet \"a\": " and the server's words; NULL: a status was not taken */
};

/* What metrics tell of it; controller_metrics.h. */
struct runtime_measures {
    uint8_t runtime_phase, dataset_phase; /* 0: there is no such object */
    uint64_t setup_errors, health_errors;
};

struct runtime_state {
    struct sv key, namespace_name, name;
    VEC(struct name_memory) names; /* about ten: looking through them is cheap, and so are they */
    uint64_t fact_count;           /* changes whenever a fact does */
    int64_t planned_ms;            /* when it was planned last */
    int64_t told_ms;               /* when its status was written last; 0: not yet */
    uint64_t asked_for;            /* by the users' objects at the last plan */
    uint64_t change_count;         /* of what the cache holds for the runtime */

    /* The last one of each entry; of cleanCache the last one in each pod. */
    VEC(struct execution_memory) executions;
    uint64_t execution_id;  /* of the request under way, or 0 */
    size_t execution_index; /* and where its result goes */

    /* The round under way. */
    struct arena *arena; /* the plan's, in which it lives itself; NULL: none */
    struct plan *plan;
    uint32_t step;
    size_t pending_count; /* requests of this step without an answer */
    bool has_failed;
    struct write_failure failure;
    bool waits_for_turn; /* left out the write of a node that another one of ours is writing */
    bool is_overtaken;   /* left one out since its turn came, or passed, during the round */
    int64_t retry_after_ms;
    int64_t paused_until_ms; /* no plan before, unless users ask for else: somebody fights back */
    struct rollout_memory rollout;
    /* Rounds in a row without an empty plan between them, or with one and then the very same
     * writes again: what was written is undone. */
    uint32_t round_count;
    bool has_settled;      /* an empty plan came last */
    uint64_t written_hash; /* of the last round that wrote */
    int64_t written_ms;
    struct runtime_measures measures;
    struct begin_item beginning; /* from its first plan until it is ready */

    /* Inputs of the last plan that had nothing to send. */
    bool has_rested;
    uint64_t rested_inputs;
    uint64_t settled_inputs; /* snapshot.settled_inputs of the next one */
    int64_t rested_until_ms;

    /* Pods that mount the claim, listed only while something is being deleted. */
    struct arena *claim_arena;
    struct cJSON *claim_pods; /* list of reduced pods; NULL: not listed */
    int64_t claim_asked_ms, claim_listed_ms, claim_since_ms; /* the last: first of those lists */
    bool waits_for_claim_pods;
};

struct runtime_state *runtime_state_new(struct sv key);
void runtime_state_free(struct runtime_state *state);

/* An empty plan and the arena of all that it will hold, and the end of both. */
void runtime_state_begin_plan(struct runtime_state *state);
void runtime_state_end_plan(struct runtime_state *state);
/* Room for more than is remembered goes: most runtimes rest most of the time. */
void runtime_state_give_back(struct runtime_state *state);

/* Where an execution is remembered: an index into `executions`, of which the old content, if any,
 * is for the caller to release. */
size_t runtime_state_execution(struct runtime_state *state, enum execution_entry entry,
                               struct sv pod_uid);

/* Of the first request of a round that failed; `code` is why. */
void runtime_state_note_failure(struct runtime_state *state, const struct action *action,
                                enum error_code code, struct sv message);
void runtime_state_forget_failure(struct runtime_state *state);

/* NULL when nothing is remembered of it. Valid until another name is. */
struct name_memory *runtime_state_find_name(const struct runtime_state *state,
                                            const struct resource *resource,
                                            struct sv namespace_name, struct sv name);
/* Never NULL. */
struct name_memory *runtime_state_name(struct runtime_state *state, const struct resource *resource,
                                       struct sv namespace_name, struct sv name);
/* `object` is NULL with OBSERVED_ABSENT and OBSERVED_UNKNOWN. */
void runtime_state_set_fact(struct runtime_state *state, const struct resource *resource,
                            struct sv namespace_name, struct sv name, enum observed_state fact,
                            const struct cJSON *object);
/* Forgets live reads that found something: nothing would tell when they become untrue. */
void runtime_state_forget_present(struct runtime_state *state);
void runtime_state_forget_fact(struct runtime_state *state, const struct resource *resource,
                               struct sv namespace_name, struct sv name);

#endif
