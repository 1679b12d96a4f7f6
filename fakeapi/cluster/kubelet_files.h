/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubelet_files: what ConfigMap volumes put into a container, as its processes see it now. A
 * changed ConfigMap becomes visible after the kubelet's lag; files mounted with subPath keep what
 * the container started with.
 */
#ifndef FAKEAPI_CLUSTER_KUBELET_FILES_H
#define FAKEAPI_CLUSTER_KUBELET_FILES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct world;

struct kubelet_file {
    struct sv path; /* absolute */
    int64_t mode;
    struct sv bytes;
};

/* False when the pod has no such container that runs. The result lives in `arena`. */
bool kubelet_container_files(struct world *world, struct sv namespace_name, struct sv pod,
                             struct sv container, struct arena *arena,
                             struct kubelet_file **ret_files, size_t *ret_count);

#endif
