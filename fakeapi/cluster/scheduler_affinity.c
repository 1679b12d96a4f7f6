/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/cluster/scheduler_parts.h"

#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"

static const char refused_affinity[] = "node(s) didn't match pod affinity rules";
static const char refused_anti_affinity[] = "node(s) didn't match pod anti-affinity rules";
static const char refused_by_existing[] =
    "node(s) didn't satisfy existing pods anti-affinity rules";

/* A PodAffinityTerm of `owner`, ready to be asked. */
struct term {
    struct selector selector;
    const struct cJSON *namespaces;
    struct sv own_namespace, topology_key;
};

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
    bool is_in =
        json_count(term->namespaces) == 0 && sv_eq(object_namespace(pod), term->own_namespace);
    JSON_EACH (namespace_name, term->namespaces)
        is_in |= sv_eq(json_text(namespace_name), object_namespace(pod));
    return is_in && selector_matches(&term->selector, json_find(pod, "metadata.labels"));
}

static struct sv domain_of(const struct scheduled_node *node, struct sv topology_key) {
    return node->tree ? json_text(json_get(node->labels, topology_key)) : SV("");
}

/* The values of the topology key where pods that the term matches run; the values of the map
 * are counts. */
static struct map *domains_of_term(struct attempt *attempt, const struct term *term) {
    struct map *domains = map_new();
    size_t cursor = 0;
    void *value;
    while (map_next(attempt->scheduler->scheduled, &cursor, NULL, &value)) {
        const struct scheduled_pod *pod = value;
        if (!pod->node || !pod->node->tree || !term_matches_pod(term, pod->tree))
            continue;
        struct sv domain = domain_of(pod->node, term->topology_key);
        if (domain.len > 0)
            map_put(domains, domain, (void *)((uintptr_t)map_get(domains, domain) + 1));
    }
    return domains;
}

static void refuse_node(struct attempt *attempt, const struct scheduled_node *node,
                        const char *reason) {
    struct sv name = sv_from(node->name);
    if (!map_has(attempt->refused_by_affinity, name))
        map_put(attempt->refused_by_affinity, name, (void *)(uintptr_t)reason);
}

/* A pod that its own affinity term selects may be the first of its group. */
static void prepare_term(struct attempt *attempt, const struct cJSON *item, bool is_anti) {
    struct scheduler *scheduler = attempt->scheduler;
    struct term term = read_term(attempt->arena, item, attempt->pod);
    AUTO(map) domains = domains_of_term(attempt, &term);
    bool is_first = map_count(domains) == 0 && term_matches_pod(&term, attempt->pod);
    for (size_t i = 0; i < scheduler->by_name.count; i++) {
        const struct scheduled_node *node = scheduler->by_name.items[i];
        struct sv domain = domain_of(node, term.topology_key);
        bool is_there = domain.len > 0 && map_has(domains, domain);
        if (is_anti && is_there)
            refuse_node(attempt, node, refused_anti_affinity);
        if (!is_anti && !is_there && !(is_first && domain.len > 0))
            refuse_node(attempt, node, refused_affinity);
    }
}

/* Anti-affinity holds in both directions: pods that are there keep this one away. */
static void prepare_repelled(struct attempt *attempt, const struct scheduled_pod *other) {
    struct scheduler *scheduler = attempt->scheduler;
    JSON_EACH (item, json_find(other->tree, "spec.affinity.podAntiAffinity." REQUIRED)) {
        struct term term = read_term(attempt->arena, item, other->tree);
        struct sv domain = domain_of(other->node, term.topology_key);
        if (domain.len == 0 || !term_matches_pod(&term, attempt->pod))
            continue;
        for (size_t i = 0; i < scheduler->by_name.count; i++)
            if (sv_eq(domain_of(scheduler->by_name.items[i], term.topology_key), domain))
                refuse_node(attempt, scheduler->by_name.items[i], refused_by_existing);
    }
}

void affinity_prepare(struct attempt *attempt) {
    JSON_EACH (term, json_find(attempt->pod, "spec.affinity.podAffinity." REQUIRED))
        prepare_term(attempt, term, false);
    JSON_EACH (term, json_find(attempt->pod, "spec.affinity.podAntiAffinity." REQUIRED))
        prepare_term(attempt, term, true);
    for (size_t i = 0; i < attempt->scheduler->repelling.count; i++) {
        const struct scheduled_pod *other = attempt->scheduler->repelling.items[i];
        if (other->node && other->node->tree)
            prepare_repelled(attempt, other);
    }
}

static void score_terms(struct attempt *attempt, const struct cJSON *list, int sign,
                        int64_t *scores) {
    struct scheduler *scheduler = attempt->scheduler;
    JSON_EACH (weighted, list) {
        int64_t weight = json_int_or(weighted, SV("weight"), 0) * sign;
        struct term term =
            read_term(attempt->arena, json_get(weighted, SV("podAffinityTerm")), attempt->pod);
        AUTO(map) domains = domains_of_term(attempt, &term);
        for (size_t i = 0; i < scheduler->by_name.count; i++) {
            struct sv domain = domain_of(scheduler->by_name.items[i], term.topology_key);
            scores[i] += domain.len ? weight * (int64_t)(uintptr_t)map_get(domains, domain) : 0;
        }
    }
}

void affinity_score(struct attempt *attempt, int64_t *scores) {
    score_terms(attempt, json_find(attempt->pod, "spec.affinity.podAffinity." PREFERRED), 1,
                scores);
    score_terms(attempt, json_find(attempt->pod, "spec.affinity.podAntiAffinity." PREFERRED), -1,
                scores);
}
