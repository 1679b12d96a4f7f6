/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of volumes, claims and what provides them. */
#include "fakeapi/schema/validate.h"

#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"

static const struct sv access_modes[] = {SV("ReadOnlyMany"), SV("ReadWriteMany"),
                                         SV("ReadWriteOnce"), SV("ReadWriteOncePod")};

static void check_access_modes(const struct checker *checker, const struct cJSON *spec,
                               bool is_claim, struct sv spec_field) {
    const struct cJSON *modes = json_get(spec, SV("accessModes"));
    struct sv field = path_member(checker, spec_field, SV("accessModes"));
    if (json_count(modes) == 0)
        report_required(checker, field, spec, is_claim ? "at least 1 access mode is required" : "");
    bool has_exclusive = false, has_other = false;
    JSON_EACH (mode, modes) {
        bool is_exclusive = sv_eq(json_text(mode), SV("ReadWriteOncePod"));
        bool is_known = sv_index_of(json_text(mode), access_modes, COUNT_OF(access_modes)) <
                        COUNT_OF(access_modes);
        has_exclusive = has_exclusive || is_exclusive;
        has_other = has_other || (is_known && !is_exclusive);
        if (!is_known)
            report_not_supported(checker, field, mode, access_modes, COUNT_OF(access_modes));
    }
    if (has_exclusive && has_other)
        report_forbidden(checker, field, modes,
                         "may not use ReadWriteOncePod with other access modes");
}

static void check_storage(const struct checker *checker, const struct cJSON *map, struct sv field) {
    const struct cJSON *storage = json_get(map, SV("storage"));
    struct quantity quantity;
    if (!storage)
        report_required(checker, field, map, "");
    else if (quantity_parse(json_text(storage), &quantity) && quantity.nano <= 0)
        report_invalid(checker, field, storage, "must be greater than zero");
}

void check_claim_spec(const struct checker *checker, const struct cJSON *spec, struct sv field) {
    check_access_modes(checker, spec, true, field);
    check_storage(checker, json_find(spec, "resources.requests"),
                  path_member(checker, field, SV("resources[storage]")));
}

static void check_capacity(const struct checker *checker, const struct cJSON *capacity) {
    static const struct sv only[] = {SV("storage")};
    struct quantity quantity;
    const struct cJSON *storage = json_get(capacity, SV("storage"));
    if (json_count(capacity) == 0)
        report_required(checker, SV("spec.capacity"), capacity, "");
    if (!storage || json_count(capacity) > 1)
        report_not_supported(checker, SV("spec.capacity"), or_null(checker, capacity), only,
                             COUNT_OF(only));
    if (!storage || !quantity_parse(json_text(storage), &quantity))
        return;
    if (quantity.nano < 0)
        findings_add(checker->arena, checker->findings, SV("spec.capacity[storage]"),
                     "FieldValueInvalid", storage,
                     "Invalid value: %lld: must be a valid resource quantity",
                     (long long)quantity_value(quantity));
    if (quantity.nano <= 0)
        report_invalid(checker, SV("spec.capacity[storage]"), storage, "must be greater than zero");
}

static void check_host_path(const struct checker *checker, const struct cJSON *spec) {
    const struct cJSON *path = json_find(spec, "hostPath.path");
    struct sv text = json_text(path);
    if (sv_contains(text, SV("..")))
        report_invalid(checker, SV("spec.hostPath.path"), path, "must not contain '..'");
    if (sv_eq(text, SV("/")) &&
        sv_eq(json_find_string(spec, "persistentVolumeReclaimPolicy"), SV("Recycle")))
        report_forbidden(checker, SV("spec.persistentVolumeReclaimPolicy"), path,
                         "may not be 'recycle' for a hostPath mount of '/'");
    if (json_get(spec, SV("local")) && !json_find(spec, "nodeAffinity.required"))
        report_required(checker, SV("spec.nodeAffinity"), spec,
                        "Local volume requires node affinity");
}

void check_volume(const struct checker *checker, const struct cJSON *object,
                  const struct cJSON *old) {
    static const struct sv not_sources[] = {
        SV("accessModes"),      SV("capacity"),     SV("claimRef"),
        SV("mountOptions"),     SV("nodeAffinity"), SV("persistentVolumeReclaimPolicy"),
        SV("storageClassName"), SV("volumeMode"),   SV("volumeAttributesClassName"),
    };
    const struct cJSON *spec = json_get(object, SV("spec"));
    bool has_source = false;
    check_access_modes(checker, spec, false, SV("spec"));
    check_capacity(checker, json_get(spec, SV("capacity")));
    JSON_EACH (member, spec) {
        struct sv key = json_key(member);
        if (sv_index_of(key, not_sources, COUNT_OF(not_sources)) < COUNT_OF(not_sources))
            continue;
        if (has_source)
            report_forbidden(checker, path_member(checker, SV("spec"), key), member,
                             "may not specify more than 1 volume type");
        has_source = true;
        if (old && !json_equal(member, json_get(json_get(old, SV("spec")), key)))
            report_forbidden(checker, SV("spec.persistentvolumesource"), member,
                             "spec.persistentvolumesource is immutable after creation");
    }
    check_host_path(checker, spec);
    const struct cJSON *affinity = json_get(spec, SV("nodeAffinity"));
    if (affinity && !json_get(affinity, SV("required")))
        report_required(checker, SV("spec.nodeAffinity.required"), affinity,
                        "must specify required node constraints");
    if (!has_source)
        report_required(checker, SV("spec"), spec, "must specify a volume type");
    if (old && !json_equal(json_get(spec, SV("volumeMode")), json_find(old, "spec.volumeMode")))
        report_invalid(checker, SV("volumeMode"), json_get(spec, SV("volumeMode")),
                       "field is immutable");
}

/* A class may be given to a claim that was made before there was a default one. */
static void allow_class(struct cJSON *now, struct cJSON *before) {
    const struct cJSON *was = json_get(before, SV("storageClassName"));
    if (!was && json_find_string(now, "storageClassName").len > 0)
        json_remove(now, SV("storageClassName"));
}

void check_claim(const struct checker *checker, const struct cJSON *object,
                 const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    struct quantity size, least;
    if (!old) {
        check_claim_spec(checker, spec, SV("spec"));
        return;
    }
    struct cJSON *now = json_copy(checker->arena, spec);
    struct cJSON *before = json_copy(checker->arena, json_get(old, SV("spec")));
    const struct cJSON *asked = json_find(spec, "resources.requests.storage");
    bool is_bound = sv_eq(json_find_string(object, "status.phase"), SV("Bound"));
    if (is_bound && asked) {
        json_remove(json_find(now, "resources.requests"), SV("storage"));
        json_remove(json_find(before, "resources.requests"), SV("storage"));
    }
    if (is_bound) {
        json_remove(now, SV("volumeAttributesClassName"));
        json_remove(before, SV("volumeAttributesClassName"));
    }
    /* The binder sets volumeName once. */
    if (json_find_string(before, "volumeName").len == 0) {
        json_remove(now, SV("volumeName"));
        json_remove(before, SV("volumeName"));
    }
    allow_class(now, before);
    if (!json_equal(now, before))
        report_forbidden(checker, SV("spec"), spec,
                         "spec is immutable after creation except resources.requests and "
                         "volumeAttributesClassName for bound claims");
    if (!json_equal(json_get(now, SV("volumeMode")), json_get(before, SV("volumeMode"))))
        report_invalid(checker, SV("volumeMode"), json_get(now, SV("volumeMode")),
                       "field is immutable");
    const struct cJSON *capacity = json_find(old, "status.capacity.storage");
    bool is_less =
        quantity_parse(json_text(asked), &size) &&
        quantity_parse(json_text(json_find(old, "spec.resources.requests.storage")), &least) &&
        quantity_compare(size, least) < 0;
    if (is_less && is_bound && capacity && quantity_parse(json_text(capacity), &least) &&
        quantity_compare(size, least) <= 0)
        report_forbidden(checker, SV("spec.resources.requests.storage"), asked,
                         "field can not be less than status.capacity");
}

void check_attachment(const struct checker *checker, const struct cJSON *object,
                      const struct cJSON *old) {
    const struct cJSON *source = json_find(object, "spec.source");
    size_t count = (json_get(source, SV("inlineVolumeSpec")) != NULL) +
                   (json_get(source, SV("persistentVolumeName")) != NULL);
    (void)old;
    if (count == 0)
        report_required(checker, SV("spec.source"), source,
                        "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
    else if (count == 2)
        report_forbidden(checker, SV("spec.source"), source,
                         "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
}

void check_driver(const struct checker *checker, const struct cJSON *object,
                  const struct cJSON *old) {
    static const struct sv known[] = {SV("Persistent"), SV("Ephemeral")};
    (void)old;
    JSON_EACH (mode, json_find(object, "spec.volumeLifecycleModes"))
        if (sv_index_of(json_text(mode), known, COUNT_OF(known)) == COUNT_OF(known))
            report_not_supported(checker, SV("spec.volumeLifecycleModes"), mode, known,
                                 COUNT_OF(known));
}
