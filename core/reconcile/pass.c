/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/pass.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/utf8.h"

#include <stdarg.h>

void pass_init(struct pass *pass, const struct snapshot *snapshot, struct arena *arena,
               struct plan *plan) {
    *plan = (struct plan){.wake_ms = WAKE_NEVER};
    *pass = (struct pass){.snapshot = snapshot, .arena = arena, .plan = plan};
    pass->metadata_is_written = true;
    for (size_t i = 0; i < GATE_COUNT; i++)
        plan->gates[i] = (struct gate){.reason = SV(""), .message = SV("")};
    pass->runtime_json = pass->mounts_hash = pass->check_message = SV("");
    struct finding none = {SV(""), SV("")};
    pass->failure = pass->unmounted = pass->report_failure = pass->check_failure = pass->drift =
        pass->stall = none;
    names_init(&pass->names, snapshot, arena);
    components_init(pass->components, snapshot, arena);
}

static void grow(struct pass *pass) {
    size_t capacity = pass->action_capacity ? 2 * pass->action_capacity : 16;
    struct action *actions = ARENA_ARRAY(pass->arena, struct action, capacity);
    if (pass->plan->action_count > 0)
        memcpy(actions, pass->plan->actions, pass->plan->action_count * sizeof(*actions));
    pass->plan->actions = actions;
    pass->action_capacity = capacity;
}

struct action *pass_add(struct pass *pass, enum action_type type, enum plan_step step,
                        struct sv reason, struct sv message) {
    if (pass->plan->action_count == pass->action_capacity)
        grow(pass);
    struct action *action = &pass->plan->actions[pass->plan->action_count++];
    *action = (struct action){.type = type, .step = step, .reason = reason, .message = message};
    action->namespace_name = action->name = action->subresource = SV("");
    action->container = action->pod_uid = action->container_id = SV("");
    action->input_hash = action->stdin_bytes = action->object_uid = SV("");
    action->made_for = SV("");
    return action;
}

void pass_event(struct pass *pass, enum event_kind kind, const struct resource *resource,
                const struct cJSON *about, struct sv reason, struct sv message) {
    struct action *action = pass_add(pass, ACTION_EVENT, STEP_EVENTS, reason, message);
    action->event_kind = kind;
    action->resource = resource;
    action->namespace_name = object_namespace(about);
    action->name = object_name(about);
    action->object_uid = object_uid(about);
}

void pass_wake_at(struct pass *pass, int64_t at_ms) {
    if (at_ms < pass->plan->wake_ms)
        pass->plan->wake_ms = at_ms;
}

void pass_open(struct pass *pass, enum gate_id gate) {
    pass->plan->gates[gate] = (struct gate){.is_open = true, .reason = SV(""), .message = SV("")};
}

void pass_close(struct pass *pass, enum gate_id gate, struct sv reason, struct sv message) {
    pass->plan->gates[gate] = (struct gate){.reason = reason, .message = message};
}

void pass_stall(struct pass *pass, enum gate_id gate, struct sv reason, struct sv message) {
    pass_close(pass, gate, reason, message);
    if (pass->plan->is_stalled)
        return;
    pass->stall = (struct finding){reason, message};
    pass->plan->is_stalled = true;
    pass->plan->stalled_gate = gate;
}

bool pass_reached(const struct pass *pass, enum gate_id gate) {
    for (size_t i = 0; i < (size_t)gate; i++)
        if (!pass->plan->gates[i].is_open)
            return false;
    return true;
}

const struct gate *pass_first_closed(const struct pass *pass) {
    for (size_t i = 0; i < GATE_COUNT; i++)
        if (!pass->plan->gates[i].is_open)
            return &pass->plan->gates[i];
    return NULL;
}

struct sv pass_write_failure(struct pass *pass) {
    return pass_printf(pass, "the API server does not take %.*s",
                       SV_ARG(pass->snapshot->write_failure));
}

enum plan_step pass_status_step(const struct pass *pass) {
    return pass->snapshot->write_failure.len > 0 ? STEP_READ : STEP_STATUS;
}

void pass_tell_with_status(struct pass *pass, size_t first_event) {
    for (size_t i = first_event; i < pass->plan->action_count; i++)
        if (pass->plan->actions[i].type == ACTION_EVENT)
            pass->plan->actions[i].step = pass_status_step(pass);
}

bool pass_writes(const struct pass *pass, const struct resource *resource, struct sv name) {
    for (size_t i = 0; i < pass->plan->action_count; i++) {
        const struct action *action = &pass->plan->actions[i];
        if (action->type != ACTION_EVENT && action->resource &&
            resource_eq(action->resource, resource) && sv_eq(action->name, name))
            return true;
    }
    return false;
}

/* What a process printed may hold any bytes; an API server takes UTF-8 only. */
static void make_readable(char *text, size_t len) {
    struct sv rest = {text, len};
    while (rest.len > 0) {
        size_t at = utf8_valid_bytes(rest);
        if (at == rest.len)
            break;
        text[(size_t)(rest.ptr - text) + at] = '?';
        rest = sv_drop(rest, at);
    }
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
}

struct sv pass_printf(struct pass *pass, const char *format, ...) {
    char text[PASS_TEXT_BYTES_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    size_t kept = len < 0 ? 0 : (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    make_readable(text, kept);
    return arena_copy(pass->arena, (struct sv){text, kept});
}
