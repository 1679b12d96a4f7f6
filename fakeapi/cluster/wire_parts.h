/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_parts: the structs that wire.c, wire_watch.c and wire_exec.c share. Not for others.
 */
#ifndef FAKEAPI_CLUSTER_WIRE_PARTS_H
#define FAKEAPI_CLUSTER_WIRE_PARTS_H

#include "core/base/base.h"
#include "core/base/timers.h"
#include "core/base/vec.h"
#include "core/client/transport.h"
#include "fakeapi/cluster/wire.h"
#include "fakeapi/server/fakeapi.h"

#include <stdatomic.h>

enum {
    /* Completions that wait for one client before its watches are held back, as a full socket
     * buffer would do. */
    ARRIVALS_MAX = 1024,
    /* How long a client waits for an answer when it does not say. */
    ANSWER_TIMEOUT_MS = 60 * 1000,
    BOOKMARK_INTERVAL_MS = 60 * 1000,
    /* Requests after which the server may drop trees that no one uses. */
    TRIM_INTERVAL_REQUESTS = 256,
    /* Requests that are answered before watches are served and clients run again: however many are
     * sent at one moment, nobody falls behind so far that the log no longer has what he waits for,
     * and what a client reacts to was written a short while ago. */
    REQUESTS_A_TURN = 256,
    /* While steps are made apart, watches are served after so many, since whoever has made his step
     * may already take what comes. */
    REQUESTS_BETWEEN_EVENTS = 8,
    /* Of the memory that handling a request takes, for the next one. */
    SCRATCH_BYTES_KEPT = 256 * 1024,
    OBSERVERS_MAX = 16,
    ENGINES_MAX = 64,
};

/* A command that runs in a container. */
struct running_exec {
    struct sv pod_uid; /* empty: there is none */
    struct sv container;
    int64_t started_ms, timeout_ms;
};

/* A completion under way to its client, or waiting to be taken. Owns `arena`. Most of what crosses
 * from one thread to another are these, and so they are as short as they can be. */
struct arrival {
    struct arrival *next;
    struct client *client; /* NULL once the client is gone */
    struct arena *arena;
    struct running_exec running;
    struct completion completion; /* completion_bytes() of it */
};

/* A request that the server has not seen yet; its texts and body live in `arena`. */
struct queued {
    struct queued *next;
    struct client *client; /* NULL once cancelled */
    uint64_t id;
    struct arena *arena;
    struct request request;
    struct request_fate fate;  /* once it was decided */
    struct dialogue *dialogue; /* with admission webhooks; NULL: there are none */
};

/* In the order in which they were started. */
struct queue {
    struct queued *first, *last;
};

/* In the order in which they came. */
struct arrivals {
    struct arrival *first, *last;
    size_t count;
};

/* What a client does reaches the wire when its step has ended, and what comes for it meanwhile
 * waits until then: another thread may make the step, and touches what is the client's alone. */
struct client {
    struct transport transport; /* first: a transport pointer is a client pointer */
    struct wire *wire;
    struct sv user_agent;
    void *waker;
    bool is_stepping;
    bool is_streamed; /* its step is one of the stream */
    /* The client's alone during a step. */
    uint64_t last_id; /* of a request */
    struct arrivals arrivals;
    struct arrival *taken; /* lives until the next take() */
    VEC(uint64_t) cancelled;
    VEC(struct arena *) own_arenas;
    /* What it did ahead, after the step and before the next one. */
    bool is_ahead;
    size_t count_ahead; /* of arrivals that it took, or dropped */
    struct queue started_ahead;
    VEC(uint64_t) cancelled_ahead;
    /* Newest first: the client adds to it, the wire takes all. */
    struct queued *_Atomic started;
    /* The wire's. */
    VEC(struct arena *) spare_arenas; /* go to and fro with requests, answers and events */
    size_t count_before;              /* of arrivals, when the step began */
    size_t late_count;                /* of those that came during it */
    /* Those, newest first: the wire adds to it, whoever makes the step takes all. */
    struct arrival *_Atomic late;
};

struct open_watch {
    struct client *client;
    uint64_t id;
    struct watch_cursor *cursor;
    bool wants_bookmarks;
    uint64_t bookmark_revision; /* what the last bookmark told */
    int64_t delay_ms;           /* every event arrives so late */
    int64_t end_ms;             /* the server ends it then */
};

struct wire {
    struct wire_options options;
    VEC(struct client *) clients;
    VEC(struct open_watch) watches; /* in the order in which they were opened */
    VEC(struct observer) observers;
    VEC(struct engine) engines;
    wire_refuse_exec *refuse_exec; /* may be NULL */
    void *refuse_exec_context;
    struct arena *scratch; /* of the request that the server works on */
    struct queue queue;
    struct wire_stream stream;
    size_t streamed_count;       /* those whose steps have ended, and from whom all was taken */
    VEC(struct queued *) parked; /* they wait for admission webhooks */
    bool has_replies;            /* for one of those */
    struct timers delayed;       /* of struct arrival */
    VEC(struct arrival *) executions; /* those of them that are, in the order of their start */
    uint64_t requests_since_trim;
    int64_t bookmark_due_ms; /* DEADLINE_NEVER while nothing was written since the last round */
    uint64_t bookmark_revision;
};

/* For something on its way to the client; wire_give_arena() takes it back. */
struct arena *wire_take_arena(struct client *client);
/* `client` is NULL once it is gone. */
void wire_give_arena(struct client *client, struct arena *arena);
/* Completions that wait for the client; those of the step that is being made still count. */
size_t wire_backlog(const struct client *client);
/* Delivers `completion` after `delay_ms`; takes over `arena`. Returns it while it is under way, and
 * NULL when it came at once. */
struct arrival *wire_deliver(struct client *client, struct arena *arena,
                             const struct completion *completion, int64_t now_ms, int64_t delay_ms);
void wire_observe(struct wire *wire, const struct queued *queued, int http_status,
                  const struct cJSON *body);
/* The end of a request as a completion: the type fits its verb. */
struct completion wire_end(const struct queued *queued);

/* Both take over the arena of `queued`. */
void wire_open_watch(struct wire *wire, struct queued *queued, const struct request_fate *fate,
                     int64_t now_ms);
void wire_exec(struct wire *wire, struct queued *queued, const struct request_fate *fate,
               int64_t now_ms);
/* It arrives, or nobody waits for it any more. */
void wire_forget_execution(struct wire *wire, const struct arrival *arrival);

/* Hands new events to clients; true when there were any. */
bool wire_pump_watches(struct wire *wire, int64_t now_ms);
int64_t wire_watches_next_ms(const struct wire *wire);
/* Closes the watches of `client` without a word; only the one of that id unless it is 0. */
void wire_drop_watches(struct wire *wire, const struct client *client, uint64_t id);

#endif
