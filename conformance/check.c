/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/check.h"

#include "core/base/arena.h"

#include <stdarg.h>

enum { CHECK_MESSAGE_BYTES_MAX = 4096 };

struct sv check_state_text(enum check_state state) {
#define X(name, text) [CHECK_STATE_##name] = SV(text),
    static const struct sv texts[] = {CHECK_STATES(X)};
#undef X
    assert(state < COUNT_OF(texts));
    return texts[state];
}

struct sv check_doc(const struct check *check, struct arena *arena) {
    struct sv doc = arena_printf(arena, "docs/checks.md#%.*s", SV_ARG(check->id));
    char *bytes = arena_alloc(arena, doc.len);
    for (size_t i = 0; i < doc.len; i++)
        bytes[i] =
            doc.ptr[i] >= 'A' && doc.ptr[i] <= 'Z' ? (char)(doc.ptr[i] + 'a' - 'A') : doc.ptr[i];
    return (struct sv){bytes, doc.len};
}

static struct check_result *push(struct check_results *results, struct check_result result) {
    if (results->count == results->capacity) {
        size_t capacity = results->capacity ? results->capacity * 2 : 64;
        struct check_result *items = ARENA_ARRAY(results->arena, struct check_result, capacity);
        if (results->count > 0)
            memcpy(items, results->items, results->count * sizeof(*items));
        results->items = items;
        results->capacity = capacity;
    }
    results->items[results->count] = result;
    return &results->items[results->count++];
}

struct check_result *results_add(struct check_results *results, struct sv id,
                                 enum check_state state, const char *format, ...) {
    const struct check *check = catalogue_find(id);
    assert(check != NULL);
    char message[CHECK_MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    assert(len >= 0);
    struct sv text = {message, (size_t)len < sizeof(message) ? (size_t)len : sizeof(message) - 1};
    struct check_result result = {
        .check = check,
        .state = state,
        .observed_by = check->observed_by,
        .role = SV(""),
        .subject = {.path = SV(""), .json_path = SV("")},
        .message = arena_copy(results->arena, text),
        .expected = SV(""),
        .actual = SV(""),
        .remediation = SV(""),
        .excuse = SV(""),
    };
    return push(results, result);
}

void results_append(struct check_results *results, const struct check_results *more) {
    for (size_t i = 0; i < more->count; i++) {
        struct check_result *result = push(results, more->items[i]);
        struct sv *const texts[] = {&result->role,
                                    &result->message,
                                    &result->expected,
                                    &result->actual,
                                    &result->remediation,
                                    &result->subject.path,
                                    &result->subject.json_path,
                                    &result->excuse};
        for (size_t j = 0; j < COUNT_OF(texts); j++)
            *texts[j] = arena_copy(results->arena, *texts[j]);
    }
}

void results_pass_if_none(struct check_results *results, struct sv id, size_t from) {
    for (size_t i = from; i < results->count; i++) {
        if (sv_eq(results->items[i].check->id, id))
            return;
    }
    results_add(results, id, CHECK_STATE_PASS, "%s", "");
}
