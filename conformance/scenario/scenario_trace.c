/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_trace.h"

#include "conformance/scenario/scenario_match.h"
#include "conformance/session_sim.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"

enum { TRACE_BYTES_MAX = 64 * 1024 * 1024 };

static struct trace_entry *add_entry(struct trace *trace, int64_t at_ms, size_t step) {
    if (trace->count == TRACE_ENTRIES_MAX) {
        trace->is_full = true;
        return &trace->ignored;
    }
    if (trace->count == trace->capacity) {
        size_t capacity = trace->capacity ? trace->capacity * 2 : 256;
        struct trace_entry *grown = ARENA_ARRAY(trace->arena, struct trace_entry, capacity);
        if (trace->count > 0)
            memcpy(grown, trace->entries, sizeof(*grown) * trace->count);
        trace->entries = grown;
        trace->capacity = capacity;
    }
    struct trace_entry *entry = &trace->entries[trace->count++];
    *entry = (struct trace_entry){
        .at_ms = at_ms,
        .step = step,
        .user_agent = SV(""),
        .refusal = SV(""),
        .role = SV(""),
        .entry = SV(""),
    };
    return entry;
}

void trace_add_request(struct trace *trace, int64_t at_ms, size_t step, struct sv user_agent,
                       const struct request *request, int http_status, const struct cJSON *result) {
    struct trace_entry *entry = add_entry(trace, at_ms, step);
    /* A creation names its object in the body, or leaves the name to the server. */
    struct sv name = request->name;
    if (name.len == 0 && request->verb == VERB_CREATE)
        name = object_name(http_status > 0 && http_status < 300 ? result : request->body);
    entry->user_agent = arena_copy(trace->arena, user_agent);
    entry->http_status = http_status;
    if (http_status >= 400 && http_status != 404)
        entry->refusal = arena_copy(trace->arena, json_find_string(result, "message"));
    entry->request = (struct request){
        .verb = request->verb,
        .group = arena_copy(trace->arena, request->group),
        .plural = arena_copy(trace->arena, request->plural),
        .namespace_name = arena_copy(trace->arena, request->namespace_name),
        .name = arena_copy(trace->arena, name),
        .subresource = arena_copy(trace->arena, request->subresource),
        .patch_type = request->patch_type,
        .body = request->body ? json_copy(trace->arena, request->body) : NULL,
    };
}

void trace_add_exec(struct trace *trace, int64_t at_ms, size_t step, struct sv role,
                    struct sv entry_name) {
    struct trace_entry *entry = add_entry(trace, at_ms, step);
    entry->is_exec = true;
    entry->role = role;
    entry->entry = entry_name;
}

static bool exec_matches(const struct trace_entry *entry, const struct cJSON *exec) {
    struct sv role = json_string_or(exec, SV("role"), SV(""));
    struct sv name = json_string_or(exec, SV("entry"), SV(""));
    return entry->is_exec && (role.len == 0 || sv_eq(role, entry->role)) &&
           (name.len == 0 || sv_eq(name, entry->entry));
}

bool trace_matches(const struct trace_entry *entry, const struct cJSON *link, struct arena *arena) {
    const struct cJSON *exec = json_get(link, SV("exec"));
    const struct cJSON *request = json_get(link, SV("request"));
    if (exec || entry->is_exec)
        return exec && exec_matches(entry, exec);
    struct request_pattern pattern = scenario_pattern(request);
    const struct cJSON *expected = json_get(request, SV("match"));
    struct mismatch ignored;
    return request_pattern_matches(&pattern, entry->user_agent, &entry->request) &&
           (!expected || scenario_match(arena, expected, entry->request.body, &ignored));
}

struct sv trace_text(const struct trace_entry *entry, struct arena *arena) {
    struct sv at = arena_printf(arena, "%lld:%02d.%03d", (long long)(entry->at_ms / 60000),
                                (int)(entry->at_ms / 1000 % 60), (int)(entry->at_ms % 1000));
    if (entry->is_exec)
        return arena_printf(arena, "%.*s exec %.*s of %.*s", SV_ARG(at), SV_ARG(entry->entry),
                            SV_ARG(entry->role));
    const struct request *request = &entry->request;
    struct sv key = object_key(arena, request->namespace_name, request->name);
    return arena_printf(arena, "%.*s %.*s %.*s %.*s%s%.*s%s%.*s%s%.*s: %d%s%.*s", SV_ARG(at),
                        SV_ARG(entry->user_agent), SV_ARG(request_verb_text(request)),
                        SV_ARG(request->plural), request->group.len > 0 ? "." : "",
                        SV_ARG(request->group), request->subresource.len > 0 ? "/" : "",
                        SV_ARG(request->subresource), key.len > 0 ? " " : "", SV_ARG(key),
                        entry->http_status, entry->refusal.len > 0 ? " " : "",
                        SV_ARG(entry->refusal));
}

/* Watches come again every few minutes and tell nothing. */
static bool is_told(const struct trace_entry *entry) {
    return entry->is_exec || (entry->request.verb != VERB_WATCH &&
                              (sv_eq(entry->user_agent, SESSION_CONTROLLER_AGENT) ||
                               sv_eq(entry->user_agent, SESSION_USER_AGENT)));
}

struct sv trace_told_text(const struct trace *trace, struct arena *arena) {
    struct buf buf;
    buf_init(&buf, TRACE_BYTES_MAX);
    AUTO(arena) line_arena = arena_new();
    bool fits = true;
    for (size_t i = 0; i < trace->count && fits; i++) {
        const struct trace_entry *entry = &trace->entries[i];
        if (!is_told(entry))
            continue;
        fits = buf_append(&buf, trace_text(entry, line_arena)) && buf_append_byte(&buf, '\n');
        arena_reset(line_arena);
    }
    struct sv text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}

const struct trace_entry *trace_last_write(const struct trace *trace,
                                           const struct object_ref *ref) {
    for (size_t i = trace->count; i-- > 0;) {
        const struct trace_entry *entry = &trace->entries[i];
        if (!entry->is_exec && request_is_write(&entry->request) &&
            sv_eq(entry->request.plural, ref->resource->plural) &&
            sv_eq(entry->request.group, ref->resource->group) &&
            sv_eq(entry->request.namespace_name, ref->namespace_name) &&
            sv_eq(entry->request.name, ref->name))
            return entry;
    }
    return NULL;
}
