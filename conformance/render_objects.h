/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render_objects: the full objects that the controller would create for the runtimes in files, in
 * the order in which it writes them, with what the class leaves to defaults filled in. It is what
 * the plan of a cluster that holds nothing else would apply once the cache serves, so that volume
 * and claim are in it. Pure.
 */
#ifndef CONFORMANCE_RENDER_OBJECTS_H
#define CONFORMANCE_RENDER_OBJECTS_H

#include "conformance/manifest.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;

enum { RENDERED_BYTES_MAX = 64 * 1024 * 1024 };

struct rendered {
    struct sv key; /* "namespace/name" of the runtime */
    const struct cJSON **objects;
    size_t object_count;
    struct sv refusal; /* why there are none: what the first closed gate says; else SV("") */
};

/* One for each CacheRuntime, in the order of the files; of the other objects only classes and
 * Datasets are looked at. ERROR_INVALID when there is no runtime. */
MUST_CHECK bool render_objects(struct arena *arena, const struct manifest *manifests,
                               size_t manifest_count, struct rendered **ret_rendered,
                               size_t *ret_count, struct error *err);

/* All of them as YAML documents; an object that is the same for several runtimes (the config maps
 * of a class) once. ERROR_TOO_LARGE past RENDERED_BYTES_MAX. */
MUST_CHECK bool render_objects_yaml(struct arena *arena, const struct rendered *rendered,
                                    size_t count, struct sv *ret_text, struct error *err);

#endif
