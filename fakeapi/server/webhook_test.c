/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/webhook.h"

#include "core/base/test.h"
#include "core/data/base64.h"
#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/rbac.h"
#include "fakeapi/server/server_fixture.h"

/* --- webhooks that answer as a table says --- */

struct scripted {
    const char *webhook;  /* "configuration/webhook" */
    const char *response; /* members of the response besides its uid; NULL: no answer */
    const char *patch;    /* JSON, or NULL */
};

struct fake_client {
    struct webhook_client client;
    struct arena *arena;
    const struct scripted *scripted;
    size_t count;
    struct sv asked;    /* names, with a blank behind each */
    struct sv requests; /* the requests that they saw, without uid */
    bool is_forgotten;
};

static const struct scripted *find_script(const struct fake_client *fake, struct sv webhook) {
    for (size_t i = 0; i < fake->count; i++)
        if (sv_eq(sv_from(fake->scripted[i].webhook), webhook))
            return &fake->scripted[i];
    return NULL;
}

static void fake_ask(struct webhook_client *client, struct dialogue *dialogue,
                     const struct webhook_call *call) {
    struct fake_client *fake = (struct fake_client *)client;
    struct arena *arena = fake->arena;
    struct cJSON *review = (struct cJSON *)(uintptr_t)fixture_json(arena, call->body.ptr);
    struct cJSON *request = json_get(review, SV("request"));
    struct sv uid = json_find_string(request, "uid");
    CHECK(uid.len == 36);
    CHECK(call->timeout_ms == 10000);
    fake->asked = arena_printf(arena, "%.*s%.*s ", SV_ARG(fake->asked), SV_ARG(call->webhook));
    const struct scripted *script = find_script(fake, call->webhook);
    if (!script || !script->response) {
        dialogue_fail(dialogue, call->index, SV("connection refused"));
        return;
    }
    struct sv patch = SV("");
    if (script->patch)
        patch = arena_printf(arena, ",\"patchType\":\"JSONPatch\",\"patch\":\"%.*s\"",
                             SV_ARG(base64_encode(arena, sv_from(script->patch))));
    struct sv answer = arena_printf(
        arena,
        "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{"
        "\"uid\":\"%.*s\",%s%.*s}}",
        SV_ARG(uid), script->response, SV_ARG(patch));
    json_remove(request, SV("uid"));
    fake->requests = arena_printf(arena, "%.*s%.*s\n", SV_ARG(fake->requests),
                                  SV_ARG(json_write_arena(arena, request, JSON_COMPACT)));
    dialogue_answer(dialogue, call->index, 200, answer);
}

static void fake_forget(struct webhook_client *client, struct dialogue *dialogue) {
    (void)dialogue;
    ((struct fake_client *)client)->is_forgotten = true;
}

static struct fake_client make_fake(struct fakeapi *api, struct arena *arena,
                                    const struct scripted *scripted, size_t count) {
    (void)api;
    return (struct fake_client){
        .client = {.ask = fake_ask, .forget = fake_forget},
        .arena = arena,
        .scripted = scripted,
        .count = count,
        .asked = SV(""),
        .requests = SV(""),
    };
}

static struct api_response send_with_webhooks(struct fakeapi *api, struct arena *arena,
                                              const struct request *request) {
    static const struct sv groups[] = {{"devs", 4}};
    struct user_info user = {.name = SV("ann"), .uid = SV(""), .groups = groups, .group_count = 1};
    AUTO(dialogue) dialogue = dialogue_new(api, NULL, NULL);
    struct caller caller = {.user_agent = SV("test/1"), .user = &user, .dialogue = dialogue};
    struct api_response response;
    CHECK(fakeapi_needs_dialogue(api, request) == (request->verb != VERB_GET));
    while (!fakeapi_handle_as(api, request, &caller, arena, &response))
        assert(!dialogue_is_waiting(dialogue));
    return response;
}

/* --- configurations --- */

/* A webhook for creations and updates of core resources, with more members. */
#define HOOK(name, resources, more)                                                                \
    "{\"name\":\"" name "\",\"sideEffects\":\"None\",\"admissionReviewVersions\":[\"v1\"],"        \
    "\"clientConfig\":{\"url\":\"https://127.0.0.1:9/\"},\"rules\":[{\"apiGroups\":[\"\"],"        \
    "\"apiVersions\":[\"v1\"],\"operations\":[\"CREATE\",\"UPDATE\"],\"resources\":" resources     \
    "}]" more "}"
#define MUTATING(name, hooks)                                                                      \
    "mutatingwebhookconfigurations",                                                               \
        "{\"metadata\":{\"name\":\"" name "\"},\"webhooks\":[" hooks "]}"
#define VALIDATING(name, hooks)                                                                    \
    "validatingwebhookconfigurations",                                                             \
        "{\"metadata\":{\"name\":\"" name "\"},\"webhooks\":[" hooks "]}"

static void configure(struct fakeapi *api, struct arena *arena, const char *plural,
                      const char *body) {
    struct sv path = arena_printf(arena, "admissionregistration.k8s.io/v1/%s", plural);
    struct api_response response = fixture_create(api, arena, path.ptr, "", body);
    if (response.http_status != 201)
        printf("%.*s\n", SV_ARG(fixture_message(&response)));
    REQUIRE(response.http_status == 201);
}

#define ALLOW "\"allowed\":true"
#define CM "{\"metadata\":{\"name\":\"c\",\"labels\":{\"app\":\"web\"}},\"data\":{\"a\":\"1\"}}"

static const struct {
    const char *title;
    const char *configurations[4][2];
    struct scripted scripted[4];
    const char *asked;
    int http_status;
    const char *path, *value; /* of the answer */
} creations[] = {
    {"a mutating webhook changes what is stored",
     {{MUTATING("m", HOOK("a.x.io", "[\"configmaps\"]", ""))}},
     {{"m/a.x.io", ALLOW, "[{\"op\":\"add\",\"path\":\"/data/b\",\"value\":\"2\"}]"}},
     "m/a.x.io ",
     201,
     "data.b",
     "2"},
    {"webhooks run in order of configuration and see what others did",
     {{MUTATING("n", HOOK("b.x.io", "[\"*\"]", ""))},
      {MUTATING("m", HOOK("a.x.io", "[\"*\"]", ""))}},
     {{"m/a.x.io", ALLOW, "[{\"op\":\"replace\",\"path\":\"/data/a\",\"value\":\"first\"}]"},
      {"n/b.x.io", ALLOW,
       "[{\"op\":\"test\",\"path\":\"/data/a\",\"value\":\"first\"},"
       "{\"op\":\"replace\",\"path\":\"/data/a\",\"value\":\"second\"}]"}},
     "m/a.x.io n/b.x.io ",
     201,
     "data.a",
     "second"},
    {"one that wants it is asked again after a later one changed the object",
     {{MUTATING("m", HOOK("a.x.io", "[\"*\"]", ",\"reinvocationPolicy\":\"IfNeeded\""))},
      {MUTATING("n", HOOK("b.x.io", "[\"*\"]", ""))}},
     {{"m/a.x.io", ALLOW, NULL},
      {"n/b.x.io", ALLOW, "[{\"op\":\"add\",\"path\":\"/data/b\",\"value\":\"2\"}]"}},
     "m/a.x.io n/b.x.io m/a.x.io ",
     201,
     "data.b",
     "2"},
    {"a validating webhook refuses with its own words",
     {{VALIDATING("v", HOOK("a.x.io", "[\"configmaps\"]", ""))}},
     {{"v/a.x.io",
       "\"allowed\":false,\"status\":{\"code\":403,\"reason\":\"Forbidden\","
       "\"message\":\"not on Fridays\"}",
       NULL}},
     "v/a.x.io ",
     403,
     "message",
     "admission webhook \"a.x.io\" denied the request: not on Fridays"},
    {"a refusal without words",
     {{VALIDATING("v", HOOK("a.x.io", "[\"configmaps\"]", ""))}},
     {{"v/a.x.io", "\"allowed\":false", NULL}},
     "v/a.x.io ",
     400,
     "message",
     "admission webhook \"a.x.io\" denied the request without explanation"},
    {"a webhook that does not answer fails the request",
     {{VALIDATING("v", HOOK("a.x.io", "[\"configmaps\"]", ""))}},
     {{"v/a.x.io", NULL, NULL}},
     "v/a.x.io ",
     500,
     "message",
     "Internal error occurred: failed calling webhook \"a.x.io\": failed to call webhook: "
     "connection refused"},
    {"unless its policy is to ignore that",
     {{VALIDATING("v", HOOK("a.x.io", "[\"configmaps\"]", ",\"failurePolicy\":\"Ignore\""))}},
     {{"v/a.x.io", NULL, NULL}},
     "v/a.x.io ",
     201,
     "metadata.name",
     "c"},
    {"other resources are not its business",
     {{VALIDATING("v", HOOK("a.x.io", "[\"secrets\",\"configmaps/status\"]", ""))}},
     {{0}},
     "",
     201,
     "metadata.name",
     "c"},
    {"nor what its selectors leave out",
     {{VALIDATING(
         "v",
         HOOK("a.x.io", "[\"*\"]", ",\"objectSelector\":{\"matchLabels\":{\"app\":\"db\"}}") "," HOOK(
             "b.x.io", "[\"*\"]",
             ",\"namespaceSelector\":{\"matchLabels\":{\"team\":\"x\"}}") "," HOOK("c.x.io",
                                                                                   "[\"*\"]",
                                                                                   ",\"namespaceSel"
                                                                                   "ector\":{"
                                                                                   "\"matchExpressi"
                                                                                   "ons\":[{"
                                                                                   "\"key\":"
                                                                                   "\"kubernetes."
                                                                                   "io/"
                                                                                   "metadata."
                                                                                   "name\","
                                                                                   "\"operator\":"
                                                                                   "\"In\","
                                                                                   "\"values\":["
                                                                                   "\"default\"]}]"
                                                                                   "}"))}},
     {{"v/c.x.io", ALLOW, NULL}},
     "v/c.x.io ",
     201,
     "metadata.name",
     "c"},
    {"match conditions decide on the object and the request",
     {{VALIDATING("v",
                  HOOK("a.x.io", "[\"*\"]",
                       ",\"matchConditions\":[{\"name\":\"n\",\"expression\":"
                       "\"object.data.a == '2'\"}]") "," HOOK("b.x.io", "[\"*\"]",
                                                              ",\"matchConditions\":[{\"name\":"
                                                              "\"n\",\"expression\":"
                                                              "\"request.operation == 'CREATE' && "
                                                              "request.userInfo.username == "
                                                              "'ann' && oldObject == null\"}]"))}},
     {{"v/b.x.io", ALLOW, NULL}},
     "v/b.x.io ",
     201,
     "metadata.name",
     "c"},
    {"a condition that cannot be evaluated refuses",
     {{VALIDATING("v", HOOK("a.x.io", "[\"*\"]",
                            ",\"matchConditions\":[{\"name\":\"n\",\"expression\":"
                            "\"object.data.z == '2'\"}]"))}},
     {{0}},
     "",
     403,
     "message",
     "configmaps \"\" is forbidden: match condition \"n\": no such key: z"},
    {"a patch of a validating webhook is no answer",
     {{VALIDATING("v", HOOK("a.x.io", "[\"*\"]", ""))}},
     {{"v/a.x.io", ALLOW, "[]"}},
     "v/a.x.io ",
     500,
     "message",
     "Internal error occurred: failed calling webhook \"a.x.io\": received invalid webhook "
     "response: validating webhook may not return response.patch"},
    {"what a webhook makes is checked like what a client sends",
     {{MUTATING("m", HOOK("a.x.io", "[\"*\"]", ""))}},
     {{"m/a.x.io", ALLOW, "[{\"op\":\"add\",\"path\":\"/data/b c\",\"value\":\"2\"}]"}},
     "m/a.x.io ",
     422,
     "details.causes.0.field",
     "data[b c]"},
};

TEST(creations_under_webhooks) {
    for (size_t i = 0; i < COUNT_OF(creations); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        for (size_t k = 0; creations[i].configurations[k][0]; k++)
            configure(api, arena, creations[i].configurations[k][0],
                      creations[i].configurations[k][1]);
        size_t count = 0;
        while (count < COUNT_OF(creations[i].scripted) && creations[i].scripted[count].webhook)
            count++;
        struct fake_client fake = make_fake(api, arena, creations[i].scripted, count);
        fakeapi_set_webhook_client(api, &fake.client);
        uint64_t revision = fakeapi_revision(api);
        struct request request = fixture_request(VERB_CREATE, "configmaps", "default", "");
        request.body = fixture_json(arena, CM);
        struct api_response response = send_with_webhooks(api, arena, &request);
        struct sv value = json_find_string(response.body, creations[i].path);
        bool is_right = response.http_status == creations[i].http_status &&
                        sv_eq(value, sv_from(creations[i].value)) &&
                        sv_eq(fake.asked, sv_from(creations[i].asked));
        CHECK(is_right);
        /* What was refused left nothing behind. */
        CHECK(fakeapi_revision(api) == revision + (response.http_status == 201));
        if (!is_right)
            printf("%s: %d \"%.*s\" asked \"%.*s\"\n", creations[i].title, response.http_status,
                   SV_ARG(value), SV_ARG(fake.asked));
    }
}

TEST(a_webhook_sees_the_whole_request) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    static const struct scripted scripted[] = {{"v/a.x.io", ALLOW, NULL}};
    CHECK(fixture_create(api, arena, "configmaps", "default", CM).http_status == 201);
    configure(api, arena, VALIDATING("v", HOOK("a.x.io", "[\"*\"]", "")));
    struct fake_client fake = make_fake(api, arena, scripted, 1);
    fakeapi_set_webhook_client(api, &fake.client);
    struct request request = fixture_request(VERB_PATCH, "configmaps", "default", "c");
    request.patch_type = PATCH_MERGE;
    request.field_manager = SV("m");
    request.body = fixture_json(arena, "{\"data\":{\"a\":\"2\"}}");
    CHECK(send_with_webhooks(api, arena, &request).http_status == 200);
    const struct cJSON *seen = fixture_json(arena, fake.requests.ptr);
    static const struct {
        const char *path, *value;
    } members[] = {
        {"kind.kind", "ConfigMap"},
        {"resource.resource", "configmaps"},
        {"requestResource.version", "v1"},
        {"name", "c"},
        {"namespace", "default"},
        {"operation", "UPDATE"},
        {"userInfo.username", "ann"},
        {"userInfo.groups.0", "devs"},
        {"object.data.a", "2"},
        {"object.kind", "ConfigMap"},
        {"oldObject.data.a", "1"},
        {"options.kind", "PatchOptions"},
        {"options.fieldManager", "m"},
    };
    for (size_t i = 0; i < COUNT_OF(members); i++)
        CHECK(sv_eq(json_find_string(seen, members[i].path), sv_from(members[i].value)));
    CHECK(!json_bool_or(seen, SV("dryRun"), true));
}

TEST(deletions_and_subresources_are_asked_about) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    static const struct scripted scripted[] = {
        {"v/a.x.io", "\"allowed\":false,\"status\":{\"message\":\"no\"}", NULL}};
    CHECK(fixture_create(api, arena, "configmaps", "default", CM).http_status == 201);
    CHECK(fixture_create(api, arena, "apps/v1/replicasets", "default",
                         "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"selector\":{\"matchLabels\":{"
                         "\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},"
                         "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}")
              .http_status == 201);
    configure(api, arena, "validatingwebhookconfigurations",
              "{\"metadata\":{\"name\":\"v\"},\"webhooks\":[{\"name\":\"a.x.io\",\"sideEffects\":"
              "\"None\",\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":{\"url\":"
              "\"https://127.0.0.1:9/\"},\"rules\":[{\"apiGroups\":[\"*\"],\"apiVersions\":[\"*\"],"
              "\"operations\":[\"*\"],\"resources\":[\"*/*\"]}]}]}");
    struct fake_client fake = make_fake(api, arena, scripted, 1);
    fakeapi_set_webhook_client(api, &fake.client);
    static const struct {
        enum verb verb;
        const char *resource, *name, *subresource, *body, *operation, *kind;
    } cases[] = {
        {VERB_DELETE, "configmaps", "c", "", "{}", "DELETE", "ConfigMap"},
        {VERB_DELETE_COLLECTION, "configmaps", "", "", "{}", "DELETE", "ConfigMap"},
        {VERB_PATCH, "apps/v1/replicasets", "r", "scale", "{\"spec\":{\"replicas\":3}}", "UPDATE",
         "Scale"},
        {VERB_PATCH, "apps/v1/replicasets", "r", "status", "{\"status\":{\"replicas\":3}}",
         "UPDATE", "ReplicaSet"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t revision = fakeapi_revision(api);
        struct request request =
            fixture_request(cases[i].verb, cases[i].resource, "default", cases[i].name);
        request.subresource = sv_from(cases[i].subresource);
        request.patch_type = cases[i].verb == VERB_PATCH ? PATCH_MERGE : PATCH_NONE;
        request.body = fixture_json(arena, cases[i].body);
        fake.requests = SV("");
        struct api_response response = send_with_webhooks(api, arena, &request);
        CHECK(sv_eq(fixture_message(&response),
                    SV("admission webhook \"a.x.io\" denied the request: no")));
        CHECK(fakeapi_revision(api) == revision);
        const struct cJSON *seen = fixture_json(arena, fake.requests.ptr);
        CHECK(sv_eq(json_find_string(seen, "operation"), sv_from(cases[i].operation)));
        CHECK(sv_eq(json_find_string(seen, "kind.kind"), sv_from(cases[i].kind)));
    }
}

TEST(configurations_of_admission_are_no_webhooks_business) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    configure(api, arena, "validatingwebhookconfigurations",
              "{\"metadata\":{\"name\":\"v\"},\"webhooks\":[{\"name\":\"a.x.io\",\"sideEffects\":"
              "\"None\",\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":{\"url\":"
              "\"https://127.0.0.1:9/\"},\"rules\":[{\"apiGroups\":[\"*\"],\"apiVersions\":[\"*\"],"
              "\"operations\":[\"*\"],\"resources\":[\"*\"]}]}]}");
    struct request request = fixture_request(
        VERB_DELETE, "admissionregistration.k8s.io/v1/validatingwebhookconfigurations", "", "v");
    CHECK(send_with_webhooks(api, arena, &request).http_status == 200);
}

TEST(a_dry_run_asks_only_webhooks_without_side_effects) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    static const struct scripted scripted[] = {{"v/a.x.io", ALLOW, NULL}};
    configure(api, arena, VALIDATING("v", HOOK("a.x.io", "[\"*\"]", "")));
    struct fake_client fake = make_fake(api, arena, scripted, 1);
    fakeapi_set_webhook_client(api, &fake.client);
    struct request request = fixture_request(VERB_CREATE, "configmaps", "default", "");
    request.body = fixture_json(arena, CM);
    request.dry_run = true;
    CHECK(send_with_webhooks(api, arena, &request).http_status == 201);
    CHECK(json_bool_or(fixture_json(arena, fake.requests.ptr), SV("dryRun"), false));
}

static const struct {
    const char *hook; /* members of a webhook that is right without them */
    const char *field, *message;
} mistakes[] = {
    {"\"name\":\"a.b\"", "webhooks[0].name",
     "Invalid value: \"a.b\": should be a domain with at least three segments separated by dots"},
    {"\"sideEffects\":\"Some\"", "webhooks[0].sideEffects",
     "Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\""},
    {"\"failurePolicy\":\"Retry\"", "webhooks[0].failurePolicy",
     "Unsupported value: \"Retry\": supported values: \"Fail\", \"Ignore\""},
    {"\"timeoutSeconds\":31", "webhooks[0].timeoutSeconds",
     "Invalid value: 31: the timeout value must be between 1 and 30 seconds"},
    {"\"admissionReviewVersions\":[]", "webhooks[0].admissionReviewVersions",
     "Required value: must specify one of v1, v1beta1"},
    {"\"clientConfig\":{}", "webhooks[0].clientConfig",
     "Required value: exactly one of url or service is required"},
    {"\"clientConfig\":{\"url\":\"http://h/\"}", "webhooks[0].clientConfig.url",
     "Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: "
     "https://host[/path]"},
    {"\"rules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"MAKE\"],"
     "\"resources\":[\"pods\"]}]",
     "webhooks[0].rules[0].operations[0]",
     "Unsupported value: \"MAKE\": supported values: \"*\", \"CONNECT\", \"CREATE\", "
     "\"DELETE\", \"UPDATE\""},
    {"\"matchConditions\":[{\"name\":\"n\",\"expression\":\"objekt.a\"}]",
     "webhooks[0].matchConditions[0].expression",
     "Invalid value: \"objekt.a\": compilation failed: ERROR: <input>:1:1: undeclared reference "
     "to 'objekt' (in container '')\n | objekt.a\n | ^"},
};

TEST(configurations_are_checked_and_defaulted) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    const char *resource = "admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct cJSON *tree = (struct cJSON *)(uintptr_t)fixture_json(
            arena,
            "{\"metadata\":{\"name\":\"m\"},\"webhooks\":[" HOOK("a.x.io", "[\"pods\"]", "") "]}");
        struct sv members = arena_printf(arena, "{%s}", mistakes[i].hook);
        JSON_EACH (member, fixture_json(arena, members.ptr))
            json_set(arena, json_find(tree, "webhooks.0"), json_key(member),
                     json_copy(arena, member));
        struct api_response response =
            fixture_create(api, arena, resource, "", json_write_arena(arena, tree, 0).ptr);
        const struct cJSON *causes = json_find(response.body, "details.causes");
        CHECK(response.http_status == 422 && json_count(causes) == 1);
        CHECK(sv_eq(json_find_string(causes, "0.field"), sv_from(mistakes[i].field)));
        bool is_right = sv_eq(json_find_string(causes, "0.message"), sv_from(mistakes[i].message));
        CHECK(is_right);
        if (!is_right)
            printf("%.*s\n", SV_ARG(fixture_message(&response)));
    }
    configure(api, arena, MUTATING("m", HOOK("a.x.io", "[\"pods\"]", "")));
    struct api_response response = fixture_get(api, arena, resource, "", "m");
    const struct cJSON *hook = json_find(response.body, "webhooks.0");
    CHECK(sv_eq(json_find_string(hook, "failurePolicy"), SV("Fail")));
    CHECK(sv_eq(json_find_string(hook, "matchPolicy"), SV("Equivalent")));
    CHECK(sv_eq(json_find_string(hook, "reinvocationPolicy"), SV("Never")));
    CHECK(sv_eq(json_find_string(hook, "rules.0.scope"), SV("*")));
    CHECK(json_find_int(hook, "timeoutSeconds", 0) == 10);
}

/* --- a webhook that takes its time --- */

static void slow_ask(struct webhook_client *client, struct dialogue *dialogue,
                     const struct webhook_call *call) {
    struct fake_client *fake = (struct fake_client *)client;
    (void)dialogue;
    fake->requests = arena_copy(fake->arena, call->body);
    fake->asked = arena_printf(fake->arena, "%.*s%zu ", SV_ARG(fake->asked), call->index);
}

static void allow(struct fake_client *fake, struct dialogue *dialogue, size_t index) {
    const struct cJSON *review = fixture_json(fake->arena, fake->requests.ptr);
    dialogue_answer(dialogue, index, 200,
                    arena_printf(fake->arena,
                                 "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":"
                                 "\"AdmissionReview\",\"response\":{\"uid\":\"%.*s\",\"allowed\":"
                                 "true}}",
                                 SV_ARG(json_find_string(review, "request.uid"))));
}

TEST(a_request_waits_without_effect_and_makes_the_same_object) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    configure(api, arena, VALIDATING("v", HOOK("a.x.io", "[\"*\"]", "")));
    struct fake_client fake = make_fake(api, arena, NULL, 0);
    fake.client.ask = slow_ask;
    fakeapi_set_webhook_client(api, &fake.client);
    struct request request = fixture_request(VERB_CREATE, "configmaps", "default", "");
    request.body = fixture_json(arena, "{\"metadata\":{\"generateName\":\"g-\"}}");
    AUTO(dialogue) dialogue = dialogue_new(api, NULL, NULL);
    struct caller caller = {.user_agent = SV("test/1"), .dialogue = dialogue};
    struct api_response response;
    uint64_t revision = fakeapi_revision(api);
    CHECK(!fakeapi_handle_as(api, &request, &caller, arena, &response));
    CHECK(dialogue_is_waiting(dialogue));
    CHECK(fakeapi_revision(api) == revision);
    /* Others go on, and time does. */
    CHECK(fixture_create(api, arena, "configmaps", "default", CM).http_status == 201);
    fixture_now_ms += 5000;
    allow(&fake, dialogue, 0);
    CHECK(!dialogue_is_waiting(dialogue));
    CHECK(fakeapi_handle_as(api, &request, &caller, arena, &response));
    CHECK(response.http_status == 201);
    const struct cJSON *seen = fixture_json(arena, fake.requests.ptr);
    CHECK(sv_eq(json_find_string(seen, "request.object.metadata.uid"),
                json_find_string(response.body, "metadata.uid")));
    CHECK(sv_eq(json_find_string(seen, "request.object.metadata.name"),
                json_find_string(response.body, "metadata.name")));
    CHECK(sv_eq(fake.asked, SV("0 ")));
}

TEST(what_others_wrote_meanwhile_is_asked_about_again) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    CHECK(fixture_create(api, arena, "configmaps", "default", CM).http_status == 201);
    configure(api, arena, VALIDATING("v", HOOK("a.x.io", "[\"*\"]", "")));
    struct fake_client fake = make_fake(api, arena, NULL, 0);
    fake.client.ask = slow_ask;
    fakeapi_set_webhook_client(api, &fake.client);
    struct request request = fixture_request(VERB_PATCH, "configmaps", "default", "c");
    request.patch_type = PATCH_MERGE;
    request.body = fixture_json(arena, "{\"data\":{\"b\":\"2\"}}");
    AUTO(dialogue) dialogue = dialogue_new(api, NULL, NULL);
    struct caller caller = {.user_agent = SV("test/1"), .dialogue = dialogue};
    struct api_response response;
    CHECK(!fakeapi_handle_as(api, &request, &caller, arena, &response));
    fixture_patch(api, arena, PATCH_MERGE, "configmaps", "c", "{\"data\":{\"a\":\"9\"}}");
    allow(&fake, dialogue, 0);
    CHECK(!fakeapi_handle_as(api, &request, &caller, arena, &response));
    CHECK(sv_eq(fake.asked, SV("0 1 ")));
    allow(&fake, dialogue, 1);
    CHECK(fakeapi_handle_as(api, &request, &caller, arena, &response));
    CHECK(sv_eq(json_find_string(response.body, "data.a"), SV("9")));
    CHECK(sv_eq(json_find_string(response.body, "data.b"), SV("2")));
}

TEST(a_client_that_goes_away_is_told_to_the_webhook_client) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    configure(api, arena, VALIDATING("v", HOOK("a.x.io", "[\"*\"]", "")));
    struct fake_client fake = make_fake(api, arena, NULL, 0);
    fake.client.ask = slow_ask;
    fakeapi_set_webhook_client(api, &fake.client);
    struct request request = fixture_request(VERB_CREATE, "configmaps", "default", "");
    request.body = fixture_json(arena, CM);
    struct dialogue *dialogue = dialogue_new(api, NULL, NULL);
    struct caller caller = {.user_agent = SV("test/1"), .dialogue = dialogue};
    struct api_response response;
    CHECK(!fakeapi_handle_as(api, &request, &caller, arena, &response));
    dialogue_free(dialogue);
    CHECK(fake.is_forgotten);
}
