/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_source: where the sessions of a command come from, as its options say: this process
 * (--mode sim), our server and the controller as processes (--mode http), or a cluster (--mode
 * cluster). It owns what all of them share: the loop, signals, a folder for files.
 */
#ifndef CONFORMANCE_CMD_SESSION_SOURCE_H
#define CONFORMANCE_CMD_SESSION_SOURCE_H

#include "conformance/options.h"
#include "conformance/session.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct session_source; /* opaque */

struct session_source_options {
    int mode; /* enum session_mode */
    struct sv controller;
    uint64_t speed; /* 0: not said */
    struct sv kubeconfig, context;
    uint64_t rest_seconds;
};

enum {
    SESSION_SOURCE_ROWS = 6,
    SESSION_SPEED_DEFAULT = 60,
    SESSION_SPEED_ELSEWHERE = 1,
    SESSION_REST_SECONDS_DEFAULT = 35
};
#define SESSION_SOURCE_DEFAULTS                                                                    \
    {                                                                                              \
        .controller = SV(""), .speed = 0, .kubeconfig = SV(""), .context = SV(""),                 \
        .rest_seconds = SESSION_REST_SECONDS_DEFAULT                                               \
    }

/* The options, as rows of a command's table. */
void session_source_rows(struct session_source_options *options,
                         struct option rows[SESSION_SOURCE_ROWS]);

/* `options` is borrowed. Nothing is started yet; NULL when the options contradict each other, a
 * program is missing, or the cluster that they name cannot be used. */
struct session_source *session_source_new(const struct session_source_options *options,
                                          struct error *err);
/* Removes the folder. Accepts NULL. */
void session_source_free(struct session_source *source);
DEFINE_AUTO(session_source)

/* For scenario_options.open and lifecycle_options.open; `context` is the source. */
struct session *session_source_open(void *context, const struct session_options *options,
                                    struct error *err);
/* The user asked to end. */
bool session_source_is_stopping(const struct session_source *source);
/* Where the sessions were: "clock 60 times as fast", or the cluster's server, version and
 * controller; SV("") in mode sim, and in mode cluster before the first session. */
struct sv session_source_text(const struct session_source *source, struct arena *arena);

#endif
