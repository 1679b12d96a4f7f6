/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/script_container.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/vec.h"
#include "core/data/base64.h"
#include "core/data/json.h"

enum { TEXT_BYTES_MAX = 1024 * 1024, MODE_DEFAULT = 0644 };

struct building {
    const struct cJSON *pod, *container;
    const struct script_objects *objects;
    struct arena *arena;
    VEC(struct script_variable) variables;
    VEC(struct script_file) files;
    VEC(struct sv) read_only_paths, folders, writable_paths;
    bool is_root;
};

struct sv script_canary(struct sv name, struct sv key, struct arena *arena) {
    return arena_printf(
        arena, "%.*s%016llx", SV_ARG(SCRIPT_CANARY_BEGIN),
        (unsigned long long)sv_hash(arena_printf(arena, "%.*s/%.*s", SV_ARG(name), SV_ARG(key))));
}

void script_add_secret_key(struct script_objects *objects, struct sv name, struct sv key,
                           struct arena *arena) {
    if (!objects->secrets)
        objects->secrets = ARENA_ARRAY(arena, struct script_secret, SCRIPT_SECRETS_MAX);
    size_t i = 0;
    while (i < objects->secret_count && !sv_eq(objects->secrets[i].name, name))
        i++;
    if (name.len == 0 || key.len == 0 || i == SCRIPT_SECRETS_MAX)
        return;
    struct script_secret *secret = &objects->secrets[i];
    if (i == objects->secret_count) {
        secret->name = name;
        secret->keys = ARENA_ARRAY(arena, struct sv, SCRIPT_SECRET_KEYS_MAX);
        objects->secret_count++;
    }
    if (secret->key_count < SCRIPT_SECRET_KEYS_MAX &&
        sv_index_of(key, secret->keys, secret->key_count) == secret->key_count)
        secret->keys[secret->key_count++] = key;
}

const struct cJSON *script_find_container(const struct cJSON *pod, struct sv name) {
    JSON_EACH (container, json_find(pod, "spec.containers")) {
        if (name.len == 0 || sv_eq(json_string_or(container, SV("name"), SV("")), name))
            return container;
    }
    return NULL;
}

static const struct cJSON *find_config_map(const struct building *building, struct sv name) {
    for (size_t i = 0; i < building->objects->config_map_count; i++) {
        if (sv_eq(object_name(building->objects->config_maps[i]), name))
            return building->objects->config_maps[i];
    }
    return NULL;
}

static const struct script_secret *find_secret(const struct building *building, struct sv name) {
    for (size_t i = 0; i < building->objects->secret_count; i++) {
        if (sv_eq(building->objects->secrets[i].name, name))
            return &building->objects->secrets[i];
    }
    return NULL;
}

/* --- $(NAME) --- */

static bool find_variable(const struct script_variable *variables, size_t count, struct sv name,
                          struct sv *ret_value) {
    for (size_t i = count; i-- > 0;) {
        if (sv_eq(variables[i].name, name)) {
            *ret_value = variables[i].value;
            return true;
        }
    }
    return false;
}

/* As Kubernetes does: what is not known stays as it is, $$ is one dollar. */
static struct sv expand(const struct script_variable *variables, size_t count, struct sv text,
                        struct arena *arena) {
    struct buf out;
    buf_init(&out, TEXT_BYTES_MAX);
    bool has_room = true;
    for (size_t i = 0; has_room && i < text.len;) {
        struct sv rest = sv_drop(text, i), value;
        size_t end = sv_find(rest, ')');
        if (sv_starts_with(rest, SV("$$"))) {
            has_room = buf_append_byte(&out, '$');
            i += 2;
        } else if (sv_starts_with(rest, SV("$(")) && end < rest.len &&
                   find_variable(variables, count, sv_drop(sv_prefix(rest, end), 2), &value)) {
            has_room = buf_append(&out, value);
            i += end + 1;
        } else {
            has_room = buf_append_byte(&out, text.ptr[i++]);
        }
    }
    struct sv result = arena_copy(arena, buf_view(&out));
    buf_release(&out);
    return result;
}

size_t script_command(const struct cJSON *container, const struct script_run *run,
                      struct arena *arena, const struct sv **ret_words) {
    const struct cJSON *command = json_get(container, SV("command"));
    const struct cJSON *args = json_get(container, SV("args"));
    if (json_count(command) == 0)
        return 0;
    struct sv *words = ARENA_ARRAY(arena, struct sv, json_count(command) + json_count(args));
    size_t count = 0;
    JSON_EACH (word, command)
        words[count++] = expand(run->variables, run->variable_count, json_text(word), arena);
    JSON_EACH (word, args)
        words[count++] = expand(run->variables, run->variable_count, json_text(word), arena);
    *ret_words = words;
    return count;
}

/* --- environment --- */

static struct sv field_value(const struct building *building, struct sv path) {
    const struct cJSON *pod = building->pod;
    if (sv_eq(path, SV("metadata.name")))
        return object_name(pod);
    if (sv_eq(path, SV("metadata.namespace")))
        return object_namespace(pod);
    if (sv_eq(path, SV("metadata.uid")))
        return SV("7d1c1c2e-0000-4000-8000-000000000001");
    if (sv_eq(path, SV("status.podIP")) || sv_eq(path, SV("status.podIPs")))
        return SV("10.244.0.10");
    if (sv_eq(path, SV("status.hostIP")))
        return SV("192.168.0.10");
    if (sv_eq(path, SV("spec.nodeName")))
        return SV("node-1");
    if (sv_eq(path, SV("spec.serviceAccountName")))
        return SV("default");
    static const struct sv kinds[] = {SV("metadata.labels['"), SV("metadata.annotations['")};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!sv_starts_with(path, kinds[i]) || !sv_ends_with(path, SV("']")))
            continue;
        struct sv key = sv_drop(sv_prefix(path, path.len - 2), kinds[i].len);
        return i == 0 ? object_label(pod, key) : object_annotation(pod, key);
    }
    return SV("");
}

/* False when the variable stays unset. */
static bool value_from(const struct building *building, const struct cJSON *from,
                       struct sv *ret_value) {
    const struct cJSON *field = json_get(from, SV("fieldRef"));
    const struct cJSON *config_map = json_get(from, SV("configMapKeyRef"));
    const struct cJSON *secret = json_get(from, SV("secretKeyRef"));
    if (field) {
        *ret_value = field_value(building, json_string_or(field, SV("fieldPath"), SV("")));
        return true;
    }
    if (config_map) {
        const struct cJSON *object =
            find_config_map(building, json_string_or(config_map, SV("name"), SV("")));
        const struct cJSON *text =
            json_get(json_get(object, SV("data")), json_string_or(config_map, SV("key"), SV("")));
        *ret_value = json_text(text);
        return text != NULL;
    }
    if (secret) {
        *ret_value = script_canary(json_string_or(secret, SV("name"), SV("")),
                                   json_string_or(secret, SV("key"), SV("")), building->arena);
        return true;
    }
    *ret_value = SV("1"); /* resourceFieldRef */
    return json_get(from, SV("resourceFieldRef")) != NULL;
}

static void add_variables(struct building *building) {
    JSON_EACH (variable, json_get(building->container, SV("env"))) {
        const struct cJSON *from = json_get(variable, SV("valueFrom"));
        struct sv name = json_string_or(variable, SV("name"), SV("")), value;
        if (from && !value_from(building, from, &value))
            continue;
        if (!from)
            value = expand(building->variables.items, building->variables.count,
                           json_string_or(variable, SV("value"), SV("")), building->arena);
        if (name.len > 0 && sv_find(name, '=') == name.len)
            vec_push(&building->variables, (struct script_variable){name, value});
    }
}

/* --- volumes --- */

struct mount {
    struct building *building;
    struct sv path, sub_path;
    unsigned mode;
};

static struct sv without_slash(struct sv path) {
    return path.len > 1 && sv_ends_with(path, SV("/")) ? sv_prefix(path, path.len - 1) : path;
}

static void add_file(const struct mount *mount, struct sv path, unsigned mode, struct sv bytes) {
    struct building *building = mount->building;
    struct sv placed = mount->path;
    if (mount->sub_path.len == 0)
        placed = arena_printf(building->arena, "%.*s/%.*s", SV_ARG(mount->path), SV_ARG(path));
    else if (sv_starts_with(path, mount->sub_path) && path.len > mount->sub_path.len &&
             path.ptr[mount->sub_path.len] == '/')
        placed = arena_printf(building->arena, "%.*s%.*s", SV_ARG(mount->path),
                              SV_ARG(sv_drop(path, mount->sub_path.len)));
    else if (!sv_eq(path, mount->sub_path))
        return;
    vec_push(&building->files, (struct script_file){SCRIPT_FILE, placed, mode, bytes});
}

static const struct cJSON *config_map_text(const struct cJSON *object, struct sv key) {
    const struct cJSON *text = json_get(json_get(object, SV("data")), key);
    return text ? text : json_get(json_get(object, SV("binaryData")), key);
}

static struct sv config_map_bytes(const struct building *building, const struct cJSON *object,
                                  struct sv key) {
    struct sv bytes;
    const struct cJSON *text = json_get(json_get(object, SV("data")), key);
    if (text)
        return json_text(text);
    text = json_get(json_get(object, SV("binaryData")), key);
    return text && base64_decode(building->arena, json_text(text), &bytes) ? bytes : SV("");
}

static void add_config_map(const struct mount *mount, const struct cJSON *source) {
    static const struct sv members[] = {SV("data"), SV("binaryData")};
    struct building *building = mount->building;
    const struct cJSON *object =
        find_config_map(building, json_string_or(source, SV("name"), SV("")));
    const struct cJSON *items = json_get(source, SV("items"));
    JSON_EACH (item, items) {
        struct sv key = json_string_or(item, SV("key"), SV(""));
        if (config_map_text(object, key))
            add_file(mount, json_string_or(item, SV("path"), key),
                     (unsigned)json_int_or(item, SV("mode"), mount->mode),
                     config_map_bytes(building, object, key));
    }
    for (size_t i = 0; i < COUNT_OF(members) && json_count(items) == 0; i++) {
        JSON_EACH (member, json_get(object, members[i]))
            add_file(mount, json_key(member), mount->mode,
                     config_map_bytes(building, object, json_key(member)));
    }
}

static void add_secret(const struct mount *mount, struct sv name, const struct cJSON *items) {
    struct building *building = mount->building;
    const struct script_secret *secret = find_secret(building, name);
    JSON_EACH (item, items) {
        struct sv key = json_string_or(item, SV("key"), SV(""));
        add_file(mount, json_string_or(item, SV("path"), key),
                 (unsigned)json_int_or(item, SV("mode"), mount->mode),
                 script_canary(name, key, building->arena));
    }
    for (size_t i = 0; secret && json_count(items) == 0 && i < secret->key_count; i++)
        add_file(mount, secret->keys[i], mount->mode,
                 script_canary(name, secret->keys[i], building->arena));
}

/* False when the volume is none whose files come from the API. */
static bool add_volume_files(struct mount *mount, const struct cJSON *volume, bool has_files) {
    const struct cJSON *config_map = json_get(volume, SV("configMap"));
    const struct cJSON *secret = json_get(volume, SV("secret"));
    const struct cJSON *projected = json_get(volume, SV("projected"));
    const struct cJSON *source = config_map ? config_map : secret ? secret : projected;
    if (!source)
        return json_get(volume, SV("downwardAPI")) != NULL;
    mount->mode = (unsigned)json_int_or(source, SV("defaultMode"), MODE_DEFAULT);
    if (config_map && !has_files)
        add_config_map(mount, config_map);
    if (secret)
        add_secret(mount, json_string_or(secret, SV("secretName"), SV("")),
                   json_get(secret, SV("items")));
    JSON_EACH (part, json_get(projected, SV("sources"))) {
        const struct cJSON *part_map = json_get(part, SV("configMap"));
        const struct cJSON *part_secret = json_get(part, SV("secret"));
        if (part_map && !has_files)
            add_config_map(mount, part_map);
        if (part_secret)
            add_secret(mount, json_string_or(part_secret, SV("name"), SV("")),
                       json_get(part_secret, SV("items")));
    }
    return true;
}

/* The sandbox has its own /dev and /proc. */
static bool is_of_sandbox(struct sv path) {
    return sv_eq(path, SV("/dev")) || sv_starts_with(path, SV("/dev/")) ||
           sv_eq(path, SV("/proc")) || sv_starts_with(path, SV("/proc/")) ||
           sv_eq(path, SV("/sys")) || sv_starts_with(path, SV("/sys/"));
}

static const struct cJSON *find_volume(const struct building *building, struct sv name) {
    JSON_EACH (volume, json_find(building->pod, "spec.volumes")) {
        if (sv_eq(json_string_or(volume, SV("name"), SV("")), name))
            return volume;
    }
    return NULL;
}

/* --- who writes where --- */

/* The container's own setting, or else the pod's. */
static const struct cJSON *security_setting(const struct building *building, struct sv key) {
    const struct cJSON *own = json_get(json_get(building->container, SV("securityContext")), key);
    return own ? own : json_get(json_find(building->pod, "spec.securityContext"), key);
}

/* Without runAsUser it is the image's user, which is taken for root unless runAsNonRoot forbids it.
 */
static void add_user(struct building *building, struct script_run *run) {
    const struct cJSON *user = security_setting(building, SV("runAsUser"));
    int64_t id = 0;
    bool is_known = json_to_int64(user, &id);
    const struct cJSON *forbids_root = security_setting(building, SV("runAsNonRoot"));
    building->is_root = is_known ? id == 0 : !(forbids_root && json_is_true(forbids_root));
    bool is_read_only = json_bool_or(json_get(building->container, SV("securityContext")),
                                     SV("readOnlyRootFilesystem"), false);
    run->writer = SV("");
    if (is_read_only)
        run->writer = SV("a container with readOnlyRootFilesystem");
    else if (!building->is_root)
        run->writer = is_known ? arena_printf(building->arena, "user %lld", (long long)id)
                               : SV("a user other than root");
    run->writes = is_read_only        ? SCRIPT_WRITES_VOLUMES
                  : building->is_root ? SCRIPT_WRITES_ANYWHERE
                                      : SCRIPT_WRITES_OWN;
}

/* kubelet opens an emptyDir to everybody, gives the group fsGroup to volumes of drivers, and leaves
 * folders of the host as they are: root's. */
static bool may_write(const struct building *building, const struct cJSON *volume) {
    if (building->is_root || json_get(volume, SV("emptyDir")))
        return true;
    return !json_get(volume, SV("hostPath")) && security_setting(building, SV("fsGroup"));
}

static void add_mounts(struct building *building, bool has_files) {
    JSON_EACH (item, json_get(building->container, SV("volumeMounts"))) {
        struct mount mount = {
            .building = building,
            .path = without_slash(json_string_or(item, SV("mountPath"), SV(""))),
            .sub_path = without_slash(json_string_or(item, SV("subPath"), SV(""))),
        };
        const struct cJSON *volume =
            find_volume(building, json_string_or(item, SV("name"), SV("")));
        if (mount.path.len < 2 || mount.path.ptr[0] != '/' || is_of_sandbox(mount.path))
            continue;
        if (volume && add_volume_files(&mount, volume, has_files)) {
            vec_push(&building->read_only_paths, mount.path);
            continue;
        }
        vec_push(&building->folders, mount.path);
        if (may_write(building, volume) && !json_bool_or(item, SV("readOnly"), false))
            vec_push(&building->writable_paths, mount.path);
    }
}

/* --- the whole --- */

void script_container(const struct cJSON *pod, const struct cJSON *container,
                      const struct script_objects *objects, const struct script_files *files,
                      struct arena *arena, struct script_run *ret_run) {
    struct building building = {
        .pod = pod, .container = container, .objects = objects, .arena = arena};
    add_user(&building, ret_run);
    add_variables(&building);
    add_mounts(&building, files != NULL);
    for (size_t i = 0; files && i < files->count; i++)
        vec_push(&building.files, files->items[i]);
    vec_move(&building.variables, arena, ret_run->variables, ret_run->variable_count);
    vec_move(&building.files, arena, ret_run->volume_files, ret_run->volume_file_count);
    vec_move(&building.read_only_paths, arena, ret_run->read_only_paths, ret_run->read_only_count);
    vec_move(&building.folders, arena, ret_run->folders, ret_run->folder_count);
    vec_move(&building.writable_paths, arena, ret_run->writable_paths, ret_run->writable_count);
    ret_run->host_name = object_name(pod);
    ret_run->working_directory = json_string_or(container, SV("workingDir"), SV(""));
}
