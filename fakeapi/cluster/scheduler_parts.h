/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler_parts: the structs that the scheduler's files share. Not for others.
 */
#ifndef FAKEAPI_CLUSTER_SCHEDULER_PARTS_H
#define FAKEAPI_CLUSTER_SCHEDULER_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/base/vec.h"

struct affinity;
struct agent;
struct agent_cache;
struct agent_part;
struct arena;
struct cJSON;
struct counted_term;
struct map;
struct scheduled_pod;

enum {
    /* Kinds of resources that are told apart; a pod that asks for more kinds than the table
     * holds fits nowhere. */
    AMOUNTS_MAX = 16,
    AMOUNT_CPU = 0, /* thousandths; the others in whole units */
    AMOUNT_MEMORY = 1,
    /* Ten bits for each of the four hundred labels that the caches on a full node give it. */
    LABEL_WORDS = 64,
};

struct amounts {
    int64_t of[AMOUNTS_MAX];
};

struct scheduled_node {
    const struct cJSON *tree; /* in the cache */
    struct amounts allocatable, used;
    struct amounts weighed; /* used, with the defaults of scoring for pods that ask for nothing */
    int64_t pods_max;
    const struct cJSON *labels, *taints; /* of the tree */
    uint64_t label_bits[LABEL_WORDS];    /* one for each label, by the hash of its key */
    bool is_unschedulable;
    VEC(struct scheduled_pod *) pods;
    char *name;
    size_t number; /* in the order of first sight */
};

/* A pod that holds resources of a node: bound, or assumed to be after our binding. */
struct scheduled_pod {
    const struct cJSON *tree; /* in the cache */
    struct scheduled_node *node;
    struct amounts requests, weighed;
    int64_t assumed_ms;         /* 0: the server says so */
    uint64_t selected_by;       /* bits of the terms that are tracked and select it */
    struct counted_term **held; /* its required anti-affinity terms */
    size_t held_count;
};

/* A pod that fits nowhere. */
struct waiting_pod {
    int64_t backoff_ms, retry_ms;
    bool is_moved; /* something changed since the last try */
};

struct scheduler {
    struct agent *agent;
    struct agent_part *part;
    struct agent_cache *pods, *nodes, *claims, *volumes, *classes;
    size_t volumes_by_owner; /* "ns/name" of its claim, or " class" while it has none */
    struct arena *texts;
    struct sv amount_names[AMOUNTS_MAX];
    size_t amount_count;
    VEC(struct scheduled_node *) by_name; /* sorted */
    size_t first_node;                    /* the next pod looks at this one first */
    struct map *scheduled;                /* "ns/name" -> struct scheduled_pod */
    struct map *waiting;                  /* "ns/name" -> struct waiting_pod */
    struct affinity *affinity;
};

/* What one try to place one pod knows. */
struct attempt {
    struct scheduler *scheduler;
    const struct cJSON *pod;
    struct arena *arena;
    /* Of the pod's spec; looked up once, since every node is asked about them. */
    const struct cJSON *node_selector, *required_nodes, *preferred_nodes;
    bool has_host_ports, has_volumes;
    const struct cJSON **delayed; /* claims that wait for the pod's node */
    size_t delayed_count;
    bool is_volume_decided; /* one of them is about to be bound */
    struct amounts requests, weighed;
    bool has_unknown_resource;
    const char **refused_by_affinity; /* by the node's number: the reason, or NULL */
    const char **refused_by_spread;   /* the same; NULL without constraints */
};

/* How many nodes that fit are enough to choose from, as kube-scheduler has it by default. */
size_t scheduler_nodes_wanted(size_t node_count);

/* Why a node does not fit; SV("") in an unused place. */
enum { REASONS_MAX = AMOUNTS_MAX + 1 };
struct refusal {
    struct sv reasons[REASONS_MAX];
    size_t count;
    bool helps_preemption; /* other pods are in the way */
};

/* --- scheduler_fit.c --- */

/* Adds a list of resources in the maps' form ({"cpu": "1"}); false for too many kinds. */
bool amounts_read(struct scheduler *scheduler, const struct cJSON *map, struct amounts *amounts);
/* What a pod asks for: the larger of its containers' sum and its init containers. */
bool amounts_of_pod(struct scheduler *scheduler, const struct cJSON *pod, struct amounts *requests,
                    struct amounts *weighed);
/* Fills what `attempt` says about the pod alone. */
void attempt_prepare(struct attempt *attempt);
void amounts_add(struct amounts *sum, const struct amounts *other, int sign);
/* True when the node can take the pod. */
bool node_fits(struct attempt *attempt, const struct scheduled_node *node,
               struct refusal *ret_refusal);

/* nodeSelector and required node affinity. */
bool node_is_selected(struct attempt *attempt, const struct scheduled_node *node,
                      struct refusal *refusal);

/* --- scheduler_terms.c --- */

/* nodeSelectorTerms: any of them matches the node. */
bool terms_match_node(const struct cJSON *terms, const struct cJSON *node);
bool term_matches_node(const struct cJSON *term, const struct cJSON *node);
/* A label without which no node matches the term, or SV(""). */
struct sv term_needs_label(const struct cJSON *term);
/* Of the node's labels as they are now. */
void node_note_labels(struct scheduled_node *node);
/* False: it has no label whose key has that hash (of sv_hash()). Caches label nodes by the
 * hundred, and most nodes can be told not to be meant without a look at their labels. */
static inline bool node_may_have_label(const struct scheduled_node *node, uint64_t key_hash) {
    return node->label_bits[key_hash / 64 % LABEL_WORDS] >> key_hash % 64 & 1;
}
bool pod_tolerates(const struct cJSON *pod, const struct cJSON *taint);
/* The first taint of the node with that effect that the pod does not tolerate, or NULL. */
const struct cJSON *untolerated_taint(const struct cJSON *pod, const struct scheduled_node *node,
                                      bool is_preference);

/* --- scheduler_affinity.c --- */

struct affinity *affinity_new(void);
void affinity_free(struct affinity *affinity);
/* A pod came to its node, was seen again there (with other labels, maybe), or leaves it. */
void affinity_add_pod(struct scheduler *scheduler, struct scheduled_pod *pod);
void affinity_update_pod(struct scheduler *scheduler, struct scheduled_pod *pod);
void affinity_remove_pod(struct scheduler *scheduler, struct scheduled_pod *pod);
/* The node's labels may be others. */
void affinity_update_node(struct scheduler *scheduler, const struct scheduled_node *node);
/* Fills attempt->refused_by_affinity. */
void affinity_prepare(struct attempt *attempt);
/* Adds the weights of preferred pod (anti-)affinity to `scores`, one for each node. */
void affinity_score(struct attempt *attempt, int64_t *scores);

/* The pods that a PodAffinityTerm selects, and where they are; by the place in by_name. */
struct counted_pods {
    const int64_t *pods;
    const uint32_t *domains; /* numbered from 1; 0 is a node without the topology key */
    size_t domain_count;
    bool selects_pod; /* the one to be placed */
};
struct counted_pods affinity_count(struct attempt *attempt, const struct cJSON *term);

/* --- scheduler_volumes.c --- */

/* An index of volumes. */
struct sv scheduler_key_of_volume(const struct cJSON *volume, struct arena *arena);
/* The claim is bound only once a pod's node is known. */
bool claim_is_delayed(const struct attempt *attempt, const struct cJSON *claim);
bool claim_is_decided(const struct attempt *attempt, const struct cJSON *claim);
/* Whether the delayed claims can be bound to volumes that are reached from the node. */
bool node_has_volumes(struct attempt *attempt, const struct scheduled_node *node);
/* Has the delayed claims bound for that node. */
void volumes_choose(struct attempt *attempt, struct sv key, const struct scheduled_node *node);

/* --- scheduler_spread.c --- */

/* Fills attempt->refused_by_spread. */
void spread_prepare(struct attempt *attempt);
bool spread_allows(const struct attempt *attempt, const struct scheduled_node *node,
                   struct sv *ret_reason, bool *ret_helps_preemption);
/* Adds what constraints that may be broken say to `scores`, one for each place in by_name. */
void spread_score(struct attempt *attempt, int64_t *scores);

/* --- scheduler_score.c --- */

/* The best of `nodes`; count is at least 1. */
struct scheduled_node *best_node(struct attempt *attempt, struct scheduled_node **nodes,
                                 size_t count);

#endif
