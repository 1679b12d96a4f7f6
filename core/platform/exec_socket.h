/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_socket: one exec over a WebSocket, from the upgrade request to the exit code. Speaks
 * v5.channel.k8s.io, and v4 where the server has no v5 (v4 cannot close standard input, so an
 * exec with input fails there). libcurl connects (TLS, client certificate); frames are wslay's.
 */
#ifndef CORE_PLATFORM_EXEC_SOCKET_H
#define CORE_PLATFORM_EXEC_SOCKET_H

#include "core/client/transport.h"

#include <curl/curl.h>

struct arena;
struct exec_socket; /* opaque */
struct rng;

struct exec_socket_options {
    CURL *easy; /* connected by CURLOPT_CONNECT_ONLY; borrowed */
    struct sv host, path, user_agent;
    struct sv login; /* lines of headers, or "" */
    struct sv stdin_bytes;
    bool has_stdin;
    size_t output_bytes_max;
    struct rng *rng; /* borrowed */
};

/* Texts are copied. */
struct exec_socket *exec_socket_new(const struct exec_socket_options *options);
/* Accepts NULL. */
void exec_socket_free(struct exec_socket *socket);

/* Reads and writes what the connection takes now. True once the exec has ended: then
 * exec_socket_finish() fills the completion (but its id), texts in `arena`. */
bool exec_socket_run(struct exec_socket *socket);
bool exec_socket_wants_write(const struct exec_socket *socket);
void exec_socket_finish(struct exec_socket *socket, struct arena *arena,
                        struct completion *ret_completion);

#endif
