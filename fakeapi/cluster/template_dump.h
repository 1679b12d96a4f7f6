/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template_dump: a pod template as a dump of Go's structs, the text that Kubernetes hashes to name
 * ReplicaSets and the revisions of DaemonSets. Pure.
 */
#ifndef FAKEAPI_CLUSTER_TEMPLATE_DUMP_H
#define FAKEAPI_CLUSTER_TEMPLATE_DUMP_H

#include "core/base/sv.h"

struct arena;
struct cJSON;

/* As k8s.io/apimachinery's dump.ForHash() writes a v1.PodTemplateSpec, in `arena`. Times are taken
 * for unset, and quantities of more than 18 digits are written in fewer words: nobody has them in a
 * template. */
struct sv template_dump(const struct cJSON *template, struct arena *arena);

#endif
