/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: a cluster to try things on: API server, CRDs, nodes, the controller under test, and a
 * user who applies and reads objects. Scenarios, lifecycle checks and benchmarks are written
 * against it; whether it is simulated in process (mode sim), or reached over HTTP with a controller
 * in a process of its own (modes http and cluster), is decided by who makes it.
 *
 * Calls of the user wait for their answer by running the world (or by the wall clock); everything
 * that a call returns lives in the caller's arena.
 */
#ifndef CONFORMANCE_SESSION_H
#define CONFORMANCE_SESSION_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"
#include "core/client/transport.h"
#include "core/controller/controller.h"

struct arena;
struct cJSON;
struct engine;
struct resource;
struct session; /* opaque */
struct team;
struct world;

/* Where a session's API server, nodes and controller are. */
#define SESSION_MODES(X)                                                                           \
    X(SIM, "sim")         /* all in this process, in virtual time */                               \
    X(HTTP, "http")       /* our server over HTTPS, the controller as a process */                 \
    X(CLUSTER, "cluster") /* those of a kubeconfig */
#define X(name, text) SESSION_MODE_##name,
enum session_mode { SESSION_MODES(X) SESSION_MODE_COUNT };
#undef X
/* In the order of the enum. */
extern const struct sv session_mode_names[SESSION_MODE_COUNT];

struct session_options {
    uint64_t seed;
    size_t node_count; /* 0: 3 */
    const struct engine *engines;
    size_t engine_count;
    int64_t image_pull_ms, pod_start_ms, config_map_lag_ms; /* negative: the default */
    bool without_controller;
    /* In virtual time; see world_options. */
    struct team *team;
    bool steps_apart;
};
size_t session_node_count(const struct session_options *options);

/* What a settled cluster is quiet for: longer than a ConfigMap takes to reach a pod, and than the
 * first retries. */
enum { SESSION_QUIET_MS = 90 * 1000 };

/* Requests that the controller has sent so far. */
struct session_counts {
    uint64_t reads, writes, executions, events;
};

/* Counts one request of the controller. */
void session_counts_add(struct session_counts *counts, const struct request *request);

/* What carries a session: the world in this process, or a server over HTTP. `step` does what can
 * be done and waits no longer than `until_ms`; false when nothing happened. Whatever says so may be
 * NULL. */
struct session_driver {
    struct transport *user; /* the user's connection */
    struct world *world;    /* NULL: nobody sees requests, and nodes cannot be hurt */
    /* Where the user's "default" is, and all that is listed of "all namespaces"; see session_view.
     * SV(""): the cluster is the session's alone. */
    struct sv namespace_name;
    int64_t quiet_ms; /* no write for that long means settled */
    /* So does that long, when all that is said by then is true; 0: never. */
    int64_t rest_ms;
    /* Where time is the wall's: how long a look at the cluster is worth, and no wait is shorter
     * than that, since what the machine does besides is not what is tested. 0 in virtual time. */
    int64_t poll_ms, wait_ms_min;
    int64_t advance_ms_max; /* nobody waits longer for time to pass; 0: it costs nothing */
    /* What the user reads is what the server of `world` holds at that moment: nothing is waited
     * for, and an observer of the world may read, too. */
    bool reads_at_once;
    /* Makes what the session needs before the user's first object; NULL: nothing. */
    bool (*begin)(void *context, struct error *err);
    int64_t (*now_ms)(void *context);
    bool (*step)(void *context, int64_t until_ms);
    void (*restart_controller)(void *context); /* NULL: cannot be done here */
    bool (*can_restart)(void *context);        /* NULL: if restart_controller is there */
    void (*cut_watches)(void *context);        /* the controller's; NULL: cannot be done here */
    void (*get_counts)(void *context, struct session_counts *ret_counts);
    /* What the user asked and was answered, where that does not come through `world`; else NULL. */
    void (*see_user)(void *context, const struct request *request,
                     const struct completion *completion);
    struct controller *(*get_controller)(void *context); /* NULL: is another process */
    /* Why the session cannot go on: its server or controller is gone, the user interrupts. Sets
     * `err` and tells true. NULL: never. */
    bool (*find_trouble)(void *context, struct error *err);
    void (*free)(void *context);
    void *context;
};

/* Mode sim: everything in this process, in virtual time. The CRDs are installed and the nodes
 * Ready when it returns. */
MUST_CHECK struct session *session_new(const struct session_options *options, struct error *err);
/* Takes the driver's context over. */
struct session *session_new_with_driver(const struct session_driver *driver);
/* What the driver's namespace_name says, once there is one. */
void session_set_namespace(struct session *session, struct sv namespace_name);
/* Before the user's first object, and after whatever says that there will be none. */
MUST_CHECK bool session_begin(struct session *session, struct error *err);
/* Accepts NULL. */
void session_free(struct session *session);
DEFINE_AUTO(session)

/* Where requests cannot be seen, changes of objects are: each that the session watches, as it is
 * after the change (when deleted, as it was last), some time later. Other calls of the session from
 * there are not allowed. */
struct session_observer {
    void (*changed)(void *context, const struct resource *resource, const struct cJSON *object,
                    bool is_deleted);
    void *context;
};
void session_observe(struct session *session, const struct session_observer *observer);
/* By the driver; the object as it is in the cluster. */
void session_tell_change(struct session *session, const struct resource *resource,
                         const struct cJSON *object, bool is_deleted);
/* That of the cluster now: every change that is seen later and has none above it, was before.
 * 0: not known. */
int64_t session_revision(struct session *session);

/* NULL: requests cannot be seen, and nodes cannot be hurt. */
struct world *session_world(struct session *session);
int64_t session_now_ms(struct session *session);
/* Objects can be read from an observer of the world, as the request that it sees left them. */
bool session_reads_at_once(const struct session *session);
/* Time is virtual: what passes of it is the simulation's alone. */
bool session_is_virtual(const struct session *session);
/* Whether the session is over before its end: `err` then says why. Nothing holds any more. */
bool session_has_trouble(struct session *session, struct error *err);

/* Installs the CRDs, and waits until that many nodes are Ready. */
MUST_CHECK bool session_prepare(struct session *session, size_t node_count, struct error *err);

/* One request by the user, to its end, to the namespaces and names of the cluster. False for a
 * failure of any kind, which is in `err`. */
bool session_request(struct session *session, const struct request *request, struct arena *arena,
                     struct completion *ret_completion, struct error *err);
/* Server-side apply with force as the user ("kubectl"); creates or updates. */
bool session_apply(struct session *session, const struct cJSON *object, struct error *err);
bool session_merge_patch(struct session *session, const struct resource *resource,
                         struct sv namespace_name, struct sv name, struct sv subresource,
                         const struct cJSON *patch, struct error *err);
bool session_delete(struct session *session, const struct resource *resource,
                    struct sv namespace_name, struct sv name, struct error *err);
/* NULL when absent (err.code ERROR_NOT_FOUND) or unreadable. */
const struct cJSON *session_get(struct session *session, const struct resource *resource,
                                struct sv namespace_name, struct sv name, struct arena *arena,
                                struct error *err);
/* The list object; label_selector may be "". NULL and `err` on failure. */
const struct cJSON *session_list(struct session *session, const struct resource *resource,
                                 struct sv namespace_name, struct sv label_selector,
                                 struct arena *arena, struct error *err);
/* Nodes that are Ready; 0 when they cannot be listed. */
size_t session_ready_node_count(struct session *session);

/* Runs until `holds` or the time is over (virtual, or wall), or there is trouble; tells which. */
bool session_run_until(struct session *session, int64_t timeout_ms,
                       bool (*holds)(struct session *session, void *context), void *context);
/* Runs for that long. */
void session_advance(struct session *session, int64_t duration_ms);
/* Runs until the controller is idle and wrote nothing for a whole quiet period; false when that
 * does not happen within `timeout_ms`. */
bool session_settle(struct session *session, int64_t timeout_ms);

bool session_can_restart_controller(const struct session *session);
/* Kills the controller where it stands and starts a new one (which relists). */
void session_restart_controller(struct session *session);
/* The controller's open watches end. False: cannot be done here. */
bool session_cut_watches(struct session *session);
/* How long to wait for what should come within that time: longer, where time is the wall's. */
int64_t session_patience_ms(const struct session *session, int64_t within_ms);
/* Longer than that nobody lets time pass; 0: it costs nothing. */
int64_t session_advance_ms_max(const struct session *session);
/* Objects of others may be in the cluster too. */
bool session_is_shared(const struct session *session);
/* How long without a write is rest; and how long is, when nothing that is said is untrue. */
int64_t session_quiet_ms(const struct session *session);
int64_t session_rest_ms(const struct session *session);
/* NULL when it is another process. */
struct controller *session_controller(struct session *session);

void session_get_counts(struct session *session, struct session_counts *ret_counts);

#endif
