/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: what every built-in controller of the simulated cluster is made of: one client of the
 * server, caches that reflectors keep up to date, a queue of keys, and writes in flight. It
 * corresponds to a process such as kube-controller-manager, kube-scheduler or the kubelets,
 * whose parts share caches.
 *
 * A part watches resources, marks keys from its handlers, and reconciles one key at a time:
 * it compares the caches and sends requests for that key. While a key has requests in flight it
 * is not reconciled; each answer goes into the caches at once (so that a part never acts on a
 * state older than its own writes), and when the last one is there the key is reconciled again.
 * A failed request brings the key back after a delay: at once-ish for conflicts, with back-off
 * for the rest.
 */
#ifndef FAKEAPI_CLUSTER_AGENT_H
#define FAKEAPI_CLUSTER_AGENT_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"

struct agent;       /* opaque */
struct agent_cache; /* opaque: the objects of one resource */
struct agent_part;  /* opaque: one controller in the agent */
struct arena;
struct cJSON;
struct reflector;
struct reflector_sink;
struct resource;
struct world;

struct agent_options {
    struct sv name; /* its user agent */
    uint64_t seed;
    bool may_be_apart; /* see struct actor */
};

/* Connects to the world and becomes one of its actors. */
struct agent *agent_new(struct world *world, const struct agent_options *options);
/* Accepts NULL. Parts and caches go with it. */
void agent_free(struct agent *agent);
int64_t agent_now_ms(const struct agent *agent);

/* --- parts --- */

/* `key` is what was marked; everything in `arena` is gone after the call. */
typedef void agent_reconcile(void *context, struct agent_part *part, struct sv key,
                             struct arena *arena);
struct agent_part *agent_add_part(struct agent *agent, struct sv name, agent_reconcile *reconcile,
                                  void *context);
/* Reconciles the key now, or at `at_ms` (0: now). A key is held once, at its earliest time. */
void agent_mark(struct agent_part *part, struct sv key, int64_t at_ms);
/* The same now, for the object_key() of a name, and of an object. */
void agent_mark_named(struct agent_part *part, struct sv namespace_name, struct sv name);
void agent_mark_object(struct agent_part *part, const struct cJSON *object);
/* Sends a request on behalf of a key; both are copied. Returns the request's id. */
uint64_t agent_send(struct agent_part *part, struct sv key, const struct request *request);
/* Tells a part of each answer to what it sent, when the caches have it and before the key is
 * reconciled again. One handler a part; `completion` is valid during the call. */
typedef void agent_answered(void *context, struct sv key, const struct completion *completion);
void agent_on_answer(struct agent_part *part, agent_answered *answered, void *context);
struct agent *agent_of(const struct agent_part *part);

/* --- caches --- */

/* `object` is the new state or, when it went, the last one; `before` the state that was cached,
 * NULL for a new one. Both are valid during the call. */
typedef void agent_handler(void *context, const struct cJSON *object, const struct cJSON *before,
                           bool is_gone);

/* The agent's cache of a resource; made on first use, shared by its parts. Several parts may
 * handle its changes, called in the order of the calls. `handler` may be NULL. */
struct agent_cache *agent_watch(struct agent *agent, const struct resource *resource,
                                agent_handler *handler, void *context);
/* A cache of what the selectors (SV(""): all) let through. It is the agent's only one of that
 * resource, and is not shared. */
struct agent_cache *agent_watch_selected(struct agent *agent, const struct resource *resource,
                                         struct sv label_selector, struct sv field_selector,
                                         agent_handler *handler, void *context);
/* Follows a collection without caching it, for parts that keep only what they need of it; what
 * is followed does not count for agent_is_synced(). The sink is copied. `resource` is borrowed
 * until agent_unfollow() or agent_free(). Call both from a reconcile, not from handlers. */
struct reflector *agent_follow(struct agent *agent, const struct resource *resource,
                               struct sv field_selector, const struct reflector_sink *sink);
void agent_unfollow(struct agent *agent, struct reflector *reflector);
/* All caches were filled once. No part reconciles before. */
bool agent_is_synced(const struct agent *agent);

/* Borrowed until the next change of the object; NULL when absent. */
const struct cJSON *cache_get(const struct agent_cache *cache, struct sv namespace_name,
                              struct sv name);
/* for (size_t i = 0; (object = cache_next(cache, &i));): in order of first sight. */
const struct cJSON *cache_next(const struct agent_cache *cache, size_t *cursor);
size_t cache_count(const struct agent_cache *cache);

/* A further index of a cache: `key_of` gives the text under which an object is found (in `arena`
 * or the object), SV("") for none. Objects come in the order of (namespace, name). */
typedef struct sv cache_key_of(const struct cJSON *object, struct arena *arena);
/* Call it right after agent_watch(), before anything arrived; returns the index's number. */
size_t cache_add_index(struct agent_cache *cache, cache_key_of *key_of);
const struct cJSON *cache_index_next(const struct agent_cache *cache, size_t index, struct sv key,
                                     size_t *cursor);
/* A ready-made index: the uid of the controller owner. */
struct sv cache_key_of_controller(const struct cJSON *object, struct arena *arena);

/* --- requests for agent_send(), beside request_to() --- */

struct request agent_create(const struct resource *resource, const struct cJSON *object);
/* A merge patch of the object or of its subresource ("" or "status"). */
struct request agent_merge_patch(const struct resource *resource, struct sv namespace_name,
                                 struct sv name, struct sv subresource, const struct cJSON *patch);
/* With a uid precondition; grace_seconds negative: the object's own. The body is in `arena`. */
struct request agent_delete(struct arena *arena, const struct resource *resource,
                            const struct cJSON *object, int64_t grace_seconds);

/* Records a core/v1 Event about `object`; repeated ones are counted by a patch. */
void agent_event(struct agent_part *part, const struct cJSON *object, bool is_warning,
                 struct sv reason, struct sv message);

#endif
