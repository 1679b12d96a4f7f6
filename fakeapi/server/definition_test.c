/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define DEFINITIONS "apiextensions.k8s.io/v1/customresourcedefinitions"
#define VERSION(name, storage)                                                                     \
    "{\"name\":\"" name "\",\"served\":true,\"storage\":" storage                                  \
    ",\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}"
#define DEFINITION(plural, kind)                                                                   \
    "{\"metadata\":{\"name\":\"" plural ".x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"         \
    "\"Namespaced\",\"names\":{\"plural\":\"" plural "\",\"kind\":\"" kind                         \
    "\"},\"versions\":[" VERSION("v1", "true") "]}}"

/* "NamesAccepted=True NoConflicts; Established=False Installing". */
static struct sv conditions_of(struct arena *arena, const struct cJSON *crd) {
    struct sv text = SV("");
    JSON_EACH (each, json_find(crd, "status.conditions"))
        text = arena_printf(arena, "%.*s%s%.*s=%.*s %.*s", SV_ARG(text), text.len ? "; " : "",
                            SV_ARG(json_find_string(each, "type")),
                            SV_ARG(json_find_string(each, "status")),
                            SV_ARG(json_find_string(each, "reason")));
    return text;
}

static struct watch_cursor *watch_definitions(struct fakeapi *api, struct arena *arena) {
    struct request request = fixture_request(VERB_WATCH, DEFINITIONS, "", "");
    struct api_response response = {0};
    return fakeapi_watch(api, &request, arena, &response);
}

static void check_steps(struct watch_cursor *cursor, struct arena *arena, const char *const *steps,
                        size_t count) {
    static const char *const words[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"};
    struct watch_record record;
    for (size_t i = 0; i < count; i++) {
        REQUIRE(watch_cursor_next(cursor, arena, &record));
        CHECK_SV(arena_printf(arena, "%s %.*s", words[record.type],
                              SV_ARG(conditions_of(arena, record.object))),
                 sv_from(steps[i]));
    }
    CHECK(!watch_cursor_next(cursor, arena, &record));
}

TEST(a_definition_is_established_in_steps_after_it_was_written) {
    static const char *const steps[] = {
        "ADDED ",
        "MODIFIED NamesAccepted=True NoConflicts; Established=False Installing",
        "MODIFIED NamesAccepted=True NoConflicts; Established=True InitialNamesAccepted",
    };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct watch_cursor *cursor = watch_definitions(api, arena);
    struct api_response made =
        fixture_create(api, arena, DEFINITIONS, "", DEFINITION("foos", "Foo"));
    REQUIRE(made.http_status == 201);
    CHECK_SV(json_write_arena(arena, json_get(made.body, SV("status")), JSON_COMPACT),
             SV("{\"conditions\":null,\"acceptedNames\":{\"plural\":\"\",\"kind\":\"\"},"
                "\"storedVersions\":[\"v1\"]}"));
    check_steps(cursor, arena, steps, COUNT_OF(steps));
    watch_cursor_free(cursor);
    struct api_response now = fixture_get(api, arena, DEFINITIONS, "", "foos.x.io");
    CHECK_SV(json_find_string(now.body, "status.acceptedNames.listKind"), SV("FooList"));
    CHECK_SV(json_find_string(now.body, "metadata.managedFields.0.manager"), SV("kube-apiserver"));
    CHECK_SV(json_find_string(now.body, "metadata.managedFields.0.subresource"), SV("status"));
    struct request list = fixture_request(VERB_LIST, "x.io/v1/foos", "default", "");
    CHECK(fixture_send(api, arena, &list).http_status == 200);
}

TEST(a_name_is_free_again_once_its_definition_is_gone) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct request list = fixture_request(VERB_LIST, "x.io/v1/others", "default", "");
    fixture_create(api, arena, DEFINITIONS, "", DEFINITION("foos", "Foo"));
    fixture_create(api, arena, DEFINITIONS, "", DEFINITION("others", "Foo"));
    struct api_response other = fixture_get(api, arena, DEFINITIONS, "", "others.x.io");
    CHECK_SV(conditions_of(arena, other.body),
             SV("NamesAccepted=False ListKindConflict; Established=False NotAccepted"));
    CHECK_SV(json_find_string(other.body, "status.conditions.0.message"),
             SV("\"FooList\" is already in use"));
    CHECK_SV(json_find_string(other.body, "status.acceptedNames.plural"), SV("others"));
    CHECK_SV(json_find_string(other.body, "status.acceptedNames.kind"), SV(""));
    CHECK(fixture_send(api, arena, &list).http_status == 404);
    fixture_delete(api, arena, DEFINITIONS, "", "foos.x.io", NULL);
    other = fixture_get(api, arena, DEFINITIONS, "", "others.x.io");
    CHECK_SV(conditions_of(arena, other.body),
             SV("NamesAccepted=True NoConflicts; Established=True InitialNamesAccepted"));
    CHECK(fixture_send(api, arena, &list).http_status == 200);
}

TEST(a_new_storage_version_is_noted_and_the_old_one_stays) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_create(api, arena, DEFINITIONS, "", DEFINITION("foos", "Foo"));
    struct request request = fixture_request(VERB_PATCH, DEFINITIONS, "", "foos.x.io");
    request.patch_type = PATCH_MERGE;
    request.body = fixture_json(
        arena, "{\"spec\":{\"versions\":[" VERSION("v1", "false") "," VERSION("v2", "true") "]}}");
    struct api_response changed = fixture_send(api, arena, &request);
    CHECK_SV(
        json_write_arena(arena, json_find(changed.body, "status.storedVersions"), JSON_COMPACT),
        SV("[\"v1\",\"v2\"]"));
    request.body = fixture_json(arena, "{\"spec\":{\"versions\":[" VERSION("v2", "true") "]}}");
    CHECK(fixture_send(api, arena, &request).http_status == 422);
}

TEST(a_deleted_definition_goes_in_steps_and_waits_for_its_objects) {
    static const char *const begun[] = {
        "ADDED NamesAccepted=True NoConflicts; Established=True InitialNamesAccepted",
        "MODIFIED NamesAccepted=True NoConflicts; Established=True InitialNamesAccepted; "
        "Terminating=True InstanceDeletionPending",
        "MODIFIED NamesAccepted=True NoConflicts; Established=True InitialNamesAccepted; "
        "Terminating=True InstanceDeletionInProgress",
    };
    static const char *const done[] = {
        "DELETED NamesAccepted=True NoConflicts; Established=True InitialNamesAccepted; "
        "Terminating=True InstanceDeletionInProgress",
    };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_create(api, arena, DEFINITIONS, "", DEFINITION("foos", "Foo"));
    fixture_create(
        api, arena, "x.io/v1/foos", "default",
        "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"free\"}}");
    fixture_create(api, arena, "x.io/v1/foos", "default",
                   "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"held\","
                   "\"finalizers\":[\"x.io/hold\"]}}");
    struct watch_cursor *cursor = watch_definitions(api, arena);
    struct api_response told = fixture_delete(api, arena, DEFINITIONS, "", "foos.x.io", NULL);
    CHECK(told.http_status == 200);
    CHECK(object_has_finalizer(told.body, SV("customresourcecleanup.apiextensions.k8s.io")));
    check_steps(cursor, arena, begun, COUNT_OF(begun));
    CHECK(fixture_get(api, arena, "x.io/v1/foos", "default", "free").http_status == 404);
    REQUIRE(object_is_deleting(fixture_get(api, arena, "x.io/v1/foos", "default", "held").body));
    CHECK(fixture_patch(api, arena, PATCH_MERGE, "x.io/v1/foos", "held",
                        "{\"metadata\":{\"finalizers\":null}}")
              .http_status == 200);
    check_steps(cursor, arena, done, COUNT_OF(done));
    watch_cursor_free(cursor);
    CHECK(fixture_get(api, arena, "x.io/v1/foos", "default", "held").http_status == 404);
    CHECK(fixture_get(api, arena, DEFINITIONS, "", "foos.x.io").http_status == 404);
}

TEST(a_dry_run_leaves_no_trace) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct request request = fixture_request(VERB_CREATE, DEFINITIONS, "", "");
    request.body = fixture_json(arena, DEFINITION("foos", "Foo"));
    request.dry_run = true;
    uint64_t revision = fakeapi_revision(api);
    CHECK(fixture_send(api, arena, &request).http_status == 201);
    CHECK(fakeapi_revision(api) == revision);
    struct request list = fixture_request(VERB_LIST, "x.io/v1/foos", "default", "");
    CHECK(fixture_send(api, arena, &list).http_status == 404);
}

TEST(a_write_of_a_deprecated_version_is_warned_of) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    fixture_create(
        api, arena, DEFINITIONS, "",
        "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
        "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":["
        "{\"name\":\"v1beta1\",\"served\":true,\"storage\":false,\"deprecated\":true,"
        "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}," VERSION("v1", "true") "]}}");
    struct request list = fixture_request(VERB_LIST, "x.io/v1beta1/foos", "default", "");
    struct api_response response = fixture_send(api, arena, &list);
    REQUIRE(response.warning_count == 1);
    CHECK_SV(response.warnings[0], SV("x.io/v1beta1 Foo is deprecated; use x.io/v1 Foo"));
    list = fixture_request(VERB_LIST, "x.io/v1/foos", "default", "");
    CHECK(fixture_send(api, arena, &list).warning_count == 0);
}

TEST(formats_that_nobody_checks_are_warned_of_once) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    static const char body[] =
        "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
        "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":"
        "\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":"
        "\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"format\":\"vendor\"},\"b\":{"
        "\"type\":\"string\",\"format\":\"date-time\"},\"c\":{\"type\":\"integer\",\"format\":"
        "\"odd\"}}}}}]}}";
    struct api_response made = fixture_create(api, arena, DEFINITIONS, "", body);
    REQUIRE(made.http_status == 201 && made.warning_count == 1);
    CHECK_SV(made.warnings[0], SV("unrecognized format \"vendor\""));
    struct api_response changed = fixture_patch(api, arena, PATCH_MERGE, DEFINITIONS, "foos.x.io",
                                                "{\"spec\":{\"names\":{\"shortNames\":[\"fo\"]}}}");
    CHECK(changed.warning_count == 0);
}
