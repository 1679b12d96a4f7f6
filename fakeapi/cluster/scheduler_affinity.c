/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pod affinity. Pods of one workload ask the same, and so do most workloads: for each term that
 * is asked, and for each that keeps others away, the pods on each node are counted once and the
 * counts kept up to date, so that placing a pod costs the nodes and not the pods.
 */
#include "core/api/object.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/scheduler_parts.h"

#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"

/* Bits of scheduled_pod.selected_by. Beyond it, the term that was asked longest ago is counted
 * anew when it is asked again. */
enum { TRACKED_MAX = 64 };

static const char refused_affinity[] = "node(s) didn't match pod affinity rules";
static const char refused_anti_affinity[] = "node(s) didn't match pod anti-affinity rules";
static const char refused_by_existing[] =
    "node(s) didn't satisfy existing pods anti-affinity rules";

/* The values of one node label, numbered from 1; 0 is a node without it. */
struct topology {
    struct sv key;
    struct map *numbers;   /* value -> its number */
    VEC(uint32_t) domains; /* by the node's number */
};

/* A PodAffinityTerm of `owner`, ready to be asked. */
struct term {
    struct selector selector;
    const struct cJSON *namespaces;
    struct sv own_namespace, topology_key;
};

/* A term and how many pods on each node it selects (tracked) or belongs to (held). */
struct counted_term {
    struct arena *arena;
    struct sv key;
    struct term term;
    struct topology *topology;
    VEC(int64_t) pods; /* by the node's number */
    size_t pod_count;
    uint64_t asked; /* when, in attempts */
};

struct affinity {
    struct map *topologies;
    struct counted_term *tracked[TRACKED_MAX];
    struct map *held; /* counted_term.key -> struct counted_term */
    uint64_t asked;
};

/* --- topologies --- */

static struct sv label_of(const struct scheduled_node *node, struct sv key) {
    return node->tree ? json_text(json_get(node->labels, key)) : SV("");
}

static void topology_update(struct topology *topology, const struct scheduled_node *node) {
    struct sv value = label_of(node, topology->key);
    uintptr_t number = value.len ? (uintptr_t)map_get(topology->numbers, value) : 0;
    if (value.len && !number) {
        number = map_count(topology->numbers) + 1;
        map_put(topology->numbers, value, (void *)number);
    }
    while (topology->domains.count <= node->number)
        vec_push(&topology->domains, 0);
    topology->domains.items[node->number] = (uint32_t)number;
}

static struct topology *topology_of(struct scheduler *scheduler, struct sv key) {
    struct topology *topology = map_get(scheduler->affinity->topologies, key);
    if (topology)
        return topology;
    topology = mem_alloc(sizeof(*topology));
    topology->key = arena_copy(scheduler->texts, key);
    topology->numbers = map_new();
    map_put(scheduler->affinity->topologies, key, topology);
    for (size_t i = 0; i < scheduler->by_name.count; i++)
        topology_update(topology, scheduler->by_name.items[i]);
    return topology;
}

/* 0 for none. */
static uint32_t domain_of(const struct topology *topology, const struct scheduled_node *node) {
    return node->number < topology->domains.count ? topology->domains.items[node->number] : 0;
}

void affinity_update_node(struct scheduler *scheduler, const struct scheduled_node *node) {
    size_t cursor = 0;
    void *topology;
    while (map_next(scheduler->affinity->topologies, &cursor, NULL, &topology))
        topology_update(topology, node);
}

/* --- terms --- */

static struct term read_term(struct arena *arena, const struct cJSON *term,
                             const struct cJSON *owner) {
    struct error err = {0};
    struct term result = {
        .namespaces = json_get(term, SV("namespaces")),
        .own_namespace = object_namespace(owner),
        .topology_key = json_string_or(term, SV("topologyKey"), SV("")),
    };
    if (!selector_from_object(arena, json_get(term, SV("labelSelector")), &result.selector, &err))
        result.selector = (struct selector){.matches_nothing = true};
    return result;
}

static bool term_matches_pod(const struct term *term, const struct cJSON *pod) {
    bool is_in = json_count(term->namespaces) == 0
                     ? sv_eq(object_namespace(pod), term->own_namespace)
                     : json_has_text(term->namespaces, object_namespace(pod));
    return is_in && selector_matches(&term->selector, json_find(pod, "metadata.labels"));
}

/* Terms that say the same about the same namespaces are one. */
static struct sv key_of(struct arena *arena, const struct cJSON *item, const struct cJSON *owner) {
    struct sv text = json_write_arena(arena, item, JSON_COMPACT);
    return arena_printf(arena, "%.*s %.*s", SV_ARG(object_namespace(owner)), SV_ARG(text));
}

static struct counted_term *counted_new(struct scheduler *scheduler, struct sv key,
                                        const struct cJSON *item, const struct cJSON *owner) {
    struct counted_term *counted = mem_alloc(sizeof(*counted));
    counted->arena = arena_new();
    counted->key = arena_copy(counted->arena, key);
    counted->term = read_term(counted->arena, json_copy(counted->arena, item), owner);
    counted->term.own_namespace = arena_copy(counted->arena, counted->term.own_namespace);
    counted->topology = topology_of(scheduler, counted->term.topology_key);
    return counted;
}

static void counted_free(struct counted_term *counted) {
    if (!counted)
        return;
    vec_release(&counted->pods);
    arena_free(counted->arena);
    mem_free(counted);
}

static void count(struct counted_term *counted, const struct scheduled_node *node, int64_t by) {
    while (counted->pods.count <= node->number)
        vec_push(&counted->pods, 0);
    counted->pods.items[node->number] += by;
    counted->pod_count += (size_t)by;
}

/* How many of its pods are in each domain, by number; 0 for nodes that are in none. */
static int64_t *sum_domains(const struct counted_term *counted, struct arena *arena) {
    const struct topology *topology = counted->topology;
    int64_t *sums = ARENA_ARRAY(arena, int64_t, map_count(topology->numbers) + 1);
    for (size_t i = 0; i < counted->pods.count && i < topology->domains.count; i++)
        sums[topology->domains.items[i]] += counted->pods.items[i];
    sums[0] = 0;
    return sums;
}

/* --- terms that are tracked since pods to be placed ask them --- */

static void track_pod(struct counted_term *counted, size_t slot, struct scheduled_pod *pod) {
    uint64_t bit = (uint64_t)1 << slot;
    bool is_selected = term_matches_pod(&counted->term, pod->tree);
    bool was_selected = (pod->selected_by & bit) != 0;
    if (is_selected == was_selected)
        return;
    pod->selected_by ^= bit;
    count(counted, pod->node, is_selected ? 1 : -1);
}

/* The slot of the term, or else a free one, or else the one that was asked longest ago. */
static size_t find_slot(const struct affinity *affinity, struct sv key) {
    size_t best = 0;
    for (size_t i = 0; i < TRACKED_MAX; i++) {
        const struct counted_term *counted = affinity->tracked[i];
        if (!counted || sv_eq(counted->key, key))
            return i;
        if (counted->asked < affinity->tracked[best]->asked)
            best = i;
    }
    return best;
}

static void track(struct scheduler *scheduler, size_t slot, struct counted_term *counted) {
    size_t cursor = 0;
    void *value;
    scheduler->affinity->tracked[slot] = counted;
    while (map_next(scheduler->scheduled, &cursor, NULL, &value)) {
        struct scheduled_pod *pod = value;
        pod->selected_by &= ~((uint64_t)1 << slot);
        track_pod(counted, slot, pod);
    }
}

static const struct counted_term *ask(struct attempt *attempt, const struct cJSON *item) {
    struct affinity *affinity = attempt->scheduler->affinity;
    struct sv key = key_of(attempt->arena, item, attempt->pod);
    size_t slot = find_slot(affinity, key);
    if (!affinity->tracked[slot] || !sv_eq(affinity->tracked[slot]->key, key)) {
        counted_free(affinity->tracked[slot]);
        affinity->tracked[slot] = NULL;
        track(attempt->scheduler, slot, counted_new(attempt->scheduler, key, item, attempt->pod));
    }
    affinity->tracked[slot]->asked = ++affinity->asked;
    return affinity->tracked[slot];
}

/* --- terms that pods hold, which keep others away --- */

static void hold(struct scheduler *scheduler, struct scheduled_pod *pod, const struct cJSON *item) {
    AUTO(arena) arena = arena_new();
    struct sv key = key_of(arena, item, pod->tree);
    struct counted_term *counted = map_get(scheduler->affinity->held, key);
    if (!counted) {
        counted = counted_new(scheduler, key, item, pod->tree);
        map_put(scheduler->affinity->held, key, counted);
    }
    count(counted, pod->node, 1);
    pod->held[pod->held_count++] = counted;
}

static void let_go(struct affinity *affinity, struct scheduled_pod *pod,
                   struct counted_term *counted) {
    count(counted, pod->node, -1);
    if (counted->pod_count > 0)
        return;
    map_remove(affinity->held, counted->key);
    counted_free(counted);
}

/* --- pods that come and go --- */

void affinity_update_pod(struct scheduler *scheduler, struct scheduled_pod *pod) {
    for (size_t i = 0; i < TRACKED_MAX && scheduler->affinity->tracked[i]; i++)
        track_pod(scheduler->affinity->tracked[i], i, pod);
}

void affinity_add_pod(struct scheduler *scheduler, struct scheduled_pod *pod) {
    const struct cJSON *terms = json_find(pod->tree, "spec.affinity.podAntiAffinity." REQUIRED);
    affinity_update_pod(scheduler, pod);
    if (json_count(terms) == 0)
        return;
    pod->held = mem_alloc(sizeof(struct counted_term *) * json_count(terms));
    JSON_EACH (item, terms)
        hold(scheduler, pod, item);
}

void affinity_remove_pod(struct scheduler *scheduler, struct scheduled_pod *pod) {
    struct affinity *affinity = scheduler->affinity;
    for (size_t i = 0; i < TRACKED_MAX; i++)
        if (pod->selected_by >> i & 1)
            count(affinity->tracked[i], pod->node, -1);
    for (size_t i = 0; i < pod->held_count; i++)
        let_go(affinity, pod, pod->held[i]);
    mem_free(pod->held);
    pod->held = NULL;
    pod->selected_by = pod->held_count = 0;
}

/* --- placing a pod --- */

static void refuse_node(struct attempt *attempt, const struct scheduled_node *node,
                        const char *reason) {
    if (!attempt->refused_by_affinity[node->number])
        attempt->refused_by_affinity[node->number] = reason;
}

static bool any_above_zero(const struct topology *topology, const int64_t *sums) {
    for (size_t i = 1; i <= map_count(topology->numbers); i++)
        if (sums[i] > 0)
            return true;
    return false;
}

/* A pod that its own affinity term selects may be the first of its group. */
static void prepare_term(struct attempt *attempt, const struct cJSON *item, bool is_anti) {
    struct scheduler *scheduler = attempt->scheduler;
    const struct counted_term *counted = ask(attempt, item);
    const int64_t *sums = sum_domains(counted, attempt->arena);
    bool is_first =
        !any_above_zero(counted->topology, sums) && term_matches_pod(&counted->term, attempt->pod);
    for (size_t i = 0; i < scheduler->by_name.count; i++) {
        const struct scheduled_node *node = scheduler->by_name.items[i];
        uint32_t domain = domain_of(counted->topology, node);
        if (is_anti && sums[domain] > 0)
            refuse_node(attempt, node, refused_anti_affinity);
        if (!is_anti && sums[domain] == 0 && !(is_first && domain))
            refuse_node(attempt, node, refused_affinity);
    }
}

/* Anti-affinity holds in both directions: pods that are there keep this one away. */
static void prepare_repelled(struct attempt *attempt, const struct counted_term *counted) {
    struct scheduler *scheduler = attempt->scheduler;
    if (!term_matches_pod(&counted->term, attempt->pod))
        return;
    const int64_t *sums = sum_domains(counted, attempt->arena);
    for (size_t i = 0; i < scheduler->by_name.count; i++)
        if (sums[domain_of(counted->topology, scheduler->by_name.items[i])] > 0)
            refuse_node(attempt, scheduler->by_name.items[i], refused_by_existing);
}

void affinity_prepare(struct attempt *attempt) {
    struct scheduler *scheduler = attempt->scheduler;
    attempt->refused_by_affinity =
        ARENA_ARRAY(attempt->arena, const char *, scheduler->by_name.count);
    JSON_EACH (term, json_find(attempt->pod, "spec.affinity.podAffinity." REQUIRED))
        prepare_term(attempt, term, false);
    JSON_EACH (term, json_find(attempt->pod, "spec.affinity.podAntiAffinity." REQUIRED))
        prepare_term(attempt, term, true);
    size_t cursor = 0;
    void *counted;
    while (map_next(scheduler->affinity->held, &cursor, NULL, &counted))
        prepare_repelled(attempt, counted);
}

static void score_terms(struct attempt *attempt, const struct cJSON *list, int sign,
                        int64_t *scores) {
    struct scheduler *scheduler = attempt->scheduler;
    JSON_EACH (weighted, list) {
        int64_t weight = json_int_or(weighted, SV("weight"), 0) * sign;
        const struct counted_term *counted =
            ask(attempt, json_get(weighted, SV("podAffinityTerm")));
        const int64_t *sums = sum_domains(counted, attempt->arena);
        for (size_t i = 0; i < scheduler->by_name.count; i++)
            scores[i] += weight * sums[domain_of(counted->topology, scheduler->by_name.items[i])];
    }
}

void affinity_score(struct attempt *attempt, int64_t *scores) {
    score_terms(attempt, json_find(attempt->pod, "spec.affinity.podAffinity." PREFERRED), 1,
                scores);
    score_terms(attempt, json_find(attempt->pod, "spec.affinity.podAntiAffinity." PREFERRED), -1,
                scores);
}

struct counted_pods affinity_count(struct attempt *attempt, const struct cJSON *term) {
    const struct scheduler *scheduler = attempt->scheduler;
    const struct counted_term *counted = ask(attempt, term);
    int64_t *pods = ARENA_ARRAY(attempt->arena, int64_t, scheduler->by_name.count + 1);
    uint32_t *domains = ARENA_ARRAY(attempt->arena, uint32_t, scheduler->by_name.count + 1);
    for (size_t i = 0; i < scheduler->by_name.count; i++) {
        const struct scheduled_node *node = scheduler->by_name.items[i];
        pods[i] = node->number < counted->pods.count ? counted->pods.items[node->number] : 0;
        domains[i] = domain_of(counted->topology, node);
    }
    return (struct counted_pods){
        .pods = pods,
        .domains = domains,
        .domain_count = map_count(counted->topology->numbers),
        .selects_pod = term_matches_pod(&counted->term, attempt->pod),
    };
}

/* --- life --- */

struct affinity *affinity_new(void) {
    struct affinity *affinity = mem_alloc(sizeof(*affinity));
    affinity->topologies = map_new();
    affinity->held = map_new();
    return affinity;
}

void affinity_free(struct affinity *affinity) {
    size_t cursor = 0;
    void *value;
    for (size_t i = 0; i < TRACKED_MAX; i++)
        counted_free(affinity->tracked[i]);
    while (map_next(affinity->topologies, &cursor, NULL, &value)) {
        struct topology *topology = value;
        vec_release(&topology->domains);
        map_free(topology->numbers);
        mem_free(topology);
    }
    map_free(affinity->topologies);
    map_free(affinity->held);
    mem_free(affinity);
}
