/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"

#include "core/api/api_status.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/test.h"
#include "core/data/json.h"

TEST(an_object_without_metadata_answers_empty) {
    AUTO(arena) arena = arena_new();
    struct cJSON *object = json_map(arena);
    CHECK_SV(object_name(object), SV(""));
    CHECK_SV(object_label(object, SV("a")), SV(""));
    CHECK(object_generation(object) == 0 && object_observed_generation(object) == -1);
    CHECK(object_created_ms(object) == 0 && object_created_ms(NULL) == 0);
    CHECK(!object_is_deleting(object) && !object_controller_owner(object));
    CHECK(!object_condition(NULL, SV("Ready")) && !object_has_finalizer(NULL, SV("x")));
}

TEST(what_is_built_is_read_back) {
    AUTO(arena) arena = arena_new();
    struct cJSON *owner = object_new(arena, &RESOURCE_CACHE_RUNTIMES, SV("ns"), SV("demo"));
    json_set_string(arena, json_get(owner, SV("metadata")), SV("uid"), SV("u-1"));
    struct cJSON *object = object_new(arena, &RESOURCE_STATEFUL_SETS, SV("ns"), SV("demo-master"));
    object_set_label(arena, object, SV("k"), SV("v"));
    struct cJSON *metadata = json_get(object, SV("metadata"));
    json_set_string(arena, json_get(owner, SV("metadata")), SV("creationTimestamp"),
                    SV("2026-01-01T00:00:01Z"));
    CHECK(object_created_ms(owner) == INT64_C(1767225601000));
    json_append(json_ensure_list(arena, metadata, SV("ownerReferences")),
                object_controller_reference(arena, owner));
    CHECK_SV(json_write_arena(arena, object, JSON_COMPACT),
             SV("{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"name\":"
                "\"demo-master\",\"namespace\":\"ns\",\"labels\":{\"k\":\"v\"},"
                "\"ownerReferences\":[{\"apiVersion\":\"data.fluid.io/v1alpha1\",\"kind\":"
                "\"CacheRuntime\",\"name\":\"demo\",\"uid\":\"u-1\",\"controller\":true,"
                "\"blockOwnerDeletion\":true}]}}"));
    CHECK(object_owner(object, SV("u-1")) == object_controller_owner(object));
    CHECK(resource_of_object(object) == &RESOURCE_STATEFUL_SETS);
    CHECK_SV(resource_qualified(&RESOURCE_STATEFUL_SETS, arena), SV("statefulsets.apps"));
    CHECK_SV(object_key(arena, SV(""), SV("n")), SV("n"));
}

/* Conflict and AlreadyExists share HTTP 409: the reason decides. */
TEST(a_status_becomes_an_error_by_its_reason) {
    static const struct {
        const char *body;
        int http_status;
        enum error_code code;
    } cases[] = {
        {"{\"reason\":\"AlreadyExists\",\"code\":409,\"message\":\"m\"}", 409,
         ERROR_ALREADY_EXISTS},
        {"{\"reason\":\"Conflict\",\"code\":409,\"message\":\"m\"}", 409, ERROR_CONFLICT},
        {"{\"reason\":\"Expired\",\"code\":410,\"message\":\"m\"}", 410, ERROR_EXPIRED},
        {"{\"code\":500,\"message\":\"m\"}", 500, ERROR_INTERNAL},
        {"{\"reason\":\"SomethingNew\",\"code\":404,\"message\":\"m\"}", 404, ERROR_NOT_FOUND},
        {"{}", 418, ERROR_INVALID},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        const struct cJSON *body = json_read(arena, sv_from(cases[i].body), &err);
        CHECK(!api_status_to_error(body, cases[i].http_status, &err));
        CHECK(err.code == cases[i].code && err.message[0] != '\0');
    }
}
