/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry: the types that a server knows: the built-in ones from the tables and one for each
 * version of each CRD. It answers look-ups by address and by kind, and carries what differs from
 * type to type as data ("traits"), so that the server has one code path for all of them.
 */
#ifndef FAKEAPI_SCHEMA_REGISTRY_H
#define FAKEAPI_SCHEMA_REGISTRY_H

#include "core/api/resource.h"
#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/schema/schema.h"

struct arena;
struct cJSON;
struct error;
struct registry; /* opaque */

struct resource_type {
    struct resource resource;
    struct sv singular, list_kind;
    const struct sv *short_names;
    size_t short_name_count;
    const struct sv *categories;
    size_t category_count;
    const struct schema *schema;

    /* Traits; apiserver-semantics.md §1.1, §1.2, §1.5. */
    bool is_custom;
    bool manages_generation; /* 1 at creation, +1 when anything but metadata and status changes */
    bool has_status;         /* status is written through the subresource only */
    bool has_scale;
    bool delete_returns_object;       /* else a Status */
    bool has_graceful_deletion;       /* pods */
    bool allows_unconditional_update; /* PUT without resourceVersion */
    bool update_may_create;           /* PUT of an absent name creates it */
    /* Scale subresource of a custom type: dotted paths without the leading dot. */
    struct sv scale_spec_path, scale_status_path, scale_selector_path;
    /* Selectable fields besides metadata.name and metadata.namespace, as dotted paths. */
    const struct sv *selectable_fields;
    size_t selectable_field_count;
    const struct cJSON *printer_columns; /* additionalPrinterColumns, or NULL */
    /* What is stored may lack defaults of the schema: it was written under another one. */
    bool sets_defaults_on_read;
    /* Custom types: other served versions share storage through this key (group/plural). */
    struct sv storage_key;
    struct sv storage_group, storage_version; /* in which form Kubernetes stores it */
    const struct cJSON *conversion_webhook;   /* NULL: versions differ in their apiVersion only */
    struct sv deprecation; /* what requests for this version are warned of; SV("") for nothing */
};

struct registry *registry_new(void);
/* Accepts NULL. */
void registry_free(struct registry *registry);
DEFINE_AUTO(registry)

/* NULL when unknown. Types stay valid until the registry is freed, also after a CRD is removed. */
const struct resource_type *registry_find(const struct registry *registry, struct sv group,
                                          struct sv version, struct sv plural);
const struct resource_type *registry_find_kind(const struct registry *registry, struct sv group,
                                               struct sv version, struct sv kind);
/* Any version of that group and kind (garbage collection, owner references). */
const struct resource_type *registry_find_group_kind(const struct registry *registry,
                                                     struct sv group, struct sv kind);
bool registry_has_group_version(const struct registry *registry, struct sv group,
                                struct sv version);
/* All types in the order of discovery, of a custom one the version that is stored first; for
 * (size_t i = 0; (type = registry_at(r, i)); i++). */
const struct resource_type *registry_at(const struct registry *registry, size_t index);

/* "v1" before "v1beta2" before "v1beta1" before "v1alpha1" before any other name, which has 0: the
 * larger, the better. */
int64_t version_rank(struct sv version);

/* Adds or replaces the types of a CustomResourceDefinition. Fails with ERROR_INVALID and the path
 * when the schema is not structural or uses what is not supported; nothing is changed then. */
MUST_CHECK bool registry_put_crd(struct registry *registry, const struct cJSON *crd,
                                 struct error *err);
void registry_remove_crd(struct registry *registry, const struct cJSON *crd);

/* A built-in definition by its full name ("io.k8s.api.core.v1.PodTemplateSpec"), or NULL. Needs
 * no registry: the tables are static. */
const struct schema *schema_builtin(struct sv type_name);

#endif
