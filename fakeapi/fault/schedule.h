/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule: which faults a run meets, and when. For each request it decides what becomes of it;
 * what cannot be done to one request (the controller dies, watches are cut) it demands from
 * whoever drives the world. Same requests, same faults: no chance is involved. Pure.
 */
#ifndef FAKEAPI_FAULT_SCHEDULE_H
#define FAKEAPI_FAULT_SCHEDULE_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/fault/request_pattern.h"

/* Names are those of scenarios. */
#define FAULT_KINDS(X)                                                                             \
    X(CRASH, "crash.after-request")     /* the client dies with a request sent */                  \
    X(API_STATUS, "api.status")         /* answered with http_status, without effect */            \
    X(API_LOST_REPLY, "api.lost-reply") /* applied, and no answer */                               \
    X(API_SLOW, "api.slow")             /* answered delay_ms later */                              \
    X(API_HANG, "api.hang")             /* not applied, and no answer before the timeout */        \
    X(WATCH_CLOSE, "watch.close")       /* open watches end */                                     \
    X(WATCH_EXPIRED, "watch.error-410") /* and cannot go on from where they were */                \
    X(WATCH_DELAY, "watch.delay")       /* events of watches come delay_ms later */
#define X(name, text) FAULT_##name,
enum fault_kind { FAULT_KINDS(X) FAULT_KIND_COUNT };
#undef X
/* In the order of the enum. */
extern const struct sv fault_kind_names[];

/* A sweep strikes each of a hundred requests, twice or thrice. */
enum { FAULTS_MAX = 512 };

struct fault {
    struct sv id;
    enum fault_kind kind;
    /* When it begins: at once, some time after the start of the run, or with a step. */
    int64_t after_ms;
    struct sv step;
    int64_t for_ms; /* how long it lasts from there; 0: until the end */
    /* Which requests it strikes from there on. Without a request, kinds that need none (crash,
     * watch.close, watch.error-410) strike when it begins. */
    bool has_request;
    struct request_pattern request;
    uint64_t nth;   /* only the n-th match; 0: each */
    uint64_t every; /* each n-th match; 0: each */
    uint64_t count; /* at most so often; 0: without end */
    bool is_before; /* a crash before the server took the request: not applied */
    int http_status;
    int64_t retry_after_s, delay_ms;
};

struct schedule; /* opaque */

/* `faults` must live as long as the schedule. `victim` is the user agent that crashes and whose
 * watches are cut. */
struct schedule *schedule_new(const struct fault *faults, size_t fault_count, struct sv victim,
                              int64_t start_ms);
/* Accepts NULL. */
void schedule_free(struct schedule *schedule);
DEFINE_AUTO(schedule)

/* For observer.before. */
void schedule_decide(struct schedule *schedule, int64_t now_ms, struct sv user_agent,
                     const struct request *request, struct request_fate *fate);
/* Tells that time has passed or that a step begins. */
void schedule_reach_time(struct schedule *schedule, int64_t now_ms);
void schedule_reach_step(struct schedule *schedule, struct sv step, int64_t now_ms);

struct schedule_demands {
    bool restart_victim; /* until then all its requests are lost */
    bool cut_watches;
};
/* What is to be done now; the victim lives again afterwards. */
struct schedule_demands schedule_take_demands(struct schedule *schedule);

/* A fault that lasts for a time has begun and is not over yet: what rests now may only be waiting
 * for its end. */
bool schedule_is_lasting(const struct schedule *schedule, int64_t now_ms);

/* How often a fault struck. */
uint64_t schedule_fired_count(const struct schedule *schedule, size_t fault_index);

#endif
