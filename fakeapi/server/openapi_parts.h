/* SPDX-License-Identifier: Apache-2.0 */
/* openapi_parts: the paths of a document. Private to the openapi files. */
#ifndef FAKEAPI_SERVER_OPENAPI_PARTS_H
#define FAKEAPI_SERVER_OPENAPI_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct resource_type;

enum openapi_version { OPENAPI_V2, OPENAPI_V3 };

/* Adds the paths of a type with their operations; `definition` is its schema's name. */
void openapi_add_paths(struct arena *arena, const struct resource_type *type, struct sv definition,
                       enum openapi_version version, struct cJSON *paths);

#endif
