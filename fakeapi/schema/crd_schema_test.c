/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own CRDs by the rules that a kube-apiserver refuses a CRD for: structural schemas
 * (apiextensions-apiserver, pkg/apis/apiextensions/validation and apiserver/schema).
 */
#include "core/api/crds.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

/* What the API server stores at most, with room for what it adds. */
enum { CRD_BYTES_MAX = 1024 * 1024 };

struct walk {
    struct arena *arena;
    size_t described, undescribed;
};

static bool has(const struct cJSON *schema, const char *key) {
    return json_get(schema, sv_from(key)) != NULL;
}

static bool is_required(const struct cJSON *schema, struct sv name) {
    return json_has_text(json_get(schema, SV("required")), name);
}

static void tell(struct sv path, const char *what) {
    printf("%.*s: %s\n", SV_ARG(path), what);
    CHECK(false);
}

static void check_list_keys(const struct cJSON *schema, struct sv path) {
    const struct cJSON *items = json_get(schema, SV("items"));
    bool is_map = sv_eq(json_find_string(schema, "x-kubernetes-list-type"), SV("map"));
    if (is_map != has(schema, "x-kubernetes-list-map-keys"))
        tell(path, "a list of type map has keys, and no other has");
    JSON_EACH (key, json_get(schema, SV("x-kubernetes-list-map-keys"))) {
        const struct cJSON *property = json_get(json_get(items, SV("properties")), json_text(key));
        if (!property || (!has(property, "default") && !is_required(items, json_text(key))))
            tell(path, "a list-map key needs a default or must be required");
    }
}

static void check_node(const struct cJSON *schema, struct sv path) {
    struct sv type = json_find_string(schema, "type");
    bool is_int_or_string = has(schema, "x-kubernetes-int-or-string");
    if (has(schema, "$ref"))
        tell(path, "$ref is not expanded");
    if ((type.len > 0) == is_int_or_string)
        tell(path, "needs a type, or to be an integer or a string");
    if (sv_eq(type, SV("array")) != has(schema, "items"))
        tell(path, "an array needs items, and nothing else has them");
    if (has(schema, "properties") && has(schema, "additionalProperties"))
        tell(path, "properties and additionalProperties exclude each other");
    JSON_EACH (name, json_get(schema, SV("required")))
        if (!json_get(json_get(schema, SV("properties")), json_text(name)))
            tell(path, "requires what it does not have");
    check_list_keys(schema, path);
}

static void check_schema(struct walk *walk, const struct cJSON *schema, struct sv path) {
    check_node(schema, path);
    if (has(schema, "description"))
        walk->described++;
    else
        walk->undescribed++;
    JSON_EACH (property, json_get(schema, SV("properties"))) {
        struct sv inner =
            arena_printf(walk->arena, "%.*s.%.*s", SV_ARG(path), SV_ARG(json_key(property)));
        check_schema(walk, property, inner);
    }
    const struct cJSON *rest = json_get(schema, SV("additionalProperties"));
    if (has(schema, "items"))
        check_schema(walk, json_get(schema, SV("items")),
                     arena_printf(walk->arena, "%.*s[]", SV_ARG(path)));
    if (json_is_map(rest))
        check_schema(walk, rest, arena_printf(walk->arena, "%.*s{}", SV_ARG(path)));
}

TEST(our_crds_are_structural) {
    for (size_t i = 0; i < crd_count(); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct walk walk = {.arena = arena};
        const struct cJSON *crd = json_read(arena, crd_text(i), &err);
        REQUIRE(crd != NULL);
        CHECK(crd_text(i).len < CRD_BYTES_MAX);
        JSON_EACH (version, json_find(crd, "spec.versions"))
            check_schema(&walk, json_find(version, "schema.openAPIV3Schema"),
                         json_find_string(crd, "spec.names.kind"));
        CHECK(walk.described > 50);
    }
}

/* kubectl explain has something to say of each field that is ours. */
static const struct {
    const char *kind, *path;
} described[] = {
    {"CacheRuntimeClass", "topology.worker.tieredStore.levels"},
    {"CacheRuntimeClass", "topology.client.executionEntries.mountUFS.timeout"},
    {"CacheRuntimeClass", "rollout.maxConcurrentRuntimes"},
    {"CacheRuntime", "spec.worker.replicas"},
    {"CacheRuntime", "status.mountedBy.podUID"},
    {"Dataset", "spec.placement"},
};

static const struct cJSON *find_field(const struct cJSON *crd, struct sv path) {
    const struct cJSON *schema = json_find(crd, "spec.versions.0.schema.openAPIV3Schema");
    while (path.len > 0 && schema)
        schema = json_get(json_get(schema, SV("properties")), sv_cut(&path, '.'));
    return schema;
}

TEST(fields_are_described) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(described); i++) {
        const struct cJSON *field = NULL;
        for (size_t j = 0; j < crd_count(); j++) {
            struct error err = {0};
            const struct cJSON *crd = json_read(arena, crd_text(j), &err);
            if (sv_eq(json_find_string(crd, "spec.names.kind"), sv_from(described[i].kind)))
                field = find_field(crd, sv_from(described[i].path));
        }
        CHECK(json_find_string(field, "description").len > 0);
    }
}
