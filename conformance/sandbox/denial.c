/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/denial.h"

#include "core/base/arena.h"

bool denial_is_likely(const struct script_run *run, const struct script_outcome *outcome) {
    return run->writes != SCRIPT_WRITES_ANYWHERE && !script_succeeded(outcome) &&
           (outcome->stderr_bytes.len == 0 ||
            sv_contains(outcome->stderr_bytes, SV("ead-only file system")));
}

static bool is_below_any(struct sv path, const struct sv *folders, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (sv_is_within(path, folders[i]))
            return true;
    }
    return false;
}

/* Both lists are in order of paths; `*at` goes through the other one. */
static bool is_new(const struct script_file *file, const struct script_state *before, size_t *at) {
    while (*at < before->file_count && sv_compare(before->files[*at].path, file->path) < 0)
        ++*at;
    if (*at == before->file_count || !sv_eq(before->files[*at].path, file->path))
        return true;
    const struct script_file *old = &before->files[*at];
    return old->type != file->type || !sv_eq(old->bytes, file->bytes);
}

struct sv denial_text(const struct script_run *run, const struct script_outcome *outcome,
                      const struct script_outcome *unconfined, struct arena *arena) {
    struct sv first = SV("");
    size_t at = 0, more_count = 0;
    for (size_t i = 0; i < unconfined->after.file_count; i++) {
        const struct script_file *file = &unconfined->after.files[i];
        if (!is_new(file, &outcome->after, &at) ||
            is_below_any(file->path, run->writable_paths, run->writable_count) ||
            (first.len > 0 && sv_is_within(file->path, first)))
            continue;
        if (first.len == 0)
            first = file->path;
        else
            more_count++;
    }
    if (first.len == 0)
        return SV("");
    struct sv more = more_count > 0 ? arena_printf(arena, " and %zu more", more_count) : SV("");
    const char *advice = is_below_any(first, run->folders, run->folder_count)
                             ? "the volume there needs fsGroup, or is root's like all of hostPath"
                             : "mount an emptyDir there";
    return arena_printf(arena, "%.*s cannot write %.*s%.*s: %s", SV_ARG(run->writer), SV_ARG(first),
                        SV_ARG(more), advice);
}
