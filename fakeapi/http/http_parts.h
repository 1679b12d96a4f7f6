/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_parts: the structs that the files of the HTTP front share. Private to fakeapi/http.
 */
#ifndef FAKEAPI_HTTP_HTTP_PARTS_H
#define FAKEAPI_HTTP_HTTP_PARTS_H

#include "core/base/base.h"
#include "core/base/buf.h"
#include "core/base/rng.h"
#include "core/client/transport.h"
#include "fakeapi/http/http_server.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/server/rbac.h"
#include "fakeapi/server/request_parse.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>

struct access;
struct aggregator;
struct audit_record;
struct authenticated;
struct authentication;
struct curl_loop;
struct dialogue;
struct error;
struct exec_session;
struct late_answer;
struct list_answer;
struct log_stream;
struct passed;
struct relay;
struct remote;
struct shared_event;
struct tunnel;
struct upgraded;
struct watch_hub;
struct watch_stream;
struct webhook_caller;
struct webhook_target;

enum {
    /* Memory of a connection: holds the headers of a request; what needs more gets 431. */
    CONNECTION_BYTES = 16 * 1024,
    /* From the first byte of a request to its last: slow clients do not hold connections. */
    REQUEST_MS_MAX = 60 * 1000,
    /* Without a request a connection is closed after this. */
    IDLE_MS_MAX = 5 * 60 * 1000,
    /* Until an aggregated API server takes a connection. */
    REMOTE_CONNECT_MS_MAX = 30 * 1000,
    /* Of a list of everything; beyond it the answer is an error. */
    ANSWER_BYTES_MAX = 1024 * 1024 * 1024,
};

/* Whoever waits for a descriptor of the front's epoll. */
struct waiter {
    void (*ready)(struct waiter *waiter, unsigned events);
};

/* Has `waiter` told, at once, when the client goes: libmicrohttpd does not look at a connection
 * that is suspended. Returns what unwatch_client() takes. */
int watch_client(struct http_server *server, struct MHD_Connection *connection,
                 struct waiter *waiter);
void unwatch_client(struct http_server *server, int socket);

/* One connection. */
struct peer {
    struct http_server *server;
    struct peer *next, *previous;
    int descriptor;
    int64_t deadline_ms; /* it is closed then; DEADLINE_NEVER while it is served */
    /* Who its client certificate names, once that was looked at. */
    enum { CERTIFICATE_UNKNOWN, CERTIFICATE_NONE, CERTIFICATE_GOOD, CERTIFICATE_BAD } certificate;
    struct arena *arena; /* of certificate_user; NULL without */
    struct user_info certificate_user;
    bool is_in_handshake;
    /* Private to http_tls.c. */
    bool holds_head; /* the next record is a head */
    struct buf held; /* a head whose body has not come */
};

/* One request and its answer. */
struct exchange {
    struct http_server *server;
    struct peer *peer; /* NULL until the headers are complete */
    struct MHD_Connection *connection;
    char *target;       /* terminated */
    const char *method; /* valid while the request is answered */
    struct buf body;
    bool has_headers;
    bool is_too_large;
    size_t received_bytes;     /* of the body */
    struct upgraded *upgraded; /* until the 101 was sent; else NULL */
    /* A write that admission webhooks are asked about; NULL until then. */
    struct dialogue *dialogue;
    bool waits_for_webhooks;         /* the connection is suspended */
    struct list_answer *list_answer; /* a list that is being written; NULL: none */
    struct relay *relay;             /* an aggregated API server is asked; NULL: none */
    struct tunnel *tunnel;           /* an upgrade of it is asked for there; NULL: none */
    struct passed *passed;           /* an API server elsewhere is asked; NULL: none */
    struct audit_record *audit;      /* what is going to be told of it; NULL: nothing (yet) */
    bool is_unaudited;               /* nothing more is told of it */
    /* What observers decided when it came. */
    bool loses_reply;
    int64_t delay_ms;                /* of the answer; of a watch: of each of its events */
    struct late_answer *late_answer; /* one that is not due yet; NULL: none */
};

struct late_answers {
    struct late_answer *first, *last;
};

struct relays {
    struct relay *first, *last;
};

struct tunnels {
    struct tunnel *first, *last;
};

struct passed_list {
    struct passed *first, *last;
};

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    gnutls_datum_t ticket_key; /* of resumed TLS sessions; no data without TLS */
    int epoll;
    uint16_t port;
    struct rng audit_rng;
    struct arena *arena; /* of the request that is being answered */
    struct peer *peers;
    int64_t peers_due_ms; /* no deadline of theirs is before it */
    int64_t upkeep_due_ms;
    struct watch_stream *streams;
    struct log_stream *logs;
    struct list_answer *lists;        /* that are worked on, a piece each turn */
    struct late_answers late_answers; /* that are not due yet */
    struct relays relays;             /* what aggregated API servers were asked */
    struct tunnels tunnels;           /* to aggregated API servers */
    struct passed_list passed;        /* what an API server elsewhere was asked */
    bool is_ending;                   /* a stream that begins ends at once */
    bool has_resumed;                 /* a stream that libmicrohttpd has to look at */
    bool has_moved;                   /* bytes or requests came or went in this turn */
    int quiet_turns;                  /* since the last in which something did */
    size_t handshake_count;           /* of peers that are in one */
    struct watch_hub *watch_hub;
    uint64_t ended_types;              /* those whose idle watches were ended */
    int64_t watches_due_ms;            /* when one of them has to end or to send a bookmark */
    struct shared_event *shared_event; /* while watches are pumped */
    struct exec_session *sessions;
    struct curl_loop *transfers;
    struct webhook_caller *webhooks;
    struct aggregator *aggregator;
    struct transport *exec_transport; /* of the world or of the upstream; NULL without either */
    size_t stream_count, session_count;
    uint64_t answers_by_hundred[6]; /* 1xx, 2xx, …, for /metrics */
};

int64_t server_now_ms(const struct http_server *server);
/* Something is due then that one of the keep_…() functions sees to. */
void keep_at(struct http_server *server, int64_t due_ms);
/* What was written so far outlives the process from here on. */
void make_lasting(struct http_server *server);
struct sv header_of(const struct exchange *exchange, const char *name); /* SV("") without it */

/* --- http_answer.c --- */

struct http_answer {
    int http_status;
    struct sv media_type;
    struct sv bytes;           /* copied; unless `owned` */
    struct buf *owned;         /* its memory goes to the answer; NULL: `bytes` */
    bool is_compressed;        /* `owned` is, already */
    struct MHD_Response *made; /* with the body in it, in place of both; taken over */
    const struct sv *warnings;
    size_t warning_count;
    int64_t retry_after_s;     /* 0: none */
    struct sv etag;            /* "": none */
    const char *cache_control; /* NULL: nobody keeps it */
};
enum MHD_Result send_answer(struct exchange *exchange, const struct http_answer *answer);
enum MHD_Result send_text(struct exchange *exchange, int http_status, struct sv text);
/* A tree in the form that the route's client takes; `media_type` "" for the form's own. */
enum MHD_Result send_tree(struct exchange *exchange, const struct route *route,
                          const struct api_response *response, struct sv media_type);
enum MHD_Result send_status(struct exchange *exchange, const struct route *route, int http_status,
                            const char *reason, struct sv message);
/* Than ANSWER_BYTES_MAX. */
enum MHD_Result send_too_large(struct exchange *exchange, const struct route *route);
/* Whether the client takes a body of so many bytes compressed, and it is worth it. */
bool wants_gzip(const struct exchange *exchange, size_t bytes);
/* The headers that every answer has. */
void add_headers(struct exchange *exchange, struct MHD_Response *response, struct sv media_type,
                 bool is_error);
void add_audit_id(struct exchange *exchange, struct MHD_Response *response);
struct sv new_audit_id(struct http_server *server, struct arena *arena);
/* An answer begins, which goes on after its head as watches do, or is all there. */
void count_answer(struct exchange *exchange, int http_status, bool goes_on);

/* --- http_audit.c: what is told of a request, where it is wanted --- */

/* Who asks is known, and what for. Once for each exchange. */
void audit_begin(struct exchange *exchange, const struct route *route, const struct access *access,
                 const struct user_info *user);
/* He asks in the name of another one. */
void audit_as(struct exchange *exchange, const struct user_info *user);
void audit_decision(struct exchange *exchange, bool is_allowed);
/* A map for what policies want to be told; NULL: it is not told. It goes into the events with
 * audit_annotate(). */
struct cJSON *audit_annotations(const struct exchange *exchange);
void audit_annotate(struct exchange *exchange, const struct cJSON *annotations);
/* Whether answers have to come as trees. */
bool audit_wants_objects(const struct exchange *exchange);
/* Both are borrowed until the request is answered, or waits. */
void audit_request_body(struct exchange *exchange, const struct cJSON *body);
void audit_response_body(struct exchange *exchange, const struct cJSON *body);
void audit_answered(struct exchange *exchange, int http_status, bool goes_on);
/* The exchange is over. */
void audit_end(struct exchange *exchange);
/* The id of the exchange's events; a new one where there are none. */
struct sv audit_id(struct exchange *exchange, struct arena *arena);

/* --- http_late.c: answers that come late --- */

/* Queues the answer, whose `response` is taken over, once the exchange's delay is over; without one
 * the connection is closed then. */
enum MHD_Result queue_answer(struct exchange *exchange, unsigned http_status,
                             struct MHD_Response *response);
/* Once its connection is resumed. */
enum MHD_Result resume_late(struct exchange *exchange);
/* Accepts NULL. */
void late_answer_free(struct late_answer *late);
/* Those that are due; returns when the next one is. */
int64_t keep_late_answers(struct http_server *server, int64_t now_ms);
/* All of them, because the server ends. */
void end_late_answers(struct http_server *server);

/* --- http_list.c: lists as text --- */

/* Takes response->list over. */
enum MHD_Result answer_list(struct exchange *exchange, const struct api_response *response);
/* Once its connection is resumed. */
enum MHD_Result resume_list(struct exchange *exchange);
/* Accepts NULL. */
void list_answer_free(struct list_answer *answer);
/* A piece of the work for one of the lists that are waited for. */
void pump_lists(struct http_server *server);
/* All of it. */
void end_lists(struct http_server *server);

/* --- http_tls.c --- */

/* Of a connection that has begun; nothing without TLS. */
void begin_tls(struct http_server *server, struct peer *peer, struct MHD_Connection *connection);
/* It is over, or the connection is; may be said more than once. */
void end_handshake(struct peer *peer);
/* The head of the answer that is being queued goes out together with its body, of which there is
 * some. */
void hold_head(struct exchange *exchange);

/* --- http_access.c --- */

/* 403 about the resource that the route addresses. */
/* Refusals of a request for a resource, which their details name. */
enum MHD_Result send_not_found(struct exchange *exchange, const struct route *route,
                               struct sv name);
enum MHD_Result send_forbidden(struct exchange *exchange, const struct route *route, struct sv name,
                               struct sv message);

/* authenticate() with the time and the objects of this server. */
MUST_CHECK bool authenticate_request(struct http_server *server, struct authentication *asked,
                                     struct authenticated *ret_authenticated, struct error *err);

/* Who asks and whether they may; false: answered, the result is in `ret_result`. */
bool admit(struct exchange *exchange, struct route *route, struct user_info *ret_user,
           enum MHD_Result *ret_result);

/* --- http_route.c --- */

/* Answers a request whose body is complete. */
enum MHD_Result answer_request(struct exchange *exchange);

/* While its dialogue waits; resume_dialogue() is what the dialogue tells when it does not any more,
 * and its context is the exchange. The request is then answered from its beginning. */
enum MHD_Result wait_for_webhooks(struct exchange *exchange);
void resume_dialogue(void *context);

/* --- http_plain.c: what is no resource --- */

enum MHD_Result answer_plain(struct exchange *exchange, const struct route *route);

/* --- http_pod.c: logs and tokens --- */

enum MHD_Result answer_log(struct exchange *exchange, const struct route *route);
enum MHD_Result answer_token(struct exchange *exchange, struct route *route);

/* --- http_log.c: logs that are followed --- */

struct followed_log {
    struct sv namespace_name, pod, uid, container;
    struct sv text; /* so far */
};
/* The pod whose log is asked for; false and an answer when there is none. A kubelet knows those of
 * its nodes, which are in another server's store. */
bool find_logged_pod(struct http_server *server, const struct request *request, struct arena *arena,
                     const struct cJSON **ret_pod, struct api_response *ret_response);
enum MHD_Result follow_log(struct exchange *exchange, const struct followed_log *log);
/* Ends those whose container has ended; returns when to look again. */
int64_t keep_logs(struct http_server *server, int64_t now_ms);
void end_logs(struct http_server *server);

/* --- http_kubelet.c: pods whose kubelet is another process --- */

/* The container that is named, or the only one; SV("") and a sentence in `ret_problem` when that is
 * not clear. */
struct sv choose_container(struct arena *arena, const struct cJSON *pod, struct sv name,
                           struct sv *ret_problem);
/* Where its node says that its kubelet is reached. False: this server is its kubelet, or nobody. */
bool find_kubelet(struct http_server *server, const struct cJSON *pod,
                  struct webhook_target *ret_target);
/* Passes a request for a subresource of the pod on; its kubelet answers. */
enum MHD_Result ask_kubelet(struct exchange *exchange, const struct route *route,
                            const struct cJSON *pod, const struct webhook_target *kubelet);

/* --- http_relay.c: what an aggregated API server, or a kubelet, answers --- */

/* One request for another process. */
struct remote_question {
    const struct webhook_target *where;
    struct sv target;             /* path and query there */
    const struct user_info *user; /* in whose name; NULL: nobody's, as kubelets are asked */
};
/* Asks for it; libmicrohttpd hands the request out once more when there is an answer. */
enum MHD_Result ask_remote(struct exchange *exchange, const struct route *route,
                           const struct remote_question *question);
/* There is no answer: as whoever asked is told. */
enum MHD_Result send_problem(struct exchange *exchange, bool is_kubelet, struct sv problem);
enum MHD_Result answer_remote(struct exchange *exchange, const struct route *route,
                              const struct user_info *user);
/* Once its connection is resumed. */
enum MHD_Result resume_relay(struct exchange *exchange);
/* Accepts NULL. */
void relay_free(struct relay *relay);
/* All of them, because the server ends. */
void end_relays(struct http_server *server);

/* For both kinds of requests to other processes. The head of the client's in the name of the user,
 * if any, without what is about its connection; false: it cannot be written. */
bool copy_request_head(struct exchange *exchange, struct remote *remote,
                       const struct user_info *user);
/* The lines of an answer's head, but for the first and what is about its connection. */
void copy_answer_head(struct exchange *exchange, struct sv head, struct MHD_Response *response);
struct sv head_line(struct sv *rest);
/* A text for people, as such requests are refused with. */
enum MHD_Result send_line(struct exchange *exchange, int http_status, struct sv text);

/* --- http_tunnel.c: connections to other processes that are upgraded --- */

/* The client asks for another protocol, whichever. */
bool wants_tunnel(const struct exchange *exchange);
enum MHD_Result begin_tunnel(struct exchange *exchange, const struct remote_question *question);
/* Once its connection is resumed. */
enum MHD_Result resume_tunnel(struct exchange *exchange);
/* Accepts NULL. */
void tunnel_free(struct tunnel *tunnel);
/* Goes on with those that are not there yet, and frees those that have ended. */
void pump_tunnels(struct http_server *server);
int64_t tunnels_next_ms(const struct http_server *server);
/* All of them, because the server ends. */
void end_tunnels(struct http_server *server);

/* --- http_watch.c --- */

enum MHD_Result answer_watch(struct exchange *exchange, const struct route *route);
void begin_watches(struct http_server *server);
/* Wakes the streams that have something to send. */
void pump_watches(struct http_server *server);
/* Bookmarks and ends that are due; returns when the next one is. */
int64_t keep_watches(struct http_server *server, int64_t now_ms);
/* All of them, because the server ends. */
void end_watches(struct http_server *server);
void release_watches(struct http_server *server);

/* --- http_exec.c --- */

enum MHD_Result answer_stream(struct exchange *exchange, struct route *route,
                              const struct user_info *user);
/* Ended commands go to their sessions. */
void pump_sessions(struct http_server *server);
int64_t keep_sessions(struct http_server *server, int64_t now_ms);
void release_sessions(struct http_server *server);

#endif
