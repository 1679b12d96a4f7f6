/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/validate.h"

#include "core/api/object.h"
#include "core/base/arena.h"
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

static void validate_owners(const struct checker *checker, const struct cJSON *owners) {
    static const struct sv keys[] = {SV("apiVersion"), SV("kind"), SV("name"), SV("uid")};
    const struct cJSON *controller = NULL;
    size_t index = 0;
    JSON_EACH (owner, owners) {
        struct sv field = path_index(checker, SV("metadata.ownerReferences"), index++);
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
            if (json_string_or(owner, keys[i], SV("")).len > 0)
                continue;
            struct sv path = path_member(checker, field, keys[i]);
            findings_add(checker->arena, checker->findings, path, "FieldValueInvalid", owner,
                         "Invalid value: \"\": must not be empty");
        }
        if (!json_bool_or(owner, SV("controller"), false))
            continue;
        if (controller)
            findings_add(checker->arena, checker->findings, SV("metadata.ownerReferences"),
                         "FieldValueInvalid", owner,
                         "Invalid value: \"array\": Only one reference can have Controller set to "
                         "true. Found \"true\" in references for %.*s/%.*s and %.*s/%.*s",
                         SV_ARG(json_find_string(controller, "kind")),
                         SV_ARG(json_find_string(controller, "name")),
                         SV_ARG(json_find_string(owner, "kind")),
                         SV_ARG(json_find_string(owner, "name")));
        controller = owner;
    }
}

static bool is_standard_finalizer(struct sv name) {
    return sv_eq(name, SV("orphan")) || sv_eq(name, SV("foregroundDeletion")) ||
           sv_eq(name, SV("kubernetes"));
}

static void validate_finalizers(const struct checker *checker, const struct resource_type *type,
                                const struct cJSON *object, const struct cJSON *old) {
    struct sv added = SV("");
    JSON_EACH (finalizer, json_find(object, "metadata.finalizers")) {
        struct sv name = json_text(finalizer);
        bool is_qualified = sv_find(name, '/') < name.len;
        if (check_qualified_name(name))
            report_invalid(checker, SV("metadata.finalizers"), finalizer,
                           check_qualified_name(name));
        else if (!is_qualified && !is_standard_finalizer(name) && !type->is_custom)
            report_invalid(checker, SV("metadata.finalizers"), finalizer,
                           "name is neither a standard finalizer name nor is it fully qualified");
        if (old && object_is_deleting(old) && !object_has_finalizer(old, name))
            added = arena_printf(checker->arena, "%.*s%s\"%.*s\"", SV_ARG(added),
                                 added.len ? ", " : "", SV_ARG(name));
    }
    if (added.len > 0)
        report_forbidden(
            checker, SV("metadata.finalizers"), json_find(object, "metadata.finalizers"),
            arena_printf(checker->arena,
                         "no new finalizers can be added if the object is being deleted, found new "
                         "finalizers []string{%.*s}",
                         SV_ARG(added))
                .ptr);
}

/* Most names are subdomains; some must be labels because they become one. */
static const char *check_name(struct sv kind, struct sv name) {
    static const struct sv free_form[] = {
        SV("Role"),
        SV("RoleBinding"),
        SV("ClusterRole"),
        SV("ClusterRoleBinding"),
    };
    if (sv_eq(kind, SV("Namespace")))
        return check_dns_label(name);
    if (sv_eq(kind, SV("Service")))
        return check_dns_label_1035(name);
    if (sv_index_of(kind, free_form, COUNT_OF(free_form)) < COUNT_OF(free_form))
        return sv_find(name, '/') < name.len || sv_find(name, '%') < name.len
                   ? "may not contain '/' or '%'"
                   : NULL;
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
    validate_labels(checker, json_get(metadata, SV("labels")), SV("metadata.labels"));
    validate_annotations(checker, json_get(metadata, SV("annotations")));
    validate_owners(checker, json_get(metadata, SV("ownerReferences")));
    validate_finalizers(checker, type, object, old);
    if (old && !sv_eq(object_uid(object), object_uid(old)))
        report_invalid(checker, SV("metadata.uid"), json_get(metadata, SV("uid")),
                       "field is immutable");
}
