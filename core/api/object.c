/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"

static const struct cJSON *metadata(const struct cJSON *object) {
    return json_get(object, SV("metadata"));
}

static struct sv metadata_text(const struct cJSON *object, struct sv key) {
    return json_string_or(metadata(object), key, SV(""));
}

struct sv object_name(const struct cJSON *object) {
    return metadata_text(object, SV("name"));
}

struct sv object_namespace(const struct cJSON *object) {
    return metadata_text(object, SV("namespace"));
}

struct sv object_uid(const struct cJSON *object) {
    return metadata_text(object, SV("uid"));
}

struct sv object_resource_version(const struct cJSON *object) {
    return metadata_text(object, SV("resourceVersion"));
}

int64_t object_generation(const struct cJSON *object) {
    return json_int_or(metadata(object), SV("generation"), 0);
}

int64_t object_created_ms(const struct cJSON *object) {
    int64_t created_ms;
    return api_time_parse(metadata_text(object, SV("creationTimestamp")), &created_ms) ? created_ms
                                                                                       : 0;
}

int64_t object_observed_generation(const struct cJSON *object) {
    return json_int_or(json_get(object, SV("status")), SV("observedGeneration"), -1);
}

bool object_is_deleting(const struct cJSON *object) {
    return metadata_text(object, SV("deletionTimestamp")).len > 0;
}

struct sv object_label(const struct cJSON *object, struct sv key) {
    return json_string_or(json_get(metadata(object), SV("labels")), key, SV(""));
}

struct sv object_annotation(const struct cJSON *object, struct sv key) {
    return json_string_or(json_get(metadata(object), SV("annotations")), key, SV(""));
}

bool object_has_finalizer(const struct cJSON *object, struct sv finalizer) {
    return json_has_text(json_get(metadata(object), SV("finalizers")), finalizer);
}

const struct cJSON *object_controller_owner(const struct cJSON *object) {
    JSON_EACH (reference, json_get(metadata(object), SV("ownerReferences"))) {
        if (json_bool_or(reference, SV("controller"), false))
            return reference;
    }
    return NULL;
}

const struct cJSON *object_owner(const struct cJSON *object, struct sv uid) {
    JSON_EACH (reference, json_get(metadata(object), SV("ownerReferences"))) {
        if (sv_eq(json_string_or(reference, SV("uid"), SV("")), uid))
            return reference;
    }
    return NULL;
}

const struct cJSON *object_condition(const struct cJSON *object, struct sv type) {
    return condition_find(json_get(json_get(object, SV("status")), SV("conditions")), type);
}

bool object_condition_is_true(const struct cJSON *object, struct sv type) {
    return sv_eq(json_string_or(object_condition(object, type), SV("status"), SV("")), SV("True"));
}

bool object_volume_is_noticed(const struct cJSON *volume) {
    struct sv phase = json_find_string(volume, "status.phase");
    return phase.len > 0 && !sv_eq(phase, SV("Pending"));
}

struct cJSON *object_new(struct arena *arena, const struct resource *resource,
                         struct sv namespace_name, struct sv name) {
    struct cJSON *object = json_map(arena);
    json_set_string(arena, object, SV("apiVersion"), resource_api_version(resource, arena));
    json_set_string(arena, object, SV("kind"), resource->kind);
    struct cJSON *meta = json_set(arena, object, SV("metadata"), json_map(arena));
    json_set_string(arena, meta, SV("name"), name);
    if (namespace_name.len > 0)
        json_set_string(arena, meta, SV("namespace"), namespace_name);
    return object;
}

static struct cJSON *set_in_metadata(struct arena *arena, struct cJSON *object, struct sv map_key,
                                     struct sv key, struct sv value) {
    struct cJSON *meta = json_ensure_map(arena, object, SV("metadata"));
    return json_set_string(arena, json_ensure_map(arena, meta, map_key), key, value);
}

struct cJSON *object_set_label(struct arena *arena, struct cJSON *object, struct sv key,
                               struct sv value) {
    return set_in_metadata(arena, object, SV("labels"), key, value);
}

struct cJSON *object_set_annotation(struct arena *arena, struct cJSON *object, struct sv key,
                                    struct sv value) {
    return set_in_metadata(arena, object, SV("annotations"), key, value);
}

struct cJSON *object_controller_reference(struct arena *arena, const struct cJSON *owner) {
    struct cJSON *reference = json_map(arena);
    json_set_string(arena, reference, SV("apiVersion"), json_find_string(owner, "apiVersion"));
    json_set_string(arena, reference, SV("kind"), json_find_string(owner, "kind"));
    json_set_string(arena, reference, SV("name"), object_name(owner));
    json_set_string(arena, reference, SV("uid"), object_uid(owner));
    json_set_bool(arena, reference, SV("controller"), true);
    json_set_bool(arena, reference, SV("blockOwnerDeletion"), true);
    return reference;
}

struct sv object_key(struct arena *arena, struct sv namespace_name, struct sv name) {
    if (namespace_name.len == 0)
        return arena_copy(arena, name);
    return ARENA_JOIN(arena, namespace_name, SV("/"), name);
}
