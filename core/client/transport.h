/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport: the seam between the controller and an API server. Starts requests and hands out
 * what arrived; never blocks. In the daemon it is libcurl, in simulation a function call.
 *
 * A request names a resource and carries a tree, not bytes: encoding is the transport's. start()
 * copies whatever it keeps, so a request and its body may go away at once. Completions come out
 * in the order in which they arrived; what a completion points to lives until the next take().
 */
#ifndef CORE_CLIENT_TRANSPORT_H
#define CORE_CLIENT_TRANSPORT_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct resource;

#define VERBS(X)                                                                                   \
    X(GET, "get")                                                                                  \
    X(LIST, "list")                                                                                \
    X(WATCH, "watch")                                                                              \
    X(CREATE, "create")                                                                            \
    X(UPDATE, "update")                                                                            \
    X(PATCH, "patch")                                                                              \
    X(DELETE, "delete")                                                                            \
    X(DELETE_COLLECTION, "deletecollection")                                                       \
    X(EXEC, "exec") /* POST pods/exec */
#define X(name, text) VERB_##name,
enum verb { VERBS(X) };
#undef X
/* As RBAC spells it; "exec" for VERB_EXEC. */
struct sv verb_text(enum verb verb);
/* Whether objects change by it. */
bool verb_is_write(enum verb verb);

/* The second column is the media type. */
#define PATCH_TYPES(X)                                                                             \
    X(NONE, "")                                                                                    \
    X(JSON, "application/json-patch+json")                                                         \
    X(MERGE, "application/merge-patch+json")                                                       \
    X(STRATEGIC, "application/strategic-merge-patch+json")                                         \
    X(APPLY, "application/apply-patch+yaml")
#define X(name, media_type) PATCH_##name,
enum patch_type { PATCH_TYPES(X) };
#undef X
struct sv patch_type_media_type(enum patch_type type);

struct exec_options {
    struct sv container; /* "" for the only one */
    const struct sv *command;
    size_t command_count;
    bool has_stdin;
    struct sv stdin_bytes;   /* written, then closed */
    size_t output_bytes_max; /* of stdout and of stderr; beyond it the completion is an error */
    struct sv share;         /* with whom it shares its chance to run, when all cannot at once */
};

/* Versions of objects that whoever watches has already. It outlives the watch. */
struct known_versions {
    bool (*has)(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                struct sv resource_version);
    void *context;
};

/* What need not be read of an answer, by transports that get texts. */
struct unread {
    bool managed_fields; /* of objects */
    /* With it: those that are read all the same, by the list of entries without their fields. */
    bool (*needs_managed_fields)(const struct cJSON *entries);
    const struct known_versions *known; /* of a watch, or NULL: objects in these versions */
};

/* Zero means "not given" for every optional member. */
struct request {
    enum verb verb;
    /* With VERB_GET, instead of a resource: "/version". Only over HTTP. */
    struct sv path;
    struct sv group, version, plural;
    struct sv namespace_name; /* "" for cluster scope or all namespaces */
    struct sv name;
    struct sv subresource; /* "status", "scale", "binding", "eviction", … */
    enum patch_type patch_type;
    const struct cJSON *body; /* object, patch, or DeleteOptions */
    struct sv body_faults;    /* of a patch: what a strict reader has against its text, or SV("") */

    struct sv field_manager;
    struct sv field_validation; /* "Strict", "Warn" (the server's default), "Ignore" */
    bool force;                 /* of an apply */
    bool dry_run;

    struct sv label_selector, field_selector;
    struct sv metric_label_selector; /* of a metric of custom.metrics.k8s.io */
    struct sv resource_version, resource_version_match;
    struct sv continue_token;
    int64_t limit;
    bool allow_watch_bookmarks;
    bool send_initial_events;
    bool no_initial_events;  /* "sendInitialEvents=false": a watch of what comes, and no list */
    int64_t timeout_seconds; /* of a watch, by the server; 0: its choice */
    bool metadata_only;      /* ask for PartialObjectMetadata */
    struct unread unread;    /* whoever asks must expect it all the same */
    /* By a front that only writes the answer on: text that is kept comes beside the tree, and a
     * list's items as text only. */
    bool wants_text;
    bool wants_protobuf; /* the same of lists as protobuf */

    struct exec_options exec;
    int64_t timeout_ms; /* by the transport; 0: its default. Ends an exec with ERROR_TIMEOUT */
};

/* To an object, or with SV("") as its name to a collection; the namespace is left out for a
 * resource of the cluster. The rest is the caller's to fill in. */
struct request request_to(enum verb verb, const struct resource *resource, struct sv namespace_name,
                          struct sv name);

#define WATCH_EVENT_TYPES(X) X(ADDED) X(MODIFIED) X(DELETED) X(BOOKMARK) X(ERROR)
#define X(name) WATCH_##name,
enum watch_event_type { WATCH_EVENT_TYPES(X) };
#undef X
struct sv watch_event_type_text(enum watch_event_type type);

enum completion_type {
    COMPLETION_RESPONSE,    /* the end of every request but WATCH and EXEC */
    COMPLETION_WATCH_OPEN,  /* the server has taken the watch; may be left out */
    COMPLETION_WATCH_EVENT, /* any number of them */
    COMPLETION_WATCH_END,   /* the end of a watch; `err` says why, ERROR_NONE for a clean end */
    COMPLETION_EXEC,        /* the end of an exec */
};

struct completion {
    uint64_t id; /* what start() returned */
    enum completion_type type;
    int http_status;                  /* 0 without an answer */
    const struct cJSON *body;         /* object, list or Status; NULL when there is none */
    int64_t retry_after_ms;           /* asked for by the server, or 0 */
    enum watch_event_type event_type; /* with COMPLETION_WATCH_EVENT; the object is `body` */
    /* When the completion was taken, request.unread.known had this version: of the object `body`
     * has only what told that. */
    bool is_known;
    int exit_code; /* with COMPLETION_EXEC and ERROR_NONE */
    struct sv stdout_bytes, stderr_bytes;
    /* No answer: ERROR_UNAVAILABLE or ERROR_TIMEOUT. A Status of the server arrives here too,
     * decoded, besides in `body`: for success err.code is ERROR_NONE. Last, since most of it is the
     * unused end of a message, which whoever keeps completions can leave out. */
    struct error err;
};

/* Of `completion`, without the unused end of its error's message. */
static inline size_t completion_bytes(const struct completion *completion) {
    return offsetof(struct completion, err.message) + strlen(completion->err.message) + 1;
}

/* `to` may have room for no more than completion_bytes(from). */
static inline void completion_copy(struct completion *to, const struct completion *from) {
    memcpy(to, from, completion_bytes(from));
}

struct transport {
    /* Never fails at once: whatever goes wrong arrives as a completion. Ids are never reused
     * and never 0. */
    uint64_t (*start)(struct transport *transport, const struct request *request);
    /* Takes the oldest completion; false when nothing arrived. */
    bool (*take)(struct transport *transport, struct completion *ret_completion);
    /* The request's completions are dropped; the server may have acted on it all the same. */
    void (*cancel)(struct transport *transport, uint64_t id);
};

/* A tree takes some seventy bytes a value, however short its text: a page of 500 objects of 4,000
 * values each is still read. */
enum { ANSWER_VALUES_MAX = 2 * 1000 * 1000 };

/* What the server answered to a request, an object as all answers are, as a tree in `arena`;
 * `unread` is the request's. ERROR_TOO_LARGE past the bound. For transports that get texts. */
MUST_CHECK struct cJSON *transport_read(struct arena *arena, struct sv text,
                                        const struct unread *unread, struct error *err);

static inline uint64_t transport_start(struct transport *transport, const struct request *request) {
    return transport->start(transport, request);
}

static inline bool transport_take(struct transport *transport, struct completion *ret_completion) {
    return transport->take(transport, ret_completion);
}

static inline void transport_cancel(struct transport *transport, uint64_t id) {
    transport->cancel(transport, id);
}

#endif
