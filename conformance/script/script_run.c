/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/script_run.h"

#include "core/base/arena.h"

enum { EXCERPT_BYTES_MAX = 300 };

struct sv script_end_text(enum script_end end) {
#define X(name, text) [SCRIPT_##name] = SV(text),
    static const struct sv texts[] = {SCRIPT_ENDS(X)};
#undef X
    assert(end < COUNT_OF(texts));
    return texts[end];
}

bool script_succeeded(const struct script_outcome *outcome) {
    return outcome->end == SCRIPT_EXITED && outcome->exit_code == 0;
}

/* The last lines say why; line ends become blanks, since a message is one line. */
static struct sv excerpt(struct sv text, struct arena *arena) {
    text = sv_trim(text);
    bool is_cut = text.len > EXCERPT_BYTES_MAX;
    if (is_cut)
        text = sv_drop(text, text.len - EXCERPT_BYTES_MAX);
    char *bytes = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bytes[i] = byte == '\n' ? ' ' : byte < 0x20 || byte >= 0x7f ? '?' : (char)byte;
    }
    return arena_printf(arena, "%s%.*s", is_cut ? "…" : "", (int)text.len, bytes);
}

struct sv script_describe(const struct script_outcome *outcome, struct arena *arena) {
    struct sv end = script_end_text(outcome->end);
    if (outcome->end == SCRIPT_EXITED)
        end = arena_printf(arena, "exited with status %d", outcome->exit_code);
    else if (outcome->end == SCRIPT_SIGNALLED)
        end = arena_printf(arena, "was killed by signal %d", outcome->signal_number);
    struct sv stderr_text = excerpt(outcome->stderr_bytes, arena);
    if (stderr_text.len > 0)
        end = arena_printf(arena, "%.*s; stderr: %.*s", SV_ARG(end), SV_ARG(stderr_text));
    if (outcome->denial.len > 0)
        end = arena_printf(arena, "%.*s; %.*s", SV_ARG(end), SV_ARG(outcome->denial));
    return end;
}
