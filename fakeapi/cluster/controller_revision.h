/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller_revision: the history of a StatefulSet's or DaemonSet's template as ControllerRevision
 * objects: makes the one of the present template, gives an equal older one the newest number
 * (a rollback), and removes what is beyond revisionHistoryLimit. Names end in a hash of the
 * template or of the data; a name that stands for something else already raises the collision
 * count.
 */
#ifndef FAKEAPI_CLUSTER_CONTROLLER_REVISION_H
#define FAKEAPI_CLUSTER_CONTROLLER_REVISION_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct agent;
struct arena;
struct cJSON;
struct pod_control;
struct controller_revisions; /* opaque */

/* `hash_label` carries the hash on each revision: its spelling differs between the kinds, and so
 * does what is hashed: the revision's data, or the template. */
struct controller_revisions *controller_revisions_new(struct agent *agent,
                                                      struct pod_control *control,
                                                      struct sv hash_label, bool hashes_data);
/* Accepts NULL. */
void controller_revisions_free(struct controller_revisions *revisions);

struct revision_history {
    const struct cJSON **items; /* oldest first */
    size_t count;
    const struct cJSON *update; /* of the present template */
    int64_t collision_count;
};
/* False when requests were sent, or a name is not free yet: the key is reconciled again. Also
 * when the owner is being deleted and its revision is gone already. */
bool controller_revisions_take(struct controller_revisions *revisions, struct sv key,
                               const struct cJSON *owner, struct arena *arena,
                               struct revision_history *ret_history);
/* The revision of that name, or NULL. */
const struct cJSON *revision_history_find(const struct revision_history *history, struct sv name);
/* Deletes the oldest revisions that are not among `live` beyond the owner's limit. */
void controller_revisions_trim(struct controller_revisions *revisions, struct sv key,
                               const struct cJSON *owner, const struct revision_history *history,
                               const struct sv *live, size_t live_count, struct arena *arena);

/* The template that a revision holds. */
const struct cJSON *controller_revision_template(const struct cJSON *revision);
/* The hash that Kubernetes names ReplicaSets and revisions of DaemonSets by, letter for letter: of
 * the template, and of the collision count (0: none so far). */
struct sv template_hash(const struct cJSON *template, int64_t collision_count, struct arena *arena);
/* The hash of a revision's data that Kubernetes names revisions of StatefulSets by, letter for
 * letter. */
struct sv revision_hash(const struct cJSON *data, int64_t collision_count, struct arena *arena);

#endif
