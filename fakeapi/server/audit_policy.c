/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/audit_policy.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "fakeapi/server/rbac.h"

struct audit_policy {
    struct arena *arena;
    const struct cJSON *tree; /* NULL: everything at level Metadata */
};

static const struct sv levels[AUDIT_LEVEL_COUNT] = {
    [AUDIT_NONE] = SV("None"),
    [AUDIT_METADATA] = SV("Metadata"),
    [AUDIT_REQUEST] = SV("Request"),
    [AUDIT_REQUEST_RESPONSE] = SV("RequestResponse"),
};

/* "Panic" may be named, and does not happen. */
static const struct sv stages[AUDIT_STAGE_COUNT + 1] = {
    [AUDIT_REQUEST_RECEIVED] = SV("RequestReceived"),
    [AUDIT_RESPONSE_STARTED] = SV("ResponseStarted"),
    [AUDIT_RESPONSE_COMPLETE] = SV("ResponseComplete"),
    [AUDIT_STAGE_COUNT] = SV("Panic"),
};

struct sv audit_level_name(enum audit_level level) {
    return levels[level];
}

struct sv audit_stage_name(enum audit_stage stage) {
    return stages[stage];
}

/* --- reading --- */

static bool check_members(const struct cJSON *map, const char *where, const struct sv *known,
                          size_t count, struct error *err) {
    JSON_EACH (member, map)
        if (sv_index_of(json_key(member), known, count) == count)
            return error_set(err, ERROR_INVALID, "audit policy: %s has no field \"%.*s\"", where,
                             SV_ARG(json_key(member)));
    return true;
}

static bool check_stages(const struct cJSON *list, struct error *err) {
    JSON_EACH (stage, list)
        if (sv_index_of(json_text(stage), stages, COUNT_OF(stages)) == COUNT_OF(stages))
            return error_set(err, ERROR_INVALID,
                             "audit policy: omitStages: \"%.*s\" is no stage; there are "
                             "RequestReceived, ResponseStarted, ResponseComplete and Panic",
                             SV_ARG(json_text(stage)));
    return true;
}

static bool check_rule(const struct cJSON *rule, size_t index, struct error *err) {
    static const struct sv known[] = {
        SV("level"),           SV("users"),      SV("userGroups"),
        SV("verbs"),           SV("resources"),  SV("namespaces"),
        SV("nonResourceURLs"), SV("omitStages"), SV("omitManagedFields"),
    };
    static const struct sv of_resources[] = {SV("group"), SV("resources"), SV("resourceNames")};
    struct sv level = json_find_string(rule, "level");
    if (sv_index_of(level, levels, COUNT_OF(levels)) == COUNT_OF(levels))
        return error_set(err, ERROR_INVALID,
                         "audit policy: rules[%zu].level: \"%.*s\" is no level; there are None, "
                         "Metadata, Request and RequestResponse",
                         index, SV_ARG(level));
    if (json_count(json_get(rule, SV("nonResourceURLs"))) > 0 &&
        (json_count(json_get(rule, SV("resources"))) > 0 ||
         json_count(json_get(rule, SV("namespaces"))) > 0))
        return error_set(err, ERROR_INVALID,
                         "audit policy: rules[%zu]: rules are of resources or of "
                         "nonResourceURLs, not of both",
                         index);
    JSON_EACH (resources, json_get(rule, SV("resources")))
        if (!check_members(resources, "an item of resources", of_resources, COUNT_OF(of_resources),
                           err))
            return false;
    return check_members(rule, "a rule", known, COUNT_OF(known), err) &&
           check_stages(json_get(rule, SV("omitStages")), err);
}

static bool check_policy(const struct cJSON *tree, struct error *err) {
    static const struct sv known[] = {
        SV("apiVersion"), SV("kind"),       SV("metadata"),
        SV("rules"),      SV("omitStages"), SV("omitManagedFields"),
    };
    const struct cJSON *rules = json_get(tree, SV("rules"));
    size_t index = 0;
    if (!sv_eq(json_find_string(tree, "apiVersion"), SV("audit.k8s.io/v1")) ||
        !sv_eq(json_find_string(tree, "kind"), SV("Policy")))
        return error_set(err, ERROR_INVALID,
                         "audit policy: it has to be of apiVersion audit.k8s.io/v1, kind Policy");
    if (json_count(rules) == 0)
        return error_set(err, ERROR_INVALID, "audit policy: it has no rules, and tells nothing");
    JSON_EACH (rule, rules)
        if (!check_rule(rule, index++, err))
            return false;
    return check_members(tree, "a policy", known, COUNT_OF(known), err) &&
           check_stages(json_get(tree, SV("omitStages")), err);
}

static bool read_policy(struct audit_policy *policy, struct sv text, struct error *err) {
    struct yaml_documents documents;
    if (text.len == 0)
        return true;
    if (!yaml_read(policy->arena, text, &documents, err))
        return error_wrap(err, "audit policy");
    if (documents.count != 1 || !json_is_map(documents.roots[0]))
        return error_set(err, ERROR_INVALID, "audit policy: it has to be one document");
    policy->tree = documents.roots[0];
    return check_policy(policy->tree, err);
}

struct audit_policy *audit_policy_new(struct sv text, struct error *err) {
    struct audit_policy *policy = mem_alloc(sizeof(*policy));
    policy->arena = arena_new();
    if (read_policy(policy, text, err))
        return policy;
    audit_policy_free(policy);
    return NULL;
}

void audit_policy_free(struct audit_policy *policy) {
    if (!policy)
        return;
    arena_free(policy->arena);
    mem_free(policy);
}

/* --- deciding --- */

/* A list that is left out allows everything. */
static bool allows(const struct cJSON *list, struct sv text) {
    return json_count(list) == 0 || json_has_text(list, text);
}

static bool matches_group(const struct cJSON *list, const struct user_info *user) {
    if (json_count(list) == 0)
        return true;
    for (size_t i = 0; i < user->group_count; i++)
        if (json_has_text(list, user->groups[i]))
            return true;
    return false;
}

/* "pods", "pods/log", "pods" with a star behind it, a star before "log", or a star. */
static bool matches_resource(struct sv pattern, const struct access *access) {
    struct sv subresource = pattern, plural = sv_cut(&subresource, '/');
    bool has_slash = plural.len < pattern.len;
    if (!has_slash)
        return sv_eq(pattern, SV("*")) ||
               (access->subresource.len == 0 && sv_eq(pattern, access->plural));
    if (sv_eq(subresource, SV("*")))
        return sv_eq(plural, access->plural);
    return access->subresource.len > 0 && sv_eq(subresource, access->subresource) &&
           (sv_eq(plural, SV("*")) || sv_eq(plural, access->plural));
}

static bool matches_resources(const struct cJSON *item, const struct access *access) {
    const struct cJSON *resources = json_get(item, SV("resources"));
    if (!sv_eq(json_find_string(item, "group"), access->group))
        return false;
    if (json_count(resources) == 0)
        return true;
    if (!allows(json_get(item, SV("resourceNames")), access->name))
        return false;
    JSON_EACH (pattern, resources)
        if (matches_resource(json_text(pattern), access))
            return true;
    return false;
}

static bool matches_target(const struct cJSON *rule, const struct access *access) {
    const struct cJSON *resources = json_get(rule, SV("resources"));
    if (access->path.len > 0 || !allows(json_get(rule, SV("namespaces")), access->namespace_name))
        return false;
    JSON_EACH (item, resources)
        if (matches_resources(item, access))
            return true;
    return json_count(resources) == 0;
}

static bool matches_path(const struct cJSON *patterns, struct sv path) {
    JSON_EACH (pattern, patterns) {
        struct sv text = json_text(pattern);
        bool is_prefix = text.len > 0 && text.ptr[text.len - 1] == '*';
        if (path.len > 0 &&
            (is_prefix ? sv_starts_with(path, sv_prefix(text, text.len - 1)) : sv_eq(text, path)))
            return true;
    }
    return false;
}

static bool matches(const struct cJSON *rule, const struct user_info *user,
                    const struct access *access) {
    const struct cJSON *paths = json_get(rule, SV("nonResourceURLs"));
    bool is_of_resources = json_count(json_get(rule, SV("resources"))) > 0 ||
                           json_count(json_get(rule, SV("namespaces"))) > 0;
    if (!allows(json_get(rule, SV("users")), user->name) ||
        !matches_group(json_get(rule, SV("userGroups")), user) ||
        !allows(json_get(rule, SV("verbs")), access->verb))
        return false;
    if (is_of_resources)
        return matches_target(rule, access);
    return json_count(paths) == 0 || matches_path(paths, access->path);
}

static void omit(const struct cJSON *list, struct audit_verdict *verdict) {
    for (size_t i = 0; i < AUDIT_STAGE_COUNT; i++)
        verdict->omits_stage[i] |= json_has_text(list, stages[i]);
}

struct audit_verdict audit_policy_decide(const struct audit_policy *policy,
                                         const struct user_info *user,
                                         const struct access *access) {
    struct audit_verdict verdict = {.level = policy->tree ? AUDIT_NONE : AUDIT_METADATA};
    JSON_EACH (rule, json_get(policy->tree, SV("rules"))) {
        if (!matches(rule, user, access))
            continue;
        verdict.level = (enum audit_level)sv_index_of(json_find_string(rule, "level"), levels,
                                                      COUNT_OF(levels));
        verdict.omits_managed_fields =
            json_bool_or(rule, SV("omitManagedFields"),
                         json_bool_or(policy->tree, SV("omitManagedFields"), false));
        omit(json_get(policy->tree, SV("omitStages")), &verdict);
        omit(json_get(rule, SV("omitStages")), &verdict);
        break;
    }
    return verdict;
}
