/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon: the process around the controller: connection, credentials, leader election, probes and
 * metrics, and the loop that turns them all. What must not block does not; what must stop when the
 * lease is lost has stopped before anything else is sent.
 */
#ifndef CORE_CMD_DAEMON_H
#define CORE_CMD_DAEMON_H

#include "core/base/base.h"

struct daemon; /* opaque */
struct daemon_options;
struct error;

enum {
    /* What is in flight at SIGTERM gets that long; upstream's Deployment grants 10 s in all. */
    DRAIN_MS_MAX = 7 * 1000,
    RELEASE_MS_MAX = 2 * 1000,
};

/* Connects nothing yet, but has read every file and listens where it was told. NULL and an error
 * when the configuration is wrong. `options` are borrowed. */
struct daemon *daemon_new(const struct daemon_options *options, struct error *err);
/* Accepts NULL. */
void daemon_free(struct daemon *daemon);

/* Until SIGTERM, SIGINT or SIGHUP. What is in flight is finished before, unless another one comes.
 */
void daemon_run(struct daemon *daemon);

#endif
