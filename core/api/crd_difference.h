/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crd_difference: what an installed CustomResourceDefinition lacks of ours: fields that the API
 * server would drop from whatever is written. Pure.
 */
#ifndef CORE_API_CRD_DIFFERENCE_H
#define CORE_API_CRD_DIFFERENCE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* More are only counted. */
enum { CRD_FIELDS_NAMED_MAX = 8 };

struct crd_difference {
    struct sv fields[CRD_FIELDS_NAMED_MAX]; /* "spec.worker.replicas", "spec.a[].b" */
    size_t count;                           /* of all; 0: nothing is missing */
};

/* Of the version that ours has. A version that is not served at all lacks "version v1alpha1"; a
 * subresource "subresource status". Fields below a missing one are not counted. Texts are in
 * `arena`. */
void crd_compare(const struct cJSON *ours, const struct cJSON *theirs, struct arena *arena,
                 struct crd_difference *ret_difference);

#endif
