/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubelet_parts: the structs that the kubelet's files share. Not for others.
 */
#ifndef FAKEAPI_CLUSTER_KUBELET_PARTS_H
#define FAKEAPI_CLUSTER_KUBELET_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/kubelet.h"

struct agent;
struct agent_cache;
struct agent_part;
struct map;

enum container_state { CONTAINER_WAITING, CONTAINER_RUNNING, CONTAINER_COMPLETED };

/* One container of a pod. Times are 0 for "not yet". */
struct sim_container {
    struct sv name;
    uint64_t image_hash; /* of the image that runs */
    bool is_init, is_sidecar;
    enum container_state state;
    int64_t start_at_ms, started_ms, ready_at_ms, finished_ms;
    int64_t restart_count;
    bool was_killed; /* there was an earlier run */
    int64_t last_started_ms, last_finished_ms;
};

struct sim_pod {
    struct arena *arena; /* owns this struct too */
    struct sv uid, node, ip;
    struct sim_container *containers; /* the init containers first */
    size_t container_count;
    int64_t accepted_ms, mounted_ms; /* mounted_ms 0: volumes are missing */
    bool is_blocked;                 /* the status says that it waits for volumes */
    uint64_t mount_hash;             /* of the last FailedMount message */
    int64_t kill_at_ms, delete_sent_ms;
    uint64_t written_hash; /* of the status that was sent last, and when */
    int64_t written_ms;
};

struct kubelet {
    struct kubelet_options options;
    struct agent *agent;
    struct agent_part *part, *node_part;
    struct agent_cache *pods, *nodes, *config_maps, *secrets, *claims, *volumes;
    size_t pods_by_node;
    struct map *sims;          /* "ns/name" -> struct sim_pod */
    struct map *blocked;       /* keys of pods that wait for volumes */
    struct map *images;        /* "node image" */
    struct map *stopped_nodes; /* name -> int64_t, when */
    struct map *histories;     /* "ns/name" -> struct history of a ConfigMap */
    uint64_t ip_count;
};

/* --- kubelet_containers.c --- */

/* Plans the first starts, once the volumes are mounted. */
void containers_plan(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                     int64_t now_ms);
/* Starts what is due; returns when something changes next. */
int64_t containers_advance(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                           int64_t now_ms);
void container_kill(struct kubelet *kubelet, struct sim_container *container, int64_t now_ms);
const struct cJSON *container_spec(const struct cJSON *pod, struct sv name);
bool container_is_ready(const struct sim_container *container, int64_t now_ms);

/* --- kubelet_status.c --- */

/* Sends the status when it differs from what the server has. */
void status_write(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                  struct sv key, struct arena *arena);

/* --- kubelet_mounts.c --- */

/* What the pod's volumes are short of, or SV(""). May label the node (csi.h). */
struct sv mounts_missing(struct kubelet *kubelet, const struct cJSON *pod, struct sv key,
                         struct arena *arena);

/* --- kubelet_files.c --- */

/* A handler of ConfigMaps: keeps what they said before. `context` is the kubelet. */
void files_handle_config_map(void *context, const struct cJSON *object, const struct cJSON *before,
                             bool is_gone);
void files_free(struct kubelet *kubelet);

#endif
