/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/runtime_state.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/cache/cache_store.h"
#include "core/api/resource.h"
#include "core/data/json.h"

struct runtime_state *runtime_state_new(struct sv key) {
    struct runtime_state *state = mem_alloc(sizeof(*state));
    state->key = (struct sv){mem_copy_text(key), key.len};
    state->name = state->key;
    state->namespace_name = sv_cut(&state->name, '/');
    return state;
}

void runtime_state_begin_plan(struct runtime_state *state) {
    assert(!state->arena);
    state->arena = arena_new();
    state->plan = ARENA_NEW(state->arena, struct plan);
}

void runtime_state_end_plan(struct runtime_state *state) {
    arena_free(state->arena);
    state->arena = NULL;
    state->plan = NULL;
}

void runtime_state_give_back(struct runtime_state *state) {
    vec_trim(&state->names);
    vec_trim(&state->executions);
}

/* Every pod is cleaned by itself; other entries run in one pod for all. */
static bool is_slot_of(const struct execution *execution, enum execution_entry entry,
                       struct sv pod_uid) {
    return execution->entry == entry &&
           (entry != ENTRY_CLEAN_CACHE || sv_eq(execution->pod_uid, pod_uid));
}

size_t runtime_state_execution(struct runtime_state *state, enum execution_entry entry,
                               struct sv pod_uid) {
    size_t oldest = 0;
    for (size_t i = 0; i < state->executions.count; i++) {
        const struct execution_memory *memory = &state->executions.items[i];
        if (is_slot_of(&memory->execution, entry, pod_uid))
            return i;
        if (memory->execution.started_ms < state->executions.items[oldest].execution.started_ms)
            oldest = i;
    }
    if (state->executions.count == RUNTIME_EXECUTIONS_MAX)
        return oldest;
    vec_push(&state->executions, (struct execution_memory){.arena = NULL});
    return state->executions.count - 1;
}

static void name_release(struct name_memory *memory) {
    if (memory->bytes.len)
        mem_free((char *)memory->bytes.ptr);
    mem_free((char *)memory->namespace_name.ptr);
}

void runtime_state_free(struct runtime_state *state) {
    for (size_t i = 0; i < state->names.count; i++)
        name_release(&state->names.items[i]);
    vec_release(&state->names);
    for (size_t i = 0; i < state->executions.count; i++)
        arena_free(state->executions.items[i].arena);
    vec_release(&state->executions);
    arena_free(state->arena);
    arena_free(state->claim_arena);
    runtime_state_forget_failure(state);
    mem_free(state->rollout.class_name);
    mem_free((char *)state->key.ptr);
    mem_free(state);
}

/* --- writes that fail --- */

#define FAILED_OBJECT "%.*s \"%.*s\": "

/* Asking again changes nothing: a quota, a policy, a webhook or the schema is against it. */
static bool is_refusal(enum error_code code) {
    return code == ERROR_FORBIDDEN || code == ERROR_INVALID || code == ERROR_TOO_LARGE ||
           code == ERROR_UNSUPPORTED;
}

/* Servers say of what fails again when it did, or in which request. To tell each of these is a
 * write of the status, which is seen, and brings the next try at once, and so on for ever: so a
 * text stays until there have been twice as many tries. */
static bool is_told_of(const struct write_failure *failure, const struct action *action,
                       enum error_code code, int rounds) {
    char begin[ERROR_MESSAGE_BYTES_MAX];
    bool is_renewed = (rounds & (rounds - 1)) == 0;
    if (!failure->is_told || !failure->text || is_renewed || action->subresource.len > 0 ||
        failure->is_refused != is_refusal(code))
        return false;
    int len = snprintf(begin, sizeof(begin), FAILED_OBJECT, SV_ARG(action->resource->kind),
                       SV_ARG(action->name));
    return len > 0 && (size_t)len < sizeof(begin) &&
           strncmp(failure->text, begin, (size_t)len) == 0;
}

void runtime_state_note_failure(struct runtime_state *state, const struct action *action,
                                enum error_code code, struct sv message) {
    char text[ERROR_MESSAGE_BYTES_MAX];
    int rounds = state->failure.rounds + 1;
    if (is_told_of(&state->failure, action, code, rounds)) {
        state->failure.rounds = rounds;
        return;
    }
    runtime_state_forget_failure(state);
    state->failure.rounds = rounds;
    state->failure.is_refused = is_refusal(code);
    /* What tells of failures must not wait for itself. */
    if (action->subresource.len > 0)
        return;
    int len = snprintf(text, sizeof(text), FAILED_OBJECT "%.*s", SV_ARG(action->resource->kind),
                       SV_ARG(action->name), SV_ARG(message));
    size_t kept = len < 0 ? 0 : (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    state->failure.text = mem_alloc(kept + 1);
    state->failure.is_told = is_refusal(code) || rounds > FAILED_ROUNDS_QUIET_MAX;
    memcpy(state->failure.text, text, kept);
}

void runtime_state_forget_failure(struct runtime_state *state) {
    mem_free(state->failure.text);
    state->failure = (struct write_failure){.rounds = 0};
}

/* --- names --- */

struct name_memory *runtime_state_find_name(const struct runtime_state *state,
                                            const struct resource *resource,
                                            struct sv namespace_name, struct sv name) {
    for (size_t i = 0; i < state->names.count; i++) {
        struct name_memory *memory = &state->names.items[i];
        if (sv_eq(memory->name, name) && resource_eq(memory->resource, resource) &&
            sv_eq(memory->namespace_name, namespace_name))
            return memory;
    }
    return NULL;
}

struct name_memory *runtime_state_name(struct runtime_state *state, const struct resource *resource,
                                       struct sv namespace_name, struct sv name) {
    struct name_memory *memory = runtime_state_find_name(state, resource, namespace_name, name);
    if (memory)
        return memory;
    if (state->names.count >= RUNTIME_NAMES_MAX) {
        name_release(&state->names.items[0]);
        vec_remove(&state->names, 0);
    }
    char *block = mem_alloc(namespace_name.len + name.len + 1);
    memcpy(block, namespace_name.ptr, namespace_name.len);
    memcpy(block + namespace_name.len, name.ptr, name.len);
    return vec_push(&state->names, (struct name_memory){
                                       .resource = resource,
                                       .namespace_name = {block, namespace_name.len},
                                       .name = {block + namespace_name.len, name.len},
                                       .bytes = SV(""),
                                   });
}

static void set_fact(struct runtime_state *state, struct name_memory *memory,
                     enum observed_state fact, const struct cJSON *object) {
    if (memory->bytes.len)
        mem_free((char *)memory->bytes.ptr);
    memory->bytes = SV("");
    memory->fact = fact;
    state->fact_count++;
    if (fact != OBSERVED_PRESENT)
        return;
    AUTO(arena) arena = arena_new();
    struct sv bytes = json_write_arena(arena, object, JSON_COMPACT);
    memory->bytes = (struct sv){mem_copy_text(bytes), bytes.len};
}

void runtime_state_set_fact(struct runtime_state *state, const struct resource *resource,
                            struct sv namespace_name, struct sv name, enum observed_state fact,
                            const struct cJSON *object) {
    set_fact(state, runtime_state_name(state, resource, namespace_name, name), fact, object);
}

void runtime_state_forget_fact(struct runtime_state *state, const struct resource *resource,
                               struct sv namespace_name, struct sv name) {
    struct name_memory *memory = runtime_state_find_name(state, resource, namespace_name, name);
    if (memory && memory->fact != OBSERVED_UNKNOWN)
        set_fact(state, memory, OBSERVED_UNKNOWN, NULL);
}

void runtime_state_forget_present(struct runtime_state *state) {
    for (size_t i = 0; i < state->names.count; i++) {
        struct name_memory *memory = &state->names.items[i];
        if (memory->fact == OBSERVED_PRESENT)
            set_fact(state, memory, OBSERVED_UNKNOWN, NULL);
    }
}
