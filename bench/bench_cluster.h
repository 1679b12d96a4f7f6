/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_cluster: an API server to measure against, a client of it, and the programs that run
 * beside: all on one event loop. The server is `crctl serve`, started here, or that of a
 * kubeconfig; nodes are the server's own or those of `crctl nodes`, on which nothing takes time.
 * Everything that was started here ends with it.
 */
#ifndef BENCH_BENCH_CLUSTER_H
#define BENCH_BENCH_CLUSTER_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct bench_cluster; /* opaque */
struct bench_program; /* opaque */
struct cJSON;
struct completion;
struct error;
struct request;
struct resource;
struct transport;

struct bench_cluster_options {
    struct sv crctl;
    struct sv kubeconfig; /* SV(""): a server of our own */
    size_t node_count;    /* 0: no more than the server has */
    uint64_t seed;
    /* Gets what arrives for requests of bench_cluster_start(); may start others. */
    void (*take)(void *context, const struct completion *completion);
    void *context;
};

/* Waits until server and nodes are ready. */
struct bench_cluster *bench_cluster_new(const struct bench_cluster_options *options,
                                        struct error *err);
/* Accepts NULL. */
void bench_cluster_free(struct bench_cluster *cluster);
DEFINE_AUTO(bench_cluster)

struct sv bench_cluster_kubeconfig(const struct bench_cluster *cluster);
/* Of the server, when it is our own; else 0. */
int bench_cluster_server_pid(const struct bench_cluster *cluster);

/* Of the client; its completions go to `take`. */
struct transport *bench_cluster_transport(struct bench_cluster *cluster);
uint64_t bench_cluster_start(struct bench_cluster *cluster, const struct request *request);
/* One request to its end; `ret_body` is in `arena`. */
MUST_CHECK bool bench_cluster_ask(struct bench_cluster *cluster, const struct request *request,
                                  struct arena *arena, const struct cJSON **ret_body,
                                  struct error *err);
MUST_CHECK bool bench_cluster_create(struct bench_cluster *cluster, const struct resource *resource,
                                     const struct cJSON *object, struct arena *arena,
                                     const struct cJSON **ret_body, struct error *err);
/* Takes what arrives for so long, or until something was taken. False after SIGINT or SIGTERM. */
MUST_CHECK bool bench_cluster_wait(struct bench_cluster *cluster, int64_t timeout_ms,
                                   struct error *err);

/* Starts a program; it is killed with the cluster. Its standard error is ours. */
struct bench_program *bench_cluster_run(struct bench_cluster *cluster, struct sv command,
                                        const struct sv *args, size_t arg_count, struct error *err);
bool bench_program_has_ended(const struct bench_program *program);
int bench_program_pid(const struct bench_program *program);

#endif
