/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_objects: plans from objects in files: what the controller would do next for each
 * CacheRuntime if a cluster held these objects and nothing else. Pure.
 */
#ifndef CONFORMANCE_PLAN_OBJECTS_H
#define CONFORMANCE_PLAN_OBJECTS_H

#include "conformance/manifest.h"
#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/reconcile/plan.h"

struct arena;
struct error;

/* The moment at which a plan from files is made, 2026-01-01T00:00:00Z: it does not depend on when
 * one asks. */
#define PLAN_OBJECTS_NOW_MS INT64_C(1767225600000)

struct planned {
    struct sv key; /* "namespace/name" */
    struct plan plan;
};

/* One plan for each CacheRuntime, in the order of the files. ERROR_INVALID when there is none.
 * Objects without a namespace are in "default". */
MUST_CHECK bool plan_objects(struct arena *arena, const struct manifest *manifests,
                             size_t manifest_count, struct planned **ret_plans, size_t *ret_count,
                             struct error *err);

#endif
