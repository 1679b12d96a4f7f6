/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/nodes.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/timers.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "fakeapi/cluster/node_objects.h"
#include "fakeapi/cluster/trouble.h"

enum {
    RETRY_MS_MIN = 1000,
    RETRY_MS_MAX = 8 * 1000, /* well below the lease's duration */
};

/* What a node asks of the server next, or has asked. */
enum node_step {
    NODE_CREATE,    /* registers it, status included */
    NODE_READ,      /* there is one of that name: is it ours? */
    NODE_REPORT,    /* the whole status */
    NODE_HEARTBEAT, /* that the status still holds */
    NODE_CREATE_LEASE,
    NODE_READ_LEASE,
    NODE_RENEW_LEASE,
    NODE_REST, /* nothing, for ever */
};

struct node {
    size_t index;
    enum node_step step;
    uint64_t generation;         /* of the timer that counts */
    int64_t retry_ms;            /* what the next failure is followed by */
    int64_t lease_ms, report_ms; /* when the next heartbeats are due */
    char *uid, *lease_version;   /* NULL: not known */
    bool is_registered;
    bool is_asking;  /* a request of it is in flight */
    bool is_stopped; /* it sends nothing */
    bool is_back;    /* it was stopped, and has not reported since */
};

struct nodes {
    struct nodes_options options;
    uint16_t kubelet_port; /* 0: nowhere */
    struct arena *arena;   /* of the request that is being built */
    struct rng rng;
    struct node *items;
    struct timers timers;
    struct map *in_flight; /* id -> struct node */
    size_t registered_count, refused_count;
    struct trouble trouble;
};

static void schedule(struct nodes *nodes, struct node *node, int64_t at_ms) {
    if (at_ms != DEADLINE_NEVER)
        timers_add(&nodes->timers, at_ms, node, ++node->generation);
}

struct nodes *nodes_new(const struct nodes_options *options) {
    struct nodes *nodes = mem_alloc(sizeof(*nodes));
    nodes->options = *options;
    nodes->options.log = options->log ? options->log : log_none();
    nodes->arena = arena_new();
    rng_init_named(&nodes->rng, options->seed, SV("heartbeats"));
    nodes->items = mem_alloc(sizeof(struct node) * (options->node_count + 1));
    nodes->in_flight = map_new();
    for (size_t i = 0; i < options->node_count; i++) {
        nodes->items[i] = (struct node){.index = i, .retry_ms = RETRY_MS_MIN};
        schedule(nodes, &nodes->items[i], INT64_MIN);
    }
    return nodes;
}

void nodes_free(struct nodes *nodes) {
    if (!nodes)
        return;
    for (size_t i = 0; i < nodes->options.node_count; i++) {
        mem_free(nodes->items[i].uid);
        mem_free(nodes->items[i].lease_version);
    }
    map_free(nodes->in_flight);
    timers_release(&nodes->timers);
    arena_free(nodes->arena);
    mem_free(nodes->items);
    mem_free(nodes);
}

void nodes_set_kubelet_port(struct nodes *nodes, uint16_t port) {
    nodes->kubelet_port = port;
}

size_t nodes_registered_count(const struct nodes *nodes) {
    return nodes->registered_count;
}

size_t nodes_refused_count(const struct nodes *nodes) {
    return nodes->refused_count;
}

/* --- requests --- */

static struct request request_of(const struct resource *resource, enum verb verb, struct sv name,
                                 const struct cJSON *body) {
    struct request request =
        request_to(verb, resource, NODE_LEASE_NAMESPACE, verb == VERB_CREATE ? SV("") : name);
    request.body = body;
    return request;
}

static struct request status_patch(struct sv name, enum patch_type type, const struct cJSON *body) {
    struct request request = request_of(&RESOURCE_NODES, VERB_PATCH, name, body);
    request.patch_type = type;
    request.subresource = SV("status");
    return request;
}

static struct request build(struct nodes *nodes, const struct node *node, int64_t now_ms) {
    struct arena *arena = nodes->arena;
    const struct nodes_options *options = &nodes->options;
    struct sv name = node_name(arena, node->index);
    struct cJSON *body;
    switch (node->step) {
    case NODE_CREATE:
        body = node_object(arena, node->index, options->label);
        json_set(arena, body, SV("status"),
                 node_status(arena, node->index, nodes->kubelet_port, now_ms));
        return request_of(&RESOURCE_NODES, VERB_CREATE, name, body);
    case NODE_READ:
        return request_of(&RESOURCE_NODES, VERB_GET, name, NULL);
    case NODE_REPORT:
        body = json_map(arena);
        json_set(arena, body, SV("status"),
                 node_status(arena, node->index, nodes->kubelet_port, now_ms));
        return status_patch(name, PATCH_MERGE, body);
    case NODE_HEARTBEAT:
        return status_patch(name, PATCH_STRATEGIC, node_heartbeat(arena, now_ms));
    case NODE_READ_LEASE:
        return request_of(&RESOURCE_LEASES, VERB_GET, name, NULL);
    case NODE_CREATE_LEASE:
    case NODE_RENEW_LEASE:
    case NODE_REST:
        break;
    }
    bool is_new = node->step == NODE_CREATE_LEASE;
    body = node_lease(arena, name, sv_from(node->uid),
                      is_new ? SV("") : sv_from(node->lease_version), now_ms);
    return request_of(&RESOURCE_LEASES, is_new ? VERB_CREATE : VERB_UPDATE, name, body);
}

/* --- answers --- */

static void keep_text(char **ret_text, struct sv text) {
    mem_free(*ret_text);
    *ret_text = mem_copy_text(text);
}

/* What comes next for a node that needs nothing but its heartbeats, and when. */
static int64_t plan_heartbeat(struct nodes *nodes, struct node *node) {
    node->step = NODE_REST;
    if (!nodes->options.has_heartbeats)
        return DEADLINE_NEVER;
    bool is_lease = node->lease_ms <= node->report_ms;
    node->step = !is_lease             ? NODE_HEARTBEAT
                 : node->lease_version ? NODE_RENEW_LEASE
                                       : NODE_CREATE_LEASE;
    return is_lease ? node->lease_ms : node->report_ms;
}

/* Heartbeats begin somewhere in their first period, so that they spread over it. */
static int64_t take_registered(struct nodes *nodes, struct node *node, const struct cJSON *body,
                               int64_t now_ms) {
    keep_text(&node->uid, object_uid(body));
    mem_free(node->lease_version);
    node->lease_version = NULL; /* what was known may have gone with a node of before */
    nodes->registered_count += !node->is_registered;
    node->is_registered = true;
    node->lease_ms = now_ms;
    node->report_ms = now_ms + 1 + (int64_t)rng_below(&nodes->rng, NODE_STATUS_REPORT_MS);
    return plan_heartbeat(nodes, node);
}

static int64_t take_lease(struct nodes *nodes, struct node *node, const struct cJSON *body,
                          int64_t now_ms) {
    bool was_known = node->lease_version != NULL;
    keep_text(&node->lease_version, object_resource_version(body));
    int64_t wait_ms = NODE_LEASE_RENEW_MS;
    if (!was_known)
        wait_ms = 1 + (int64_t)rng_below(&nodes->rng, NODE_LEASE_RENEW_MS);
    node->lease_ms = node->step == NODE_READ_LEASE ? now_ms : now_ms + wait_ms;
    return plan_heartbeat(nodes, node);
}

static int64_t take_read(struct nodes *nodes, struct node *node, const struct cJSON *body,
                         int64_t now_ms) {
    struct sv label = nodes->options.label;
    if (label.len == 0 || sv_eq(object_label(body, label), SV("true"))) {
        node->step = NODE_REPORT;
        return now_ms;
    }
    log_line(
        nodes->options.log, LOG_WARNING,
        "node %.*s exists without the label %.*s=true: it is somebody else's and is left alone",
        SV_ARG(object_name(body)), SV_ARG(label));
    nodes->refused_count++;
    node->step = NODE_REST;
    return DEADLINE_NEVER;
}

static int64_t take_success(struct nodes *nodes, struct node *node, const struct cJSON *body,
                            int64_t now_ms) {
    node->retry_ms = RETRY_MS_MIN;
    switch (node->step) {
    case NODE_CREATE:
    case NODE_REPORT:
        return take_registered(nodes, node, body, now_ms);
    case NODE_READ:
        return take_read(nodes, node, body, now_ms);
    case NODE_HEARTBEAT:
        node->report_ms = now_ms + NODE_STATUS_REPORT_MS;
        return plan_heartbeat(nodes, node);
    case NODE_CREATE_LEASE:
    case NODE_READ_LEASE:
    case NODE_RENEW_LEASE:
        return take_lease(nodes, node, body, now_ms);
    case NODE_REST:
        break;
    }
    return DEADLINE_NEVER;
}

/* What a refusal tells about the object, so that the next step is another one. */
static const struct {
    enum node_step step;
    enum error_code code;
    enum node_step next;
} detours[] = {
    {NODE_CREATE, ERROR_ALREADY_EXISTS, NODE_READ},
    {NODE_READ, ERROR_NOT_FOUND, NODE_CREATE},
    {NODE_REPORT, ERROR_NOT_FOUND, NODE_CREATE},
    {NODE_HEARTBEAT, ERROR_NOT_FOUND, NODE_CREATE}, /* it was deleted: a kubelet comes back too */
    {NODE_CREATE_LEASE, ERROR_ALREADY_EXISTS, NODE_READ_LEASE},
    {NODE_READ_LEASE, ERROR_NOT_FOUND, NODE_CREATE_LEASE},
    {NODE_RENEW_LEASE, ERROR_CONFLICT, NODE_READ_LEASE},
    {NODE_RENEW_LEASE, ERROR_NOT_FOUND, NODE_READ}, /* it goes with its node */
};

static void tell_failure(struct nodes *nodes, const struct node *node, const struct error *err,
                         int64_t now_ms) {
    /* What fails for one node mostly fails for all of them. */
    if (!trouble_is_due(&nodes->trouble, SV("nodes"), now_ms))
        return;
    struct sv name = node_name(nodes->arena, node->index);
    log_line(nodes->options.log, LOG_WARNING, "node %.*s, and maybe others: %s; it is tried again",
             SV_ARG(name), err->message);
}

static int64_t take_failure(struct nodes *nodes, struct node *node, const struct error *err,
                            int64_t now_ms) {
    for (size_t i = 0; i < COUNT_OF(detours); i++) {
        if (node->step != detours[i].step || err->code != detours[i].code)
            continue;
        node->step = detours[i].next;
        return now_ms;
    }
    tell_failure(nodes, node, err, now_ms);
    int64_t wait_ms = node->retry_ms;
    node->retry_ms = wait_ms * 2 < RETRY_MS_MAX ? wait_ms * 2 : RETRY_MS_MAX;
    return now_ms + wait_ms;
}

/* What a node does that was not stopped meanwhile; another report says more than what was next. */
static void go_on(struct nodes *nodes, struct node *node, int64_t next_ms) {
    if (node->is_stopped)
        return;
    if (node->is_back && node->is_registered && nodes->options.has_heartbeats) {
        node->step = NODE_REPORT;
        next_ms = INT64_MIN;
    }
    node->is_back = false;
    schedule(nodes, node, next_ms);
}

static struct sv id_key(const uint64_t *id) {
    return (struct sv){(const char *)id, sizeof(*id)};
}

static void take_answers(struct nodes *nodes, int64_t now_ms) {
    struct completion completion;
    while (transport_take(nodes->options.transport, &completion)) {
        struct node *node = map_remove(nodes->in_flight, id_key(&completion.id));
        if (!node)
            continue;
        node->is_asking = false;
        int64_t next_ms = completion.err.code == ERROR_NONE
                              ? take_success(nodes, node, completion.body, now_ms)
                              : take_failure(nodes, node, &completion.err, now_ms);
        go_on(nodes, node, next_ms);
    }
}

int64_t nodes_step(void *context, int64_t now_ms) {
    struct nodes *nodes = context;
    struct timer timer;
    take_answers(nodes, now_ms);
    while (timers_take(&nodes->timers, now_ms, &timer)) {
        struct node *node = timer.value;
        if (timer.tag != node->generation)
            continue;
        arena_reset(nodes->arena);
        struct request request = build(nodes, node, now_ms);
        uint64_t id = transport_start(nodes->options.transport, &request);
        map_put(nodes->in_flight, id_key(&id), node);
        node->is_asking = true;
    }
    return timers_next_ms(&nodes->timers);
}

/* --- machines that are off --- */

static struct node *find(struct nodes *nodes, struct sv name) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < nodes->options.node_count; i++)
        if (sv_eq(node_name(arena, i), name))
            return &nodes->items[i];
    return NULL;
}

bool nodes_stop(struct nodes *nodes, struct sv name) {
    struct node *node = find(nodes, name);
    if (!node)
        return false;
    node->is_stopped = true;
    node->generation++; /* what it would have sent */
    return true;
}

/* An answer that is still under way is waited for: it belongs to what the node did before. */
bool nodes_start(struct nodes *nodes, struct sv name) {
    struct node *node = find(nodes, name);
    if (!node)
        return false;
    node->is_back |= node->is_stopped;
    node->is_stopped = false;
    if (node->is_back && !node->is_asking)
        go_on(nodes, node, node->step == NODE_REST ? DEADLINE_NEVER : INT64_MIN);
    return true;
}
