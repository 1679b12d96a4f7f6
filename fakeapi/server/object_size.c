/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store of an API server takes: etcd refuses requests of more than 1.5 MiB, and its client
 * does not even send more than 2 MiB. Whatever reads, lists, copies or compares objects afterwards
 * relies on the bound.
 */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/protobuf.h"
#include "fakeapi/server/server_parts.h"

enum {
    REQUEST_BYTES_MAX = 1536 * 1024,
    MESSAGE_BYTES_MAX = 2 * 1024 * 1024,
    /* A body has at most 3 MiB, and what owners of fields say of it is a multiple of that. */
    WRITTEN_BYTES_MAX = 64 * 1024 * 1024,
    /* Of one key of the store, and what stands around keys and values in a request. */
    PREFIX_BYTES = sizeof("/registry///") - 1,
    LINE_END_BYTES = 1,
    CREATE_BYTES = 25,
    UPDATE_BYTES = 32,
    /* As text: quotes, a colon and a comma, and each character as \u0001. */
    MARK_BYTES = 8,
    ESCAPED_BYTES = 6,
};

/* Not less than the JSON text has, in one quick walk: nearly all objects are far below the bound.
 */
static size_t bytes_at_most(const struct cJSON *item) {
    size_t bytes = MARK_BYTES + ESCAPED_BYTES * (json_key(item).len + json_text(item).len);
    JSON_EACH (child, item)
        bytes += bytes_at_most(child);
    return bytes;
}

/* Custom types, definitions and APIServices are stored as JSON. */
static bool is_stored_as_json(const struct call *call) {
    return call->type->is_custom || sv_eq(call->type->resource.group, SV("apiextensions.k8s.io")) ||
           sv_eq(call->type->resource.group, SV("apiregistration.k8s.io"));
}

static size_t value_bytes(const struct call *call, const struct cJSON *tree) {
    struct error err = {0};
    struct buf buf;
    buf_init(&buf, WRITTEN_BYTES_MAX);
    bool is_written = (!is_stored_as_json(call) && protobuf_encode(tree, &buf, &err)) ||
                      json_write(&buf, tree, JSON_COMPACT);
    size_t bytes = is_written ? buf_view(&buf).len + LINE_END_BYTES : WRITTEN_BYTES_MAX;
    buf_release(&buf);
    return bytes;
}

static size_t message_bytes(const struct call *call, const struct cJSON *tree, bool is_new) {
    const struct resource *resource = &call->type->resource;
    size_t key_bytes = PREFIX_BYTES + resource->plural.len + object_namespace(tree).len +
                       object_name(tree).len +
                       (call->type->is_custom ? resource->group.len + 1 : 0);
    size_t around = is_new ? 2 * key_bytes + CREATE_BYTES : 3 * key_bytes + UPDATE_BYTES;
    return value_bytes(call, tree) + around;
}

bool fit_into_store(struct call *call, struct cJSON *tree, bool is_new, bool is_applied) {
    if (is_dry_run(call) || bytes_at_most(tree) <= REQUEST_BYTES_MAX)
        return true;
    size_t bytes = message_bytes(call, tree, is_new);
    /* Who owns which field is told as far as there is room, but for those who asked for it. */
    if (bytes > REQUEST_BYTES_MAX && !is_applied) {
        struct cJSON *metadata = json_get(tree, SV("metadata"));
        json_own(call->arena, metadata);
        json_remove(metadata, SV("managedFields"));
        bytes = message_bytes(call, tree, is_new);
    }
    if (bytes <= REQUEST_BYTES_MAX)
        return true;
    if (bytes <= MESSAGE_BYTES_MAX)
        return refuse(call, 500, "", SV("etcdserver: request is too large"), NULL);
    return refuse(call, 500, "",
                  arena_printf(call->arena,
                               "rpc error: code = ResourceExhausted desc = trying to send message "
                               "larger than max (%zu vs. %d)",
                               bytes, MESSAGE_BYTES_MAX),
                  NULL);
}
