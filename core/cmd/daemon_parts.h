/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_parts: the struct that the files of core/cmd share. Internal. */
#ifndef CORE_CMD_DAEMON_PARTS_H
#define CORE_CMD_DAEMON_PARTS_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/platform/client_config.h"
#include "core/platform/credentials.h"

enum { LOCAL_ADDRESSES_MAX = 2, HOLDER_BYTES_MAX = 256 };

struct daemon {
    const struct daemon_options *options;
    struct arena *arena;
    struct daemon_log *log_sink;
    struct log *log; /* of the sink */
    struct event_loop *loop;
    struct client_config config;
    struct sv identity;
    int64_t started_ms;
    int64_t clock_difference_ms; /* how far the wall's clock was ahead of the steady one */

    struct arena *credential_arena;
    struct credential credential;
    struct credentials *credentials;

    /* The controller's connections, and those of the lease: what the one has in flight never
     * holds up the other. */
    struct transport *work, *side;
    struct metered_transport *metered; /* in front of `work` */
    struct controller *controller;

    struct election *election; /* NULL: nobody else is there */
    struct dataset_duty *dataset_duty;
    struct crd_watch *crd_watch;
    bool may_write;
    bool is_stopping;
    struct error told_trouble;
    char told_holder[HOLDER_BYTES_MAX]; /* of the lease, cut to that */

    struct local_http *local[LOCAL_ADDRESSES_MAX];
};

#endif
