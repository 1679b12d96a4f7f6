/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world: one simulated cluster: the API server, the built-in controllers, scheduler, nodes with
 * kubelets and the CSI driver, and the clock they share. Everyone in it is an actor with a
 * transport of its own; their requests are visible, ordered and can be made to fail.
 *
 * Virtual time: world_step() runs every actor until nothing is due, then moves the clock to the
 * next deadline. With wall time (crctl serve) the owner calls world_run_due() from its loop and
 * the clock is the system's. A run is a function of its inputs and the seed.
 */
#ifndef FAKEAPI_CLUSTER_WORLD_H
#define FAKEAPI_CLUSTER_WORLD_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"
#include "core/client/transport.h"

struct arena;
struct authority;
struct cJSON;
struct clock;
struct fakeapi;
struct log;
struct team;
struct world; /* opaque */

/* What a container's process answers to an exec. */
struct exec_call {
    struct world *world;
    const struct cJSON *pod;
    struct sv namespace_name, pod_name, container;
    const struct sv *command;
    size_t command_count;
    bool has_stdin;
    struct sv stdin_bytes;
    size_t output_bytes_max;
    int64_t timeout_ms;
};
struct exec_result {
    struct error err; /* not ERROR_NONE: no exit code came back */
    int exit_code;
    struct sv stdout_bytes, stderr_bytes;
    int64_t duration_ms; /* virtual: when the answer arrives. DEADLINE_NEVER: it hangs */
};
/* Fills `ret_result`, in `arena`; false when this engine does not know the pod, and the next one
 * is asked. Without any taker the exec ends with exit code 127. */
struct engine {
    bool (*exec)(void *context, const struct exec_call *call, struct arena *arena,
                 struct exec_result *ret_result);
    /* How long after its start a container becomes ready; negative: not this engine's. */
    int64_t (*ready_delay_ms)(void *context, const struct cJSON *pod, struct sv container);
    /* A container (re)started with empty state, or ended. May be NULL. */
    void (*container_started)(void *context, const struct cJSON *pod, struct sv container);
    /* What a container's own process does: `call` has its command and arguments. It ends with the
     * exit code after duration_ms, unless it is stopped before. False: not this engine's. May be
     * NULL: then exec() is asked about the processes of pods that are to end (restartPolicy Never
     * or OnFailure) and have a command. What no engine knows runs until it is stopped in pods
     * that are to go on, and ends well after a second in pods that are to end. */
    bool (*run)(void *context, const struct exec_call *call, struct arena *arena,
                struct exec_result *ret_result);
    /* Whether an image can be pulled; the first engine that says no has the last word. May be
     * NULL. */
    bool (*has_image)(void *context, struct sv image);
    void *context;
};

/* An API server elsewhere, instead of one of the world's own. Its transports are taken up at each
 * world_run_due(), which whoever waits for them calls. */
struct world_remote {
    struct transport *(*connect)(void *context, struct sv user_agent);
    void (*disconnect)(void *context, struct transport *transport);
    bool (*has_arrivals)(const struct transport *transport);
    void *context;
};

/* The label of our nodes among those of others. */
#define WORLD_NODE_LABEL SV("cacheruntime.io/simulated")

struct world_options {
    uint64_t seed;
    size_t node_count; /* node-1 … node-N, 16 CPUs, 64Gi, 110 pods each */
    /* NULL: a server of its own. Else nodes carry WORLD_NODE_LABEL, send heartbeats, and only
     * their pods are run; world_api() then only knows types and holds no objects. */
    const struct world_remote *remote;
    bool has_no_scheduler, has_no_controllers; /* somebody else does their work */
    struct clock *wall;                        /* NULL: virtual time from start_ms on */
    int64_t start_ms;                          /* 0: 2026-01-01T00:00:00Z */
    int64_t image_pull_ms, pod_start_ms, config_map_lag_ms; /* negative: the default */
    /* Who signs certificates and the tokens of Secrets; NULL: nobody does. Borrowed. */
    const struct authority *authority;
    /* Nodes renew leases and report, which costs even when nothing happens. With a server
     * elsewhere they always do. */
    bool has_heartbeats;
    bool tells_pod_events; /* kubelets record Pulled, Created, Started and Killing */
    struct log *log;
    size_t watch_window_events; /* 0: the server's default */
    size_t watch_kept_events;   /* 0: all of them; see fakeapi.h */
    /* Actors that may be are stepped apart: after the others of their turn, and while the server
     * answers what was sent before and what they send. So what they send comes behind what the
     * others do. */
    bool steps_apart;
    /* Steps them at the same time; borrowed. Nothing that anybody sees depends on it, and it may be
     * NULL. */
    struct team *team;
};

struct world *world_new(const struct world_options *options);
/* Accepts NULL. */
void world_free(struct world *world);
DEFINE_AUTO(world)

struct fakeapi *world_api(struct world *world);
/* Where the API server reaches the kubelets of all nodes, on this machine. Call it before anything
 * runs; without it there are no execs through a server elsewhere. */
void world_set_kubelet_port(struct world *world, uint16_t port);
/* How many nodes have registered, and how many may not since another's node has their name. */
size_t world_registered_nodes(const struct world *world);
size_t world_refused_nodes(const struct world *world);
/* The API server is elsewhere. */
bool world_is_remote(const struct world *world);
const struct authority *world_authority(const struct world *world);
struct log *world_log(struct world *world);
struct clock *world_clock(struct world *world);
int64_t world_now_ms(struct world *world);

/* A client of the server; `user_agent` names it in traces and as field manager. Freed by
 * world_disconnect() or with the world. Disconnecting drops what is in flight, as a crash of the
 * client does: requests that the server already took stay done. */
struct transport *world_connect(struct world *world, struct sv user_agent);
void world_disconnect(struct world *world, struct transport *transport);
/* A client of the nodes themselves, as an API server is when it passes execs on: nothing but execs
 * is answered when the API server is elsewhere. Disconnect it with world_disconnect_nodes(). */
struct transport *world_connect_nodes(struct world *world, struct sv user_agent);
void world_disconnect_nodes(struct world *world, struct transport *transport);

struct actor {
    struct sv name;
    /* Does what is due; returns its next deadline. Called whenever completions wait on
     * `transport` or the deadline has come, and maybe while others are stepped, and the server
     * answers, in another thread: it uses its own state, its transport, what is known of types, and
     * what never changes. */
    int64_t (*step)(void *context, int64_t now_ms);
    void *context;
    /* Takes one completion, as the step does before all else; false: it took none. Called between
     * steps, if at all. May be NULL. */
    bool (*take)(void *context, int64_t now_ms);
    struct transport *transport; /* whose completions wake it; may be NULL */
    /* Nobody else asks it for anything, so that it may be stepped apart. */
    bool may_be_apart;
};
void world_add_actor(struct world *world, const struct actor *actor);
void world_remove_actor(struct world *world, const void *context);
/* Steps an actor at the next turn, when somebody else gave it work outside of its own step. During
 * steps only an actor itself may call it. */
void world_wake_actor(struct world *world, const void *context);

/* Engines are asked in the order in which they were added. */
void world_add_engine(struct world *world, const struct engine *engine);

/* Lets a node die (its kubelet falls silent and its containers with it), come back, or go. */
bool world_stop_node(struct world *world, struct sv node);
bool world_start_node(struct world *world, struct sv node);
/* Restarts one container in place: restartCount grows, its state is empty. */
bool world_restart_container(struct world *world, struct sv namespace_name, struct sv pod,
                             struct sv container);

/* Runs everything that is due now. True when something was done. */
bool world_run_due(struct world *world);
/* The first round of that, for a loop with wall time that serves others in between: what it leads
 * to is left for the next one. */
bool world_run_round(struct world *world);
/* Whether there was no end of what was due at this moment, and in `err` who keeps whom busy. With
 * wall time the next moment may be better; virtual time has stopped for good. */
bool world_is_livelocked(const struct world *world, struct error *err);
/* When the next thing is due; DEADLINE_NEVER when nothing ever will be. */
int64_t world_next_ms(struct world *world);
/* Virtual time: world_run_due(), then the clock jumps to the next deadline, but not past
 * `until_ms`. False when until_ms is reached and nothing is due. */
bool world_step(struct world *world, int64_t until_ms);
/* Gives back the server's trees that nobody uses: for an owner that sends requests past the world.
 */
void world_trim(struct world *world);
/* Steps until `holds` says so (checked whenever nothing more is due at one moment) or the time
 * is over; tells which. `holds` may be NULL. */
bool world_run_until(struct world *world, int64_t until_ms, bool (*holds)(void *context),
                     void *context);

/* --- trace and faults --- */

/* What a client's request meets; faults are decided per request. */
enum verdict {
    VERDICT_PASS,
    VERDICT_ANSWER,       /* not applied; the client gets http_status and reason */
    VERDICT_LOSE_REQUEST, /* not applied; the client gets no answer (ERROR_UNAVAILABLE) */
    VERDICT_LOSE_REPLY,   /* applied; the client gets no answer */
};
struct request_fate {
    enum verdict verdict;
    int http_status;
    struct sv reason, message;
    int64_t retry_after_s;
    int64_t delay_ms; /* of the answer; of a watch: of each of its events */
};
struct observer {
    /* Before the server sees a request of `user_agent`; `fate` starts as PASS. May be NULL. */
    void (*before)(void *context, struct sv user_agent, const struct request *request,
                   struct request_fate *fate);
    /* After it answered (also for execs and opened watches; http_status 0: no answer). */
    void (*after)(void *context, struct sv user_agent, const struct request *request,
                  int http_status, const struct cJSON *body);
    void *context;
};
void world_add_observer(struct world *world, const struct observer *observer);
void world_remove_observer(struct world *world, const void *context);
/* For a front whose clients' requests come another way than through world_connect(): what
 * observers decide about one, and what they hear of its answer. */
struct request_fate world_decide(struct world *world, struct sv user_agent,
                                 const struct request *request);
void world_tell(struct world *world, struct sv user_agent, const struct request *request,
                int http_status, const struct cJSON *body);

/* Ends the open watches of a client (all clients when empty), as a server restart would. */
void world_cut_watches(struct world *world, struct sv user_agent);

#endif
