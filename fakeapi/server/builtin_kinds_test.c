/* SPDX-License-Identifier: Apache-2.0 */
/* Every built-in kind that discovery lists can be created, read, listed, watched, updated, patched
 * four ways and deleted. */
#include "core/base/test.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/server_fixture.h"

#define TEMPLATE                                                                                   \
    "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":"   \
    "\"c\",\"image\":\"i\"}]}}"
#define WORKLOAD "\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}}," TEMPLATE "}"
#define WEBHOOKS                                                                                   \
    "\"webhooks\":[{\"name\":\"a.b.c\",\"sideEffects\":\"None\",\"admissionReviewVersions\":["     \
    "\"v1\"],\"clientConfig\":{\"url\":\"https://a.example\"}}]"

/* What a kind needs besides its name; a kind that is not listed needs nothing. */
static const struct {
    const char *kind, *members;
} needs[] = {
    {"Pod", "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}"},
    {"Deployment", WORKLOAD},
    {"ReplicaSet", WORKLOAD},
    {"DaemonSet", WORKLOAD},
    {"StatefulSet", WORKLOAD},
    {"ReplicationController", "\"spec\":{\"selector\":{\"a\":\"b\"}," TEMPLATE "}"},
    {"PodTemplate", TEMPLATE},
    {"Job", "\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{"
            "\"name\":\"c\",\"image\":\"i\"}]}}}"},
    {"CronJob",
     "\"spec\":{\"schedule\":\"*/5 * * * *\",\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{"
     "\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}}"},
    {"Service", "\"spec\":{\"ports\":[{\"port\":80}]}"},
    {"PersistentVolume",
     "\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":[\"ReadWriteOnce\"],"
     "\"hostPath\":{\"path\":\"/x\"}}"},
    {"PersistentVolumeClaim",
     "\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":"
     "\"1Gi\"}}}"},
    {"Event", "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\",\"namespace\":\"default\"},"
              "\"reason\":\"R\",\"message\":\"m\",\"type\":\"Normal\""},
    {"EndpointSlice", "\"addressType\":\"IPv4\",\"endpoints\":[]"},
    {"Lease", "\"spec\":{\"holderIdentity\":\"h\"}"},
    {"ControllerRevision", "\"revision\":1,\"data\":{\"a\":1}"},
    {"Ingress",
     "\"spec\":{\"defaultBackend\":{\"service\":{\"name\":\"s\",\"port\":{\"number\":80}}}}"},
    {"IngressClass", "\"spec\":{\"controller\":\"x.io/c\"}"},
    {"RoleBinding", "\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\","
                    "\"name\":\"r\"}"},
    {"ClusterRoleBinding",
     "\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"ClusterRole\",\"name\":"
     "\"r\"}"},
    {"VolumeAttachment", "\"spec\":{\"attacher\":\"d\",\"nodeName\":\"n\",\"source\":{"
                         "\"persistentVolumeName\":\"v\"}}"},
    {"StorageClass", "\"provisioner\":\"x.io/p\""},
    {"CSIDriver", "\"spec\":{}"},
    {"CSINode", "\"spec\":{\"drivers\":[]}"},
    {"PriorityClass", "\"value\":7"},
    {"RuntimeClass", "\"handler\":\"runc\""},
    {"HorizontalPodAutoscaler", "\"spec\":{\"scaleTargetRef\":{\"apiVersion\":\"apps/"
                                "v1\",\"kind\":\"Deployment\",\"name\":\"d\"},\"maxReplicas\":3}"},
    {"PodDisruptionBudget", "\"spec\":{\"minAvailable\":1,\"selector\":{\"matchLabels\":{\"a\":"
                            "\"b\"}}}"},
    {"MutatingWebhookConfiguration", WEBHOOKS},
    {"ValidatingWebhookConfiguration", WEBHOOKS},
    {"CustomResourceDefinition",
     "\"spec\":{\"group\":\"x.io\",\"scope\":\"Cluster\",\"names\":{\"plural\":\"as\",\"kind\":"
     "\"A\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
     "\"openAPIV3Schema\":{\"type\":\"object\"}}}]}"},
    {"CertificateSigningRequest",
     "\"spec\":{\"signerName\":\"x.io/s\",\"usages\":[\"any\"],\"request\":\"bm9uZQ==\"}"},
    {"ValidatingAdmissionPolicy", "\"spec\":{\"validations\":[{\"expression\":\"true\"}]}"},
    {"APIService", "\"spec\":{\"group\":\"x.io\",\"version\":\"v1\",\"groupPriorityMinimum\":100,"
                   "\"versionPriority\":1}"},
};

static const char *name_of(const struct resource_type *type) {
    if (sv_eq(type->resource.kind, SV("APIService")))
        return "v1.x.io";
    return sv_eq(type->resource.kind, SV("CustomResourceDefinition")) ? "as.x.io" : "ab";
}

static const char *members_of(const struct resource_type *type) {
    /* Both groups of events have their own spelling. */
    if (sv_eq(type->resource.group, SV("events.k8s.io")))
        return "\"regarding\":{\"kind\":\"Pod\",\"name\":\"p\",\"namespace\":\"default\"},"
               "\"eventTime\":\"2026-01-01T00:00:00.000000Z\",\"reportingController\":\"x.io/c\","
               "\"reportingInstance\":\"i\",\"action\":\"A\",\"reason\":\"R\",\"type\":\"Normal\"";
    for (size_t i = 0; i < COUNT_OF(needs); i++)
        if (sv_eq(sv_from(needs[i].kind), type->resource.kind))
            return needs[i].members;
    return "";
}

struct trial {
    struct fakeapi *api;
    struct arena *arena;
    const struct resource_type *type;
};

static struct request request_of(const struct trial *trial, enum verb verb, bool is_named) {
    const struct resource *resource = &trial->type->resource;
    return (struct request){
        .verb = verb,
        .group = resource->group,
        .version = resource->version,
        .plural = resource->plural,
        .namespace_name = resource->is_namespaced ? SV("default") : SV(""),
        .name = is_named ? sv_from(name_of(trial->type)) : SV(""),
    };
}

/* The answer has the wanted status; else what it says is printed with the kind. */
static const struct cJSON *expect(const struct trial *trial, const struct request *request,
                                  int http_status, const char *what) {
    struct api_response response = fixture_send(trial->api, trial->arena, request);
    CHECK(response.http_status == http_status);
    if (response.http_status != http_status)
        printf("%.*s/%.*s: %s: %d %.*s\n", SV_ARG(trial->type->resource.group),
               SV_ARG(trial->type->resource.plural), what, response.http_status,
               SV_ARG(json_find_string(response.body, "message")));
    return response.body;
}

static struct sv head(const struct trial *trial) {
    const struct resource *resource = &trial->type->resource;
    return arena_printf(trial->arena, "\"apiVersion\":\"%.*s\",\"kind\":\"%.*s\"",
                        SV_ARG(resource_api_version(resource, trial->arena)),
                        SV_ARG(resource->kind));
}

static void create(const struct trial *trial) {
    const char *members = members_of(trial->type);
    struct request request = request_of(trial, VERB_CREATE, false);
    struct sv text =
        arena_printf(trial->arena, "{%.*s,\"metadata\":{\"name\":\"%s\"}%s%s}", SV_ARG(head(trial)),
                     name_of(trial->type), members[0] ? "," : "", members);
    request.body = fixture_json(trial->arena, text.ptr);
    request.field_validation = SV("Strict");
    const struct cJSON *created = expect(trial, &request, 201, "create");
    CHECK_SV(json_find_string(created, "kind"), trial->type->resource.kind);
}

static void read_back(const struct trial *trial) {
    struct request request = request_of(trial, VERB_GET, true);
    const struct cJSON *object = expect(trial, &request, 200, "get");
    CHECK_SV(json_find_string(object, "metadata.name"), sv_from(name_of(trial->type)));
    request = request_of(trial, VERB_LIST, false);
    const struct cJSON *list = expect(trial, &request, 200, "list");
    CHECK_SV(json_find_string(list, "kind"), trial->type->list_kind);
    bool is_listed = false;
    JSON_EACH (item, json_get(list, SV("items")))
        is_listed |= sv_eq(json_find_string(item, "metadata.name"), sv_from(name_of(trial->type)));
    CHECK(is_listed);
}

static void replace(const struct trial *trial) {
    struct request request = request_of(trial, VERB_GET, true);
    struct cJSON *object = json_copy(trial->arena, expect(trial, &request, 200, "get"));
    json_set_string(trial->arena,
                    json_ensure_map(trial->arena, json_get(object, SV("metadata")), SV("labels")),
                    SV("put"), SV("yes"));
    request = request_of(trial, VERB_UPDATE, true);
    request.body = object;
    const struct cJSON *updated = expect(trial, &request, 200, "update");
    CHECK_SV(json_find_string(updated, "metadata.labels.put"), SV("yes"));
}

static void patch_all_ways(const struct trial *trial) {
    const struct {
        enum patch_type type;
        const char *body;
    } patches[] = {
        {PATCH_JSON, "[{\"op\":\"add\",\"path\":\"/metadata/labels/p1\",\"value\":\"yes\"}]"},
        {PATCH_MERGE, "{\"metadata\":{\"labels\":{\"p2\":\"yes\"}}}"},
        {PATCH_STRATEGIC, "{\"metadata\":{\"labels\":{\"p3\":\"yes\"}}}"},
        {PATCH_APPLY, NULL},
    };
    static const char *const found[] = {"metadata.labels.p1", "metadata.labels.p2",
                                        "metadata.labels.p3", "metadata.labels.p4"};
    for (size_t i = 0; i < COUNT_OF(patches); i++) {
        struct request request = request_of(trial, VERB_PATCH, true);
        request.patch_type = patches[i].type;
        struct sv applied = arena_printf(
            trial->arena, "{%.*s,\"metadata\":{\"name\":\"%s\",\"labels\":{\"p4\":\"yes\"}}}",
            SV_ARG(head(trial)), name_of(trial->type));
        request.body = fixture_json(trial->arena, patches[i].body ? patches[i].body : applied.ptr);
        request.field_manager = SV("test");
        const struct cJSON *patched =
            expect(trial, &request, 200, patch_type_media_type(patches[i].type).ptr);
        CHECK_SV(json_find_string(patched, found[i]), SV("yes"));
    }
}

static void delete_it(const struct trial *trial) {
    struct request request = request_of(trial, VERB_DELETE, true);
    expect(trial, &request, 200, "delete");
    request = request_of(trial, VERB_GET, true);
    const struct cJSON *left = fixture_send(trial->api, trial->arena, &request).body;
    /* Some wait for a controller that takes a finalizer off. */
    bool is_waiting = json_find(left, "metadata.deletionTimestamp") != NULL;
    CHECK(is_waiting || sv_eq(json_find_string(left, "reason"), SV("NotFound")));
}

static struct watch_cursor *open_watch(const struct trial *trial) {
    struct request request = request_of(trial, VERB_WATCH, false);
    struct api_response response;
    request.resource_version =
        arena_printf(trial->arena, "%llu", (unsigned long long)fakeapi_revision(trial->api));
    return fakeapi_watch(trial->api, &request, trial->arena, &response);
}

static bool is_stored(const struct resource_type *type) {
    /* Made up on each request from the state of components. */
    return !sv_eq(type->resource.kind, SV("ComponentStatus"));
}

TEST(each_kind_lives_through_all_verbs) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) first = arena_new();
    fixture_default_account(api, first);
    const struct resource_type *type;
    for (size_t i = 0; (type = registry_at(fakeapi_registry(api), i)); i++) {
        AUTO(arena) arena = arena_new();
        struct trial trial = {api, arena, type};
        if (!is_stored(type))
            continue;
        struct watch_cursor *cursor = open_watch(&trial);
        REQUIRE(cursor != NULL);
        create(&trial);
        read_back(&trial);
        replace(&trial);
        patch_all_ways(&trial);
        delete_it(&trial);
        struct watch_record record;
        CHECK(watch_cursor_next(cursor, arena, &record) && record.type == WATCH_ADDED);
        size_t changes = 0;
        while (watch_cursor_next(cursor, arena, &record) && record.type == WATCH_MODIFIED)
            changes++;
        CHECK(changes >= 5);
        watch_cursor_free(cursor);
    }
}
