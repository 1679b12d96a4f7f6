/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csi: what the CSI driver fuse.csi.fluid.io does for the kubelet: staging a volume labels the
 * node, so that the DaemonSet of the cache's client places a pod there, and the volume is
 * mounted once that pod is ready.
 */
#ifndef FAKEAPI_CLUSTER_CSI_H
#define FAKEAPI_CLUSTER_CSI_H

#include "core/base/sv.h"

struct arena;
struct cJSON;
struct kubelet;

/* What keeps `volume`, one of the pod's, from being mounted, or SV(""). `persistent_volume` may
 * be another driver's. Sends the label on behalf of the pod's `key`. */
struct sv csi_mount(struct kubelet *kubelet, const struct cJSON *pod, struct sv key,
                    const struct cJSON *persistent_volume, struct arena *arena);

#endif
