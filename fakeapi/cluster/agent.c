/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/agent.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/timers.h"
#include "core/base/vec.h"
#include "core/cache/reflector.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent_cache.h"
#include "fakeapi/cluster/trouble.h"
#include "fakeapi/cluster/world.h"

enum {
    CONFLICT_RETRY_MS = 5,
    BACKOFF_MS_MIN = 100,
    BACKOFF_MS_MAX = 60 * 1000,
    /* Of the memory of a reconcile, for the next one. */
    ROUND_BYTES_KEPT = 256 * 1024,
};

/* One key of one part that is marked, waits, or has requests in flight. */
struct work {
    struct agent_part *part;
    char *key;
    size_t key_len;
    int64_t due_ms; /* DEADLINE_NEVER: not marked */
    size_t in_flight;
    size_t timer_count; /* that point here, stale ones included */
    int64_t retry_ms;   /* asked for by a failed request; 0: none */
    int64_t backoff_ms;
};

struct agent_part {
    struct agent *agent;
    struct sv name;
    agent_reconcile *reconcile;
    void *context;
    struct map *work;         /* key -> struct work */
    agent_answered *answered; /* may be NULL */
    void *answered_context;
};

struct watched {
    struct agent_cache *cache; /* NULL: followed only */
    struct reflector *reflector;
};

struct agent {
    struct world *world;
    struct transport *transport;
    struct arena *texts, *scratch;
    struct arena *round; /* of one reconcile */
    struct sv name;
    struct trouble trouble; /* of its collections: mostly the same */
    uint64_t seed;
    VEC(struct agent_part *) parts;
    VEC(struct watched) watched;
    struct timers timers;  /* struct work, tagged with its due time */
    struct map *in_flight; /* request id as bytes -> struct work, or NULL for events */
    struct map *events;    /* what was said -> name of the Event, counted */
};

static int64_t step(void *context, int64_t now_ms);
static bool take(void *context, int64_t now_ms);

struct agent *agent_new(struct world *world, const struct agent_options *options) {
    struct agent *agent = mem_alloc(sizeof(*agent));
    agent->world = world;
    agent->texts = arena_new();
    agent->scratch = arena_new();
    agent->round = arena_new();
    agent->name = arena_copy(agent->texts, options->name);
    agent->seed = options->seed;
    agent->in_flight = map_new();
    agent->events = map_new();
    agent->transport = world_connect(world, agent->name);
    world_add_actor(world, &(struct actor){.name = agent->name,
                                           .step = step,
                                           .take = take,
                                           .context = agent,
                                           .transport = agent->transport,
                                           .may_be_apart = options->may_be_apart});
    return agent;
}

static void part_free(struct agent_part *part) {
    size_t cursor = 0;
    void *value;
    while (map_next(part->work, &cursor, NULL, &value)) {
        mem_free(((struct work *)value)->key);
        mem_free(value);
    }
    map_free(part->work);
    mem_free(part);
}

void agent_free(struct agent *agent) {
    if (!agent)
        return;
    world_remove_actor(agent->world, agent);
    for (size_t i = 0; i < agent->watched.count; i++) {
        reflector_free(agent->watched.items[i].reflector);
        if (agent->watched.items[i].cache)
            agent_cache_free(agent->watched.items[i].cache);
    }
    for (size_t i = 0; i < agent->parts.count; i++)
        part_free(agent->parts.items[i]);
    vec_release(&agent->watched);
    vec_release(&agent->parts);
    timers_release(&agent->timers);
    map_free(agent->in_flight);
    map_free(agent->events);
    world_disconnect(agent->world, agent->transport);
    arena_free(agent->texts);
    arena_free(agent->scratch);
    arena_free(agent->round);
    mem_free(agent);
}

int64_t agent_now_ms(const struct agent *agent) {
    return world_now_ms(agent->world);
}

struct agent *agent_of(const struct agent_part *part) {
    return part->agent;
}

struct agent_part *agent_add_part(struct agent *agent, struct sv name, agent_reconcile *reconcile,
                                  void *context) {
    struct agent_part *part = mem_alloc(sizeof(*part));
    *part = (struct agent_part){
        .agent = agent,
        .name = arena_copy(agent->texts, name),
        .reconcile = reconcile,
        .context = context,
        .work = map_new(),
    };
    vec_push(&agent->parts, part);
    return part;
}

/* --- the queue --- */

static struct work *work_of(struct agent_part *part, struct sv key) {
    struct work *work = map_get(part->work, key);
    if (work)
        return work;
    work = mem_alloc(sizeof(*work));
    *work = (struct work){
        .part = part, .key = mem_copy_text(key), .key_len = key.len, .due_ms = DEADLINE_NEVER};
    map_put(part->work, key, work);
    return work;
}

static void schedule(struct work *work, int64_t at_ms) {
    if (at_ms >= work->due_ms)
        return;
    work->due_ms = at_ms;
    work->timer_count++;
    timers_add(&work->part->agent->timers, at_ms, work, (uint64_t)at_ms);
}

void agent_mark(struct agent_part *part, struct sv key, int64_t at_ms) {
    int64_t now_ms = agent_now_ms(part->agent);
    schedule(work_of(part, key), at_ms > now_ms ? at_ms : now_ms);
}

void agent_mark_named(struct agent_part *part, struct sv namespace_name, struct sv name) {
    AUTO(arena) arena = arena_new();
    agent_mark(part, object_key(arena, namespace_name, name), 0);
}

void agent_mark_object(struct agent_part *part, const struct cJSON *object) {
    agent_mark_named(part, object_namespace(object), object_name(object));
}

/* Work that is neither marked nor in flight is not kept: keys come and go. */
static void drop_if_idle(struct work *work) {
    if (work->timer_count > 0 || work->in_flight > 0 || work->due_ms != DEADLINE_NEVER)
        return;
    map_remove(work->part->work, (struct sv){work->key, work->key_len});
    mem_free(work->key);
    mem_free(work);
}

static void run(struct work *work, int64_t now_ms) {
    struct agent_part *part = work->part;
    struct arena *arena = part->agent->round;
    struct sv key = arena_copy(arena, (struct sv){work->key, work->key_len});
    (void)now_ms;
    work->due_ms = DEADLINE_NEVER;
    part->reconcile(part->context, part, key, arena);
    arena_reset_keeping(arena, ROUND_BYTES_KEPT);
}

static void run_timer(struct work *work, int64_t due_ms, int64_t now_ms) {
    bool is_stale = work->due_ms != due_ms;
    if (!is_stale && work->in_flight == 0) {
        run(work, now_ms);
    } else if (!is_stale) {
        /* In flight: the last answer brings it back. */
        work->due_ms = DEADLINE_NEVER;
        work->retry_ms = work->retry_ms ? work->retry_ms : now_ms;
    }
    drop_if_idle(work);
}

static void run_due(struct agent *agent, int64_t now_ms) {
    struct timer timer;
    while (timers_take(&agent->timers, now_ms, &timer)) {
        struct work *work = timer.value;
        work->timer_count--;
        run_timer(work, (int64_t)timer.tag, now_ms);
    }
}

/* --- requests --- */

static struct sv id_key(const uint64_t *id) {
    return (struct sv){(const char *)id, sizeof(*id)};
}

void agent_on_answer(struct agent_part *part, agent_answered *answered, void *context) {
    part->answered = answered;
    part->answered_context = context;
}

uint64_t agent_send(struct agent_part *part, struct sv key, const struct request *request) {
    struct work *work = work_of(part, key);
    uint64_t id = transport_start(part->agent->transport, request);
    work->in_flight++;
    map_put(part->agent->in_flight, id_key(&id), work);
    return id;
}

static bool is_cache_of(const struct watched *watched, const struct resource *resource) {
    return watched->cache && agent_cache_resource(watched->cache) == resource;
}

static struct agent_cache *find_cache(const struct agent *agent, const struct resource *resource) {
    for (size_t i = 0; i < agent->watched.count && resource; i++)
        if (is_cache_of(&agent->watched.items[i], resource))
            return agent->watched.items[i].cache;
    return NULL;
}

/* Conflicts mostly end at the second try; where they last, they are not to fill the log. */
static int64_t retry_delay_ms(struct work *work, enum error_code code) {
    bool is_conflict =
        code == ERROR_CONFLICT || code == ERROR_NOT_FOUND || code == ERROR_ALREADY_EXISTS;
    int64_t first_ms = is_conflict ? CONFLICT_RETRY_MS : BACKOFF_MS_MIN;
    work->backoff_ms = work->backoff_ms ? work->backoff_ms * 2 : first_ms;
    if (work->backoff_ms > BACKOFF_MS_MAX)
        work->backoff_ms = BACKOFF_MS_MAX;
    return work->backoff_ms;
}

static void take_answer(struct agent *agent, struct work *work, const struct completion *completion,
                        int64_t now_ms) {
    int64_t again_ms = now_ms;
    if (completion->err.code == ERROR_NONE) {
        struct agent_cache *cache = find_cache(agent, resource_of_object(completion->body));
        work->backoff_ms = 0;
        if (cache)
            agent_cache_upsert_answer(cache, completion->body);
    } else {
        again_ms = now_ms + retry_delay_ms(work, completion->err.code);
    }
    if (again_ms > work->retry_ms)
        work->retry_ms = again_ms;
    if (work->part->answered)
        work->part->answered(work->part->answered_context, (struct sv){work->key, work->key_len},
                             completion);
    if (--work->in_flight > 0)
        return;
    schedule(work, work->retry_ms);
    work->retry_ms = 0;
}

static bool take(void *context, int64_t now_ms) {
    struct agent *agent = context;
    struct completion completion;
    if (!transport_take(agent->transport, &completion))
        return false;
    bool is_ours = map_has(agent->in_flight, id_key(&completion.id));
    struct work *work = map_remove(agent->in_flight, id_key(&completion.id));
    if (work)
        take_answer(agent, work, &completion, now_ms);
    for (size_t i = 0; i < agent->watched.count && !is_ours; i++)
        is_ours = reflector_take(agent->watched.items[i].reflector, &completion, now_ms);
    return true;
}

bool agent_is_synced(const struct agent *agent) {
    for (size_t i = 0; i < agent->watched.count; i++)
        if (agent->watched.items[i].cache &&
            !reflector_is_synced(agent->watched.items[i].reflector))
            return false;
    return true;
}

/* Servers elsewhere refuse, and are away: whoever waits for pods is to know why none starts. */
static void tell_trouble(struct agent *agent, const struct watched *watched, int64_t now_ms) {
    const struct error *err = reflector_trouble(watched->reflector);
    if (err && trouble_is_due(&agent->trouble, sv_from(err->message), now_ms))
        log_line(world_log(agent->world), LOG_WARNING, "%.*s cannot watch: %s; it is tried again",
                 SV_ARG(agent->name), err->message);
}

static int64_t step(void *context, int64_t now_ms) {
    struct agent *agent = context;
    int64_t next_ms = DEADLINE_NEVER;
    while (take(agent, now_ms))
        ;
    for (size_t i = 0; i < agent->watched.count; i++) {
        tell_trouble(agent, &agent->watched.items[i], now_ms);
        int64_t due_ms = reflector_step(agent->watched.items[i].reflector, now_ms);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    if (!agent_is_synced(agent))
        return next_ms;
    run_due(agent, now_ms);
    int64_t work_ms = timers_next_ms(&agent->timers);
    return work_ms < next_ms ? work_ms : next_ms;
}

/* --- watching --- */

static void sink_upsert(void *context, const struct cJSON *object) {
    agent_cache_upsert(context, object);
}

static void sink_remove(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                        const struct cJSON *object) {
    agent_cache_remove(context, namespace_name, name, uid, object);
}

struct agent_cache *agent_watch_selected(struct agent *agent, const struct resource *resource,
                                         struct sv label_selector, struct sv field_selector,
                                         agent_handler *handler, void *context) {
    assert(!find_cache(agent, resource));
    struct agent_cache *cache = agent_cache_new(resource);
    struct reflector *reflector = reflector_new(&(struct reflector_options){
        .transport = agent->transport,
        .resource = resource,
        .namespace_name = SV(""),
        .label_selector = label_selector,
        .field_selector = field_selector,
        .seed = agent->seed,
        .sink = {.upsert = sink_upsert, .remove = sink_remove, .context = cache},
    });
    vec_push(&agent->watched, (struct watched){cache, reflector});
    if (handler)
        agent_cache_add_handler(cache, handler, context);
    return cache;
}

struct agent_cache *agent_watch(struct agent *agent, const struct resource *resource,
                                agent_handler *handler, void *context) {
    struct agent_cache *cache = find_cache(agent, resource);
    if (!cache)
        return agent_watch_selected(agent, resource, SV(""), SV(""), handler, context);
    if (handler)
        agent_cache_add_handler(cache, handler, context);
    return cache;
}

struct reflector *agent_follow(struct agent *agent, const struct resource *resource,
                               struct sv field_selector, const struct reflector_sink *sink) {
    struct reflector *reflector = reflector_new(&(struct reflector_options){
        .transport = agent->transport,
        .resource = resource,
        .namespace_name = SV(""),
        .label_selector = SV(""),
        .field_selector = field_selector,
        .seed = agent->seed,
        .sink = *sink,
    });
    vec_push(&agent->watched, (struct watched){NULL, reflector});
    world_wake_actor(agent->world, agent);
    return reflector;
}

void agent_unfollow(struct agent *agent, struct reflector *reflector) {
    for (size_t i = 0; i < agent->watched.count; i++) {
        if (agent->watched.items[i].reflector != reflector)
            continue;
        reflector_free(reflector);
        vec_remove(&agent->watched, i);
        return;
    }
}

/* --- building requests --- */

struct request agent_create(const struct resource *resource, const struct cJSON *object) {
    struct request request = request_to(VERB_CREATE, resource, object_namespace(object), SV(""));
    request.body = object;
    return request;
}

struct request agent_merge_patch(const struct resource *resource, struct sv namespace_name,
                                 struct sv name, struct sv subresource, const struct cJSON *patch) {
    struct request request = request_to(VERB_PATCH, resource, namespace_name, name);
    request.patch_type = PATCH_MERGE;
    request.subresource = subresource;
    request.body = patch;
    return request;
}

struct request agent_delete(struct arena *arena, const struct resource *resource,
                            const struct cJSON *object, int64_t grace_seconds) {
    struct request request =
        request_to(VERB_DELETE, resource, object_namespace(object), object_name(object));
    struct cJSON *options = json_map(arena);
    json_set_string(arena, options, SV("apiVersion"), SV("v1"));
    json_set_string(arena, options, SV("kind"), SV("DeleteOptions"));
    struct cJSON *preconditions = json_ensure_map(arena, options, SV("preconditions"));
    json_set_string(arena, preconditions, SV("uid"), object_uid(object));
    if (grace_seconds >= 0)
        json_set_int(arena, options, SV("gracePeriodSeconds"), grace_seconds);
    request.body = options;
    return request;
}

/* --- events --- */

/* By what name the parts of the real programs sign. */
static struct sv component_of(const struct agent_part *part) {
    static const struct {
        struct sv part, component;
    } names[] = {
        {SV("autoscaler"), SV("horizontal-pod-autoscaler")},
        {SV("cronjob"), SV("cronjob-controller")},
        {SV("daemonset"), SV("daemonset-controller")},
        {SV("deployment"), SV("deployment-controller")},
        {SV("disruption"), SV("controllermanager")},
        {SV("endpoint-mirror"), SV("endpoint-slice-mirroring-controller")},
        {SV("garbage"), SV("garbage-collector-controller")},
        {SV("job"), SV("job-controller")},
        {SV("node-lifecycle"), SV("node-controller")},
        {SV("replicaset"), SV("replicaset-controller")},
        {SV("replication"), SV("replication-controller")},
        {SV("scheduler"), SV("default-scheduler")},
        {SV("statefulset"), SV("statefulset-controller")},
        {SV("volume-claims"), SV("persistentvolume-controller")},
        {SV("volumes"), SV("persistentvolume-controller")},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (sv_eq(names[i].part, part->name))
            return names[i].component;
    return part->agent->name;
}

/* What an object is. Items of a list do not say so themselves; the cache that holds them knows. */
static void name_kind(struct arena *arena, const struct agent *agent, const struct cJSON *object,
                      struct cJSON *about) {
    struct sv api_version = json_find_string(object, "apiVersion");
    struct sv kind = json_find_string(object, "kind");
    for (size_t i = 0; i < agent->watched.count && kind.len == 0; i++) {
        const struct agent_cache *cache = agent->watched.items[i].cache;
        const struct cJSON *held =
            cache ? cache_get(cache, object_namespace(object), object_name(object)) : NULL;
        if (!held || !sv_eq(object_uid(held), object_uid(object)))
            continue;
        kind = agent_cache_resource(cache)->kind;
        api_version = resource_api_version(agent_cache_resource(cache), arena);
    }
    json_set_string(arena, about, SV("apiVersion"), api_version);
    json_set_string(arena, about, SV("kind"), kind);
}

static struct cJSON *event_object(struct arena *arena, const struct agent_part *part,
                                  const struct cJSON *object, bool is_warning, struct sv reason,
                                  struct sv message, struct sv name) {
    const struct agent *agent = part->agent;
    struct sv component = component_of(part);
    struct sv namespace_name =
        object_namespace(object).len ? object_namespace(object) : SV("default");
    struct sv now = api_time_format(agent_now_ms(agent), arena);
    struct cJSON *event = object_new(arena, &RESOURCE_EVENTS, namespace_name, name);
    struct cJSON *about = json_ensure_map(arena, event, SV("involvedObject"));
    name_kind(arena, agent, object, about);
    json_set_string(arena, about, SV("namespace"), object_namespace(object));
    json_set_string(arena, about, SV("name"), object_name(object));
    json_set_string(arena, about, SV("uid"), object_uid(object));
    json_set_string(arena, event, SV("reason"), reason);
    json_set_string(arena, event, SV("message"), message);
    json_set_string(arena, event, SV("type"), is_warning ? SV("Warning") : SV("Normal"));
    json_set_string(arena, event, SV("firstTimestamp"), now);
    json_set_string(arena, event, SV("lastTimestamp"), now);
    json_set_int(arena, event, SV("count"), 1);
    struct cJSON *source = json_ensure_map(arena, event, SV("source"));
    json_set_string(arena, source, SV("component"), component);
    /* What a node says about a pod names the node. */
    struct sv host =
        sv_eq(component, SV("kubelet")) ? json_find_string(object, "spec.nodeName") : SV("");
    if (host.len > 0)
        json_set_string(arena, source, SV("host"), host);
    json_set_string(arena, event, SV("reportingComponent"), component);
    json_set_string(arena, event, SV("reportingInstance"), host);
    return event;
}

void agent_event(struct agent_part *part, const struct cJSON *object, bool is_warning,
                 struct sv reason, struct sv message) {
    struct agent *agent = part->agent;
    arena_reset(agent->scratch);
    struct arena *arena = agent->scratch;
    struct sv said = arena_printf(arena, "%.*s %.*s %.*s", SV_ARG(object_uid(object)),
                                  SV_ARG(reason), SV_ARG(message));
    struct sv name = arena_printf(arena, "%.*s.%016llx", SV_ARG(object_name(object)),
                                  (unsigned long long)sv_hash(said));
    uintptr_t count = (uintptr_t)map_get(agent->events, said) + 1;
    map_put(agent->events, said, (void *)count);
    struct cJSON *event = event_object(arena, part, object, is_warning, reason, message, name);
    struct request request = agent_create(&RESOURCE_EVENTS, event);
    if (count > 1) {
        struct cJSON *patch = json_map(arena);
        json_set_int(arena, patch, SV("count"), (int64_t)count);
        json_set_string(arena, patch, SV("lastTimestamp"),
                        api_time_format(agent_now_ms(agent), arena));
        request = agent_merge_patch(&RESOURCE_EVENTS, object_namespace(event), name, SV(""), patch);
    }
    uint64_t id = transport_start(agent->transport, &request);
    /* Nobody waits for it; its answer is dropped. */
    map_put(agent->in_flight, id_key(&id), NULL);
}
