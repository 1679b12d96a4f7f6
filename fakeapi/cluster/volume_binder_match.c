/* SPDX-License-Identifier: Apache-2.0 */
/* Which volume does for a claim. */
#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/volume_binder_parts.h"

struct sv volume_class(const struct cJSON *object) {
    struct sv old = object_annotation(object, SV("volume.beta.kubernetes.io/storage-class"));
    return old.len > 0 ? old : json_find_string(object, "spec.storageClassName");
}

bool volume_is_of_claim(const struct cJSON *volume, const struct cJSON *claim) {
    const struct cJSON *reference = json_find(volume, "spec.claimRef");
    struct sv uid = json_string_or(reference, SV("uid"), SV(""));
    return reference && sv_eq(json_string_or(reference, SV("name"), SV("")), object_name(claim)) &&
           sv_eq(json_string_or(reference, SV("namespace"), SV("")), object_namespace(claim)) &&
           (uid.len == 0 || sv_eq(uid, object_uid(claim)));
}

static struct quantity quantity_at(const struct cJSON *object, const char *path) {
    struct quantity quantity = {0};
    return quantity_parse(json_find_string(object, path), &quantity) ? quantity
                                                                     : (struct quantity){0};
}

static struct quantity capacity_of(const struct cJSON *volume) {
    return quantity_at(volume, "spec.capacity.storage");
}

static bool has_modes(const struct cJSON *volume, const struct cJSON *claim) {
    const struct cJSON *offered = json_find(volume, "spec.accessModes");
    JSON_EACH (mode, json_find(claim, "spec.accessModes")) {
        bool is_offered = false;
        JSON_EACH (item, offered)
            is_offered = is_offered || sv_eq(json_text(item), json_text(mode));
        if (!is_offered)
            return false;
    }
    return true;
}

static struct sv mode_of(const struct cJSON *object) {
    struct sv mode = json_find_string(object, "spec.volumeMode");
    return mode.len > 0 ? mode : SV("Filesystem");
}

static bool is_selected(const struct cJSON *volume, const struct cJSON *claim,
                        struct arena *arena) {
    const struct cJSON *wanted = json_find(claim, "spec.selector");
    struct selector selector = {0};
    struct error err = {0};
    if (!wanted)
        return true;
    return selector_from_object(arena, wanted, &selector, &err) &&
           selector_matches(&selector, json_find(volume, "metadata.labels"));
}

struct sv volume_mismatch(const struct cJSON *volume, const struct cJSON *claim,
                          struct arena *arena) {
    if (quantity_compare(capacity_of(volume),
                         quantity_at(claim, "spec.resources.requests.storage")) < 0)
        return SV("requested PV is too small");
    if (!sv_eq(volume_class(volume), volume_class(claim)))
        return SV("storageClassName does not match");
    if (!sv_eq(mode_of(volume), mode_of(claim)))
        return arena_printf(arena, "incompatible volumeMode");
    if (!has_modes(volume, claim))
        return SV("incompatible accessMode");
    return SV("");
}

static const struct cJSON *find_made_for(const struct volume_binder *binder,
                                         const struct cJSON *claim, struct arena *arena) {
    struct sv key = object_key(arena, object_namespace(claim), object_name(claim));
    size_t cursor = 0;
    const struct cJSON *volume;
    while ((volume = cache_index_next(binder->volumes, binder->volumes_by_owner, key, &cursor)))
        if (!object_is_deleting(volume) && volume_is_of_claim(volume, claim) &&
            volume_mismatch(volume, claim, arena).len == 0)
            return volume;
    return NULL;
}

const struct cJSON *volume_find(const struct volume_binder *binder, const struct cJSON *claim,
                                struct arena *arena) {
    const struct cJSON *smallest = find_made_for(binder, claim, arena);
    if (smallest)
        return smallest;
    struct sv key = arena_printf(arena, " %.*s", SV_ARG(volume_class(claim)));
    size_t cursor = 0;
    const struct cJSON *volume;
    while ((volume = cache_index_next(binder->volumes, binder->volumes_by_owner, key, &cursor))) {
        bool is_free = !object_is_deleting(volume) &&
                       sv_eq(json_find_string(volume, "status.phase"), SV("Available"));
        if (!is_free || volume_mismatch(volume, claim, arena).len > 0 ||
            !is_selected(volume, claim, arena))
            continue;
        if (!smallest || quantity_compare(capacity_of(volume), capacity_of(smallest)) < 0)
            smallest = volume;
    }
    return smallest;
}
