/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/validate.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"

enum { ANNOTATIONS_BYTES_MAX = 262144 };

void validate_labels(const struct checker *checker, const struct cJSON *labels, struct sv field) {
    JSON_EACH (label, labels) {
        const char *key_fault = check_qualified_name(json_key(label));
        const char *value_fault = check_label_value(json_text(label));
        if (key_fault)
            findings_add(checker->arena, checker->findings, field, "FieldValueInvalid", label,
                         "Invalid value: \"%.*s\": %s", SV_ARG(json_key(label)), key_fault);
        if (value_fault)
            report_invalid(checker, field, label, value_fault);
    }
}

static void validate_annotations(const struct checker *checker, const struct cJSON *annotations) {
    size_t bytes = 0;
    JSON_EACH (annotation, annotations) {
        struct sv key = json_key(annotation);
        struct sv lower = arena_copy(checker->arena, key);
        for (size_t i = 0; i < lower.len; i++)
            if (lower.ptr[i] >= 'A' && lower.ptr[i] <= 'Z')
                ((char *)lower.ptr)[i] = (char)(lower.ptr[i] - 'A' + 'a');
        const char *fault = check_qualified_name(lower);
        bytes += key.len + json_text(annotation).len;
        if (fault)
            findings_add(checker->arena, checker->findings, SV("metadata.annotations"),
                         "FieldValueInvalid", annotation, "Invalid value: \"%.*s\": %s",
                         SV_ARG(key), fault);
    }
    if (bytes > ANNOTATIONS_BYTES_MAX)
        findings_add(checker->arena, checker->findings, SV("metadata.annotations"),
                     "FieldValueTooLong", annotations, "Too long: may not be more than %d bytes",
                     ANNOTATIONS_BYTES_MAX);
}

/* An owner as Go prints the struct: what is empty is left out. */
static struct cJSON *owner_shown(const struct checker *checker, const struct cJSON *owner) {
    static const struct sv keys[] = {SV("apiVersion"), SV("kind"),       SV("name"),
                                     SV("uid"),        SV("controller"), SV("blockOwnerDeletion")};
    struct cJSON *map = json_map(checker->arena);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct cJSON *value = json_get(owner, keys[i]);
        if (value && !json_is_null(value))
            json_set(checker->arena, map, keys[i], json_copy(checker->arena, value));
    }
    return map;
}

static void report_owner(const struct checker *checker, const struct cJSON *owner, struct sv key,
                         const char *detail) {
    findings_add(checker->arena, checker->findings,
                 path_member(checker, SV("metadata.ownerReferences"), key), "FieldValueInvalid",
                 owner, "Invalid value: \"%.*s\": %s", SV_ARG(json_string_or(owner, key, SV(""))),
                 detail);
}

static void validate_owner(const struct checker *checker, const struct cJSON *owner) {
    static const struct sv keys[] = {SV("kind"), SV("name"), SV("uid")};
    struct sv version = json_string_or(owner, SV("apiVersion"), SV(""));
    size_t slash = sv_find(version, '/');
    bool is_version = version.len > 0 && slash + 1 != version.len &&
                      (slash == version.len || sv_find_last(version, '/') == slash);
    if (!is_version)
        report_owner(checker, owner, SV("apiVersion"), "version must not be empty");
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (json_string_or(owner, keys[i], SV("")).len == 0)
            report_owner(checker, owner, keys[i], "must not be empty");
    if (sv_eq(version, SV("v1")) && sv_eq(json_find_string(owner, "kind"), SV("Event")))
        report_invalid(checker, SV("metadata.ownerReferences"), owner_shown(checker, owner),
                       "/v1, Kind=Event is disallowed from being an owner");
}

static void validate_owners(const struct checker *checker, const struct cJSON *owners) {
    const struct cJSON *controller = NULL;
    JSON_EACH (owner, owners) {
        validate_owner(checker, owner);
        if (!json_bool_or(owner, SV("controller"), false))
            continue;
        if (controller) {
            struct cJSON *all = json_list(checker->arena);
            JSON_EACH (item, owners)
                json_append(all, owner_shown(checker, item));
            report_invalid(checker, SV("metadata.ownerReferences"), all,
                           arena_printf(checker->arena,
                                        "Only one reference can have Controller set to true. Found "
                                        "\"true\" in references for %.*s/%.*s and %.*s/%.*s",
                                        SV_ARG(json_find_string(controller, "kind")),
                                        SV_ARG(json_find_string(controller, "name")),
                                        SV_ARG(json_find_string(owner, "kind")),
                                        SV_ARG(json_find_string(owner, "name")))
                               .ptr);
        }
        controller = owner;
    }
}

static bool is_standard_finalizer(struct sv name) {
    return sv_eq(name, SV("orphan")) || sv_eq(name, SV("foregroundDeletion")) ||
           sv_eq(name, SV("kubernetes"));
}

static void validate_finalizers(const struct checker *checker, const struct resource_type *type,
                                const struct cJSON *object, const struct cJSON *old) {
    struct joiner added;
    joiner_init(&added, checker->arena);
    size_t index = 0;
    JSON_EACH (finalizer, json_find(object, "metadata.finalizers")) {
        struct sv name = json_text(finalizer);
        struct sv field = path_index(checker, SV("metadata.finalizers"), index++);
        bool is_qualified = sv_find(name, '/') < name.len;
        if (check_qualified_name(name))
            report_invalid(checker, field, finalizer, check_qualified_name(name));
        else if (!is_qualified && !is_standard_finalizer(name) && !type->is_custom)
            report_invalid(checker, field, finalizer,
                           "name is neither a standard finalizer name nor is it fully qualified");
        if (old && object_is_deleting(old) && !object_has_finalizer(old, name))
            joiner_printf(&added, "%s\"%.*s\"", added.len > 0 ? ", " : "", SV_ARG(name));
    }
    const struct cJSON *finalizers = json_find(object, "metadata.finalizers");
    if (object_has_finalizer(object, SV("orphan")) &&
        object_has_finalizer(object, SV("foregroundDeletion")))
        report_invalid(checker, SV("metadata.finalizers"), finalizers,
                       "finalizer orphan and foregroundDeletion cannot be both set");
    if (added.len > 0)
        report_forbidden(
            checker, SV("metadata.finalizers"), finalizers,
            arena_printf(checker->arena,
                         "no new finalizers can be added if the object is being deleted, found new "
                         "finalizers []string{%.*s}",
                         SV_ARG(joiner_text(&added)))
                .ptr);
}

/* Most names are subdomains; some must be labels because they become one. */
static const char *check_name(struct sv kind, struct sv name) {
    static const struct sv free_form[] = {
        SV("Role"),       SV("RoleBinding"), SV("ClusterRole"), SV("ClusterRoleBinding"),
        SV("APIService"),
    };
    if (sv_eq(kind, SV("Namespace")) && sv_find(name, '.') < name.len && !check_dns_subdomain(name))
        return "must not contain dots";
    if (sv_eq(kind, SV("Namespace")))
        return check_dns_label(name);
    if (sv_eq(kind, SV("Service")))
        return check_dns_label_1035(name);
    if (sv_index_of(kind, free_form, COUNT_OF(free_form)) < COUNT_OF(free_form))
        return check_path_segment(name);
    return check_dns_subdomain(name);
}

void validate_metadata(const struct checker *checker, const struct resource_type *type,
                       const struct cJSON *object, const struct cJSON *old) {
    const struct cJSON *metadata = json_get(object, SV("metadata"));
    const struct cJSON *name = json_get(metadata, SV("name"));
    if (json_text(name).len == 0) {
        report_required(checker, SV("metadata.name"), metadata, "name or generateName is required");
    } else if (!old) {
        const char *fault = check_name(type->resource.kind, json_text(name));
        if (fault)
            report_invalid(checker, SV("metadata.name"), name, fault);
    }
    const struct cJSON *generation = json_get(metadata, SV("generation"));
    int64_t number;
    if (json_to_int64(generation, &number) && number < 0)
        report_invalid(checker, SV("metadata.generation"), generation,
                       "must be greater than or equal to 0");
    validate_labels(checker, json_get(metadata, SV("labels")), SV("metadata.labels"));
    validate_annotations(checker, json_get(metadata, SV("annotations")));
    validate_owners(checker, json_get(metadata, SV("ownerReferences")));
    validate_finalizers(checker, type, object, old);
    static const struct sv system[] = {SV("deletionTimestamp"), SV("deletionGracePeriodSeconds")};
    for (size_t i = 0; old && i < COUNT_OF(system); i++) {
        const struct cJSON *now = json_get(metadata, system[i]);
        if (now && !json_equal(now, json_get(json_get(old, SV("metadata")), system[i])))
            report_invalid(checker, path_member(checker, SV("metadata"), system[i]), now,
                           "field is immutable");
    }
    if (old && !sv_eq(object_uid(object), object_uid(old)))
        report_invalid(checker, SV("metadata.uid"), json_get(metadata, SV("uid")),
                       "field is immutable");
}
