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
struct exec_result;
struct map;

enum container_state { CONTAINER_WAITING, CONTAINER_RUNNING, CONTAINER_ENDED };
enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

/* Why a container waits, beyond pulls and starts. */
#define WAIT_REASONS(X)                                                                            \
    X(START, "")                                                                                   \
    X(CRASH_LOOP, "CrashLoopBackOff")                                                              \
    X(PULL_FAILED, "ErrImagePull")                                                                 \
    X(PULL_BACK_OFF, "ImagePullBackOff")
#define X(name, text) WAIT_##name,
enum wait_reason { WAIT_REASONS(X) };
#undef X

/* One run of a container that is over. */
struct container_run {
    int64_t started_ms, finished_ms;
    int exit_code;
};

enum probe_kind { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS, PROBE_COUNT };
struct sim_probe {
    int64_t next_ms; /* 0: not planned */
    int64_t failures, successes;
    bool is_failing; /* readiness: it answered no last */
};

/* One container of a pod. Times are 0 for "not yet". */
struct sim_container {
    struct sv name;
    uint64_t image_hash;     /* of the image that runs */
    uint64_t resources_hash; /* of the resources that it needs a restart for */
    bool is_init, is_sidecar;
    bool is_pulled;   /* for its next start the node had to pull the image */
    bool has_process; /* an engine says what the process does, and answers its probes */
    enum container_state state;
    enum wait_reason wait_reason;
    int64_t start_at_ms, ready_at_ms;
    int64_t ends_at_ms; /* DEADLINE_NEVER: when it is stopped */
    struct container_run run, last;
    bool has_last;      /* there was an earlier run */
    int64_t backoff_ms; /* before the next restart, 0: none */
    int64_t restart_count;
    struct sim_probe probes[PROBE_COUNT];
};

struct sim_pod {
    struct arena *arena; /* owns this struct too */
    struct sv uid, node, ip;
    struct sim_container *containers; /* the init containers first */
    size_t container_count;
    enum restart_policy policy;
    int64_t accepted_ms, mounted_ms; /* mounted_ms 0: volumes are missing */
    bool is_blocked;                 /* the status says that it waits for volumes */
    bool is_past_deadline;           /* of activeDeadlineSeconds */
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
/* Starts and ends what is due; returns when something changes next. */
int64_t containers_advance(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                           int64_t now_ms);
/* The process ended; what the restart policy says follows, with back-off. */
void container_end(struct kubelet *kubelet, struct sim_pod *sim, struct sim_container *container,
                   int exit_code, int64_t now_ms);
/* Kills it; where it is restarted at all it is at once. */
void container_kill(struct kubelet *kubelet, struct sim_pod *sim, struct sim_container *container,
                    int64_t now_ms);
/* Ends what runs, for good. */
void containers_stop(struct kubelet *kubelet, struct sim_pod *sim, int64_t now_ms);
/* Says of each container that runs that it is stopped. */
void containers_tell_stop(struct kubelet *kubelet, const struct sim_pod *sim,
                          const struct cJSON *pod);
const struct cJSON *container_spec(const struct cJSON *pod, struct sv name);
/* Records what happened to a container, where events of pods are told at all. */
void container_tell(struct kubelet *kubelet, const struct cJSON *pod, const char *reason,
                    struct sv message);
bool container_is_ready(const struct sim_container *container, int64_t now_ms);
/* An init container that the next ones need not wait for. */
bool container_is_passed(const struct sim_container *container);

/* What a pod has come to. */
enum pod_phase { PHASE_PENDING, PHASE_RUNNING, PHASE_SUCCEEDED, PHASE_FAILED };
enum pod_phase pod_phase_of(const struct sim_pod *sim);

/* --- kubelet_process.c --- */

/* What the container's own process will do: duration_ms DEADLINE_NEVER when it only ends by being
 * stopped. True when an engine said so. */
bool process_ask(struct kubelet *kubelet, const struct sim_pod *sim, const struct cJSON *pod,
                 const struct sim_container *container, struct arena *arena,
                 struct exec_result *ret_result);
/* Runs a command ("exec" of a probe or hook) in the container. */
void process_exec(struct kubelet *kubelet, const struct cJSON *pod, struct sv container,
                  const struct cJSON *command, int64_t timeout_ms, struct arena *arena,
                  struct exec_result *ret_result);
bool process_has_image(struct kubelet *kubelet, struct sv image);
/* How long the hooks before the end take, at most `grace_ms`. */
int64_t process_pre_stop_ms(struct kubelet *kubelet, const struct sim_pod *sim,
                            const struct cJSON *pod, int64_t grace_ms);

/* --- kubelet_probes.c --- */

/* Forgets what earlier runs answered. */
void probes_start(struct sim_container *container, const struct cJSON *pod, int64_t now_ms);
/* Runs what is due; false when the container is to be killed. Lowers `*next_ms`. */
bool probes_advance(struct kubelet *kubelet, struct sim_container *container,
                    const struct cJSON *pod, int64_t now_ms, int64_t *next_ms);
bool probes_say_ready(const struct sim_container *container);

/* --- kubelet_status.c --- */

#define DEADLINE_MESSAGE SV("Pod was active on the node longer than the specified deadline")

/* Sends the status when it differs from what the server has, and tells whether it did. */
bool status_write(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
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
