/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: what lies between the clients of a simulated cluster and its API server. It queues
 * requests and hands them to the server in the order in which they were started, keeps open
 * watches, runs execs through engines, applies the fate that observers decide, and delivers
 * completions when they are due. It knows time only as the now_ms that it is given.
 */
#ifndef FAKEAPI_CLUSTER_WIRE_H
#define FAKEAPI_CLUSTER_WIRE_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/world.h"

struct fakeapi;
struct wire; /* opaque */

struct wire_options {
    struct fakeapi *api; /* borrowed */
    /* Called when a completion arrives for a client that has a waker. */
    void (*wake)(void *context, void *waker);
    void *context;
    struct world *world; /* told to engines; may be NULL */
};

/* Asked before an exec runs: why the node cannot run it, or SV(""). */
typedef struct sv wire_refuse_exec(void *context, const struct cJSON *pod, struct sv container,
                                   struct arena *arena);

enum { EXIT_KILLED = 128 + 9 }; /* of a process, by SIGKILL */

/* How an execution ends before its command does. */
enum execution_end {
    EXECUTION_KILLED,      /* the container's processes got a SIGKILL */
    EXECUTION_LOST,        /* its connection was reset */
    EXECUTION_UNREACHABLE, /* nobody hears of it again: its client waits for as long as it waits */
};

struct wire *wire_new(const struct wire_options *options);
/* Frees all transports too. Accepts NULL. */
void wire_free(struct wire *wire);

/* See world_connect() and world_disconnect(). */
struct transport *wire_connect(struct wire *wire, struct sv user_agent);
void wire_disconnect(struct wire *wire, struct transport *transport);
/* Whom to wake for this transport; NULL for no one. */
void wire_set_waker(struct wire *wire, struct transport *transport, void *waker);
/* False once it was disconnected. */
bool wire_has_transport(const struct wire *wire, const struct transport *transport);
/* Completions wait to be taken. */
bool wire_has_arrivals(const struct transport *transport);

/* Between the two, calls of the transport touch nothing that other transports or the wire use, so
 * that its owner's step may be made by another thread. What was started and cancelled comes to the
 * server, and what arrives meanwhile to the client, as if it was done and arrived at the end. */
void wire_begin_step(struct transport *transport);
void wire_end_step(struct transport *transport);
/* For whoever has made the step, before wire_end_step(): whether there is anything that the client
 * may take already, as its next step would. What it starts and cancels from then on comes to the
 * server, and to itself, as if it was done at the beginning of that step. */
bool wire_go_ahead(struct transport *transport);

/* Steps that are being made, one after the other, while the server answers: what they start is
 * answered as it comes, in the order of the steps and behind what others started before. */
struct wire_stream {
    struct transport *const *transports; /* in the order of their steps */
    size_t count;                        /* 0: there is none */
    /* Waits until wire_has_started() of one of them; false: its step has ended. */
    bool (*wait)(void *context, size_t index);
    /* Called in a step, whenever something was started. */
    void (*tell)(void *context);
    /* Waits for the end of all steps. */
    void (*join)(void *context);
    void *context;
};
/* Until the next call; the transports are borrowed as long. */
void wire_set_stream(struct wire *wire, const struct wire_stream *stream);
bool wire_has_started(const struct transport *transport);

void wire_add_engine(struct wire *wire, const struct engine *engine);
size_t wire_engine_count(const struct wire *wire);
const struct engine *wire_engine_at(const struct wire *wire, size_t index);
void wire_set_exec_gate(struct wire *wire, wire_refuse_exec *refuse, void *context);
/* Of the executions that run in the pod with this uid, and in this container unless it is empty. */
void wire_end_executions(struct wire *wire, struct sv pod_uid, struct sv container,
                         enum execution_end how, int64_t now_ms);
void wire_add_observer(struct wire *wire, const struct observer *observer);
void wire_remove_observer(struct wire *wire, const void *context);
/* For a request that comes another way than through a transport of the wire: what observers decide
 * about it, and what they hear of its answer. */
struct request_fate wire_decide(struct wire *wire, struct sv user_agent,
                                const struct request *request);
void wire_tell(struct wire *wire, struct sv user_agent, const struct request *request,
               int http_status, const struct cJSON *body);
void wire_cut_watches(struct wire *wire, struct sv user_agent, int64_t now_ms);

/* Handles requests in the order in which they were started, those of the stream to its end. True
 * when there was anything. */
bool wire_answer(struct wire *wire, int64_t now_ms);
/* Delivers what is due: late answers, and events of watches. So, too. */
bool wire_pass_on(struct wire *wire, int64_t now_ms);
/* Lets the server give back trees; completions under way hold their own. */
void wire_trim(struct wire *wire);
/* When something is due that no client has to ask for; DEADLINE_NEVER when nothing is. */
int64_t wire_next_ms(const struct wire *wire);

#endif
