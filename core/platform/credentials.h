/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials: the part of a client_config that changes while we run: tokens, certificates, keys
 * and authorities in files that are replaced, the kubeconfig among them, and credentials that a
 * plugin prints and that expire. Nothing blocks: a plugin is a child process that the event loop
 * watches; until it ends the old credential serves on.
 *
 * Its owner calls credentials_step() when due, credentials_refuse() after the server answered 401,
 * and gets every new credential by the callback. Nothing secret is logged.
 */
#ifndef CORE_PLATFORM_CREDENTIALS_H
#define CORE_PLATFORM_CREDENTIALS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/platform/client_config.h"

struct arena;
struct credentials; /* opaque */
struct error;
struct event_loop;
struct log;

enum {
    FILES_PERIOD_MS = 60 * 1000, /* client-go's; kubelet rotates long before the end */
    PLUGIN_TIMEOUT_MS = 60 * 1000,
    PLUGIN_OUTPUT_BYTES_MAX = 1024 * 1024,
    /* A credential is asked for that long before it expires. */
    EXPIRY_MARGIN_MS = 30 * 1000,
    /* However often the server says 401. */
    REFRESH_INTERVAL_MS_MIN = 5 * 1000,
};

struct credential {
    /* Lines of headers, each with its line break, that say who asks: a token or a password, and
     * whom to act as. Or "". */
    struct sv login;
    struct sv client_certificate, client_key; /* PEM, or "" */
    struct sv ca_certificate;                 /* of the server's; PEM, or "" */
};

struct credentials_options {
    const struct client_config *config; /* borrowed */
    struct event_loop *loop;            /* borrowed */
    struct log *log;                    /* borrowed */
    /* Reads the configuration anew, with the files that it names, into `arena`; NULL: only a token
     * file is read again. Where the server is does not change by it. */
    bool (*reload)(void *context, struct arena *arena, struct client_config *ret_config,
                   struct error *err);
    /* A credential that differs from the one before; texts are valid during the call. */
    void (*changed)(void *context, const struct credential *credential);
    void *context;
};

struct credentials *credentials_new(const struct credentials_options *options);
/* Ends a plugin that still runs. Accepts NULL. */
void credentials_free(struct credentials *credentials);

/* The first credential; runs the loop until a plugin has ended. ERROR_UNAUTHORIZED or
 * ERROR_TIMEOUT when there is none. */
MUST_CHECK bool credentials_begin(struct credentials *credentials, int64_t now_ms,
                                  struct error *err);
/* Does what is due; returns when it wants to be called again. */
int64_t credentials_step(struct credentials *credentials, int64_t now_ms);
/* The server did not know us: the next step asks for a new credential. */
void credentials_refuse(struct credentials *credentials);
/* The wall's clock was set: what was due at some time of it is asked for at the next step. */
void credentials_follow_clock(struct credentials *credentials, int64_t now_ms);

#endif
