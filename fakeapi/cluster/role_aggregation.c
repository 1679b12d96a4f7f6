/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/role_aggregation.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/cluster/agent.h"

#include <stdlib.h>

/* Which roles select which is not known beforehand: after a change all of them are looked at. */
#define KEY_ALL SV("all")

struct role_aggregation {
    struct agent_part *part; /* its only key is KEY_ALL */
    struct agent_cache *roles;
};

static const struct resource cluster_roles = {.group = {"rbac.authorization.k8s.io", 25},
                                              .version = {"v1", 2},
                                              .plural = {"clusterroles", 12},
                                              .kind = {"ClusterRole", 11}};

/* All roles in the order of their names: that is the order of the rules. */
struct roles {
    const struct cJSON **items;
    size_t count;
};

static int compare_names(const void *a, const void *b) {
    return sv_compare(object_name(*(const struct cJSON *const *)a),
                      object_name(*(const struct cJSON *const *)b));
}

static struct roles sorted_roles(const struct role_aggregation *aggregation, struct arena *arena) {
    struct roles roles = {
        .items = ARENA_ARRAY(arena, const struct cJSON *, cache_count(aggregation->roles) + 1)};
    const struct cJSON *role;
    for (size_t i = 0; (role = cache_next(aggregation->roles, &i));)
        roles.items[roles.count++] = role;
    if (roles.count > 0)
        qsort(roles.items, roles.count, sizeof(*roles.items), compare_names);
    return roles;
}

/* Rules that several roles have stand there once. */
struct collected {
    struct arena *arena;
    struct cJSON *rules;
    struct json_index seen;
};

static void collect(struct collected *collected, const struct cJSON *role) {
    JSON_EACH (rule, json_get(role, SV("rules"))) {
        struct sv text = json_write_arena(collected->arena, rule, JSON_COMPACT);
        if (!json_index_is_seen_again(&collected->seen, text))
            json_append(collected->rules, json_share(collected->arena, rule));
    }
}

static struct cJSON *rules_for(const struct roles *roles, const struct cJSON *owner,
                               struct arena *arena) {
    struct collected collected = {arena, json_list(arena), json_index_of(arena, json_map(arena))};
    JSON_EACH (label_selector, json_find(owner, "aggregationRule.clusterRoleSelectors")) {
        struct selector selector;
        struct error err = {0};
        if (!selector_from_object(arena, label_selector, &selector, &err))
            continue;
        for (size_t i = 0; i < roles->count; i++) {
            const struct cJSON *role = roles->items[i];
            if (role != owner && selector_matches(&selector, json_find(role, "metadata.labels")))
                collect(&collected, role);
        }
    }
    return collected.rules;
}

static struct request apply_rules(struct arena *arena, struct sv name, struct cJSON *rules) {
    struct cJSON *configuration = object_new(arena, &cluster_roles, SV(""), name);
    if (json_count(rules) > 0)
        json_set(arena, configuration, SV("rules"), rules);
    struct request request = request_to(VERB_PATCH, &cluster_roles, SV(""), name);
    request.patch_type = PATCH_APPLY;
    request.field_manager = SV("clusterrole-aggregation-controller");
    request.force = true;
    request.body = configuration;
    return request;
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct role_aggregation *aggregation = context;
    struct roles roles = sorted_roles(aggregation, arena);
    for (size_t i = 0; i < roles.count; i++) {
        const struct cJSON *role = roles.items[i];
        const struct cJSON *is = json_get(role, SV("rules"));
        if (!json_is_map(json_get(role, SV("aggregationRule"))) || object_is_deleting(role))
            continue;
        struct cJSON *rules = rules_for(&roles, role, arena);
        if (json_count(is) + json_count(rules) == 0 || json_equal(is, rules))
            continue;
        struct request request = apply_rules(arena, object_name(role), rules);
        agent_send(part, key, &request);
    }
}

static void handle_role(void *context, const struct cJSON *object, const struct cJSON *before,
                        bool is_gone) {
    struct role_aggregation *aggregation = context;
    (void)object;
    (void)before;
    (void)is_gone;
    agent_mark(aggregation->part, KEY_ALL, 0);
}

struct role_aggregation *role_aggregation_new(struct agent *agent) {
    struct role_aggregation *aggregation = mem_alloc(sizeof(*aggregation));
    aggregation->part =
        agent_add_part(agent, SV("clusterrole-aggregation"), reconcile, aggregation);
    aggregation->roles = agent_watch(agent, &cluster_roles, handle_role, aggregation);
    return aggregation;
}

void role_aggregation_free(struct role_aggregation *aggregation) {
    mem_free(aggregation);
}
