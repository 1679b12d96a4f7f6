/* SPDX-License-Identifier: Apache-2.0 */
/* The APIServices that the server writes: those of its own groups, and the condition of all. */
#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/data/json.h"
#include "fakeapi/server/aggregation_parts.h"
#include "fakeapi/server/server_parts.h"

#define MANAGED_LABEL SV("kube-aggregator.kubernetes.io/automanaged")
#define AGENT SV("kube-apiserver")

/* Where a stock server puts each of its groups in discovery. */
static const struct group_priority {
    struct sv group, version;
    int group_priority, version_priority;
} built_in[] = {
    {SV(""), SV("v1"), 18000, 1},
    {SV("admissionregistration.k8s.io"), SV("v1"), 16700, 15},
    {SV("apiextensions.k8s.io"), SV("v1"), 16700, 15},
    {SV("apps"), SV("v1"), 17800, 15},
    {SV("authentication.k8s.io"), SV("v1"), 17700, 15},
    {SV("authorization.k8s.io"), SV("v1"), 17600, 15},
    {SV("autoscaling"), SV("v1"), 17500, 15},
    {SV("autoscaling"), SV("v2"), 17500, 30},
    {SV("batch"), SV("v1"), 17400, 15},
    {SV("certificates.k8s.io"), SV("v1"), 17300, 15},
    {SV("coordination.k8s.io"), SV("v1"), 16500, 15},
    {SV("discovery.k8s.io"), SV("v1"), 16200, 15},
    {SV("events.k8s.io"), SV("v1"), 17750, 15},
    {SV("flowcontrol.apiserver.k8s.io"), SV("v1"), 16100, 21},
    {SV("networking.k8s.io"), SV("v1"), 17200, 15},
    {SV("node.k8s.io"), SV("v1"), 16300, 15},
    {SV("policy"), SV("v1"), 17100, 15},
    {SV("rbac.authorization.k8s.io"), SV("v1"), 17000, 15},
    {SV("resource.k8s.io"), SV("v1"), 16200, 21},
    {SV("scheduling.k8s.io"), SV("v1"), 16600, 15},
    {SV("storage.k8s.io"), SV("v1"), 16800, 15},
};

/* Of groups that definitions make. */
enum { CUSTOM_GROUP_PRIORITY = 1000, CUSTOM_VERSION_PRIORITY = 100 };

/* --- requests --- */

static struct request request_for(enum verb verb, struct sv name) {
    return (struct request){
        .verb = verb,
        .group = SV("apiregistration.k8s.io"),
        .version = SV("v1"),
        .plural = SV("apiservices"),
        .name = name,
    };
}

/* What the users of one seed create has the same uids over HTTPS and in a simulation, which knows
 * no aggregated servers; so the uids of this do not come from theirs. Returns the HTTP status. */
static int handle_own(struct fakeapi *api, const struct request *request, struct arena *arena) {
    struct api_response response;
    struct rng of_users = api->uid_rng;
    api->uid_rng = api->own_uid_rng;
    fakeapi_handle(api, request, AGENT, arena, &response);
    api->own_uid_rng = api->uid_rng;
    api->uid_rng = of_users;
    return response.http_status;
}

static void create(struct fakeapi *api, const struct group_priority *row, struct sv managed,
                   struct arena *arena) {
    struct cJSON *tree = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, tree, SV("metadata"));
    struct cJSON *spec = json_ensure_map(arena, tree, SV("spec"));
    json_set_string(arena, metadata, SV("name"),
                    ARENA_JOIN(arena, row->version, SV("."), row->group));
    json_set_string(arena, json_ensure_map(arena, metadata, SV("labels")), MANAGED_LABEL, managed);
    if (row->group.len > 0)
        json_set_string(arena, spec, SV("group"), row->group);
    json_set_string(arena, spec, SV("version"), row->version);
    json_set_int(arena, spec, SV("groupPriorityMinimum"), row->group_priority);
    json_set_int(arena, spec, SV("versionPriority"), row->version_priority);
    struct request request = request_for(VERB_CREATE, SV(""));
    request.body = tree;
    handle_own(api, &request, arena);
}

static bool exists(struct fakeapi *api, struct sv group, struct sv version, struct arena *arena) {
    return collection_get(api_services(api), SV(""), ARENA_JOIN(arena, version, SV("."), group));
}

/* --- conditions --- */

static bool says(const struct cJSON *condition, const struct availability *availability) {
    struct sv status = availability->is_available ? SV("True") : SV("False");
    return sv_eq(json_find_string(condition, "status"), status) &&
           sv_eq(json_find_string(condition, "reason"), availability->reason) &&
           sv_eq(json_find_string(condition, "message"), availability->message);
}

void api_service_set_available(struct fakeapi *api, struct sv name,
                               const struct availability *availability) {
    struct stored *stored = collection_get(api_services(api), SV(""), name);
    const struct cJSON *tree = stored ? stored_tree(stored) : NULL;
    const struct cJSON *known =
        condition_find(json_find(tree, "status.conditions"), SV("Available"));
    if (!tree || (known && says(known, availability)))
        return;
    AUTO(arena) arena = arena_new();
    struct sv status = availability->is_available ? SV("True") : SV("False");
    bool is_same = sv_eq(json_find_string(known, "status"), status);
    struct cJSON *patch = json_map(arena), *condition = json_map(arena);
    json_append(
        json_ensure_list(arena, json_ensure_map(arena, patch, SV("status")), SV("conditions")),
        condition);
    json_set_string(arena, condition, SV("type"), SV("Available"));
    json_set_string(arena, condition, SV("status"), status);
    json_set_string(arena, condition, SV("lastTransitionTime"),
                    is_same ? json_find_string(known, "lastTransitionTime")
                            : api_time_format(clock_now_ms(api->options.clock), arena));
    json_set_string(arena, condition, SV("reason"), availability->reason);
    json_set_string(arena, condition, SV("message"), availability->message);
    struct request request = request_for(VERB_PATCH, object_name(tree));
    request.subresource = SV("status");
    request.patch_type = PATCH_MERGE;
    request.body = patch;
    handle_own(api, &request, arena);
}

/* --- the server's own --- */

static void create_built_in(struct fakeapi *api, struct arena *arena) {
    for (size_t i = 0; i < COUNT_OF(built_in); i++)
        if (!exists(api, built_in[i].group, built_in[i].version, arena))
            create(api, &built_in[i], SV("onstart"), arena);
}

static void create_custom(struct fakeapi *api, struct arena *arena) {
    const struct resource_type *type;
    for (size_t i = 0; (type = registry_at(api->registry, i)); i++) {
        struct group_priority row = {.group = type->resource.group,
                                     .version = type->resource.version,
                                     .group_priority = CUSTOM_GROUP_PRIORITY,
                                     .version_priority = CUSTOM_VERSION_PRIORITY};
        if (type->is_custom && !exists(api, row.group, row.version, arena))
            create(api, &row, SV("true"), arena);
    }
}

/* Those whose definition is gone. */
static bool is_left_behind(struct fakeapi *api, const struct cJSON *tree) {
    return sv_eq(object_label(tree, MANAGED_LABEL), SV("true")) &&
           !registry_has_group_version(api->registry, json_find_string(tree, "spec.group"),
                                       json_find_string(tree, "spec.version"));
}

/* The names of APIServices, since looking at them and writing them do not go together. */
static size_t list_names(struct fakeapi *api, struct arena *arena, struct sv **ret_names) {
    struct collection *services = api_services(api);
    struct position position = collection_seek(services, SV(""), SV(""));
    struct stored *stored;
    size_t count = 0;
    *ret_names = ARENA_ARRAY(arena, struct sv, services->count + 1);
    while ((stored = collection_at(services, &position))) {
        (*ret_names)[count++] = arena_copy(arena, stored->name);
        position_advance(&position);
    }
    return count;
}

static void settle_one(struct fakeapi *api, struct sv name, struct arena *arena) {
    static const struct availability local = {
        .is_available = true,
        .reason = SV("Local"),
        .message = SV("Local APIServices are always available"),
    };
    const struct cJSON *tree = stored_tree(collection_get(api_services(api), SV(""), name));
    if (is_left_behind(api, tree)) {
        struct request request = request_for(VERB_DELETE, name);
        handle_own(api, &request, arena);
    } else if (!json_is_map(json_find(tree, "spec.service"))) {
        api_service_set_available(api, name, &local);
    }
}

void aggregation_settle(struct fakeapi *api) {
    AUTO(arena) arena = arena_new();
    struct sv *names;
    if (!api->has_own_services)
        create_built_in(api, arena);
    api->has_own_services = true;
    create_custom(api, arena);
    size_t count = list_names(api, arena, &names);
    for (size_t i = 0; i < count; i++)
        settle_one(api, names[i], arena);
}

/* --- who asks aggregated servers --- */

void aggregation_publish(struct fakeapi *api, const struct proxy_identity *identity) {
    AUTO(arena) arena = arena_new();
    const struct {
        struct sv key, text;
    } data[] = {
        {SV("client-ca-file"), identity->client_ca},
        {SV("requestheader-allowed-names"),
         ARENA_JOIN(arena, SV("[\""), identity->proxy_name, SV("\"]"))},
        {SV("requestheader-client-ca-file"), identity->proxy_ca},
        {SV("requestheader-extra-headers-prefix"), SV("[\"X-Remote-Extra-\"]")},
        {SV("requestheader-group-headers"), SV("[\"X-Remote-Group\"]")},
        {SV("requestheader-uid-headers"), SV("[\"X-Remote-Uid\"]")},
        {SV("requestheader-username-headers"), SV("[\"X-Remote-User\"]")},
    };
    struct cJSON *tree = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, tree, SV("metadata"));
    json_set_string(arena, metadata, SV("name"), SV("extension-apiserver-authentication"));
    json_set_string(arena, metadata, SV("namespace"), SV("kube-system"));
    for (size_t i = 0; i < COUNT_OF(data); i++)
        json_set_string(arena, json_ensure_map(arena, tree, SV("data")), data[i].key, data[i].text);
    struct request request = {
        .verb = VERB_CREATE,
        .group = SV(""),
        .version = SV("v1"),
        .plural = SV("configmaps"),
        .namespace_name = SV("kube-system"),
        .body = tree,
    };
    if (handle_own(api, &request, arena) != 409)
        return;
    /* It is there from an earlier start, which had other authorities. */
    request.verb = VERB_UPDATE;
    request.name = SV("extension-apiserver-authentication");
    handle_own(api, &request, arena);
}
