/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: a cluster to try things on: API server, CRDs, nodes, the controller under test, and a
 * user who applies and reads objects. Scenarios, lifecycle checks and benchmarks are written
 * against it; whether it is simulated in process (mode sim) or reached over HTTP (mode http) is
 * decided by who makes it.
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
struct world;

struct session_options {
    uint64_t seed;
    size_t node_count; /* 0: 3 */
    const struct engine *engines;
    size_t engine_count;
    int64_t image_pull_ms, pod_start_ms, config_map_lag_ms; /* negative: the default */
    bool without_controller;
};

/* Requests that the controller has sent so far. */
struct session_counts {
    uint64_t reads, writes, executions, events;
};

/* What carries a session: the world in this process, or a server over HTTP. `step` does what can
 * be done and waits no longer than `until_ms`; false when nothing happened. */
struct session_driver {
    struct transport *user; /* the user's connection */
    int64_t quiet_ms;       /* no write for that long means settled */
    int64_t (*now_ms)(void *context);
    bool (*step)(void *context, int64_t until_ms);
    void (*restart_controller)(void *context); /* NULL: cannot be done here */
    void (*get_counts)(void *context, struct session_counts *ret_counts);
    void (*free)(void *context);
    void *context;
};

/* Mode sim: everything in this process, in virtual time. The CRDs are installed and the nodes
 * Ready when it returns. */
MUST_CHECK struct session *session_new(const struct session_options *options, struct error *err);
/* Takes the driver's context over. */
struct session *session_new_with_driver(const struct session_driver *driver);
/* Accepts NULL. */
void session_free(struct session *session);
DEFINE_AUTO(session)

/* NULL in mode http. */
struct world *session_world(struct session *session);
int64_t session_now_ms(struct session *session);

/* One request by the user, to its end. False for a failure of any kind, which is in `err`. */
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

/* Runs until `holds` or the time is over (virtual, or wall); tells which. */
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
/* NULL in mode http. */
struct controller *session_controller(struct session *session);

void session_get_counts(struct session *session, struct session_counts *ret_counts);

#endif
