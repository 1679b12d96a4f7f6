/* SPDX-License-Identifier: Apache-2.0 */
/* Subresources that are a part of their object: the ephemeral containers and the resources of a
 * pod, the approval of a certificate request. What is written there changes nothing else. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/server_parts.h"

static struct json_index by_name(struct call *call, const struct cJSON *list) {
    return json_index_of_items(call->arena, list, SV("name"));
}

static bool refuse_part(struct call *call, const struct cJSON *old, const char *reason,
                        struct sv field, struct sv message) {
    struct findings findings = {0};
    findings_add(call->arena, &findings, field, reason, NULL, "%.*s", SV_ARG(message));
    return refuse_invalid(call, call->type->resource.kind, call->type->resource.group,
                          object_name(old), &findings);
}

/* --- ephemeral containers: they come and stay --- */

static bool says_something(const struct cJSON *item) {
    return json_is_string(item) ? json_text(item).len > 0 : json_count(item) > 0;
}

/* Nobody restarts one, asks it, or counts what it uses. */
static bool check_new_ephemeral(struct call *call, const struct cJSON *old,
                                const struct cJSON *now) {
    struct json_index containers = by_name(call, json_find(old, "spec.containers")),
                      inits = by_name(call, json_find(old, "spec.initContainers"));
    size_t index = 0;
    JSON_EACH (container, now) {
        struct sv name = json_find_string(container, "name");
        struct sv field = arena_printf(call->arena, "spec.ephemeralContainers[%zu]", index++);
        static const struct sv required[] = {SV("name"), SV("image")};
        static const struct sv unwanted[] = {
            SV("ports"),        SV("resources"), SV("livenessProbe"), SV("readinessProbe"),
            SV("startupProbe"), SV("lifecycle"), SV("restartPolicy"), SV("resizePolicy")};
        for (size_t i = 0; i < COUNT_OF(required); i++)
            if (json_string_or(container, required[i], SV("")).len == 0)
                return refuse_part(
                    call, old, "FieldValueRequired",
                    arena_printf(call->arena, "%.*s.%.*s", SV_ARG(field), SV_ARG(required[i])),
                    SV("Required value"));
        for (size_t i = 0; i < COUNT_OF(unwanted); i++)
            if (says_something(json_get(container, unwanted[i])))
                return refuse_part(
                    call, old, "FieldValueForbidden",
                    arena_printf(call->arena, "%.*s.%.*s", SV_ARG(field), SV_ARG(unwanted[i])),
                    SV("Forbidden: cannot be set for an Ephemeral Container"));
        if (json_index_get(&containers, name) || json_index_get(&inits, name))
            return refuse_part(
                call, old, "FieldValueDuplicate",
                arena_printf(call->arena, "%.*s.name", SV_ARG(field)),
                arena_printf(call->arena, "Duplicate value: \"%.*s\"", SV_ARG(name)));
    }
    return true;
}

static bool take_ephemeral(struct call *call, const struct cJSON *old, const struct cJSON *sent,
                           struct cJSON *tree) {
    const struct cJSON *before = json_find(old, "spec.ephemeralContainers");
    const struct cJSON *now = json_find(sent, "spec.ephemeralContainers");
    struct json_index nows = by_name(call, now);
    JSON_EACH (container, before) {
        struct sv name = json_find_string(container, "name");
        const struct cJSON *kept = json_index_get(&nows, name);
        if (!kept)
            return refuse_part(call, old, "FieldValueForbidden", SV("spec.ephemeralContainers"),
                               arena_printf(call->arena,
                                            "Forbidden: existing ephemeral containers \"%.*s\" may "
                                            "not be removed\n",
                                            SV_ARG(name)));
        if (!json_equal(container, kept))
            return refuse_part(call, old, "FieldValueForbidden", SV("spec.ephemeralContainers"),
                               arena_printf(call->arena,
                                            "Forbidden: existing ephemeral containers \"%.*s\" may "
                                            "not be changed",
                                            SV_ARG(name)));
    }
    if (!check_new_ephemeral(call, old, now))
        return false;
    if (now)
        json_set(call->arena, json_get(tree, SV("spec")), SV("ephemeralContainers"),
                 json_copy(call->arena, now));
    return true;
}

/* --- resources --- */

static bool take_resources(struct call *call, const struct cJSON *old, const struct cJSON *sent,
                           struct cJSON *tree) {
    static const char *const lists[] = {"spec.containers", "spec.initContainers"};
    struct sv quality = quality_class(json_get(old, SV("spec")));
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct json_index wishes = by_name(call, json_find(sent, lists[i]));
        JSON_EACH (container, json_find(tree, lists[i])) {
            const struct cJSON *wanted =
                json_index_get(&wishes, json_find_string(container, "name"));
            const struct cJSON *resources = json_get(wanted, SV("resources"));
            if (resources)
                json_set(call->arena, container, SV("resources"),
                         json_copy(call->arena, resources));
        }
    }
    if (!sv_eq(quality_class(json_get(tree, SV("spec"))), quality))
        return refuse_part(call, old, "FieldValueInvalid", SV("spec"),
                           arena_printf(call->arena,
                                        "Invalid value: \"%.*s\": Pod QOS Class may not change as "
                                        "a result of resizing",
                                        SV_ARG(quality)));
    return true;
}

/* --- the table --- */

static const struct {
    struct sv kind, subresource;
    bool (*take)(struct call *call, const struct cJSON *old, const struct cJSON *sent,
                 struct cJSON *tree);
} parts[] = {
    {SV("Pod"), SV("ephemeralcontainers"), take_ephemeral},
    {SV("Pod"), SV("resize"), take_resources},
    {SV("CertificateSigningRequest"), SV("approval"), take_approval},
};

static size_t part_of(const struct call *call) {
    size_t i = 0;
    while (i < COUNT_OF(parts) &&
           (call->type->is_custom || !sv_eq(parts[i].kind, call->type->resource.kind) ||
            !sv_eq(parts[i].subresource, call->request->subresource)))
        i++;
    return i;
}

bool is_part(const struct call *call) {
    return part_of(call) < COUNT_OF(parts);
}

struct cJSON *with_new_part(struct call *call, const struct cJSON *old, const struct cJSON *sent) {
    struct cJSON *tree = json_copy(call->arena, old);
    const struct cJSON *managed = json_find(sent, "metadata.managedFields");
    if (managed)
        json_set(call->arena, json_get(tree, SV("metadata")), SV("managedFields"),
                 json_copy(call->arena, managed));
    return parts[part_of(call)].take(call, old, sent, tree) ? tree : NULL;
}
