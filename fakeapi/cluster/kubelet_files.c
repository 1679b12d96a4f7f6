/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/kubelet_files.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/kubelet_parts.h"

enum {
    /* Older states of one ConfigMap that subPath mounts may still show. */
    VERSIONS_MAX = 16,
    FILES_MAX = 4096,
    MODE_DEFAULT = 0644,
};

struct version {
    int64_t since_ms;
    struct arena *arena;
    const struct cJSON *tree;
};

struct history {
    VEC(struct version) versions; /* oldest first */
};

/* --- what ConfigMaps said --- */

void files_handle_config_map(void *context, const struct cJSON *object, const struct cJSON *before,
                             bool is_gone) {
    struct kubelet *kubelet = context;
    (void)before;
    /* A volume goes on showing the files of a ConfigMap that was deleted. */
    if (is_gone)
        return;
    AUTO(arena) scratch = arena_new();
    struct sv key = object_key(scratch, object_namespace(object), object_name(object));
    struct history *history = map_get(kubelet->histories, key);
    if (!history) {
        history = mem_alloc(sizeof(*history));
        map_put(kubelet->histories, key, history);
    }
    struct version version = {agent_now_ms(kubelet->agent), arena_new(), NULL};
    version.tree = json_copy(version.arena, object);
    if (history->versions.count == VERSIONS_MAX) {
        arena_free(history->versions.items[0].arena);
        vec_remove(&history->versions, 0);
    }
    vec_push(&history->versions, version);
}

void files_free(struct kubelet *kubelet) {
    size_t cursor = 0;
    void *value;
    while (map_next(kubelet->histories, &cursor, NULL, &value)) {
        struct history *history = value;
        for (size_t i = 0; i < history->versions.count; i++)
            arena_free(history->versions.items[i].arena);
        vec_release(&history->versions);
        mem_free(history);
    }
}

/* --- one container --- */

struct collector {
    struct kubelet *kubelet;
    struct arena *arena;
    struct sv namespace_name;
    struct sv mount_path, sub_path;
    int64_t seen_ms; /* changes up to then are visible */
    int64_t mode;
    struct kubelet_file *files;
    size_t count;
};

static const struct cJSON *config_map_then(struct collector *collector, struct sv name) {
    const struct history *history =
        map_get(collector->kubelet->histories,
                object_key(collector->arena, collector->namespace_name, name));
    if (!history)
        return NULL;
    const struct cJSON *tree = history->versions.items[0].tree;
    for (size_t i = 1; i < history->versions.count; i++)
        if (history->versions.items[i].since_ms <= collector->seen_ms)
            tree = history->versions.items[i].tree;
    return tree;
}

static int sextet(char byte) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = byte ? strchr(digits, byte) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* The server has checked the text; padding and line ends carry nothing. */
static struct sv decode_base64(struct arena *arena, struct sv text) {
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    uint32_t bits = 0;
    int bit_count = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = sextet(text.ptr[i]);
        if (value < 0)
            continue;
        bits = (bits << 6) | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            bytes[len++] = (char)((bits >> bit_count) & 255);
        }
    }
    return (struct sv){bytes, len};
}

/* Where the file appears: below the mount, or with a subPath in its place. */
static bool place_file(struct collector *collector, struct sv path, struct sv *ret_path) {
    struct sv rest = path;
    if (collector->sub_path.len > 0) {
        if (!sv_starts_with(path, collector->sub_path))
            return false;
        rest = sv_drop(path, collector->sub_path.len);
        if (rest.len > 0 && rest.ptr[0] != '/')
            return false;
        rest = sv_drop(rest, 1);
    }
    *ret_path = rest.len == 0 ? arena_copy(collector->arena, collector->mount_path)
                              : arena_printf(collector->arena, "%.*s/%.*s",
                                             SV_ARG(collector->mount_path), SV_ARG(rest));
    return true;
}

static void add_file(struct collector *collector, struct sv path, int64_t mode, struct sv bytes) {
    struct sv placed;
    if (collector->count < FILES_MAX && place_file(collector, path, &placed))
        collector->files[collector->count++] =
            (struct kubelet_file){placed, mode, arena_copy(collector->arena, bytes)};
}

static bool find_bytes(struct collector *collector, const struct cJSON *config_map, struct sv key,
                       struct sv *ret_bytes) {
    const struct cJSON *text = json_get(json_get(config_map, SV("data")), key);
    const struct cJSON *binary = json_get(json_get(config_map, SV("binaryData")), key);
    if (text)
        *ret_bytes = json_text(text);
    else if (binary)
        *ret_bytes = decode_base64(collector->arena, json_text(binary));
    return text || binary;
}

static void add_config_map(struct collector *collector, const struct cJSON *source) {
    static const struct sv members[] = {SV("data"), SV("binaryData")};
    const struct cJSON *config_map =
        config_map_then(collector, json_string_or(source, SV("name"), SV("")));
    const struct cJSON *items = json_get(source, SV("items"));
    struct sv bytes;
    JSON_EACH (item, items)
        if (find_bytes(collector, config_map, json_string_or(item, SV("key"), SV("")), &bytes))
            add_file(collector, json_string_or(item, SV("path"), SV("")),
                     json_int_or(item, SV("mode"), collector->mode), bytes);
    for (size_t i = 0; i < COUNT_OF(members) && json_count(items) == 0; i++)
        JSON_EACH (member, json_get(config_map, members[i]))
            if (find_bytes(collector, config_map, json_key(member), &bytes))
                add_file(collector, json_key(member), collector->mode, bytes);
}

static void add_volume(struct collector *collector, const struct cJSON *volume) {
    const struct cJSON *source = json_get(volume, SV("configMap"));
    const struct cJSON *projected = json_get(volume, SV("projected"));
    collector->mode = json_int_or(source ? source : projected, SV("defaultMode"), MODE_DEFAULT);
    if (source)
        add_config_map(collector, source);
    JSON_EACH (part, json_get(projected, SV("sources")))
        if (json_get(part, SV("configMap")))
            add_config_map(collector, json_get(part, SV("configMap")));
}

static const struct sim_container *running(const struct sim_pod *sim, struct sv name) {
    for (size_t i = 0; sim && i < sim->container_count; i++)
        if (sv_eq(sim->containers[i].name, name) && sim->containers[i].state == CONTAINER_RUNNING)
            return &sim->containers[i];
    return NULL;
}

static struct sv without_slash(struct sv path) {
    return path.len > 1 && sv_ends_with(path, SV("/")) ? sv_prefix(path, path.len - 1) : path;
}

static void add_mount(struct collector *collector, const struct cJSON *pod,
                      const struct cJSON *mount, const struct sim_pod *sim,
                      const struct sim_container *container) {
    const struct kubelet *kubelet = collector->kubelet;
    int64_t lagging_ms = agent_now_ms(kubelet->agent) - kubelet->options.config_map_lag_ms;
    collector->mount_path = without_slash(json_string_or(mount, SV("mountPath"), SV("")));
    collector->sub_path = without_slash(json_string_or(mount, SV("subPath"), SV("")));
    collector->seen_ms = lagging_ms > sim->mounted_ms ? lagging_ms : sim->mounted_ms;
    if (collector->sub_path.len > 0) {
        lagging_ms = container->run.started_ms - kubelet->options.config_map_lag_ms;
        collector->seen_ms = lagging_ms > sim->mounted_ms ? lagging_ms : sim->mounted_ms;
    }
    JSON_EACH (volume, json_find(pod, "spec.volumes"))
        if (sv_eq(json_string_or(volume, SV("name"), SV("")),
                  json_string_or(mount, SV("name"), SV(""))))
            add_volume(collector, volume);
}

bool kubelet_container_files(struct world *world, struct sv namespace_name, struct sv pod,
                             struct sv container, struct arena *arena,
                             struct kubelet_file **ret_files, size_t *ret_count) {
    struct kubelet *kubelet = world_kubelet(world);
    const struct cJSON *tree = cache_get(kubelet->pods, namespace_name, pod);
    const struct sim_pod *sim = map_get(kubelet->sims, object_key(arena, namespace_name, pod));
    const struct sim_container *found = running(sim, container);
    if (!tree || !found)
        return false;
    struct collector collector = {
        .kubelet = kubelet,
        .arena = arena,
        .namespace_name = namespace_name,
        .files = ARENA_ARRAY(arena, struct kubelet_file, FILES_MAX),
    };
    JSON_EACH (mount, json_get(container_spec(tree, container), SV("volumeMounts")))
        add_mount(&collector, tree, mount, sim, found);
    *ret_files = collector.files;
    *ret_count = collector.count;
    return true;
}
