/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/serve_load.h"

#include "conformance/cmd/input.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/fakeapi.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>

enum {
    FILES_MAX = 10000,
    OBJECTS_MAX = 1000 * 1000,
    /* Rounds without progress until what an object waits for counts as missing. */
    IDLE_ROUNDS_MAX = 100,
    ROUND_MS = 10,
};

struct waiting {
    struct sv path;
    const struct cJSON *object;
};

struct load {
    struct fakeapi *api;
    struct arena *arena;
    VEC(struct sv) paths;
    VEC(struct waiting) waiting;
    struct error last; /* why the first one that waits was refused */
};

/* --- files --- */

static bool is_manifest(struct sv name) {
    return sv_ends_with(name, SV(".yaml")) || sv_ends_with(name, SV(".yml")) ||
           sv_ends_with(name, SV(".json"));
}

static bool list_files(struct load *load, struct sv folder, struct error *err) {
    DIR *dir = opendir(arena_copy(load->arena, folder).ptr);
    if (!dir)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO, "%.*s: %s",
                         SV_ARG(folder), strerror(errno));
    struct dirent *entry;
    while ((entry = readdir(dir)) && load->paths.count <= FILES_MAX)
        if (is_manifest(sv_from(entry->d_name)))
            vec_push(&load->paths,
                     arena_printf(load->arena, "%.*s/%s", SV_ARG(folder), entry->d_name));
    closedir(dir);
    if (load->paths.count > FILES_MAX)
        return error_set(err, ERROR_TOO_LARGE, "%.*s: holds more than %d files", SV_ARG(folder),
                         FILES_MAX);
    sv_sort(load->paths.items, load->paths.count);
    return true;
}

static bool add_object(struct load *load, struct sv path, const struct cJSON *object,
                       struct error *err) {
    bool is_list = sv_ends_with(json_string_or(object, SV("kind"), SV("")), SV("List"));
    if (is_list && json_is_list(json_get(object, SV("items")))) {
        JSON_EACH (item, json_get(object, SV("items")))
            if (!add_object(load, path, item, err))
                return false;
        return true;
    }
    if (load->waiting.count == OBJECTS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "%.*s: more than %d objects", SV_ARG(path),
                         OBJECTS_MAX);
    vec_push(&load->waiting, (struct waiting){path, object});
    return true;
}

static bool read_files(struct load *load, struct error *err) {
    struct manifest *manifests;
    if (!input_manifests(load->arena, load->paths.items, load->paths.count, &manifests, err))
        return false;
    for (size_t i = 0; i < load->paths.count; i++)
        for (size_t k = 0; k < manifests[i].documents.count; k++)
            if (manifests[i].documents.roots[k] &&
                !add_object(load, load->paths.items[i], manifests[i].documents.roots[k], err))
                return false;
    return true;
}

/* --- objects --- */

static bool create(struct load *load, const struct waiting *waiting, struct error *err) {
    struct sv version = json_string_or(waiting->object, SV("apiVersion"), SV(""));
    struct sv kind = json_string_or(waiting->object, SV("kind"), SV(""));
    struct sv rest = version,
              group = sv_find(version, '/') < version.len ? sv_cut(&rest, '/') : SV("");
    const struct resource_type *type =
        registry_find_kind(fakeapi_registry(load->api), group, rest, kind);
    if (!type)
        return error_set(err, ERROR_NOT_FOUND, "%.*s: the server has no %.*s of %.*s",
                         SV_ARG(waiting->path), SV_ARG(kind), SV_ARG(version));
    struct sv namespace_name = object_namespace(waiting->object);
    AUTO(arena) arena = arena_new();
    struct request request = {
        .verb = VERB_CREATE,
        .group = group,
        .version = rest,
        .plural = type->resource.plural,
        .namespace_name = !type->resource.is_namespaced ? SV("")
                          : namespace_name.len > 0      ? namespace_name
                                                        : SV("default"),
        .body = waiting->object,
    };
    struct api_response response;
    fakeapi_handle(load->api, &request, SV("crctl-serve"), arena, &response);
    /* What a fresh server has already may stand in the files of a dumped one. */
    if (response.http_status == 201 || response.http_status == 409)
        return true;
    struct sv message = json_string_or(response.body, SV("message"), SV(""));
    return error_set(err, ERROR_INVALID, "%.*s: %.*s", SV_ARG(waiting->path), SV_ARG(message));
}

/* Creates what can be created; what cannot stays, in order. */
static size_t create_round(struct load *load) {
    size_t left = 0, count = load->waiting.count;
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        struct waiting waiting = load->waiting.items[i];
        if (create(load, &waiting, &err))
            continue;
        if (left == 0)
            load->last = err;
        load->waiting.items[left++] = waiting;
    }
    load->waiting.count = left;
    return count - left;
}

static bool create_all(struct load *load, struct world *world, struct error *err) {
    size_t idle_max = world ? IDLE_ROUNDS_MAX : 1;
    for (size_t idle = 0; load->waiting.count > 0 && idle < idle_max;) {
        if (world)
            world_run_due(world);
        idle = create_round(load) > 0 ? 0 : idle + 1;
        if (world && idle > 0)
            poll(NULL, 0, ROUND_MS);
    }
    if (load->waiting.count == 0)
        return true;
    *err = load->last;
    return false;
}

bool serve_load(struct fakeapi *api, struct world *world, struct sv folder, struct error *err) {
    struct load load = {.api = api, .arena = arena_new()};
    bool is_loaded =
        list_files(&load, folder, err) && read_files(&load, err) && create_all(&load, world, err);
    vec_release(&load.paths);
    vec_release(&load.waiting);
    arena_free(load.arena);
    return is_loaded;
}
