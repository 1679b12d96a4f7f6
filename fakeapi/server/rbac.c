/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/rbac.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/server/server_parts.h"

/* A binding whose role exists, with the rules of the role. */
struct grant {
    struct sv namespace_name; /* "": everywhere */
    struct sv text;           /* 'ClusterRoleBinding "x" of ClusterRole "y"' */
    const struct cJSON *rules;
    struct grant *next_of_subject;
};

enum { KIND_ROLES, KIND_CLUSTER_ROLES, KIND_BINDINGS, KIND_CLUSTER_BINDINGS, KIND_COUNT };
static const struct sv kind_plurals[KIND_COUNT] = {
    [KIND_ROLES] = {"roles", 5},
    [KIND_CLUSTER_ROLES] = {"clusterroles", 12},
    [KIND_BINDINGS] = {"rolebindings", 12},
    [KIND_CLUSTER_BINDINGS] = {"clusterrolebindings", 19},
};

struct rbac {
    struct fakeapi *api;
    struct collection *collections[KIND_COUNT];
    uint64_t log_ends[KIND_COUNT]; /* of what was read; UINT64_MAX: nothing yet */
    struct arena *arena;           /* of what was read */
    struct map *grants;            /* the first struct grant, by "kind/name" of a subject */
};

static const struct sv rbac_group = {"rbac.authorization.k8s.io", 25};

bool user_has_group(const struct user_info *user, struct sv group) {
    return sv_index_of(group, user->groups, user->group_count) < user->group_count;
}

struct rbac *rbac_new(struct fakeapi *api) {
    struct rbac *rbac = mem_alloc(sizeof(*rbac));
    rbac->api = api;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const struct resource_type *type =
            registry_find(api->registry, rbac_group, SV("v1"), kind_plurals[i]);
        assert(type);
        rbac->collections[i] = store_collection(api->store, type->storage_key);
        rbac->log_ends[i] = UINT64_MAX;
    }
    rbac->arena = arena_new();
    rbac->grants = map_new();
    return rbac;
}

void rbac_free(struct rbac *rbac) {
    if (!rbac)
        return;
    map_free(rbac->grants);
    arena_free(rbac->arena);
    mem_free(rbac);
}

/* --- reading roles and bindings --- */

/* NULL when there is no such role. One that aggregates others has the rules that its controller
 * wrote. */
static const struct cJSON *find_rules(struct rbac *rbac, struct sv namespace_name,
                                      const struct cJSON *reference) {
    bool is_cluster = sv_eq(json_string_or(reference, SV("kind"), SV("")), SV("ClusterRole"));
    struct stored *stored = collection_get(
        rbac->collections[is_cluster ? KIND_CLUSTER_ROLES : KIND_ROLES],
        is_cluster ? SV("") : namespace_name, json_string_or(reference, SV("name"), SV("")));
    if (!stored)
        return NULL;
    const struct cJSON *role = stored_tree(stored);
    struct cJSON *rules = json_list(rbac->arena);
    JSON_EACH (rule, json_get(role, SV("rules")))
        json_append(rules, json_copy(rbac->arena, rule));
    return rules;
}

static struct sv subject_key(struct arena *arena, const struct cJSON *subject,
                             struct sv namespace_name) {
    struct sv kind = json_string_or(subject, SV("kind"), SV(""));
    struct sv name = json_string_or(subject, SV("name"), SV(""));
    if (!sv_eq(kind, SV("ServiceAccount")))
        return arena_printf(arena, "%.*s/%.*s", SV_ARG(kind), SV_ARG(name));
    struct sv home = json_string_or(subject, SV("namespace"), namespace_name);
    return arena_printf(arena, "User/system:serviceaccount:%.*s:%.*s", SV_ARG(home), SV_ARG(name));
}

static void read_binding(struct rbac *rbac, const struct cJSON *binding) {
    struct arena *arena = rbac->arena;
    struct sv namespace_name = arena_copy(arena, object_namespace(binding));
    const struct cJSON *reference = json_get(binding, SV("roleRef"));
    const struct cJSON *rules = find_rules(rbac, namespace_name, reference);
    if (!rules)
        return;
    struct sv text =
        arena_printf(arena, "%s \"%.*s%s%.*s\" of %.*s \"%.*s\"",
                     namespace_name.len ? "RoleBinding" : "ClusterRoleBinding",
                     SV_ARG(object_name(binding)), namespace_name.len ? "/" : "",
                     SV_ARG(namespace_name), SV_ARG(json_string_or(reference, SV("kind"), SV(""))),
                     SV_ARG(json_string_or(reference, SV("name"), SV(""))));
    JSON_EACH (subject, json_get(binding, SV("subjects"))) {
        struct grant *grant = ARENA_NEW(arena, struct grant);
        struct sv key = subject_key(arena, subject, namespace_name);
        *grant = (struct grant){namespace_name, text, rules, map_get(rbac->grants, key)};
        map_put(rbac->grants, key, grant);
    }
}

static bool is_current(const struct rbac *rbac) {
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (rbac->collections[i]->log_end != rbac->log_ends[i])
            return false;
    return true;
}

static void refresh(struct rbac *rbac) {
    if (is_current(rbac))
        return;
    map_free(rbac->grants);
    rbac->grants = map_new();
    arena_reset(rbac->arena);
    for (size_t i = 0; i < KIND_COUNT; i++)
        rbac->log_ends[i] = rbac->collections[i]->log_end;
    static const size_t bindings[] = {KIND_BINDINGS, KIND_CLUSTER_BINDINGS};
    for (size_t i = 0; i < COUNT_OF(bindings); i++) {
        struct collection *collection = rbac->collections[bindings[i]];
        struct position position = collection_seek(collection, SV(""), SV(""));
        for (struct stored *each; (each = collection_at(collection, &position));
             position_advance(&position))
            read_binding(rbac, stored_tree(each));
    }
}

/* --- deciding --- */

static bool list_has(const struct cJSON *list, struct sv text) {
    return json_has_text(list, SV("*")) || json_has_text(list, text);
}

static bool path_matches(const struct cJSON *list, struct sv path) {
    JSON_EACH (item, list) {
        struct sv pattern = json_text(item);
        if (sv_eq(pattern, path) || (sv_ends_with(pattern, SV("*")) &&
                                     sv_starts_with(path, sv_prefix(pattern, pattern.len - 1))))
            return true;
    }
    return false;
}

/* "pods", "pods/log", "*", or the scale of any resource. */
static bool resource_matches(const struct cJSON *list, const struct access *access) {
    JSON_EACH (item, list) {
        struct sv subresource = json_text(item);
        if (sv_eq(subresource, SV("*")))
            return true;
        struct sv plural = sv_cut(&subresource, '/');
        if (sv_eq(subresource, access->subresource) &&
            (sv_eq(plural, access->plural) || (subresource.len > 0 && sv_eq(plural, SV("*")))))
            return true;
    }
    return false;
}

static bool rule_allows(const struct cJSON *rule, const struct access *access) {
    if (!list_has(json_get(rule, SV("verbs")), access->verb))
        return false;
    if (access->path.len > 0)
        return path_matches(json_get(rule, SV("nonResourceURLs")), access->path);
    const struct cJSON *names = json_get(rule, SV("resourceNames"));
    bool is_named =
        json_count(names) == 0 || (access->name.len > 0 && json_has_text(names, access->name));
    return is_named && list_has(json_get(rule, SV("apiGroups")), access->group) &&
           resource_matches(json_get(rule, SV("resources")), access);
}

static bool grant_allows(const struct grant *grant, const struct access *access) {
    if (grant->namespace_name.len > 0 &&
        (access->path.len > 0 || !sv_eq(grant->namespace_name, access->namespace_name)))
        return false;
    JSON_EACH (rule, grant->rules)
        if (rule_allows(rule, access))
            return true;
    return false;
}

/* The subjects that a user is: itself, then its groups. */
static const struct grant *grants_of(const struct rbac *rbac, const struct user_info *user,
                                     size_t index, struct arena *arena) {
    struct sv name = index == 0 ? user->name : user->groups[index - 1];
    return map_get(rbac->grants,
                   arena_printf(arena, "%s/%.*s", index == 0 ? "User" : "Group", SV_ARG(name)));
}

bool rbac_allows(struct rbac *rbac, const struct user_info *user, const struct access *access,
                 struct arena *arena, struct sv *ret_reason) {
    *ret_reason = SV("");
    if (user_has_group(user, SV("system:masters")))
        return true;
    refresh(rbac);
    for (size_t i = 0; i <= user->group_count; i++) {
        for (const struct grant *grant = grants_of(rbac, user, i, arena); grant;
             grant = grant->next_of_subject) {
            if (!grant_allows(grant, access))
                continue;
            struct sv subject = i == 0 ? user->name : user->groups[i - 1];
            *ret_reason =
                arena_printf(arena, "RBAC: allowed by %.*s to %s \"%.*s\"", SV_ARG(grant->text),
                             i == 0 ? "User" : "Group", SV_ARG(subject));
            return true;
        }
    }
    return false;
}

/* --- granting --- */

struct grantor {
    struct rbac *rbac;
    const struct user_info *user;
    struct sv namespace_name;
    struct arena *arena;
    struct json_index noted; /* what is missing: targets with one verb each */
};

static bool holds(const struct grantor *grantor, const struct access *access) {
    struct sv reason;
    return rbac_allows(grantor->rbac, grantor->user, access, grantor->arena, &reason);
}

/* --- what is not held: by resource, with the verbs that are missing of each --- */

static void quote_into(struct joiner *text, const char *name, struct sv value) {
    joiner_printf(text, "%s:[\"%.*s\"], ", name, SV_ARG(value));
}

/* As the server prints a rule of one resource or path: {APIGroups:["apps"], Resources:["pods"]. */
static struct sv target_text(const struct access *access, struct arena *arena) {
    struct joiner text;
    joiner_init(&text, arena);
    joiner_add(&text, SV("{"));
    if (access->path.len > 0) {
        quote_into(&text, "NonResourceURLs", access->path);
        return joiner_text(&text);
    }
    quote_into(&text, "APIGroups", access->group);
    quote_into(&text, "Resources",
               access->subresource.len > 0
                   ? ARENA_JOIN(arena, access->plural, SV("/"), access->subresource)
                   : access->plural);
    if (access->name.len > 0)
        quote_into(&text, "ResourceNames", access->name);
    return joiner_text(&text);
}

static void note_missing(struct grantor *grantor, const struct access *access,
                         struct json_index *missing) {
    if (holds(grantor, access))
        return;
    struct sv target = target_text(access, grantor->arena);
    struct cJSON *verbs = json_index_get(missing, target);
    if (!verbs) {
        verbs = json_list(grantor->arena);
        json_index_set(missing, target, verbs);
    }
    if (!json_index_is_seen_again(&grantor->noted,
                                  ARENA_JOIN(grantor->arena, target, access->verb)))
        json_append(verbs, json_string(grantor->arena, access->verb));
}

static void note_missing_of_resource(struct grantor *grantor, const struct cJSON *rule,
                                     struct access *access, struct json_index *missing) {
    const struct cJSON *names = json_get(rule, SV("resourceNames"));
    access->name = SV("");
    if (json_count(names) == 0)
        note_missing(grantor, access, missing);
    JSON_EACH (name, names) {
        access->name = json_text(name);
        note_missing(grantor, access, missing);
    }
}

static void note_missing_of_rule(struct grantor *grantor, const struct cJSON *rule,
                                 struct json_index *missing) {
    struct sv empty = SV("");
    JSON_EACH (group, json_get(rule, SV("apiGroups")))
        JSON_EACH (resource, json_get(rule, SV("resources")))
            JSON_EACH (verb, json_get(rule, SV("verbs"))) {
                struct sv subresource = json_text(resource), plural = sv_cut(&subresource, '/');
                struct access access = {json_text(verb),
                                        json_text(group),
                                        plural,
                                        subresource,
                                        grantor->namespace_name,
                                        empty,
                                        empty};
                note_missing_of_resource(grantor, rule, &access, missing);
            }
    JSON_EACH (path, json_get(rule, SV("nonResourceURLs")))
        JSON_EACH (verb, json_get(rule, SV("verbs"))) {
            struct access access = {json_text(verb), empty, empty,          empty,
                                    empty,           empty, json_text(path)};
            note_missing(grantor, &access, missing);
        }
}

/* --- how much is granted --- */

/* What is granted is compared one permission after the other, and a rule grants the product of its
 * lists. The widest role of a cluster has some thousand. */
enum { PERMISSIONS_MAX = 20 * 1000 };

/* Up to one more than there may be. */
static size_t product(size_t count, size_t factor) {
    enum { TOO_MANY = PERMISSIONS_MAX + 1 };
    return factor > 0 && count > TOO_MANY / factor ? TOO_MANY : count * factor;
}

static size_t permission_count(const struct cJSON *rule) {
    size_t name_count = json_count(json_get(rule, SV("resourceNames")));
    size_t verb_count = json_count(json_get(rule, SV("verbs")));
    size_t count = product(verb_count, json_count(json_get(rule, SV("resources"))));
    count = product(count, json_count(json_get(rule, SV("apiGroups"))));
    return product(count, name_count > 0 ? name_count : 1) +
           product(verb_count, json_count(json_get(rule, SV("nonResourceURLs"))));
}

static bool is_too_much(const struct cJSON *rules) {
    size_t count = 0;
    JSON_EACH (rule, rules)
        if ((count += permission_count(rule)) > PERMISSIONS_MAX)
            return true;
    return false;
}

/* --- what is told --- */

static struct sv missing_rule_text(const struct cJSON *verbs, struct arena *arena) {
    struct joiner text;
    joiner_init(&text, arena);
    joiner_printf(&text, "%.*sVerbs:[", SV_ARG(json_key(verbs)));
    JSON_EACH (verb, verbs)
        joiner_printf(&text, "%s\"%.*s\"", verb == verbs->child ? "" : " ",
                      SV_ARG(json_text(verb)));
    joiner_add(&text, SV("]}"));
    return joiner_text(&text);
}

/* Each on a line of its own, in the order of their texts. */
static struct sv missing_text(const struct cJSON *missing, struct arena *arena) {
    struct json_index rules = json_index_of(arena, json_map(arena));
    struct joiner text;
    joiner_init(&text, arena);
    JSON_EACH (verbs, missing)
        json_index_set(&rules, missing_rule_text(verbs, arena), json_null(arena));
    json_sort(rules.map);
    JSON_EACH (rule, rules.map) {
        joiner_add(&text, SV("\n"));
        joiner_add(&text, json_key(rule));
    }
    return joiner_text(&text);
}

static struct sv groups_text(const struct user_info *user, struct arena *arena) {
    struct joiner text;
    joiner_init(&text, arena);
    for (size_t i = 0; i < user->group_count; i++)
        joiner_printf(&text, "%s\"%.*s\"", i > 0 ? " " : "", SV_ARG(user->groups[i]));
    return joiner_text(&text);
}

/* Whether the user has the verb that lifts the check, on the role that is written or bound. */
static bool is_lifted(const struct grantor *grantor, bool is_binding, const struct request *request,
                      const struct cJSON *object) {
    const struct cJSON *reference = json_get(object, SV("roleRef"));
    bool is_cluster_role = sv_eq(json_string_or(reference, SV("kind"), SV("")), SV("ClusterRole"));
    struct access access = {
        .verb = is_binding ? SV("bind") : SV("escalate"),
        .group = rbac_group,
        .plural = !is_binding       ? request->plural
                  : is_cluster_role ? kind_plurals[KIND_CLUSTER_ROLES]
                                    : kind_plurals[KIND_ROLES],
        .subresource = SV(""),
        .namespace_name = grantor->namespace_name,
        .name = is_binding ? json_string_or(reference, SV("name"), SV("")) : object_name(object),
        .path = SV(""),
    };
    return holds(grantor, &access);
}

bool rbac_may_grant(struct rbac *rbac, const struct user_info *user, const struct request *request,
                    const struct cJSON *object, struct arena *arena, struct sv *ret_problem) {
    struct grantor grantor = {rbac, user, request->namespace_name, arena,
                              json_index_of(arena, json_map(arena))};
    bool is_binding = sv_ends_with(request->plural, SV("bindings"));
    refresh(rbac);
    if (user_has_group(user, SV("system:masters")) ||
        is_lifted(&grantor, is_binding, request, object))
        return true;
    /* A binding to a role that does not exist grants nothing yet, and may not be made blindly. */
    const struct cJSON *rules =
        is_binding ? find_rules(rbac, request->namespace_name, json_get(object, SV("roleRef")))
                   : json_get(object, SV("rules"));
    if (is_binding && !rules) {
        *ret_problem = SV("");
        return false;
    }
    if (is_too_much(rules)) {
        *ret_problem = arena_printf(
            arena,
            "user \"%.*s\" is attempting to grant more than %d permissions at once (apiGroups x "
            "resources x resourceNames x verbs of each rule): use \"*\", split the role, or let "
            "somebody write it who may %s roles",
            SV_ARG(user->name), PERMISSIONS_MAX, is_binding ? "bind" : "escalate");
        return false;
    }
    struct json_index missing = json_index_of(arena, json_map(arena));
    JSON_EACH (rule, rules)
        note_missing_of_rule(&grantor, rule, &missing);
    if (missing.count == 0)
        return true;
    *ret_problem = arena_printf(
        arena,
        "user \"%.*s\" (groups=[%.*s]) is attempting to grant RBAC permissions not currently "
        "held:%.*s",
        SV_ARG(user->name), SV_ARG(groups_text(user, arena)),
        SV_ARG(missing_text(missing.map, arena)));
    return false;
}

/* --- SelfSubjectRulesReview --- */

static void add_rule(struct arena *arena, struct cJSON *status, const struct cJSON *rule) {
    bool is_path = json_count(json_get(rule, SV("nonResourceURLs"))) > 0;
    struct cJSON *list =
        json_ensure_list(arena, status, is_path ? SV("nonResourceRules") : SV("resourceRules"));
    json_append(list, json_copy(arena, rule));
}

static const struct cJSON *rule_of_everything(struct arena *arena, bool is_path) {
    struct cJSON *rule = json_map(arena);
    static const struct sv resource_fields[] = {{"verbs", 5}, {"apiGroups", 9}, {"resources", 9}};
    static const struct sv path_fields[] = {{"verbs", 5}, {"nonResourceURLs", 15}};
    const struct sv *fields = is_path ? path_fields : resource_fields;
    size_t count = is_path ? COUNT_OF(path_fields) : COUNT_OF(resource_fields);
    for (size_t i = 0; i < count; i++)
        json_append(json_ensure_list(arena, rule, fields[i]), json_string(arena, SV("*")));
    return rule;
}

struct cJSON *rbac_rules(struct rbac *rbac, const struct user_info *user, struct sv namespace_name,
                         struct arena *arena) {
    struct cJSON *status = json_map(arena);
    json_ensure_list(arena, status, SV("resourceRules"));
    json_ensure_list(arena, status, SV("nonResourceRules"));
    json_set_bool(arena, status, SV("incomplete"), false);
    if (user_has_group(user, SV("system:masters"))) {
        add_rule(arena, status, rule_of_everything(arena, false));
        add_rule(arena, status, rule_of_everything(arena, true));
    }
    if (!rbac)
        return status;
    refresh(rbac);
    for (size_t i = 0; i <= user->group_count; i++)
        for (const struct grant *grant = grants_of(rbac, user, i, arena); grant;
             grant = grant->next_of_subject) {
            if (grant->namespace_name.len > 0 && !sv_eq(grant->namespace_name, namespace_name))
                continue;
            JSON_EACH (rule, grant->rules)
                add_rule(arena, status, rule);
        }
    return status;
}

/* --- texts --- */

struct sv access_refusal(const struct user_info *user, const struct access *access,
                         struct arena *arena) {
    if (access->path.len > 0)
        return arena_printf(arena, "forbidden: User \"%.*s\" cannot %.*s path \"%.*s\"",
                            SV_ARG(user->name), SV_ARG(access->verb), SV_ARG(access->path));
    struct sv group =
        access->group.len > 0 ? arena_printf(arena, ".%.*s", SV_ARG(access->group)) : SV("");
    struct sv name =
        access->name.len > 0 ? arena_printf(arena, " \"%.*s\"", SV_ARG(access->name)) : SV("");
    struct sv scope =
        access->namespace_name.len > 0
            ? arena_printf(arena, "in the namespace \"%.*s\"", SV_ARG(access->namespace_name))
            : SV("at the cluster scope");
    return arena_printf(arena,
                        "%.*s%.*s%.*s is forbidden: User \"%.*s\" cannot %.*s resource "
                        "\"%.*s%s%.*s\" in API group \"%.*s\" %.*s",
                        SV_ARG(access->plural), SV_ARG(group), SV_ARG(name), SV_ARG(user->name),
                        SV_ARG(access->verb), SV_ARG(access->plural),
                        access->subresource.len ? "/" : "", SV_ARG(access->subresource),
                        SV_ARG(access->group), SV_ARG(scope));
}
