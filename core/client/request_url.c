/* SPDX-License-Identifier: Apache-2.0 */
#include "core/client/request_url.h"

#include "core/base/arena.h"
#include "core/base/buf.h"

/* Selectors and continue tokens are bounded by the servers' own limit for a request line. */
enum { PATH_BYTES_MAX = 64 * 1024 };

const char *request_method(const struct request *request) {
    switch (request->verb) {
    case VERB_CREATE:
        return "POST";
    case VERB_UPDATE:
        return "PUT";
    case VERB_PATCH:
        return "PATCH";
    case VERB_DELETE:
    case VERB_DELETE_COLLECTION:
        return "DELETE";
    case VERB_GET:
    case VERB_LIST:
    case VERB_WATCH:
    case VERB_EXEC:
        break;
    }
    return "GET";
}

static bool is_unreserved(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || strchr("-._~", byte) != NULL;
}

static bool append_encoded(struct buf *path, struct sv text) {
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        bool fits = byte != '\0' && is_unreserved(byte)
                        ? buf_append_byte(path, byte)
                        : buf_printf(path, "%%%02X", (unsigned char)byte);
        if (!fits)
            return false;
    }
    return true;
}

static bool append_segment(struct buf *path, struct sv text) {
    return text.len == 0 || (buf_append_byte(path, '/') && append_encoded(path, text));
}

struct query {
    struct buf *path;
    bool has_first;
    bool fits;
};

static void add_text(struct query *query, const char *name, struct sv value) {
    query->fits = query->fits && buf_append_byte(query->path, query->has_first ? '&' : '?') &&
                  buf_append(query->path, sv_from(name)) && buf_append_byte(query->path, '=') &&
                  append_encoded(query->path, value);
    query->has_first = true;
}

static void add_if_given(struct query *query, const char *name, struct sv value) {
    if (value.len > 0)
        add_text(query, name, value);
}

static void add_if_true(struct query *query, const char *name, bool value) {
    if (value)
        add_text(query, name, SV("true"));
}

static void add_number(struct query *query, const char *name, int64_t value) {
    char text[24];
    if (value > 0)
        add_text(query, name,
                 (struct sv){text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)value)});
}

static void add_exec_query(struct query *query, const struct request *request) {
    for (size_t i = 0; i < request->exec.command_count; i++)
        add_text(query, "command", request->exec.command[i]);
    add_if_given(query, "container", request->exec.container);
    add_if_true(query, "stdin", request->exec.has_stdin);
    add_if_true(query, "stdout", true);
    add_if_true(query, "stderr", true);
}

static void add_query(struct query *query, const struct request *request) {
    bool reads_many = request->verb == VERB_LIST || request->verb == VERB_WATCH ||
                      request->verb == VERB_DELETE_COLLECTION;
    if (request->verb == VERB_EXEC) {
        add_exec_query(query, request);
        return;
    }
    add_if_true(query, "watch", request->verb == VERB_WATCH);
    add_if_given(query, "metricLabelSelector", request->metric_label_selector);
    if (reads_many) {
        add_if_given(query, "labelSelector", request->label_selector);
        add_if_given(query, "fieldSelector", request->field_selector);
        add_if_given(query, "continue", request->continue_token);
        add_number(query, "limit", request->limit);
    }
    add_if_given(query, "resourceVersion", request->resource_version);
    add_if_given(query, "resourceVersionMatch", request->resource_version_match);
    add_if_true(query, "allowWatchBookmarks", request->allow_watch_bookmarks);
    add_if_true(query, "sendInitialEvents", request->send_initial_events);
    if (request->no_initial_events)
        add_text(query, "sendInitialEvents", SV("false"));
    add_number(query, "timeoutSeconds", request->timeout_seconds);
    add_if_given(query, "fieldManager", request->field_manager);
    add_if_given(query, "fieldValidation", request->field_validation);
    add_if_true(query, "force", request->force);
    if (request->dry_run)
        add_text(query, "dryRun", SV("All"));
}

struct sv request_path(const struct request *request, struct arena *arena) {
    if (request->path.len > 0)
        return arena_copy(arena, request->path);
    struct buf path;
    buf_init(&path, PATH_BYTES_MAX);
    struct sv subresource = request->verb == VERB_EXEC ? SV("exec") : request->subresource;
    bool fits = buf_append(&path, request->group.len > 0 ? SV("/apis") : SV("/api")) &&
                append_segment(&path, request->group) && append_segment(&path, request->version);
    if (fits && request->namespace_name.len > 0)
        fits =
            buf_append(&path, SV("/namespaces")) && append_segment(&path, request->namespace_name);
    fits = fits && append_segment(&path, request->plural) && append_segment(&path, request->name) &&
           append_segment(&path, subresource);
    struct query query = {.path = &path, .fits = fits};
    add_query(&query, request);
    /* Names come from the API, which bounds them; a selector that long is a bug of ours. */
    assert(query.fits);
    struct sv text = arena_copy(arena, buf_view(&path));
    buf_release(&path);
    return text;
}

struct sv request_content_type(const struct request *request) {
    if (!request->body)
        return SV("");
    return request->verb == VERB_PATCH ? patch_type_media_type(request->patch_type)
                                       : SV("application/json");
}

struct sv request_accept(const struct request *request) {
    if (!request->metadata_only)
        return SV("application/json");
    return request->verb == VERB_LIST
               ? SV("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
               : SV("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
}
