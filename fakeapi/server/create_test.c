/* SPDX-License-Identifier: Apache-2.0 */
/* Creation, and the texts of what is refused (apiserver-semantics.md §1.1, §1.2). */
#include "core/base/joiner.h"
#include "core/base/test.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/rbac.h"
#include "fakeapi/server/server_fixture.h"

#define CRD                                                                                        \
    "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\"" \
    ",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":\"v1\",\"served\":" \
    "true,\"storage\":true,\"subresources\":{\"status\":{},\"scale\":{\"specReplicasPath\":"       \
    "\".spec.replicas\",\"statusReplicasPath\":\".status.replicas\"}},\"schema\":{"                \
    "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\","      \
    "\"properties\":{\"replicas\":{\"type\":\"integer\",\"minimum\":0,\"default\":1},\"size\":{"   \
    "\"type\":\"string\"}}},\"status\":{\"type\":\"object\",\"properties\":{\"replicas\":{"        \
    "\"type\":\"integer\"}}}}}}}]}}"

static const struct {
    const char *resource, *namespace_name, *body;
    int http_status;
    const char *reason, *message;
} refused[] = {
    {"configmaps", "nowhere", "{\"metadata\":{\"name\":\"a\"}}", 404, "NotFound",
     "namespaces \"nowhere\" not found"},
    {"configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}", 409, "AlreadyExists",
     "configmaps \"a\" already exists"},
    {"configmaps", "default", "{\"metadata\":{}}", 422, "Invalid",
     "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"},
    {"configmaps", "default", "{\"kind\":\"Secret\",\"metadata\":{\"name\":\"b\"}}", 400,
     "BadRequest", NULL},
    {"configmaps", "default", "{\"metadata\":{\"name\":\"b\",\"namespace\":\"other\"}}", 400,
     "BadRequest",
     "the namespace of the provided object does not match the namespace sent on the request"},
    {"configmaps", "default", "{\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"7\"}}", 500, "",
     "resourceVersion should not be set on objects to be created"},
    {"configmaps", "default", "{\"metadata\":{\"name\":\"b\"},\"data\":{\"k\":1}}", 400,
     "BadRequest", NULL},
    {"widgets", "default", "{\"metadata\":{\"name\":\"b\"}}", 404, "NotFound",
     "the server could not find the requested resource"},
    {"x.io/v1/foos", "default", "{\"metadata\":{\"name\":\"b\"}}", 400, "BadRequest",
     "Object 'Kind' is missing in '{\"metadata\":{\"name\":\"b\"}}'"},
    {"x.io/v1/foos", "default",
     "{\"kind\":\"Foo\",\"apiVersion\":\"x.io/v1\",\"metadata\":{\"name\":\"b\"},\"spec\":{"
     "\"replicas\":-1}}",
     422, "Invalid",
     "Foo.x.io \"b\" is invalid: [spec.replicas: Invalid value: -1: spec.replicas in body should "
     "be "
     "greater than or equal to 0, .spec.replicas: Invalid value: -1: should be a non-negative "
     "integer]"},
    {"pods", "default", "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"containers\":[]}}", 422,
     "Invalid", NULL},
};

TEST(refusals_say_what_and_where) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_default_account(api, arena);
    CHECK(fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "", CRD)
              .http_status == 201);
    CHECK(fixture_create(api, arena, "configmaps", "default", "{\"metadata\":{\"name\":\"a\"}}")
              .http_status == 201);
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        uint64_t revision = fakeapi_revision(api);
        struct api_response response = fixture_create(api, arena, refused[i].resource,
                                                      refused[i].namespace_name, refused[i].body);
        CHECK(response.http_status == refused[i].http_status);
        CHECK_SV(fixture_reason(&response), sv_from(refused[i].reason));
        if (refused[i].message)
            CHECK_SV(fixture_message(&response), sv_from(refused[i].message));
        CHECK(fakeapi_revision(api) == revision);
    }
}

TEST(the_server_sets_what_is_its_own) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct api_response response = fixture_create(
        api, arena, "apps/v1/deployments", "default",
        "{\"metadata\":{\"name\":\"d\",\"uid\":\"mine\",\"generation\":7,\"creationTimestamp\":"
        "\"2020-01-01T00:00:00Z\",\"deletionTimestamp\":\"2020-01-01T00:00:00Z\"},\"spec\":{"
        "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{"
        "\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i:1\",\"resources\":"
        "{\"limits\":{\"memory\":\"1024Mi\",\"cpu\":0.5}}}]}}},\"status\":{\"replicas\":5}}");
    const struct cJSON *object = response.body;
    CHECK(response.http_status == 201);
    CHECK(object_uid(object).len == 36);
    CHECK(object_generation(object) == 1);
    CHECK(!object_is_deleting(object));
    CHECK_SV(json_find_string(object, "metadata.creationTimestamp"), SV("2026-01-01T00:00:00Z"));
    CHECK(!json_find(object, "status.replicas"));
    CHECK(json_find_int(object, "spec.replicas", 0) == 1);
    const struct cJSON *container = json_find(object, "spec.template.spec.containers.0");
    CHECK_SV(json_find_string(container, "imagePullPolicy"), SV("IfNotPresent"));
    CHECK_SV(json_find_string(container, "resources.limits.memory"), SV("1Gi"));
    CHECK_SV(json_find_string(container, "resources.limits.cpu"), SV("500m"));
    CHECK_SV(json_find_string(object, "metadata.managedFields.0.manager"), SV("test"));
}

TEST(generated_names_are_new_each_time) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    const char *body = "{\"metadata\":{\"generateName\":\"job-\"}}";
    struct api_response first = fixture_create(api, arena, "configmaps", "default", body);
    struct api_response second = fixture_create(api, arena, "configmaps", "default", body);
    CHECK(sv_starts_with(object_name(first.body), SV("job-")));
    CHECK(object_name(first.body).len == strlen("job-") + 5);
    CHECK(!sv_eq(object_name(first.body), object_name(second.body)));
}

TEST(a_dry_run_answers_and_writes_nothing) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct request request = fixture_request(VERB_CREATE, "services", "default", "");
    request.body =
        fixture_json(arena, "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
    request.dry_run = true;
    uint64_t revision = fakeapi_revision(api);
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(response.http_status == 201);
    CHECK(object_resource_version(response.body).len == 0);
    CHECK(fakeapi_revision(api) == revision);
    CHECK(fixture_get(api, arena, "services", "default", "s").http_status == 404);
    request.dry_run = false;
    CHECK(fixture_send(api, arena, &request).http_status == 201);
}

TEST(unknown_fields_warn_or_refuse_as_asked) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct request request = fixture_request(VERB_CREATE, "configmaps", "default", "");
    request.body = fixture_json(arena, "{\"metadata\":{\"name\":\"s\",\"foo\":1},\"dat\":{}}");
    request.field_validation = SV("Strict");
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(response.http_status == 400);
    CHECK_SV(fixture_message(&response),
             SV("ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding "
                "error: unknown field \"metadata.foo\", unknown field \"dat\""));
    request.field_validation = SV("");
    response = fixture_send(api, arena, &request);
    CHECK(response.http_status == 201);
    CHECK(response.warning_count == 2);
    CHECK_SV(response.warnings[0], SV("unknown field \"metadata.foo\""));
}

TEST(custom_resources_are_pruned_and_defaulted) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "", CRD);
    struct api_response response = fixture_create(
        api, arena, "x.io/v1/foos", "default",
        "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"f\"},\"spec\":{"
        "\"size\":\"1024Mi\",\"odd\":1},\"status\":{\"replicas\":3}}");
    CHECK(response.http_status == 201);
    CHECK(json_find_int(response.body, "spec.replicas", 0) == 1);
    CHECK(!json_find(response.body, "spec.odd"));
    CHECK(!json_find(response.body, "status.replicas"));
    /* Custom resources keep what was written. */
    CHECK_SV(json_find_string(response.body, "spec.size"), SV("1024Mi"));
}

TEST(secrets_take_plain_text_and_claims_are_protected) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct api_response secret =
        fixture_create(api, arena, "secrets", "default",
                       "{\"metadata\":{\"name\":\"s\"},\"stringData\":{\"k\":\"value\"}}");
    CHECK_SV(json_find_string(secret.body, "data.k"), SV("dmFsdWU="));
    CHECK(!json_find(secret.body, "stringData"));
    struct api_response claim =
        fixture_create(api, arena, "persistentvolumeclaims", "default",
                       "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"accessModes\":["
                       "\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}");
    CHECK(object_has_finalizer(claim.body, SV("kubernetes.io/pvc-protection")));
}

/* A dry run finds what is wrong with a definition, and what is right serves nothing. */
TEST(a_dry_run_compiles_the_rules_of_a_definition) {
    static const struct {
        const char *rule;
        int http_status;
    } rules[] = {{"self.size >", 422}, {"self.size != ''", 201}};
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        uint64_t revision = fakeapi_revision(api);
        struct sv body = arena_printf(
            arena,
            "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
            "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{"
            "\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
            "\"type\":\"object\",\"properties\":{\"size\":{\"type\":\"string\"}},"
            "\"x-kubernetes-validations\":[{\"rule\":\"%s\"}]}}}]}}",
            rules[i].rule);
        struct request request = fixture_request(
            VERB_CREATE, "apiextensions.k8s.io/v1/customresourcedefinitions", "", "");
        request.dry_run = true;
        request.body = fixture_json(arena, body.ptr);
        struct api_response response = fixture_send(api, arena, &request);
        CHECK(response.http_status == rules[i].http_status);
        CHECK(fakeapi_revision(api) == revision);
        CHECK(!registry_find(fakeapi_registry(api), SV("x.io"), SV("v1"), SV("foos")));
        if (rules[i].http_status == 422)
            CHECK(sv_contains(fixture_message(&response), SV("x-kubernetes-validations[0].rule")));
    }
}

TEST(the_server_says_who_asks_for_a_certificate) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    static const struct sv groups[] = {SV("dev"), SV("system:authenticated")};
    const struct user_info ann = {
        .name = SV("ann"), .uid = SV("7"), .groups = groups, .group_count = COUNT_OF(groups)};
    struct request request =
        fixture_request(VERB_CREATE, "certificates.k8s.io/v1/certificatesigningrequests", "", "");
    request.body =
        fixture_json(arena, "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"request\":\"\","
                            "\"signerName\":\"x.io/s\",\"usages\":[\"client auth\"],\"username\":"
                            "\"bob\",\"extra\":{\"k\":[\"v\"]}}}");
    const struct caller caller = {.user_agent = SV("kubectl"), .user = &ann};
    struct api_response response;
    REQUIRE(fakeapi_handle_as(api, &request, &caller, arena, &response));
    REQUIRE(response.http_status == 201);
    CHECK_SV(json_find_string(response.body, "spec.username"), SV("ann"));
    CHECK_SV(json_find_string(response.body, "spec.uid"), SV("7"));
    CHECK_SV(json_find_string(response.body, "spec.groups.1"), SV("system:authenticated"));
    CHECK(!json_find(response.body, "spec.extra"));
}

TEST(a_pod_with_gates_says_what_it_waits_for) {
    static const struct {
        const char *gates;
        struct sv reason;
    } pods[] = {{"[]", SV("")}, {"[{\"name\":\"x.io/g\"}]", SV("SchedulingGated")}};
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_default_account(api, arena);
    for (size_t i = 0; i < COUNT_OF(pods); i++) {
        struct sv body = arena_printf(arena,
                                      "{\"metadata\":{\"generateName\":\"a\"},\"spec\":{"
                                      "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],"
                                      "\"schedulingGates\":%s}}",
                                      pods[i].gates);
        struct api_response response = fixture_create(api, arena, "pods", "default", body.ptr);
        REQUIRE(response.http_status == 201);
        const struct cJSON *scheduled = object_condition(response.body, SV("PodScheduled"));
        CHECK_SV(json_find_string(scheduled, "reason"), pods[i].reason);
    }
}

/* A ReplicationController is named by its pods' labels where it has none of its own. */
TEST(a_replication_controller_takes_the_labels_of_its_pods) {
    static const struct {
        const char *labels;
        struct sv app;
    } own[] = {{"{}", SV("old")}, {"{\"app\":\"mine\"}", SV("mine")}};
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        struct sv body = arena_printf(
            arena,
            "{\"metadata\":{\"generateName\":\"a\",\"labels\":%s},\"spec\":{\"template\":{"
            "\"metadata\":{\"labels\":{\"app\":\"old\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
            "\"image\":\"i\"}]}}}}",
            own[i].labels);
        struct api_response response =
            fixture_create(api, arena, "replicationcontrollers", "default", body.ptr);
        REQUIRE(response.http_status == 201);
        CHECK_SV(json_find_string(response.body, "metadata.labels.app"), own[i].app);
    }
}

TEST(a_binding_of_a_namespace_may_leave_out_that_of_its_accounts) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct api_response made = fixture_create(
        api, arena, "rbac.authorization.k8s.io/v1/rolebindings", "default",
        "{\"metadata\":{\"name\":\"b\"},\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},"
        "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"s\"}]}");
    CHECK(made.http_status == 201);
    struct api_response roleless =
        fixture_create(api, arena, "rbac.authorization.k8s.io/v1/rolebindings", "default",
                       "{\"metadata\":{\"name\":\"c\"}}");
    CHECK_SV(fixture_message(&roleless),
             SV("RoleBinding.rbac.authorization.k8s.io \"c\" is invalid: [roleRef.kind: "
                "Unsupported value: \"\": supported values: \"Role\", \"ClusterRole\", "
                "roleRef.name: Required value]"));
}

TEST(fields_behind_closed_gates_are_dropped) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_default_account(api, arena);
    struct api_response pod = fixture_create(
        api, arena, "pods", "default",
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"initContainers\":[{\"name\":\"i\",\"image\":"
        "\"x\",\"restartPolicy\":\"Always\"},{\"name\":\"j\",\"image\":\"x\",\"restartPolicy\":"
        "\"Never\"}],\"containers\":[{\"name\":\"c\",\"image\":\"x\",\"restartPolicy\":"
        "\"Always\"}]}}");
    REQUIRE(pod.http_status == 201);
    /* A sidecar is no longer one of these. */
    CHECK_SV(json_find_string(pod.body, "spec.initContainers.0.restartPolicy"), SV("Always"));
    CHECK(!json_find(pod.body, "spec.initContainers.1.restartPolicy"));
    CHECK(!json_find(pod.body, "spec.containers.0.restartPolicy"));
    struct api_response lease =
        fixture_create(api, arena, "coordination.k8s.io/v1/leases", "default",
                       "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"holderIdentity\":\"a\","
                       "\"strategy\":\"OldestEmulationVersion\"}}");
    REQUIRE(lease.http_status == 201);
    CHECK_SV(json_find_string(lease.body, "spec.holderIdentity"), SV("a"));
    CHECK(!json_find(lease.body, "spec.strategy"));
}

/* Storage has no word for an empty list, which whoever sent it owns all the same. */
static const struct {
    const char *resource, *body, *list, *fields;
} empty_lists[] = {
    {"rbac.authorization.k8s.io/v1/roles", "{\"metadata\":{\"name\":\"n\"},\"rules\":[]}", "rules",
     "{\"f:rules\":{}}"},
    {"rbac.authorization.k8s.io/v1/roles", "{\"metadata\":{\"name\":\"n\"}}", "rules", NULL},
    {"limitranges", "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"limits\":[]}}", "spec.limits",
     "{\"f:spec\":{\"f:limits\":{}}}"},
};

TEST(empty_lists_are_owned_and_stored_as_null) {
    for (size_t i = 0; i < COUNT_OF(empty_lists); i++) {
        AUTO(fakeapi) api = fixture_api();
        AUTO(arena) arena = arena_new();
        struct api_response made =
            fixture_create(api, arena, empty_lists[i].resource, "default", empty_lists[i].body);
        REQUIRE(made.http_status == 201);
        CHECK(json_is_null(json_find(made.body, empty_lists[i].list)));
        const struct cJSON *fields = json_find(made.body, "metadata.managedFields.0.fieldsV1");
        struct sv wanted = empty_lists[i].fields ? sv_from(empty_lists[i].fields) : SV("");
        CHECK_SV(fields ? json_write_arena(arena, fields, JSON_COMPACT) : SV(""), wanted);
        /* Sent again, it is the same object. */
        struct request again =
            fixture_request(VERB_UPDATE, empty_lists[i].resource, "default", "n");
        again.body = fixture_json(arena, empty_lists[i].body);
        struct api_response same = fixture_send(api, arena, &again);
        CHECK_SV(json_find_string(same.body, "metadata.resourceVersion"),
                 json_find_string(made.body, "metadata.resourceVersion"));
    }
}

/* Go's encoder leaves out a zero unless the field is a pointer or always written. */
static const struct {
    const char *path;
    bool is_kept;
} zeros[] = {
    {"metadata.generateName", false},
    {"metadata.labels", false},
    {"spec.hostNetwork", false},
    {"spec.priority", true},
    {"spec.terminationGracePeriodSeconds", true},
    {"spec.automountServiceAccountToken", true},
    {"spec.containers.0.env.0.value", false},
    {"spec.containers.0.args.0", true},
    {"spec.containers.0.stdin", false},
    {"spec.containers.0.workingDir", false},
    {"spec.containers.0.ports.0.hostPort", false},
    {"spec.containers.0.securityContext.runAsUser", true},
    {"spec.containers.0.securityContext.privileged", true},
    {"spec.volumes.0.emptyDir", true},
    {"spec.volumes.0.emptyDir.medium", false},
    {"spec.volumes.1.hostPath.path", true},
    {"metadata.annotations.empty", true},
};

TEST(zeros_are_kept_where_they_were_meant) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_default_account(api, arena);
    struct api_response pod = fixture_create(
        api, arena, "pods", "default",
        "{\"metadata\":{\"name\":\"p\",\"generateName\":\"\",\"labels\":{},\"annotations\":{"
        "\"empty\":\"\"}},\"spec\":{\"hostNetwork\":false,\"priority\":0,"
        "\"terminationGracePeriodSeconds\":0,\"automountServiceAccountToken\":false,"
        "\"volumes\":[{\"name\":\"e\",\"emptyDir\":{\"medium\":\"\"}},{\"name\":\"h\","
        "\"hostPath\":{\"path\":\"/\"}}],\"containers\":[{\"name\":\"c\",\"image\":\"x\","
        "\"workingDir\":\"\",\"env\":[{\"name\":\"A\",\"value\":\"\"}],\"args\":[\"\"],"
        "\"stdin\":false,\"ports\":[{\"containerPort\":1,\"hostPort\":0}],"
        "\"securityContext\":{\"runAsUser\":0,\"privileged\":false}}]}}");
    REQUIRE(pod.http_status == 201);
    for (size_t i = 0; i < COUNT_OF(zeros); i++)
        CHECK_SV(json_find(pod.body, zeros[i].path) ? SV("kept") : SV("lost"),
                 zeros[i].is_kept ? SV("kept") : SV("lost"));
}

/* Of base64 the bytes that it stands for are counted: a third less. */
TEST(a_config_map_holds_a_mebibyte_of_values) {
    static const struct {
        const char *key;
        size_t bytes;
        int http_status;
    } cases[] = {
        {"data", 1024 * 1024, 201},
        {"data", 1024 * 1024 + 1, 422},
        {"binaryData", 1398100, 201},
        {"binaryData", 1398108, 422},
    };
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *value = arena_alloc(arena, cases[i].bytes + 1);
        memset(value, 'A', cases[i].bytes);
        value[cases[i].bytes] = '\0';
        struct sv body =
            arena_printf(arena, "{\"metadata\":{\"name\":\"m%zu\"},\"%s\":{\"k\":\"%s\"}}", i,
                         cases[i].key, value);
        CHECK(fixture_create(api, arena, "configmaps", "default", body.ptr).http_status ==
              cases[i].http_status);
    }
}

/* --- objects as wide as a request may be: in minutes for whoever looks at one after the other ---
 */

enum { WIDE = 30 * 1000 };

static struct cJSON *wide_member(struct arena *arena, struct cJSON *object, const char *path,
                                 const char *prefix, struct sv value) {
    struct sv rest = sv_from(path);
    while (rest.len > 0)
        object = json_ensure_map(arena, object, sv_cut(&rest, '.'));
    struct json_index members = json_index_of(arena, object);
    for (int i = 0; i < WIDE; i++)
        json_index_set(&members, arena_printf(arena, "%s%d", prefix, i), json_string(arena, value));
    return object;
}

static const struct {
    const char *resource, *start;
    const char *paths[2], *prefix;
    struct sv value;
    int http_status;
} wide_objects[] = {
    {"configmaps", "{}", {"data", "binaryData"}, "k", SV("AAAA"), 422},
    {"secrets", "{}", {"data", "stringData"}, "k", SV("AAAA"), 201},
    {"resourcequotas", "{}", {"spec.hard"}, "count/k", SV("1"), 201},
    {"endpoints", "{}", {"metadata.labels", "metadata.annotations"}, "k", SV("1"), 201},
};

TEST(wide_objects_are_created) {
    for (size_t row = 0; row < COUNT_OF(wide_objects); row++) {
        AUTO(fakeapi) api = fixture_api();
        AUTO(arena) arena = arena_new();
        struct request request =
            fixture_request(VERB_CREATE, wide_objects[row].resource, "default", "");
        struct cJSON *body = json_copy(arena, fixture_json(arena, wide_objects[row].start));
        json_set_string(arena, json_ensure_map(arena, body, SV("metadata")), SV("name"), SV("a"));
        for (size_t i = 0; i < 2 && wide_objects[row].paths[i]; i++)
            wide_member(arena, body, wide_objects[row].paths[i], wide_objects[row].prefix,
                        wide_objects[row].value);
        request.body = body;
        struct api_response response = fixture_send(api, arena, &request);
        CHECK(response.http_status == wide_objects[row].http_status);
    }
}

/* The limits of a container are its requests, too. */
TEST(a_container_has_as_many_resources_as_it_likes) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    fixture_default_account(api, arena);
    struct request request = fixture_request(VERB_CREATE, "pods", "default", "");
    struct cJSON *body = json_copy(
        arena, fixture_json(arena, "{\"metadata\":{\"name\":\"a\"},\"spec\":{"
                                   "\"automountServiceAccountToken\":false,"
                                   "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"));
    wide_member(arena, json_find(body, "spec.containers.0"), "resources.limits", "x.io/r", SV("1"));
    request.body = body;
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(response.http_status == 201);
    CHECK(json_count(json_find(response.body, "spec.containers.0.resources.requests")) == WIDE);
}

/* Items of a keyed list are held against what they were, wherever that stood. */
TEST(a_long_keyed_list_changes_its_order) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    CHECK(fixture_create(
              api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
              "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
              "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{"
              "\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
              "\"type\":\"object\",\"properties\":{\"list\":{\"type\":\"array\","
              "\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":[\"a\"],"
              "\"items\":{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{"
              "\"type\":\"integer\",\"minimum\":0}}}}}}}}]}}")
              .http_status == 201);
    struct sv version = SV("");
    for (int round = 0; round < 2; round++) {
        struct request request = fixture_request(round ? VERB_UPDATE : VERB_CREATE, "x.io/v1/foos",
                                                 "default", round ? "a" : "");
        struct cJSON *body =
            json_copy(arena, fixture_json(arena, "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\","
                                                 "\"metadata\":{\"name\":\"a\"}}"));
        if (round)
            json_set_string(arena, json_get(body, SV("metadata")), SV("resourceVersion"), version);
        struct cJSON *list = json_ensure_list(arena, body, SV("list"));
        for (int i = 0; i < WIDE; i++)
            json_set_int(arena, json_append(list, json_map(arena)), SV("a"),
                         round ? WIDE - 1 - i : i);
        request.body = body;
        struct api_response response = fixture_send(api, arena, &request);
        version = json_find_string(response.body, "metadata.resourceVersion");
        CHECK(response.http_status == (round ? 200 : 201));
        CHECK(json_find_int(response.body, "list.0.a", -1) == (round ? WIDE - 1 : 0));
    }
}

/* Two of one uid that differ otherwise are two. */
TEST(an_owner_that_is_named_twice_is_one) {
    AUTO(fakeapi) api = fixture_api();
    AUTO(arena) arena = arena_new();
    struct api_response response =
        fixture_create(api, arena, "configmaps", "default",
                       "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":["
                       "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"x\",\"uid\":\"1\"},"
                       "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"y\",\"uid\":\"1\"},"
                       "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"x\",\"uid\":\"1\"}]}}");
    CHECK(response.http_status == 201);
    CHECK(json_count(json_find(response.body, "metadata.ownerReferences")) == 2);
    REQUIRE(response.warning_count == 1);
    CHECK(sv_ends_with(response.warnings[0], SV("duplicate UID(s) observed: 1")));
}

/* Items are a text, their number and another text. */
static const struct {
    const char *resource, *head, *front, *back, *tail;
    int http_status;
} long_lists[] = {
    {"endpoints",
     "{\"metadata\":{\"name\":\"a\"},\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.1\"}],"
     "\"ports\":[",
     "{\"port\":80,\"name\":\"p", "\"}", "]}]}", 201},
    {"pods",
     "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"automountServiceAccountToken\":false,"
     "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"topologySpreadConstraints\":[",
     "{\"maxSkew\":1,\"whenUnsatisfiable\":\"DoNotSchedule\",\"topologyKey\":\"k", "\"}", "]}}",
     201},
    {"limitranges",
     "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"limits\":[{\"type\":\"Container\",\"max\":{",
     "\"x.io/r", "\":\"1\"", "}}]}}", 500}, /* with its defaults: too large */
    {"resourcequotas", "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"scopes\":[", "\"s", "\"", "]}}",
     422},
};

TEST(long_lists_are_judged) {
    for (size_t row = 0; row < COUNT_OF(long_lists); row++) {
        AUTO(fakeapi) api = fixture_api();
        AUTO(arena) arena = arena_new();
        fixture_default_account(api, arena);
        struct joiner text;
        joiner_init(&text, arena);
        joiner_printf(&text, "%s", long_lists[row].head);
        for (int i = 0; i < WIDE; i++)
            joiner_printf(&text, "%s%s%d%s", i ? "," : "", long_lists[row].front, i,
                          long_lists[row].back);
        joiner_printf(&text, "%s", long_lists[row].tail);
        struct api_response response =
            fixture_create(api, arena, long_lists[row].resource, "default", joiner_text(&text).ptr);
        CHECK(response.http_status == long_lists[row].http_status);
        /* What a refusal shows of the list does not grow with the number of faults. */
        CHECK(arena_used_bytes(arena) < (size_t)300 * 1024 * 1024);
    }
}

static struct api_response create_definition(struct fakeapi *api, struct arena *arena,
                                             struct sv schema) {
    struct sv text = arena_printf(
        arena,
        "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
        "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":"
        "\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":"
        "\"object\",\"properties\":{\"list\":{\"type\":\"array\",\"items\":%.*s}}}}}]}}",
        SV_ARG(schema));
    return fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
                          text.ptr);
}

/* A list of WIDE items "w0", "w1" …, each under a schema of `count` alternatives or words. */
static struct api_response create_wide_list(const char *front, const char *back, const char *each,
                                            int count, struct arena *arena) {
    AUTO(fakeapi) api = fixture_api();
    struct joiner schema;
    joiner_init(&schema, arena);
    joiner_printf(&schema, "%s", front);
    for (int i = 0; i < count; i++)
        joiner_printf(&schema, "%s%s%d%s", i ? "," : "", each, i, back[0] == '"' ? "\"" : "}");
    joiner_printf(&schema, "]}");
    CHECK(create_definition(api, arena, joiner_text(&schema)).http_status == 201);
    struct cJSON *body = json_copy(
        arena, fixture_json(arena, "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{"
                                   "\"name\":\"a\"}}"));
    struct cJSON *list = json_ensure_list(arena, body, SV("list"));
    for (int i = 0; i < WIDE; i++)
        json_append(list, json_string(arena, arena_printf(arena, "w%d", i % 2000)));
    struct request request = fixture_request(VERB_CREATE, "x.io/v1/foos", "default", "");
    request.body = body;
    return fixture_send(api, arena, &request);
}

TEST(values_are_looked_up_in_a_long_enum) {
    AUTO(arena) arena = arena_new();
    static const char *const front = "{\"type\":\"string\",\"enum\":[";
    CHECK(create_wide_list(front, "\"", "\"w", 2000, arena).http_status == 201);
    struct api_response response = create_wide_list(front, "\"", "\"w", 1999, arena);
    CHECK(response.http_status == 422);
    CHECK(sv_contains(fixture_message(&response),
                      SV("list[1999]: Unsupported value: \"w1999\": supported values: \"w0\", ")));
    CHECK(!sv_contains(fixture_message(&response), SV("list[1998]")));
}

/* Nobody waits for minutes: the object is refused, with what to do. */
TEST(too_many_alternatives_for_too_many_values_are_refused) {
    AUTO(arena) arena = arena_new();
    static const char *const front = "{\"type\":\"string\",\"anyOf\":[";
    CHECK(create_wide_list(front, "}", "{\"maxLength\":", 9, arena).http_status == 201);
    struct api_response response = create_wide_list(front, "}", "{\"maxLength\":", 200, arena);
    CHECK(response.http_status == 422);
    CHECK(sv_contains(fixture_message(&response), SV("take more than 500000 checks")));
    CHECK(json_count(json_find(response.body, "details.causes")) == 1);
}

static const char *const sized_custom =
    "{\"kind\":\"Foo\",\"apiVersion\":\"x.io/v1\",\"metadata\":{\"name\":\"a2500000\"}}";
static const char *const sized_policy =
    "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"podSelector\":{}}}";

/* A custom object with a text of `count` bytes, or a NetworkPolicy with so many rules. */
static struct api_response create_sized(struct fakeapi *api, struct arena *arena, bool is_custom,
                                        size_t count) {
    struct request request = fixture_request(
        VERB_CREATE, is_custom ? "x.io/v1/foos" : "networking.k8s.io/v1/networkpolicies", "default",
        "");
    struct cJSON *body =
        json_copy(arena, fixture_json(arena, is_custom ? sized_custom : sized_policy));
    if (is_custom) {
        char *text = arena_alloc(arena, count);
        memset(text, 'x', count);
        json_append(json_ensure_list(arena, body, SV("list")),
                    json_string(arena, (struct sv){text, count}));
    } else {
        struct cJSON *spec = json_get(body, SV("spec"));
        struct cJSON *rules = json_list(arena);
        for (size_t i = 0; i < count; i++)
            json_append(rules, json_map(arena));
        json_set(arena, spec, SV("ingress"), rules);
    }
    request.body = body;
    return fixture_send(api, arena, &request);
}

/* As etcd does; what is stored of built-in types is shorter than their JSON. */
TEST(objects_that_a_store_would_not_take_are_refused) {
    static const struct {
        bool is_custom;
        size_t count;
        bool has_managers;
        const char *message; /* "": it is created */
    } cases[] = {
        {true, 1572000, true, ""},
        {true, 1572414, false, ""},
        {true, 1572864, false, "etcdserver: request is too large"},
        {true, 2500000, false,
         "rpc error: code = ResourceExhausted desc = trying to send message larger than max "
         "(2500303 vs. 2097152)"},
        {false, 600000, true, ""},
        {false, 800000, false, "etcdserver: request is too large"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        CHECK(create_definition(api, arena, SV("{\"type\":\"string\"}")).http_status == 201);
        struct api_response response = create_sized(api, arena, cases[i].is_custom, cases[i].count);
        bool is_created = cases[i].message[0] == '\0';
        CHECK(response.http_status == (is_created ? 201 : 500));
        CHECK((json_count(json_find(response.body, "metadata.managedFields")) > 0) ==
              cases[i].has_managers);
        if (!is_created)
            CHECK_SV(fixture_message(&response), sv_from(cases[i].message));
    }
}
