/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/property_watch.h"

#include "conformance/explore/property_warm.h"
#include "conformance/session_sim.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/fault/request_pattern.h"

/* Longer than the longest time between two passes over a runtime that nothing happens to. */
enum { STEADY_MS = 16 * 60 * 1000 };

struct property_watch {
    struct arena *arena;
    struct property_warm *warm;
    const struct observer *observer; /* NULL: none */
    struct world *world;
    int64_t start_ms;
    struct map *versions; /* "plural ns/name" -> struct sv, the last resourceVersion seen */
    uint64_t requests, steady_writes;
    struct sv empty_write;
};

struct property_watch *property_watch_new(struct arena *arena, struct property_warm *warm) {
    struct property_watch *watch = mem_alloc(sizeof(*watch));
    watch->warm = warm;
    watch->arena = arena;
    watch->versions = map_new();
    watch->empty_write = SV("");
    return watch;
}

void property_watch_free(struct property_watch *watch) {
    if (!watch)
        return;
    map_free(watch->versions);
    mem_free(watch);
}

void property_watch_observe(struct property_watch *watch, const struct observer *observer) {
    watch->observer = observer;
}

static bool never(struct session *session, void *context) {
    (void)session, (void)context;
    return false;
}

void property_watch_steady(void *context, struct session *session) {
    struct property_watch *watch = context;
    struct session_counts before, after;
    session_get_counts(session, &before);
    session_run_until(session, STEADY_MS, never, NULL);
    session_get_counts(session, &after);
    watch->steady_writes = after.writes - before.writes;
}

uint64_t property_watch_steady_writes(const struct property_watch *watch) {
    return watch->steady_writes;
}

uint64_t property_watch_requests(const struct property_watch *watch) {
    return watch->requests;
}

struct sv property_watch_empty_write(const struct property_watch *watch) {
    return watch->empty_write;
}

/* Remembers the version of an object; true when it was known already. */
static bool learn_version(struct property_watch *watch, struct sv key, struct sv version) {
    struct sv *known = map_get(watch->versions, key);
    if (known && sv_eq(*known, version))
        return true;
    if (!known) {
        known = ARENA_NEW(watch->arena, struct sv);
        map_put(watch->versions, key, known);
    }
    *known = arena_copy(watch->arena, version);
    return false;
}

static void tell_empty_write(struct property_watch *watch, const struct request *request,
                             struct sv key) {
    struct sv verb = request_verb_text(request);
    int64_t at_ms = world_now_ms(watch->world) - watch->start_ms;
    watch->empty_write = arena_printf(
        watch->arena, "%lld.%03llds after the start: %.*s of %.*s%s%.*s changed nothing",
        (long long)(at_ms / 1000), (long long)(at_ms % 1000), SV_ARG(verb), SV_ARG(key),
        request->subresource.len > 0 ? " " : "", SV_ARG(request->subresource));
}

/* The last finalizer of what is being deleted went: the object with it. */
static bool is_gone(const struct cJSON *object) {
    return object_is_deleting(object) && json_count(json_find(object, "metadata.finalizers")) == 0;
}

static void after_request(void *context, struct sv user_agent, const struct request *request,
                          int http_status, const struct cJSON *body) {
    struct property_watch *watch = context;
    bool is_ours = sv_eq(user_agent, SESSION_CONTROLLER_AGENT);
    watch->requests += is_ours;
    struct sv version = object_resource_version(body);
    bool is_change = request_is_write(request) && request->verb != VERB_DELETE &&
                     request->verb != VERB_DELETE_COLLECTION && http_status >= 200 &&
                     http_status < 300 && !request->dry_run;
    if (!is_change || version.len == 0 || is_gone(body) || sv_eq(request->plural, SV("events")))
        return;
    AUTO(arena) scratch = arena_new();
    struct sv object = object_key(scratch, object_namespace(body), object_name(body));
    struct sv key = arena_printf(scratch, "%.*s %.*s", SV_ARG(request->plural), SV_ARG(object));
    bool is_known = learn_version(watch, key, version);
    if (is_known && is_ours && watch->empty_write.len == 0)
        tell_empty_write(watch, request, key);
}

struct session *property_watch_open(void *context, const struct session_options *options,
                                    struct error *err) {
    struct property_watch *watch = context;
    struct session *session = property_warm_take(watch->warm, options, err);
    if (!session)
        return NULL;
    watch->world = session_world(session);
    watch->start_ms = session_now_ms(session);
    world_add_observer(watch->world, &(struct observer){.after = after_request, .context = watch});
    if (watch->observer)
        world_add_observer(watch->world, watch->observer);
    return session;
}

/* --- what is left in the end --- */

static bool names_runtime(const struct cJSON *object) {
    JSON_EACH (owner, json_find(object, "metadata.ownerReferences"))
        if (sv_eq(json_find_string(owner, "kind"), SV("CacheRuntime")))
            return true;
    JSON_EACH (label, json_find(object, "metadata.labels"))
        if (sv_starts_with(json_key(label), SV("cacheruntime.fluid.io/")) ||
            sv_starts_with(json_key(label), SV("fluid.io/s-")) ||
            sv_starts_with(json_key(label), SV("fluid.io/f-")) ||
            sv_starts_with(json_key(label), SV("fluid_exclusive")) ||
            sv_eq(json_key(label), SV("fluid.io/dataset-num")))
            return true;
    return false;
}

struct sv property_find_orphan(struct sv final_objects, struct arena *arena) {
    struct sv orphan = SV("");
    struct error err = {0};
    while (final_objects.len > 0) {
        struct sv line = sv_cut(&final_objects, '\n');
        if (sv_starts_with(line, SV("cacheruntimes ")))
            return SV("");
        size_t brace = sv_find(line, '{');
        const struct cJSON *object = json_read(arena, sv_drop(line, brace), &err);
        if (orphan.len == 0 && names_runtime(object))
            orphan =
                arena_printf(arena, "no runtime is left, but %.*s", SV_ARG(sv_prefix(line, brace)));
    }
    return orphan;
}
