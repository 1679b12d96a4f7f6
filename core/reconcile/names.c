/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/names.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/base/sha256.h"
#include "core/reconcile/snapshot.h"

/* The dataset's uid, which outlives the dataset in the runtime's owner reference. */
static struct sv dataset_uid(const struct snapshot *snapshot) {
    if (snapshot->dataset)
        return object_uid(snapshot->dataset);
    JSON_EACH (owner, json_find(snapshot->runtime, "metadata.ownerReferences"))
        if (sv_eq(json_find_string(owner, "kind"), SV("Dataset")) &&
            sv_eq(json_find_string(owner, "name"), snapshot->name))
            return json_find_string(owner, "uid");
    return SV("");
}

/* Upstream's rule: the readable text while it is shorter than 63 bytes, else the uid; a uid
 * that is unknown leaves the text too long. */
static struct sv build_key(struct arena *arena, struct sv prefix, const struct snapshot *snapshot,
                           struct sv uid) {
    struct sv readable =
        ARENA_JOIN(arena, prefix, snapshot->namespace_name, SV("-"), snapshot->name);
    if (readable.len < DNS_LABEL_BYTES_MAX || uid.len == 0)
        return readable;
    return ARENA_JOIN(arena, prefix, uid);
}

void names_init(struct names *names, const struct snapshot *snapshot, struct arena *arena) {
    struct sv namespace_name = snapshot->namespace_name, name = snapshot->name;
    struct sv uid = dataset_uid(snapshot);
    names->config_map = ARENA_JOIN(arena, SV("fluid-runtime-config-"), name);
    names->volume = ARENA_JOIN(arena, namespace_name, SV("-"), name);
    names->claim = name;
    names->mount_path = ARENA_JOIN(arena, snapshot->options->mount_root, SV("/cache/"),
                                   namespace_name, SV("/"), name, SV("/cache-fuse"));
    names->dataset_id = build_key(arena, SV(""), snapshot, uid);
    names->exclusive = ARENA_JOIN(arena, namespace_name, SV("_"), name);
    if (names->exclusive.len >= DNS_LABEL_BYTES_MAX)
        names->exclusive = names->dataset_id;
    names->common_label = build_key(arena, SV("fluid.io/s-"), snapshot, uid);
    names->runtime_label = build_key(arena, SV("fluid.io/s-cache-"), snapshot, uid);
    names->fuse_label = build_key(arena, SV("fluid.io/f-"), snapshot, uid);
    names->memory_label = build_key(arena, SV("fluid.io/s-h-cache-m-"), snapshot, uid);
    names->disk_label = build_key(arena, SV("fluid.io/s-h-cache-d-"), snapshot, uid);
    names->total_label = build_key(arena, SV("fluid.io/s-h-cache-t-"), snapshot, uid);
}

static struct sv hash_prefix(struct arena *arena, struct sv text) {
    char hex[SHA256_HEX_BYTES + 1];
    sha256_hex(text, hex);
    return arena_copy(arena, (struct sv){hex, 8});
}

/* A volume is named by a label, and the objects that some are named after may have dots. */
static bool is_volume_name(struct sv name) {
    return name.len <= DNS_LABEL_BYTES_MAX && sv_find(name, '.') == name.len;
}

static struct sv dashes_for_dots(struct arena *arena, struct sv name) {
    char *bytes = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++)
        bytes[i] = name.ptr[i] == '.' ? '-' : name.ptr[i];
    return (struct sv){bytes, name.len};
}

struct sv names_volume(struct arena *arena, const char *prefix, struct sv name,
                       const char *suffix) {
    struct sv whole = arena_printf(arena, "%s%.*s%s", prefix, SV_ARG(name), suffix);
    if (is_volume_name(whole))
        return whole;
    /* 63 less a dash and eight digits. */
    return arena_printf(arena, "%.*s-%.*s", SV_ARG(dashes_for_dots(arena, sv_prefix(whole, 54))),
                        SV_ARG(hash_prefix(arena, whole)));
}

struct sv names_secret_volume(struct arena *arena, struct sv secret) {
    struct sv whole = arena_printf(arena, "cache-mnt-secret-%.*s", SV_ARG(secret));
    if (is_volume_name(whole))
        return whole;
    return arena_printf(arena, "cache-mnt-secret-%.*s%.*s",
                        SV_ARG(dashes_for_dots(arena, sv_prefix(secret, 38))),
                        SV_ARG(hash_prefix(arena, secret)));
}

static bool is_lower(char byte) {
    return byte >= 'a' && byte <= 'z';
}

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

bool names_is_dns_label(struct sv name) {
    if (name.len == 0 || name.len > DNS_LABEL_BYTES_MAX || !is_lower(name.ptr[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_lower(name.ptr[i]) && !is_digit(name.ptr[i]) && name.ptr[i] != '-')
            return false;
    return name.ptr[name.len - 1] != '-';
}

bool names_is_dns_subdomain(struct sv name) {
    if (name.len == 0 || name.len > DNS_SUBDOMAIN_BYTES_MAX)
        return false;
    while (true) {
        struct sv rest = name, part = sv_cut(&rest, '.');
        bool is_last = part.len == name.len;
        if (part.len == 0 || part.ptr[0] == '-' || part.ptr[part.len - 1] == '-')
            return false;
        for (size_t i = 0; i < part.len; i++)
            if (!is_lower(part.ptr[i]) && !is_digit(part.ptr[i]) && part.ptr[i] != '-')
                return false;
        if (is_last)
            return true;
        name = sv_drop(name, part.len + 1);
        if (name.len == 0)
            return false;
    }
}

bool names_is_file_name(struct sv name) {
    if (name.len == 0 || name.len > DNS_SUBDOMAIN_BYTES_MAX || sv_eq(name, SV(".")) ||
        sv_starts_with(name, SV("..")))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        bool is_upper = byte >= 'A' && byte <= 'Z';
        if (!is_lower(byte) && !is_upper && !is_digit(byte) && byte != '-' && byte != '_' &&
            byte != '.')
            return false;
    }
    return true;
}
