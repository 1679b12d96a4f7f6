/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fakeapi: a Kubernetes API server as a library. fakeapi_handle() answers a request, a
 * watch_cursor follows a collection; the in-process transport and the HTTP front call these and
 * nothing else. Semantics: apiserver-semantics.md §1. No I/O, no threads.
 *
 * Objects are immutable and shared between the store, its log and all answers: an answer may be
 * the root of a frozen tree (core/data/frozen.h), which the request's arena holds.
 */
#ifndef FAKEAPI_SERVER_FAKEAPI_H
#define FAKEAPI_SERVER_FAKEAPI_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"
#include "fakeapi/server/certificate_request.h"

struct arena;
struct cJSON;
struct clock;
struct dialogue;
struct error;
struct findings;
struct log;
struct rbac;
struct registry;
struct user_info;
struct webhook_client;
struct list_text;
struct table_options;
struct fakeapi;      /* opaque */
struct watch_cursor; /* opaque */

struct fakeapi_options {
    struct clock *clock; /* borrowed until fakeapi_free() */
    struct log *log;     /* borrowed; gets a line for what is not supported */
    uint64_t seed;       /* of uids and generated names */
    /* How many events a watch may lag behind before it is told 410; 0: 16,384. Fewer where the
     * old versions of a kind take more than 128 MiB. */
    size_t watch_window_events;
    /* Of these the ones that all open watches have passed are forgotten beyond so many; 0: none
     * is forgotten early, as clients that come back by resourceVersion expect. */
    size_t watch_kept_events;
};

struct fakeapi *fakeapi_new(const struct fakeapi_options *options);
/* Accepts NULL. */
void fakeapi_free(struct fakeapi *api);
DEFINE_AUTO(fakeapi)

struct api_response {
    int http_status;
    const struct cJSON *body; /* object, list or Status; lives as long as the request's arena */
    /* The body as compact JSON where the request wants text and the server keeps it, else "";
     * until the next write. */
    struct sv text;
    /* Of a list the request of which wants text: the caller's, who reads its items from here
     * (`body` has none); else NULL. */
    struct list_text *list;
    const struct sv *warnings;
    size_t warning_count;
};

/* Everything but WATCH and EXEC. `user_agent` names the client: its first word is the default
 * field manager. The answer is complete: 200 and 201 with an object or list, or a Status. */
void fakeapi_handle(struct fakeapi *api, const struct request *request, struct sv user_agent,
                    struct arena *arena, struct api_response *ret_response);

/* --- admission webhooks (fakeapi/server/dialogue.h) --- */

/* Who makes a request. */
struct caller {
    struct sv user_agent;
    const struct user_info *user; /* NULL: a part of the cluster, named after its user agent */
    struct dialogue *dialogue;    /* NULL: admission webhooks are not asked */
    /* A list is wanted as text, as a Table of that form; NULL: not as a Table. What is no list, a
     * list of none and one of a custom type come as they are. */
    const struct table_options *table;
    /* A map, of which what policies want to be told of a write becomes members; NULL: nobody tells
     * it. */
    struct cJSON *audit_annotations;
};

/* As fakeapi_handle(); false: nothing was done and nothing answered, since webhooks have to answer
 * first. Then the same request is made again once the dialogue waits no longer. */
bool fakeapi_handle_as(struct fakeapi *api, const struct request *request,
                       const struct caller *caller, struct arena *arena,
                       struct api_response *ret_response);
/* Whether a request needs a dialogue: it writes or connects, and webhooks are configured; or an
 * aggregated API server has to be asked. */
bool fakeapi_needs_dialogue(struct fakeapi *api, const struct request *request);
/* Who calls webhooks (borrowed); without one every call of a webhook fails. */
void fakeapi_set_webhook_client(struct fakeapi *api, struct webhook_client *client);
/* What expressions of admission policies and webhooks ask (borrowed); NULL: whoever has a name may
 * do everything. Requests themselves are authorized by the front. */
void fakeapi_set_authorizer(struct fakeapi *api, struct rbac *rbac);
/* Who reads requests for certificates; without it any text is taken for one. */
void fakeapi_set_certificate_reader(struct fakeapi *api, certificate_reader *read);
/* Who answers for the Service "NAMESPACE/NAME" when it is a webhook's: `address` is "HOST:PORT",
 * terminated, and kept by the caller as long as the server. The Service need not exist. */
void fakeapi_route_service(struct fakeapi *api, struct sv service, const char *address);

/* Serves metrics.k8s.io: pods use what their annotations kwok.x-k8s.io/usage-cpu and -memory say of
 * each of their containers (1m and 1Mi without). Call it before the first request. */
void fakeapi_serve_usage(struct fakeapi *api);

/* --- watch --- */

/* NULL and a Status in `ret_response` when the request is refused (an expired resourceVersion is
 * not: it arrives as an ERROR event). */
struct watch_cursor *fakeapi_watch(struct fakeapi *api, const struct request *request,
                                   struct arena *arena, struct api_response *ret_response);
/* Accepts NULL. */
void watch_cursor_free(struct watch_cursor *cursor);

struct watch_record {
    enum watch_event_type type;
    const struct cJSON *object;
};
/* The next event that the watch selects; false when it has seen everything. After a WATCH_ERROR
 * the cursor is at its end. An idle cursor costs nothing. */
bool watch_cursor_next(struct watch_cursor *cursor, struct arena *arena,
                       struct watch_record *ret_record);
/* The next event waits for a conversion webhook; watch_cursor_next() is false until then. */
bool watch_cursor_is_waiting(const struct watch_cursor *cursor);
/* Is called once it has answered, maybe within watch_cursor_next(). */
void watch_cursor_on_converted(struct watch_cursor *cursor, void (*converted)(void *context),
                               void *context);
/* False while nothing was written to the collection since the cursor's last event: cheap. */
bool watch_cursor_has_news(const struct watch_cursor *cursor);
/* Whether it has told everything and no more will come: its type was deleted, or it is behind a
 * WATCH_ERROR. */
bool watch_cursor_is_over(const struct watch_cursor *cursor);
/* Grows when a type is deleted. */
uint64_t fakeapi_ended_types(const struct fakeapi *api);
/* Whether it was that of this watch, which is over then, or soon. */
bool watch_cursor_type_is_gone(const struct watch_cursor *cursor);
/* A bookmark with the newest revision, for the owner of the loop to send now and then. */
void watch_cursor_bookmark(struct watch_cursor *cursor, struct arena *arena,
                           struct watch_record *ret_record);

/* --- exec --- */

/* Checks an EXEC request against the pod: exists, has the container, is running. Fills a Status
 * when it may not run. Running it is the caller's business (fakeapi/cluster). */
bool fakeapi_check_exec(struct fakeapi *api, const struct request *request, struct arena *arena,
                        const struct cJSON **ret_pod, struct api_response *ret_response);

/* What admission makes of a connection to a pod (exec, attach, port-forward), which it may refuse
 * and change. False: it waits for webhooks, as fakeapi_handle_as(). Refused: `ret_response` has a
 * status, and is zero otherwise. */
struct connect_flags {
    bool has_stdout, has_stderr, has_tty;
};
bool fakeapi_admit_connect(struct fakeapi *api, struct request *request,
                           const struct connect_flags *flags, const struct caller *caller,
                           struct arena *arena, struct api_response *ret_response);

/* Where the pods of execs are, for a server that only stands in front of nodes and holds none
 * itself: `find` gives one, or NULL. */
typedef const struct cJSON *fakeapi_find_pod(void *context, struct sv namespace_name,
                                             struct sv name);
void fakeapi_set_exec_pods(struct fakeapi *api, fakeapi_find_pod *find, void *context);

/* For a server that only knows types, those of another one: takes over what a definition of that
 * one says. fakeapi_learn_type() fails with ERROR_INVALID for what is not supported here. */
MUST_CHECK bool fakeapi_learn_type(struct fakeapi *api, const struct cJSON *crd, struct error *err);
void fakeapi_forget_type(struct fakeapi *api, const struct cJSON *crd);

/* --- upkeep --- */

/* Newest revision: grows with each write. */
uint64_t fakeapi_revision(const struct fakeapi *api);
/* Gives back the trees that were not used for long. */
void fakeapi_trim(struct fakeapi *api);
/* Forgets events up to now, so that watches from older versions get 410 (a fault). */
void fakeapi_compact(struct fakeapi *api);
const struct registry *fakeapi_registry(const struct fakeapi *api);

struct fakeapi_stats {
    uint64_t requests, writes, objects, watch_events;
    size_t tree_bytes; /* of objects that were read lately */
};
void fakeapi_get_stats(const struct fakeapi *api, struct fakeapi_stats *ret_stats);

/* --- state that outlives the server --- */

struct store_write;
/* Is told of every write from now on, before the request is answered. A journal that is told for
 * the first time has to be told what is there already: fakeapi_each_object(). */
void fakeapi_set_journal(struct fakeapi *api,
                         void (*journal)(void *context, const struct store_write *write),
                         void *context);
void fakeapi_each_object(struct fakeapi *api,
                         void (*tell)(void *context, const struct store_write *write),
                         void *context);
/* Before the first request: puts back an object that a journal kept; CustomResourceDefinitions
 * first. False with the reason when it is no object of the server's. */
MUST_CHECK bool fakeapi_restore(struct fakeapi *api, const struct store_write *write,
                                struct error *err);
/* After the last one. `revision` is the newest that the journal was told. */
void fakeapi_end_restore(struct fakeapi *api, uint64_t revision);

/* --- failures, as the server writes them --- */

struct cJSON *fakeapi_status(struct arena *arena, int http_status, const char *reason,
                             struct sv message);
/* `details` may be NULL. */
struct cJSON *fakeapi_status_detailed(struct arena *arena, int http_status, const char *reason,
                                      struct sv message, struct cJSON *details);
/* What is invalid; "" for what it has not. */
struct invalid {
    struct sv kind, group, name;
};
/* 422: 'Pod "a" is invalid: spec.x: Required value'. */
struct cJSON *fakeapi_status_invalid(struct arena *arena, const struct invalid *invalid,
                                     const struct findings *findings);

#endif
