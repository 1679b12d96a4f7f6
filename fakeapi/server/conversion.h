/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conversion: one object in the forms of the versions that serve it. Custom types differ in
 * their apiVersion only; of the built-in ones Events (core and events.k8s.io) and
 * HorizontalPodAutoscalers (v1 and v2) have two spellings. Pure.
 */
#ifndef FAKEAPI_SERVER_CONVERSION_H
#define FAKEAPI_SERVER_CONVERSION_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct resource_type;

/* `tree` as objects of `type` are written: itself, or a map of its own that shares what does not
 * differ. */
const struct cJSON *convert_to_type(struct arena *arena, const struct resource_type *type,
                                    const struct cJSON *tree);
/* As it is stored: Events in the spelling of the core group, so that field selectors find one. */
struct cJSON *convert_to_storage(struct arena *arena, const struct resource_type *type,
                                 struct cJSON *tree);
/* Custom resources come back with sorted keys at every depth, but where they are borrowed. */
void conversion_sort(struct cJSON *item);
/* Where a selectable field of the type stands in what is stored. */
struct sv stored_field(struct arena *arena, const struct resource_type *type, struct sv field);

#endif
