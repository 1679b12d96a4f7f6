/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/pod_control_claim.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/cluster/pod_control.h"

struct claims {
    struct claims_options options;
    struct agent_cache *cache;
    size_t by_controller, orphans_by_namespace; /* indexes of the children */
    size_t by_label;                            /* index of the owners */
    struct map *adopting;                       /* owner's key -> NULL: orphans may wait for it */
};

/* What one call works on. */
struct claiming {
    struct claims *claims;
    struct sv key;
    const struct cJSON *owner;
    struct selector selector;
    struct arena *arena;
    VEC(const struct cJSON *) kept;
    size_t sent_count;
};

/* --- indexes --- */

static struct sv key_of_orphan(const struct cJSON *object, struct arena *arena) {
    (void)arena;
    return object_controller_owner(object) ? SV("") : object_namespace(object);
}

static struct sv label_key(struct arena *arena, struct sv namespace_name, struct sv key,
                           struct sv value) {
    return arena_printf(arena, "%.*s/%.*s=%.*s", SV_ARG(namespace_name), SV_ARG(key),
                        SV_ARG(value));
}

static struct sv any_label_key(struct arena *arena, struct sv namespace_name) {
    return arena_printf(arena, "%.*s/*", SV_ARG(namespace_name));
}

/* One label that everything the owner selects carries; so an orphan finds its possible owners by
 * its own labels. */
static struct sv key_of_first(const struct cJSON *owner, const struct cJSON *labels,
                              struct arena *arena) {
    if (json_count(labels) == 0)
        return any_label_key(arena, object_namespace(owner));
    const struct cJSON *label = labels->child;
    return label_key(arena, object_namespace(owner), json_key(label), json_text(label));
}

static struct sv key_of_required_label(const struct cJSON *owner, struct arena *arena) {
    return key_of_first(owner, json_find(owner, "spec.selector.matchLabels"), arena);
}

static struct sv key_of_mapped_label(const struct cJSON *owner, struct arena *arena) {
    return key_of_first(owner, json_find(owner, "spec.selector"), arena);
}

/* --- selectors --- */

/* A selector that cannot be read is the server's to refuse; it selects nothing here. */
static struct selector selector_of(const struct claims *claims, const struct cJSON *owner,
                                   struct arena *arena) {
    struct selector selector;
    struct error err = {0};
    const struct cJSON *written = json_find(owner, "spec.selector");
    if (claims->options.selects_by_map) {
        struct cJSON *wrapped = json_map(arena);
        json_set(arena, wrapped, SV("matchLabels"), json_copy(arena, written));
        written = json_count(written) > 0 ? wrapped : NULL;
    }
    if (!selector_from_object(arena, written, &selector, &err))
        selector = (struct selector){.matches_nothing = true};
    return selector;
}

/* --- who is concerned by a change --- */

static void mark(struct claims *claims, struct sv namespace_name, struct sv name) {
    agent_mark_named(pod_control_part(claims->options.control), namespace_name, name);
}

static void mark_controller(struct claims *claims, const struct cJSON *object) {
    const struct cJSON *reference = object_controller_owner(object);
    const struct resource *owner = pod_control_resource(claims->options.control);
    struct sv group, version;
    if (!reference || !sv_eq(json_string_or(reference, SV("kind"), SV("")), owner->kind))
        return;
    resource_split_api_version(json_string_or(reference, SV("apiVersion"), SV("")), &group,
                               &version);
    if (sv_eq(group, owner->group))
        mark(claims, object_namespace(object), json_string_or(reference, SV("name"), SV("")));
}

static void offer_to(struct claims *claims, const struct cJSON *object, struct sv index_key,
                     struct arena *arena) {
    struct agent_cache *owners = pod_control_owners(claims->options.control);
    size_t cursor = 0;
    const struct cJSON *owner;
    while ((owner = cache_index_next(owners, claims->by_label, index_key, &cursor))) {
        struct selector selector = selector_of(claims, owner, arena);
        if (!selector_matches(&selector, json_find(object, "metadata.labels")))
            continue;
        struct sv key = object_key(arena, object_namespace(owner), object_name(owner));
        map_put(claims->adopting, key, NULL);
        agent_mark(pod_control_part(claims->options.control), key, 0);
    }
}

static void offer_orphan(struct claims *claims, const struct cJSON *object) {
    AUTO(arena) arena = arena_new();
    struct sv namespace_name = object_namespace(object);
    JSON_EACH (label, json_find(object, "metadata.labels"))
        offer_to(claims, object,
                 label_key(arena, namespace_name, json_key(label), json_text(label)), arena);
    offer_to(claims, object, any_label_key(arena, namespace_name), arena);
}

static void handle_child(void *context, const struct cJSON *object, const struct cJSON *before,
                         bool is_gone) {
    struct claims *claims = context;
    mark_controller(claims, object);
    if (before && object_controller_owner(before) && !object_controller_owner(object))
        mark_controller(claims, before);
    if (!is_gone && !object_controller_owner(object) && !object_is_deleting(object))
        offer_orphan(claims, object);
}

static void handle_owner(void *context, const struct cJSON *object, const struct cJSON *before,
                         bool is_gone) {
    struct claims *claims = context;
    AUTO(arena) arena = arena_new();
    struct sv key = object_key(arena, object_namespace(object), object_name(object));
    if (is_gone)
        map_remove(claims->adopting, key);
    else if (!before || !sv_eq(object_uid(before), object_uid(object)))
        map_put(claims->adopting, key, NULL);
}

/* --- adopting and releasing --- */

static void send_patch(struct claiming *claiming, const struct cJSON *object,
                       struct cJSON *reference) {
    struct arena *arena = claiming->arena;
    struct cJSON *patch = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, patch, SV("metadata"));
    json_append(json_ensure_list(arena, metadata, SV("ownerReferences")), reference);
    json_set_string(arena, metadata, SV("uid"), object_uid(object));
    struct request request =
        agent_merge_patch(claiming->claims->options.children, object_namespace(object),
                          object_name(object), SV(""), patch);
    request.patch_type = PATCH_STRATEGIC;
    agent_send(pod_control_part(claiming->claims->options.control), claiming->key, &request);
    claiming->sent_count++;
}

static bool matches(const struct claiming *claiming, const struct cJSON *object) {
    claims_filter *filter = claiming->claims->options.filter;
    return selector_matches(&claiming->selector, json_find(object, "metadata.labels")) &&
           (!filter || filter(claiming->owner, object));
}

static void take_owned(struct claiming *claiming) {
    size_t cursor = 0;
    const struct cJSON *object;
    const struct claims *claims = claiming->claims;
    while ((object = cache_index_next(claims->cache, claims->by_controller,
                                      object_uid(claiming->owner), &cursor))) {
        if (matches(claiming, object)) {
            vec_push(&claiming->kept, object);
        } else if (!object_is_deleting(claiming->owner) && !object_is_deleting(object)) {
            struct cJSON *reference = json_map(claiming->arena);
            json_set_string(claiming->arena, reference, SV("$patch"), SV("delete"));
            json_set_string(claiming->arena, reference, SV("uid"), object_uid(claiming->owner));
            send_patch(claiming, object, reference);
        }
    }
}

static void take_orphans(struct claiming *claiming) {
    size_t cursor = 0, before = claiming->sent_count;
    const struct cJSON *object;
    struct claims *claims = claiming->claims;
    if (!map_has(claims->adopting, claiming->key) || object_is_deleting(claiming->owner))
        return;
    while ((object = cache_index_next(claims->cache, claims->orphans_by_namespace,
                                      object_namespace(claiming->owner), &cursor)))
        if (!object_is_deleting(object) && matches(claiming, object))
            send_patch(claiming, object,
                       pod_control_reference(claiming->arena, claiming->owner,
                                             pod_control_resource(claims->options.control)));
    if (claiming->sent_count == before)
        map_remove(claims->adopting, claiming->key);
}

bool claims_take(struct claims *claims, struct sv key, const struct cJSON *owner,
                 struct arena *arena, struct claimed *ret_claimed) {
    struct claiming claiming = {
        .claims = claims,
        .key = key,
        .owner = owner,
        .selector = selector_of(claims, owner, arena),
        .arena = arena,
    };
    take_owned(&claiming);
    take_orphans(&claiming);
    ret_claimed->count = claiming.kept.count;
    ret_claimed->items = ARENA_ARRAY(arena, const struct cJSON *, claiming.kept.count + 1);
    for (size_t i = 0; i < claiming.kept.count; i++)
        ret_claimed->items[i] = claiming.kept.items[i];
    vec_release(&claiming.kept);
    return claiming.sent_count == 0;
}

/* --- life --- */

struct claims *claims_new(const struct claims_options *options) {
    struct claims *claims = mem_alloc(sizeof(*claims));
    claims->options = *options;
    claims->adopting = map_new();
    claims->by_label =
        cache_add_index(pod_control_owners(options->control),
                        options->selects_by_map ? key_of_mapped_label : key_of_required_label);
    agent_watch(options->agent, pod_control_resource(options->control), handle_owner, claims);
    claims->cache = agent_watch(options->agent, options->children, handle_child, claims);
    claims->by_controller = cache_add_index(claims->cache, cache_key_of_controller);
    claims->orphans_by_namespace = cache_add_index(claims->cache, key_of_orphan);
    return claims;
}

void claims_free(struct claims *claims) {
    if (!claims)
        return;
    map_free(claims->adopting);
    mem_free(claims);
}

struct agent_cache *claims_cache(const struct claims *claims) {
    return claims->cache;
}
