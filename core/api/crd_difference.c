/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/crd_difference.h"

#include "core/base/arena.h"
#include "core/data/json.h"

enum { DEPTH_MAX = 64 };

struct comparison {
    struct arena *arena;
    struct crd_difference *difference;
};

static void note(struct comparison *comparison, struct sv field) {
    struct crd_difference *difference = comparison->difference;
    if (difference->count < CRD_FIELDS_NAMED_MAX)
        difference->fields[difference->count] = field;
    difference->count++;
}

static struct sv below(struct comparison *comparison, struct sv path, struct sv key) {
    return arena_printf(comparison->arena, "%.*s%s%.*s", SV_ARG(path), path.len > 0 ? "." : "",
                        SV_ARG(key));
}

static bool keeps_anything(const struct cJSON *schema) {
    return json_is_true(json_get(schema, SV("x-kubernetes-preserve-unknown-fields"))) ||
           json_is_true(json_get(schema, SV("x-kubernetes-embedded-resource")));
}

static void compare_schemas(struct comparison *comparison, const struct cJSON *ours,
                            const struct cJSON *theirs, struct sv path, int depth);

static void compare_properties(struct comparison *comparison, const struct cJSON *ours,
                               const struct cJSON *theirs, struct sv path, int depth) {
    const struct cJSON *known = json_get(theirs, SV("properties"));
    JSON_EACH (property, json_get(ours, SV("properties"))) {
        struct sv key = json_key(property);
        const struct cJSON *their_property = json_get(known, key);
        struct sv field = below(comparison, path, key);
        if (their_property)
            compare_schemas(comparison, property, their_property, field, depth);
        else
            note(comparison, field);
    }
}

static void compare_schemas(struct comparison *comparison, const struct cJSON *ours,
                            const struct cJSON *theirs, struct sv path, int depth) {
    const struct cJSON *items = json_get(ours, SV("items"));
    const struct cJSON *values = json_get(ours, SV("additionalProperties"));
    if (depth == DEPTH_MAX || keeps_anything(theirs))
        return;
    /* A map of anything holds every field. */
    if (!json_get(theirs, SV("additionalProperties")))
        compare_properties(comparison, ours, theirs, path, depth + 1);
    if (items && json_get(theirs, SV("items")))
        compare_schemas(comparison, items, json_get(theirs, SV("items")),
                        arena_printf(comparison->arena, "%.*s[]", SV_ARG(path)), depth + 1);
    if (json_is_map(values) && json_is_map(json_get(theirs, SV("additionalProperties"))))
        compare_schemas(comparison, values, json_get(theirs, SV("additionalProperties")),
                        arena_printf(comparison->arena, "%.*s{}", SV_ARG(path)), depth + 1);
}

static const struct cJSON *served_version(const struct cJSON *crd, struct sv name) {
    JSON_EACH (version, json_find(crd, "spec.versions"))
        if (sv_eq(json_string_or(version, SV("name"), SV("")), name) &&
            json_is_true(json_get(version, SV("served"))))
            return version;
    return NULL;
}

static void compare_versions(struct comparison *comparison, const struct cJSON *ours,
                             const struct cJSON *theirs) {
    JSON_EACH (subresource, json_get(ours, SV("subresources")))
        if (!json_get(json_get(theirs, SV("subresources")), json_key(subresource)))
            note(comparison, arena_printf(comparison->arena, "subresource %.*s",
                                          SV_ARG(json_key(subresource))));
    compare_schemas(comparison, json_find(ours, "schema.openAPIV3Schema"),
                    json_find(theirs, "schema.openAPIV3Schema"), SV(""), 0);
}

void crd_compare(const struct cJSON *ours, const struct cJSON *theirs, struct arena *arena,
                 struct crd_difference *ret_difference) {
    *ret_difference = (struct crd_difference){.count = 0};
    struct comparison comparison = {arena, ret_difference};
    JSON_EACH (version, json_find(ours, "spec.versions")) {
        struct sv name = json_string_or(version, SV("name"), SV(""));
        const struct cJSON *served = served_version(theirs, name);
        if (served)
            compare_versions(&comparison, version, served);
        else
            note(&comparison, arena_printf(arena, "version %.*s", SV_ARG(name)));
    }
}
