/* SPDX-License-Identifier: Apache-2.0 */
/* bench_requests: the requests that servers are measured with, as bytes. */
#ifndef BENCH_BENCH_REQUESTS_H
#define BENCH_BENCH_REQUESTS_H

#include "bench/bench_load.h"

enum { BENCH_CONFIG_MAPS = 256 };

/* They have a namespace of their own, "crctl-bench", so that somebody else's server can be measured
 * and has nothing less and, but for the namespace, nothing more afterwards.
 *
 * name, method, path, content type, body; "#" in path and body stands for the number of the
 * request, "@" for the same modulo BENCH_CONFIG_MAPS. */
#define BENCH_REQUESTS(X)                                                                          \
    X(NAMESPACE, "POST", "/api/v1/namespaces", "application/json",                                 \
      "{\"metadata\":{\"name\":\"crctl-bench\"}}")                                                 \
    X(ACCOUNT, "POST", "/api/v1/namespaces/crctl-bench/serviceaccounts", "application/json",       \
      "{\"metadata\":{\"name\":\"default\"}}")                                                     \
    X(CONFIG_MAP, "POST", "/api/v1/namespaces/crctl-bench/configmaps", "application/json",         \
      "{\"metadata\":{\"name\":\"c#\"},\"data\":{\"k\":\"0\"}}")                                   \
    X(SECRET, "POST", "/api/v1/namespaces/kube-public/secrets", "application/json",                \
      "{\"metadata\":{\"name\":\"s#\"},\"data\":{\"k\":\"MA==\"}}")                                \
    X(GET, "GET", "/api/v1/namespaces/crctl-bench/configmaps/c@", "", "")                          \
    X(POD, "POST", "/api/v1/namespaces/crctl-bench/pods", "application/json",                      \
      "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"generateName\":\"p-\"},\"spec\":{"  \
      "\"automountServiceAccountToken\":false,\"containers\":[{\"name\":\"c\",\"image\":"          \
      "\"nginx:1\"}]}}")                                                                           \
    X(PATCH, "PATCH", "/api/v1/namespaces/crctl-bench/configmaps/c@",                              \
      "application/merge-patch+json", "{\"data\":{\"k\":\"#\"}}")                                  \
    X(SHORT_LIVED, "POST", "/api/v1/namespaces/crctl-bench/configmaps", "application/json",        \
      "{\"metadata\":{\"name\":\"d#\"},\"data\":{\"k\":\"0\"}}")                                   \
    X(DELETE, "DELETE", "/api/v1/namespaces/crctl-bench/configmaps/d#", "", "")                    \
    X(CLEAR_PODS, "DELETE", "/api/v1/namespaces/crctl-bench/pods?gracePeriodSeconds=0", "", "")    \
    X(CLEAR_CONFIG_MAPS, "DELETE", "/api/v1/namespaces/crctl-bench/configmaps", "", "")            \
    X(LIST, "GET", "/api/v1/namespaces/crctl-bench/pods?resourceVersion=0", "", "")                \
    X(LIST_CONFIG_MAPS, "GET", "/api/v1/namespaces/crctl-bench/configmaps", "", "")                \
    X(WATCH, "GET",                                                                                \
      "/api/v1/namespaces/crctl-bench/configmaps?watch=1&resourceVersion=0&fieldSelector="         \
      "metadata.name%3Dc0",                                                                        \
      "", "")                                                                                      \
    X(IDLE_WATCH, "GET",                                                                           \
      "/api/v1/namespaces/crctl-bench/configmaps?watch=1&resourceVersion=0&fieldSelector="         \
      "metadata.name%3Dnone",                                                                      \
      "", "")                                                                                      \
    X(NOT_RUNNING, "GET", "/api/v1/pods?limit=1&fieldSelector=status.phase%21%3DRunning", "", "")  \
    X(METRICS, "GET", "/metrics", "", "")                                                          \
    X(FILE, "GET", "/file", "", "")
#define X(name, method, path, type, body) BENCH_##name,
enum bench_request { BENCH_REQUESTS(X) };
#undef X

/* The context of bench_request_write(), which is a bench_load's `write`. */
struct bench_requests {
    enum bench_request request;
    struct sv token; /* "": none */
};
void bench_request_write(void *context, size_t number, struct buf *out);

/* Sends one; its answer is the caller's to take. */
MUST_CHECK bool bench_request_begin(struct bench_channel *channel, enum bench_request request,
                                    struct sv token, size_t number, struct error *err);

/* Sends one and gives its answer's body, which lives until the channel's next request. */
MUST_CHECK bool bench_request_send(struct bench_channel *channel, enum bench_request request,
                                   struct sv token, size_t number, int *ret_status,
                                   struct sv *ret_body, struct error *err);

#endif
