/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/controller_revision.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/pod_control_claim.h"
#include "fakeapi/cluster/template_dump.h"

enum {
    COLLISIONS_MAX = 16,
    /* Until the garbage collector took a namesake's revision away. */
    NAMESAKE_WAIT_MS = 100,
    LIMIT_DEFAULT = 10,
};

/* Which revision the template of one generation is, so that it is not compared every time, and
 * how often names were taken so far. */
struct known_revision {
    int64_t generation;
    uint64_t name_hash;
    int64_t collision_count;
};

struct controller_revisions {
    struct pod_control *control;
    struct claims *claims;
    struct sv hash_label;
    bool hashes_data;
    struct map *known; /* owner's uid -> struct known_revision */
};

/* --- hashes --- */

/* Maps sorted at every level: equal templates get equal texts. */
static struct cJSON *sorted_copy(struct arena *arena, const struct cJSON *item) {
    if (json_is_map(item)) {
        struct cJSON *map = json_map(arena);
        JSON_EACH (member, item)
            json_set(arena, map, json_key(member), sorted_copy(arena, member));
        json_sort(map);
        return map;
    }
    if (!json_is_list(item))
        return json_copy(arena, item);
    struct cJSON *list = json_list(arena);
    JSON_EACH (member, item)
        json_append(list, sorted_copy(arena, member));
    return list;
}

static const uint32_t fnv_start = UINT32_C(2166136261), fnv_prime = UINT32_C(16777619);

/* FNV-1a mixes a byte in before it multiplies, FNV-1 after. */
static uint32_t fnv1a(uint32_t hash, struct sv text) {
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.ptr[i]) * fnv_prime;
    return hash;
}

static uint32_t fnv1(uint32_t hash, struct sv text) {
    for (size_t i = 0; i < text.len; i++)
        hash = (hash * fnv_prime) ^ (uint8_t)text.ptr[i];
    return hash;
}

static struct sv safe_text(uint32_t hash, struct arena *arena) {
    /* No vowels and no look-alikes, as in k8s.io/apimachinery: no word comes out by chance. */
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char digits[16];
    int len = snprintf(digits, sizeof(digits), "%u", hash);
    for (int i = 0; i < len; i++)
        digits[i] = letters[(size_t)digits[i] % (sizeof(letters) - 1)];
    return arena_copy(arena, (struct sv){digits, (size_t)len});
}

static struct sv number_text(int64_t number, struct arena *arena) {
    return arena_printf(arena, "%lld", (long long)number);
}

struct sv template_hash(const struct cJSON *template, int64_t collision_count,
                        struct arena *arena) {
    uint32_t hash = fnv1a(fnv_start, template_dump(template, arena));
    char count[8] = {0}; /* a number of 32 bits, little end first, in the room of 64 */
    for (size_t i = 0; i < 4; i++)
        count[i] = (char)((uint32_t)collision_count >> (8 * i));
    if (collision_count > 0)
        hash = fnv1a(hash, (struct sv){count, sizeof(count)});
    return safe_text(hash, arena);
}

struct sv revision_hash(const struct cJSON *data, int64_t collision_count, struct arena *arena) {
    struct sv text = json_write_arena(arena, sorted_copy(arena, data), JSON_GO_HTML);
    return safe_text(fnv1(fnv1(fnv_start, text), number_text(collision_count, arena)), arena);
}

/* --- one revision --- */

static int64_t number_of(const struct cJSON *revision) {
    return json_int_or(revision, SV("revision"), 0);
}

const struct cJSON *controller_revision_template(const struct cJSON *revision) {
    return json_find(revision, "data.spec.template");
}

static struct cJSON *data_of(const struct cJSON *owner, struct arena *arena) {
    struct cJSON *data = json_map(arena);
    struct cJSON *spec = json_ensure_map(arena, data, SV("spec"));
    struct cJSON *template =
        json_set(arena, spec, SV("template"), json_copy(arena, json_find(owner, "spec.template")));
    json_set_string(arena, template, SV("$patch"), SV("replace"));
    return data;
}

static void set_all(struct arena *arena, struct cJSON *object, const struct cJSON *values,
                    struct cJSON *(*set)(struct arena *, struct cJSON *, struct sv, struct sv)) {
    JSON_EACH (value, values)
        set(arena, object, json_key(value), json_text(value));
}

static void create_revision(struct controller_revisions *revisions, struct sv key,
                            const struct cJSON *owner, struct cJSON *data, struct sv hash,
                            int64_t number, struct arena *arena) {
    struct sv name = arena_printf(arena, "%.*s-%.*s", SV_ARG(object_name(owner)), SV_ARG(hash));
    struct cJSON *revision =
        object_new(arena, &RESOURCE_CONTROLLER_REVISIONS, object_namespace(owner), name);
    set_all(arena, revision, json_find(owner, "spec.template.metadata.labels"), object_set_label);
    object_set_label(arena, revision, revisions->hash_label, hash);
    set_all(arena, revision, json_find(owner, "metadata.annotations"), object_set_annotation);
    json_append(json_ensure_list(arena, json_get(revision, SV("metadata")), SV("ownerReferences")),
                pod_control_reference(arena, owner, pod_control_resource(revisions->control)));
    json_set(arena, revision, SV("data"), data);
    json_set_int(arena, revision, SV("revision"), number);
    struct request request = agent_create(&RESOURCE_CONTROLLER_REVISIONS, revision);
    agent_send(pod_control_part(revisions->control), key, &request);
}

/* A name that is taken: by a namesake of the owner that is gone, which the garbage collector
 * will clean up, or by other content. */
static bool is_leftover(const struct controller_revisions *revisions, const struct cJSON *taken,
                        const struct cJSON *owner) {
    const struct cJSON *reference = object_controller_owner(taken);
    const struct resource *resource = pod_control_resource(revisions->control);
    return reference && sv_eq(json_string_or(reference, SV("kind"), SV("")), resource->kind) &&
           sv_eq(json_string_or(reference, SV("name"), SV("")), object_name(owner)) &&
           !sv_eq(json_string_or(reference, SV("uid"), SV("")), object_uid(owner));
}

static void make_revision(struct controller_revisions *revisions, struct sv key,
                          const struct cJSON *owner, struct cJSON *data, int64_t number,
                          int64_t *collision_count, struct arena *arena) {
    const struct agent_cache *cache = claims_cache(revisions->claims);
    for (int i = 0; i < COLLISIONS_MAX; i++) {
        struct sv hash = revisions->hashes_data ? revision_hash(data, *collision_count, arena)
                                                : template_hash(json_find(owner, "spec.template"),
                                                                *collision_count, arena);
        struct sv name = arena_printf(arena, "%.*s-%.*s", SV_ARG(object_name(owner)), SV_ARG(hash));
        const struct cJSON *taken = cache_get(cache, object_namespace(owner), name);
        if (!taken) {
            create_revision(revisions, key, owner, data, hash, number, arena);
            return;
        }
        if (is_leftover(revisions, taken, owner) || object_is_deleting(taken))
            break;
        (*collision_count)++;
    }
    agent_mark(pod_control_part(revisions->control), key,
               pod_control_now_ms(revisions->control) + NAMESAKE_WAIT_MS);
}

/* --- the history --- */

static int compare_revisions(const void *left, const void *right) {
    const struct cJSON *a = *(const struct cJSON *const *)left;
    const struct cJSON *b = *(const struct cJSON *const *)right;
    if (number_of(a) != number_of(b))
        return number_of(a) < number_of(b) ? -1 : 1;
    return sv_compare(object_name(a), object_name(b));
}

const struct cJSON *revision_history_find(const struct revision_history *history, struct sv name) {
    for (size_t i = 0; i < history->count; i++)
        if (sv_eq(object_name(history->items[i]), name))
            return history->items[i];
    return NULL;
}

static const struct cJSON *find_known(const struct known_revision *known, const struct cJSON *owner,
                                      const struct revision_history *history) {
    if (known->generation != object_generation(owner) || history->count == 0)
        return NULL;
    const struct cJSON *newest = history->items[history->count - 1];
    return sv_hash(object_name(newest)) == known->name_hash ? newest : NULL;
}

static struct known_revision *known_of(struct controller_revisions *revisions,
                                       const struct cJSON *owner) {
    struct known_revision *known = map_get(revisions->known, object_uid(owner));
    if (!known) {
        known = mem_alloc(sizeof(*known));
        *known = (struct known_revision){.generation = -1};
        map_put(revisions->known, object_uid(owner), known);
    }
    int64_t collision_count = json_find_int(owner, "status.collisionCount", 0);
    if (known->collision_count < collision_count)
        known->collision_count = collision_count;
    return known;
}

static void renumber(struct controller_revisions *revisions, struct sv key,
                     const struct cJSON *revision, int64_t number, struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    json_set_int(arena, patch, SV("revision"), number);
    struct request request =
        agent_merge_patch(&RESOURCE_CONTROLLER_REVISIONS, object_namespace(revision),
                          object_name(revision), SV(""), patch);
    agent_send(pod_control_part(revisions->control), key, &request);
}

/* True when history->update could be set without a request. */
static bool find_update(struct controller_revisions *revisions, struct sv key,
                        const struct cJSON *owner, struct revision_history *history,
                        struct arena *arena) {
    struct known_revision *known = known_of(revisions, owner);
    history->collision_count = known->collision_count;
    history->update = find_known(known, owner, history);
    if (history->update)
        return true;
    /* What is made for an owner on its way out would hold up its deletion in the foreground. */
    if (object_is_deleting(owner))
        return false;
    struct cJSON *data = data_of(owner, arena);
    size_t equal = history->count;
    while (equal > 0 && !json_equal(json_get(history->items[equal - 1], SV("data")), data))
        equal--;
    int64_t newest = history->count ? number_of(history->items[history->count - 1]) : 0;
    if (equal == 0) {
        make_revision(revisions, key, owner, data, newest + 1, &known->collision_count, arena);
        return false;
    }
    if (equal < history->count) {
        renumber(revisions, key, history->items[equal - 1], newest + 1, arena);
        return false;
    }
    history->update = history->items[equal - 1];
    known->generation = object_generation(owner);
    known->name_hash = sv_hash(object_name(history->update));
    return true;
}

bool controller_revisions_take(struct controller_revisions *revisions, struct sv key,
                               const struct cJSON *owner, struct arena *arena,
                               struct revision_history *ret_history) {
    struct claimed claimed;
    *ret_history = (struct revision_history){0};
    if (!claims_take(revisions->claims, key, owner, arena, &claimed))
        return false;
    ret_history->items = claimed.items;
    ret_history->count = claimed.count;
    qsort(claimed.items, claimed.count, sizeof(const struct cJSON *), compare_revisions);
    return find_update(revisions, key, owner, ret_history, arena);
}

void controller_revisions_trim(struct controller_revisions *revisions, struct sv key,
                               const struct cJSON *owner, const struct revision_history *history,
                               const struct sv *live, size_t live_count, struct arena *arena) {
    int64_t limit = json_find_int(owner, "spec.revisionHistoryLimit", LIMIT_DEFAULT);
    int64_t excess = -limit;
    for (size_t i = 0; i < history->count; i++)
        excess += sv_index_of(object_name(history->items[i]), live, live_count) == live_count;
    for (size_t i = 0; i < history->count && excess > 0; i++) {
        const struct cJSON *revision = history->items[i];
        bool is_live = sv_index_of(object_name(revision), live, live_count) < live_count;
        if (is_live || object_is_deleting(revision))
            continue;
        struct request request = agent_delete(arena, &RESOURCE_CONTROLLER_REVISIONS, revision, -1);
        agent_send(pod_control_part(revisions->control), key, &request);
        excess--;
    }
}

/* --- life --- */

static void handle_owner(void *context, const struct cJSON *object, const struct cJSON *before,
                         bool is_gone) {
    struct controller_revisions *revisions = context;
    if (before && (is_gone || !sv_eq(object_uid(before), object_uid(object))))
        mem_free(map_remove(revisions->known, object_uid(before)));
}

struct controller_revisions *controller_revisions_new(struct agent *agent,
                                                      struct pod_control *control,
                                                      struct sv hash_label, bool hashes_data) {
    struct controller_revisions *revisions = mem_alloc(sizeof(*revisions));
    revisions->control = control;
    revisions->hash_label = hash_label;
    revisions->hashes_data = hashes_data;
    revisions->known = map_new();
    revisions->claims = claims_new(&(struct claims_options){
        .agent = agent,
        .control = control,
        .children = &RESOURCE_CONTROLLER_REVISIONS,
    });
    agent_watch(agent, pod_control_resource(control), handle_owner, revisions);
    return revisions;
}

void controller_revisions_free(struct controller_revisions *revisions) {
    if (!revisions)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(revisions->known, &cursor, NULL, &value))
        mem_free(value);
    map_free(revisions->known);
    claims_free(revisions->claims);
    mem_free(revisions);
}
