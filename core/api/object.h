/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object: reads and builds the metadata that every API object has. Trees are borrowed; every
 * function accepts an object without metadata and answers "empty". Pure.
 */
#ifndef CORE_API_OBJECT_H
#define CORE_API_OBJECT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct resource;

/* Text views live as long as the tree; SV("") when absent. */
struct sv object_name(const struct cJSON *object);
struct sv object_namespace(const struct cJSON *object);
struct sv object_uid(const struct cJSON *object);
struct sv object_resource_version(const struct cJSON *object);
int64_t object_generation(const struct cJSON *object);
/* metadata.creationTimestamp, or 0 when it is not known. */
int64_t object_created_ms(const struct cJSON *object);
/* status.observedGeneration, or -1. */
int64_t object_observed_generation(const struct cJSON *object);
bool object_is_deleting(const struct cJSON *object); /* has a deletionTimestamp */
struct sv object_label(const struct cJSON *object, struct sv key);
struct sv object_annotation(const struct cJSON *object, struct sv key);
bool object_has_finalizer(const struct cJSON *object, struct sv finalizer);

/* The ownerReference with controller: true, or NULL. */
const struct cJSON *object_controller_owner(const struct cJSON *object);
/* The ownerReference with that uid, or NULL. */
const struct cJSON *object_owner(const struct cJSON *object, struct sv uid);

/* The condition of that type in status.conditions, or NULL; and whether its status is "True". */
const struct cJSON *object_condition(const struct cJSON *object, struct sv type);
bool object_condition_is_true(const struct cJSON *object, struct sv type);

/* Of a PersistentVolume: whoever binds claims has looked at it, and given it a phase. */
bool object_volume_is_noticed(const struct cJSON *volume);

/* {"apiVersion":…,"kind":…,"metadata":{"name":…,"namespace":…}}; no namespace when empty. */
struct cJSON *object_new(struct arena *arena, const struct resource *resource,
                         struct sv namespace_name, struct sv name);
struct cJSON *object_set_label(struct arena *arena, struct cJSON *object, struct sv key,
                               struct sv value);
struct cJSON *object_set_annotation(struct arena *arena, struct cJSON *object, struct sv key,
                                    struct sv value);
/* {apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true} of `owner`. */
struct cJSON *object_controller_reference(struct arena *arena, const struct cJSON *owner);

/* "ns/name", or "name" without a namespace: the key that queues and messages use. */
struct sv object_key(struct arena *arena, struct sv namespace_name, struct sv name);

#endif
