/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of custom resources that only a webhook can convert. */
#include "fakeapi/server/convert_webhook.h"

#include "core/api/object.h"
#include "core/base/test.h"
#include "core/data/base64.h"
#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/list_text.h"
#include "fakeapi/server/rbac.h"
#include "fakeapi/server/server_fixture.h"

#define VERSION(name, storage, field)                                                              \
    "{\"name\":\"" name "\",\"served\":true,\"storage\":" storage                                  \
    ",\"subresources\":{\"status\":{},\"scale\":{\"specReplicasPath\":\".spec." field              \
    "\",\"statusReplicasPath\":\".status.count\"}},\"schema\":{\"openAPIV3Schema\":{\"type\":"     \
    "\"object\","                                                                                  \
    "\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{\"" field                       \
    "\":{\"type\":\"integer\",\"maximum\":99}}},\"status\":{\"type\":\"object\","                  \
    "\"x-kubernetes-preserve-unknown-fields\":true}}}}}"
#define DEFINITION(storage_v1, storage_v2)                                                         \
    "{\"metadata\":{\"name\":\"widgets.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"            \
    "\"Namespaced\",\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\"},\"conversion\":{"       \
    "\"strategy\":\"Webhook\",\"webhook\":{\"conversionReviewVersions\":[\"v1\"],"                 \
    "\"clientConfig\":{\"url\":\"https://h/\"}}},\"versions\":[" VERSION(                          \
        "v1", storage_v1, "size") "," VERSION("v2", storage_v2, "width") "]}}"

/* --- a webhook that renames spec.size to spec.width, and back --- */

struct converter {
    struct webhook_client client;
    struct arena *arena;
    const char *failure; /* no answer */
    const char *answer;  /* in place of what it would say; "%s": the uid */
    const char *wrong;   /* member of each object's metadata that it changes */
    const char *patch;   /* of the admission webhook; NULL: none */
    struct sv reviewed;  /* the object that it saw */
    size_t question_count, object_count;
    bool is_late; /* answers when told to */
    struct dialogue *waiting;
    size_t waiting_index;
    struct sv waiting_answer;
};

static struct cJSON *converted(const struct converter *converter, const struct cJSON *object,
                               struct sv version) {
    struct arena *arena = converter->arena;
    struct cJSON *copy = json_copy(arena, object), *spec = json_get(copy, SV("spec"));
    bool is_v2 = sv_eq(version, SV("x.io/v2"));
    struct cJSON *value = json_remove(spec, is_v2 ? SV("size") : SV("width"));
    json_set_string(arena, copy, SV("apiVersion"), version);
    if (value)
        json_set(arena, spec, is_v2 ? SV("width") : SV("size"), value);
    if (converter->wrong)
        json_set_string(arena, json_get(copy, SV("metadata")), sv_from(converter->wrong), SV("?"));
    return copy;
}

static struct sv answer_of(struct converter *converter, const struct cJSON *request) {
    struct arena *arena = converter->arena;
    struct sv uid = json_find_string(request, "uid");
    if (converter->answer) {
        const char *place = strstr(converter->answer, "UID");
        struct sv text = sv_from(converter->answer);
        return place ? arena_printf(arena, "%.*s%.*s%s", (int)(place - text.ptr), text.ptr,
                                    SV_ARG(uid), place + 3)
                     : text;
    }
    struct cJSON *review = json_map(arena);
    json_set_string(arena, review, SV("kind"), SV("ConversionReview"));
    json_set_string(arena, review, SV("apiVersion"), SV("apiextensions.k8s.io/v1"));
    struct cJSON *response = json_ensure_map(arena, review, SV("response"));
    json_set_string(arena, response, SV("uid"), uid);
    json_set_string(arena, json_ensure_map(arena, response, SV("result")), SV("status"),
                    SV("Success"));
    struct cJSON *objects = json_ensure_list(arena, response, SV("convertedObjects"));
    JSON_EACH (object, json_get(request, SV("objects")))
        json_append(objects,
                    converted(converter, object, json_find_string(request, "desiredAPIVersion")));
    return json_write_arena(arena, review, JSON_COMPACT);
}

/* It is an admission webhook as well. */
static void admit(struct converter *converter, struct dialogue *dialogue, size_t index,
                  const struct cJSON *request) {
    struct arena *arena = converter->arena;
    converter->reviewed = json_write_arena(arena, json_get(request, SV("object")), JSON_COMPACT);
    struct sv patch = SV("");
    if (converter->patch)
        patch = arena_printf(arena, ",\"patchType\":\"JSONPatch\",\"patch\":\"%.*s\"",
                             SV_ARG(base64_encode(arena, sv_from(converter->patch))));
    dialogue_answer(dialogue, index, 200,
                    arena_printf(arena,
                                 "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":"
                                 "\"AdmissionReview\",\"response\":{\"uid\":\"%.*s\","
                                 "\"allowed\":true%.*s}}",
                                 SV_ARG(json_find_string(request, "uid")), SV_ARG(patch)));
}

static void ask(struct webhook_client *client, struct dialogue *dialogue,
                const struct webhook_call *call) {
    struct converter *converter = (struct converter *)client;
    const struct cJSON *review = fixture_json(converter->arena, call->body.ptr);
    const struct cJSON *request = json_get(review, SV("request"));
    if (sv_eq(json_find_string(review, "kind"), SV("AdmissionReview"))) {
        admit(converter, dialogue, call->index, request);
        return;
    }
    CHECK(call->timeout_ms == 30000);
    CHECK_SV(call->target.url, SV("https://h/"));
    CHECK_SV(json_find_string(review, "kind"), SV("ConversionReview"));
    converter->question_count++;
    converter->object_count += json_count(json_get(request, SV("objects")));
    if (converter->failure) {
        dialogue_fail(dialogue, call->index, sv_from(converter->failure));
        return;
    }
    struct sv answer = answer_of(converter, request);
    if (!converter->is_late) {
        dialogue_answer(dialogue, call->index, 200, answer);
        return;
    }
    converter->waiting = dialogue;
    converter->waiting_index = call->index;
    converter->waiting_answer = answer;
}

static void forget(struct webhook_client *client, struct dialogue *dialogue) {
    (void)client, (void)dialogue;
}

static struct converter make_converter(struct arena *arena) {
    return (struct converter){.client = {ask, forget}, .arena = arena};
}

static struct fakeapi *make_api(struct arena *arena, struct converter *converter) {
    struct fakeapi *api = fixture_api();
    fakeapi_set_webhook_client(api, &converter->client);
    CHECK(fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
                         DEFINITION("true", "false"))
              .http_status == 201);
    return api;
}

static struct api_response send(struct fakeapi *api, struct arena *arena,
                                const struct request *request) {
    AUTO(dialogue) dialogue = dialogue_new(api, NULL, NULL);
    struct caller caller = {.user_agent = SV("test/1"), .dialogue = dialogue};
    struct api_response response;
    CHECK(fakeapi_needs_dialogue(api, request));
    while (!fakeapi_handle_as(api, request, &caller, arena, &response))
        assert(!dialogue_is_waiting(dialogue));
    return response;
}

static struct api_response write_widget(struct fakeapi *api, struct arena *arena, enum verb verb,
                                        const char *version, const char *name, const char *body) {
    struct sv resource = arena_printf(arena, "x.io/%s/widgets", version);
    struct request request =
        fixture_request(verb, resource.ptr, "default", verb == VERB_CREATE ? "" : name);
    request.body = fixture_json(arena, arena_printf(arena,
                                                    "{\"kind\":\"Widget\",\"apiVersion\":"
                                                    "\"x.io/%s\",\"metadata\":{\"name\":\"%s\"},"
                                                    "\"spec\":%s}",
                                                    version, name, body)
                                           .ptr);
    request.patch_type = verb == VERB_PATCH ? PATCH_MERGE : PATCH_NONE;
    return send(api, arena, &request);
}

static struct api_response get_widget(struct fakeapi *api, struct arena *arena, const char *version,
                                      const char *name) {
    struct sv resource = arena_printf(arena, "x.io/%s/widgets", version);
    struct request request = fixture_request(VERB_GET, resource.ptr, "default", name);
    return send(api, arena, &request);
}

/* --- what clients of each version see --- */

static void check_widget(const struct api_response *response, const char *version, const char *path,
                         int64_t value) {
    CHECK(response->http_status == 200 || response->http_status == 201);
    CHECK_SV(json_find_string(response->body, "apiVersion"), sv_from(version));
    CHECK(json_find_int(response->body, path, -1) == value);
    CHECK(json_count(json_get(response->body, SV("spec"))) == 1);
    CHECK(object_resource_version(response->body).len > 0);
}

TEST(each_version_sees_its_own_form) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    struct api_response response = write_widget(api, arena, VERB_CREATE, "v1", "a", "{\"size\":1}");
    check_widget(&response, "x.io/v1", "spec.size", 1);
    CHECK(converter.question_count == 0); /* it is stored so */
    response = get_widget(api, arena, "v2", "a");
    check_widget(&response, "x.io/v2", "spec.width", 1);
    response = write_widget(api, arena, VERB_CREATE, "v2", "b", "{\"width\":2}");
    check_widget(&response, "x.io/v2", "spec.width", 2);
    response = get_widget(api, arena, "v1", "b");
    check_widget(&response, "x.io/v1", "spec.size", 2);
    struct sv before = object_resource_version(response.body);
    response = write_widget(api, arena, VERB_PATCH, "v2", "b", "{\"width\":3}");
    check_widget(&response, "x.io/v2", "spec.width", 3);
    response = get_widget(api, arena, "v1", "b");
    check_widget(&response, "x.io/v1", "spec.size", 3);
    CHECK(!sv_eq(object_resource_version(response.body), before));
}

/* A wrong value is refused by the rules of the version that it was written in. */
TEST(rules_are_those_of_the_written_version) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    struct api_response response =
        write_widget(api, arena, VERB_CREATE, "v2", "a", "{\"width\":100}");
    CHECK(response.http_status == 422);
    CHECK(sv_contains(fixture_message(&response), SV("spec.width")));
    CHECK(converter.question_count == 0);
}

/* Its number stands where the version says. */
TEST(each_version_has_its_scale) {
    static const struct {
        const char *version;
        enum verb verb;
        enum patch_type patch_type;
        const char *body;
        int64_t replicas;
    } rows[] = {
        {"v1", VERB_GET, PATCH_NONE, NULL, 1},
        {"v2", VERB_GET, PATCH_NONE, NULL, 1},
        {"v2", VERB_PATCH, PATCH_MERGE, "{\"spec\":{\"replicas\":2}}", 2},
        {"v1", VERB_GET, PATCH_NONE, NULL, 2},
        {"v2", VERB_UPDATE, PATCH_NONE,
         "{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"metadata\":{\"name\":\"a\"},"
         "\"spec\":{\"replicas\":3}}",
         3},
        {"v2", VERB_PATCH, PATCH_APPLY,
         "{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"metadata\":{\"name\":\"a\"},"
         "\"spec\":{\"replicas\":4}}",
         4},
        {"v1", VERB_PATCH, PATCH_JSON,
         "[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":5}]", 5},
        {"v2", VERB_GET, PATCH_NONE, NULL, 5},
    };
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    write_widget(api, arena, VERB_CREATE, "v1", "a", "{\"size\":1}");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct request request = fixture_request(
            rows[i].verb, arena_printf(arena, "x.io/%s/widgets", rows[i].version).ptr, "default",
            "a");
        request.subresource = SV("scale");
        request.patch_type = rows[i].patch_type;
        request.force = true;
        request.field_manager = SV("scaler");
        request.body = rows[i].body ? fixture_json(arena, rows[i].body) : NULL;
        struct api_response response = send(api, arena, &request);
        CHECK(response.http_status == 200);
        CHECK_SV(json_find_string(response.body, "kind"), SV("Scale"));
        CHECK(json_find_int(response.body, "spec.replicas", 0) == rows[i].replicas);
        response = get_widget(api, arena, "v1", "a");
        check_widget(&response, "x.io/v1", "spec.size", rows[i].replicas);
        response = get_widget(api, arena, "v2", "a");
        check_widget(&response, "x.io/v2", "spec.width", rows[i].replicas);
    }
    converter.failure = "connection refused";
    struct request request = fixture_request(VERB_GET, "x.io/v2/widgets", "default", "a");
    request.subresource = SV("scale");
    CHECK(send(api, arena, &request).http_status == 500);
}

/* What is stored in the version that was the storage version before. */
TEST(old_objects_are_converted_to_the_new_storage_version) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    write_widget(api, arena, VERB_CREATE, "v1", "a", "{\"size\":1}");
    struct request update = fixture_request(
        VERB_PATCH, "apiextensions.k8s.io/v1/customresourcedefinitions", "", "widgets.x.io");
    update.patch_type = PATCH_MERGE;
    update.body = fixture_json(arena, DEFINITION("false", "true"));
    REQUIRE(fixture_send(api, arena, &update).http_status == 200);
    struct api_response response = get_widget(api, arena, "v2", "a");
    check_widget(&response, "x.io/v2", "spec.width", 1);
    response = get_widget(api, arena, "v1", "a");
    check_widget(&response, "x.io/v1", "spec.size", 1);
}

TEST(lists_are_converted_in_batches) {
    enum { WIDGETS = 70 };
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    for (size_t i = 0; i < WIDGETS; i++)
        write_widget(api, arena, VERB_CREATE, "v1", arena_printf(arena, "w%zu", i).ptr,
                     "{\"size\":7}");
    struct request request = fixture_request(VERB_LIST, "x.io/v2/widgets", "default", "");
    struct api_response response = send(api, arena, &request);
    CHECK(response.http_status == 200);
    CHECK(converter.question_count == 2 && converter.object_count == WIDGETS);
    size_t count = 0;
    JSON_EACH (item, json_get(response.body, SV("items")))
        count += sv_eq(json_find_string(item, "apiVersion"), SV("x.io/v2")) &&
                 json_find_int(item, "spec.width", 0) == 7;
    CHECK(count == WIDGETS);
    request.wants_text = true;
    response = send(api, arena, &request);
    CHECK(response.list && list_text_prepare(response.list, SIZE_MAX));
    list_text_free(response.list);
    converter.failure = "connection refused";
    response = send(api, arena, &request);
    CHECK(response.http_status == 500 && !response.list);
}

/* --- failures, in the words of an API server --- */

#define REVIEW(response)                                                                           \
    "{\"kind\":\"ConversionReview\",\"apiVersion\":\"apiextensions.k8s.io/v1\"" response "}"
#define FAILED "conversion webhook for x.io/v1, Kind=Widget failed: "
#define RETURNED "conversion webhook for x.io/v1, Kind=Widget returned "

static const struct {
    const char *failure, *answer, *wrong, *message;
} failures[] = {
    {"Post \"https://h/?timeout=30s\": connection refused", NULL, NULL,
     FAILED "Post \"https://h/?timeout=30s\": connection refused"},
    {NULL, REVIEW(""), NULL, FAILED "no response provided"},
    {NULL, REVIEW(",\"response\":{\"uid\":\"UID\",\"result\":{\"status\":\"Failure\"}}"), NULL,
     FAILED "response.result.status was 'Failure', not 'Success'"},
    {NULL,
     REVIEW(",\"response\":{\"uid\":\"UID\",\"result\":{\"status\":\"Failure\",\"message\":"
            "\"too wide\"}}"),
     NULL, FAILED "too wide"},
    {NULL, REVIEW(",\"response\":{\"uid\":\"UID\",\"result\":{\"status\":\"Success\"}}"), NULL,
     RETURNED "0 objects, expected 1"},
    {NULL, "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}", NULL,
     FAILED "expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got "
            "admission.k8s.io/v1, Kind=AdmissionReview"},
    {NULL, NULL, "name", RETURNED "invalid object: must have the same name: a != ?"},
    {NULL, NULL, "namespace",
     RETURNED "invalid object: must have the same namespace: default != ?"},
};

TEST(failures_are_told) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    write_widget(api, arena, VERB_CREATE, "v1", "a", "{\"size\":1}");
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        converter.failure = failures[i].failure;
        converter.answer = failures[i].answer;
        converter.wrong = failures[i].wrong;
        struct api_response response = get_widget(api, arena, "v2", "a");
        CHECK(response.http_status == 500);
        CHECK_SV(fixture_message(&response), sv_from(failures[i].message));
    }
    /* And nothing is stored that cannot be converted. */
    struct api_response response =
        write_widget(api, arena, VERB_CREATE, "v2", "b", "{\"width\":1}");
    CHECK(response.http_status == 500);
    CHECK(get_widget(api, arena, "v1", "b").http_status == 404);
}

/* What cannot be shown is not deleted, and a dry run finds out what a creation would. */
TEST(collections_and_dry_runs_ask_the_webhook) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    write_widget(api, arena, VERB_CREATE, "v1", "a", "{\"size\":1}");
    struct request deletion =
        fixture_request(VERB_DELETE_COLLECTION, "x.io/v2/widgets", "default", "");
    struct request creation = fixture_request(VERB_CREATE, "x.io/v2/widgets", "default", "");
    creation.body = fixture_json(arena, "{\"kind\":\"Widget\",\"apiVersion\":\"x.io/v2\","
                                        "\"metadata\":{\"name\":\"b\"},\"spec\":{\"width\":5}}");
    creation.dry_run = true;
    converter.failure = "connection refused";
    CHECK(send(api, arena, &deletion).http_status == 500);
    CHECK(send(api, arena, &creation).http_status == 500);
    CHECK(get_widget(api, arena, "v1", "a").http_status == 200);
    converter.failure = NULL;
    struct api_response response = send(api, arena, &creation);
    CHECK(response.http_status == 201);
    CHECK_SV(json_find_string(response.body, "apiVersion"), SV("x.io/v2"));
    CHECK(json_find_int(response.body, "spec.width", 0) == 5);
    CHECK(get_widget(api, arena, "v1", "b").http_status == 404);
    response = send(api, arena, &deletion);
    CHECK(response.http_status == 200);
    CHECK_SV(json_find_string(response.body, "items.0.apiVersion"), SV("x.io/v2"));
    CHECK(get_widget(api, arena, "v1", "a").http_status == 404);
}

/* Labels and annotations are the webhook's to change, the rest of metadata is not. */
TEST(metadata_is_kept) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    struct api_response first = write_widget(api, arena, VERB_CREATE, "v1", "a", "{\"size\":1}");
    converter.wrong = "creationTimestamp";
    struct api_response response = get_widget(api, arena, "v2", "a");
    CHECK(
        json_equal(json_get(response.body, SV("metadata")), json_get(first.body, SV("metadata"))));
}

/* Nothing is done until the webhook has answered. */
TEST(a_write_waits) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    converter.is_late = true;
    struct request request = fixture_request(VERB_CREATE, "x.io/v2/widgets", "default", "");
    request.body = fixture_json(arena, "{\"kind\":\"Widget\",\"apiVersion\":\"x.io/v2\","
                                       "\"metadata\":{\"name\":\"a\"},\"spec\":{\"width\":5}}");
    AUTO(dialogue) dialogue = dialogue_new(api, NULL, NULL);
    struct caller caller = {.user_agent = SV("test/1"), .dialogue = dialogue};
    struct api_response response;
    uint64_t revision = fakeapi_revision(api);
    size_t runs = 0;
    while (!fakeapi_handle_as(api, &request, &caller, arena, &response)) {
        CHECK(fakeapi_revision(api) == revision && runs++ < 3);
        dialogue_answer(converter.waiting, converter.waiting_index, 200, converter.waiting_answer);
    }
    CHECK(response.http_status == 201 && runs == 2); /* to the stored version, and back */
    check_widget(&response, "x.io/v2", "spec.width", 5);
}

/* --- admission webhooks whose rules name another version --- */

TEST(admission_webhooks_see_the_version_that_their_rules_name) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    AUTO(fakeapi) api = make_api(arena, &converter);
    REQUIRE(fixture_create(api, arena,
                           "admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", "",
                           "{\"metadata\":{\"name\":\"hook\"},\"webhooks\":[{\"name\":\"a.x.io\","
                           "\"sideEffects\":\"None\",\"admissionReviewVersions\":[\"v1\"],"
                           "\"clientConfig\":{\"url\":\"https://h/\"},\"rules\":[{\"apiGroups\":["
                           "\"x.io\"],\"apiVersions\":[\"v1\"],\"operations\":[\"CREATE\"],"
                           "\"resources\":[\"widgets\"]}]}]}")
                .http_status == 201);
    converter.patch = "[{\"op\":\"replace\",\"path\":\"/spec/size\",\"value\":9}]";
    struct api_response response =
        write_widget(api, arena, VERB_CREATE, "v2", "a", "{\"width\":5}");
    CHECK(sv_contains(converter.reviewed, SV("\"apiVersion\":\"x.io/v1\"")));
    CHECK(sv_contains(converter.reviewed, SV("\"spec\":{\"size\":5}")));
    check_widget(&response, "x.io/v2", "spec.width", 9);
    response = get_widget(api, arena, "v1", "a");
    check_widget(&response, "x.io/v1", "spec.size", 9);
}

/* --- watches --- */

static void count_call(void *context) {
    ++*(size_t *)context;
}

static void answer_waiting(struct converter *converter) {
    dialogue_answer(converter->waiting, converter->waiting_index, 200, converter->waiting_answer);
}

static struct watch_cursor *watch_widgets(struct fakeapi *api, struct arena *arena) {
    struct request request = fixture_request(VERB_WATCH, "x.io/v2/widgets", "default", "");
    struct api_response response;
    return fakeapi_watch(api, &request, arena, &response);
}

static void check_event(const struct watch_record *record, enum watch_event_type type,
                        int64_t width) {
    CHECK(record->type == type);
    CHECK_SV(json_find_string(record->object, "apiVersion"), SV("x.io/v2"));
    CHECK(json_find_int(record->object, "spec.width", 0) == width);
}

/* In order, each when the webhook has answered. */
TEST(a_watch_waits_for_the_webhook) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    struct fakeapi *api = make_api(arena, &converter);
    write_widget(api, arena, VERB_CREATE, "v1", "a", "{\"size\":1}");
    struct watch_cursor *cursor = watch_widgets(api, arena);
    struct watch_record record;
    size_t answers = 0;
    converter.is_late = true;
    watch_cursor_on_converted(cursor, count_call, &answers);
    write_widget(api, arena, VERB_PATCH, "v1", "a", "{\"size\":2}");
    for (int64_t width = 1; width <= 2; width++) {
        CHECK(!watch_cursor_next(cursor, arena, &record));
        CHECK(watch_cursor_is_waiting(cursor) && watch_cursor_has_news(cursor));
        CHECK(!watch_cursor_next(cursor, arena, &record));
        answer_waiting(&converter);
        CHECK(answers == (size_t)width);
        CHECK(watch_cursor_next(cursor, arena, &record) && !watch_cursor_is_waiting(cursor));
        check_event(&record, width == 1 ? WATCH_ADDED : WATCH_MODIFIED, width);
    }
    CHECK(!watch_cursor_next(cursor, arena, &record) && !watch_cursor_is_waiting(cursor));
    CHECK(converter.question_count == 2);
    watch_cursor_free(cursor);
    fakeapi_free(api);
}

TEST(a_watch_ends_when_nobody_converts) {
    AUTO(arena) arena = arena_new();
    struct converter converter = make_converter(arena);
    struct fakeapi *api = make_api(arena, &converter);
    write_widget(api, arena, VERB_CREATE, "v1", "a", "{\"size\":1}");
    struct watch_cursor *cursor = watch_widgets(api, arena);
    struct watch_record record;
    converter.failure = "connection refused";
    CHECK(watch_cursor_next(cursor, arena, &record) && record.type == WATCH_ERROR);
    CHECK_SV(json_find_string(record.object, "message"), SV(FAILED "connection refused"));
    CHECK(!watch_cursor_next(cursor, arena, &record) && !watch_cursor_has_news(cursor));
    watch_cursor_free(cursor);
    fakeapi_free(api);
}
