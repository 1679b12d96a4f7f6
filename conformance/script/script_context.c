/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/script_context.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/joiner.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "core/reconcile/mount_spec.h"

#include <stdarg.h>

enum { MESSAGE_BYTES_MAX = 2048, REPLACED_BYTES_MAX = 64 * 1024 * 1024, LINE_BYTES_SHOWN = 160 };

/* --- findings --- */

static struct location locate(const struct script_context *context, const struct cJSON *item) {
    const struct subject *subject = context->subject;
    for (size_t i = 0; item && i < subject->manifest_count; i++) {
        struct location location = manifest_locate(&subject->manifests[i], item, true);
        if (location.line > 0)
            return location;
    }
    return manifest_locate(subject->class_manifest, subject->runtime_class, false);
}

static struct check_result *add(struct script_context *context, enum check_state state,
                                const char *format, va_list args) {
    char message[MESSAGE_BYTES_MAX];
    int len = vsnprintf(message, sizeof(message), format, args);
    assert(len >= 0);
    struct check_result *result = results_add(context->results, context->id, state, "%s", message);
    result->observed_by = OBSERVED_BY_SANDBOX;
    return result;
}

struct check_result *script_fail(struct script_context *context, enum role role,
                                 const struct cJSON *item, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct check_result *result = add(context, CHECK_STATE_FAIL, format, args);
    va_end(args);
    result->role = role < ROLE_COUNT ? role_text(role) : SV("");
    result->subject = locate(context, item);
    return result;
}

void script_skip(struct script_context *context, enum check_state state, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(context, state, format, args);
    va_end(args);
}

bool script_is_clean(const struct script_context *context) {
    return context->results->count == context->findings_begin;
}

const struct cJSON *script_start_item(const struct script_context *context, enum role role) {
    const struct cJSON *component = subject_component(context->subject, role);
    const struct cJSON *container = json_find(component, "template.spec.containers.0");
    const struct cJSON *command = json_get(container, SV("command"));
    return command ? command : container;
}

const struct cJSON *script_entry(const struct script_context *context, struct sv name,
                                 enum role *ret_role) {
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        const struct cJSON *entry = subject_entry(context->subject, role, name);
        if (entry && context->base.rendering.pods[role]) {
            *ret_role = role;
            return entry;
        }
    }
    return NULL;
}

/* --- variations --- */

bool script_vary(struct script_context *context, const struct cJSON *dataset,
                 const struct cJSON *runtime, struct script_stage *ret_stage, struct sv *ret_why) {
    struct script_rendering rendering;
    if (!script_render(context->subject->runtime_class, dataset, runtime, context->arena,
                       &rendering, ret_why))
        return false;
    *ret_stage = (struct script_stage){
        .subject = context->subject,
        .simulation = context->simulation,
        .runner = context->runner,
        .arena = context->arena,
        .moved_config_path = SV(""),
        .err = &context->err,
    };
    stage_init(ret_stage, &rendering);
    return true;
}

struct cJSON *script_copy_dataset(struct script_context *context) {
    return json_copy(context->arena, context->sample->dataset);
}

struct cJSON *script_copy_runtime(struct script_context *context) {
    return json_copy(context->arena, context->sample->runtime);
}

struct cJSON *script_first_mount(const struct cJSON *dataset) {
    JSON_EACH (mount, json_find(dataset, "spec.mounts")) {
        if (!mount_is_native(mount))
            return mount;
    }
    return NULL;
}

/* "s3://bucket/" becomes "s3://bucket-3/". */
static struct sv numbered(struct arena *arena, struct sv point, size_t number) {
    bool has_slash = sv_ends_with(point, SV("/")) && !sv_ends_with(point, SV("://"));
    struct sv stem = sv_prefix(point, point.len - (has_slash ? 1 : 0));
    return arena_printf(arena, "%.*s-%zu%s", SV_ARG(stem), number, has_slash ? "/" : "");
}

void script_set_mounts(struct script_context *context, struct cJSON *dataset, size_t count) {
    struct arena *arena = context->arena;
    struct cJSON *spec = json_ensure_map(arena, dataset, SV("spec"));
    const struct cJSON *model = script_first_mount(dataset);
    struct cJSON *mounts = json_list(arena);
    for (size_t i = 0; model && i < count; i++) {
        struct cJSON *mount = json_copy(arena, model);
        json_set_string(arena, mount, SV("mountPoint"),
                        numbered(arena, json_string_or(mount, SV("mountPoint"), SV("")), i));
        json_set_string(arena, mount, SV("name"), arena_printf(arena, "certify-%zu", i));
        json_set_string(arena, mount, SV("path"), arena_printf(arena, "/certify-%zu", i));
        json_append(mounts, mount);
    }
    json_set(arena, spec, SV("mounts"), mounts);
}

bool script_mount(struct script_context *context, struct script_stage *stage,
                  struct script_outcome *ret_outcome) {
    stage_start(stage, context->mount_role);
    return stage_entry(stage, context->mount_role, context->mount_entry, true, ret_outcome);
}

struct sv script_perform(struct script_context *context, struct script_stage *stage) {
    struct script_outcome outcome;
    stage_start_all(stage);
    struct sv all = stage_start_signature(stage, context->arena);
    if (!context->mount_entry ||
        !stage_entry(stage, context->mount_role, context->mount_entry, true, &outcome))
        return all;
    struct sv mount = stage_signature(&outcome, context->arena);
    return arena_printf(context->arena, "%.*smountUFS %.*s", SV_ARG(all), SV_ARG(mount));
}

static bool start_differs(struct script_context *context, struct script_stage *stage,
                          enum role role) {
    if (!context->base.has_started[role] || stage->has_started[role])
        return false;
    stage_start(stage, role);
    return stage->has_started[role] && !sv_eq(stage_signature(&stage->starts[role], context->arena),
                                              context->base_start_signatures[role]);
}

bool script_differs(struct script_context *context, struct script_stage *stage, enum role first) {
    struct script_outcome outcome;
    enum role begin = first < ROLE_COUNT ? first : context->mount_role;
    if (begin < ROLE_COUNT && start_differs(context, stage, begin))
        return true;
    for (int turn = 0; turn < 2; turn++) {
        bool is_mount_turn = (turn == 0) == (first == ROLE_COUNT);
        if (is_mount_turn && context->mount_entry) {
            if (start_differs(context, stage, context->mount_role) ||
                (stage_entry(stage, context->mount_role, context->mount_entry, true, &outcome) &&
                 !sv_eq(stage_signature(&outcome, context->arena), context->base_mount_signature)))
                return true;
        }
        for (enum role role = 0; !is_mount_turn && role < ROLE_COUNT; role++) {
            if (start_differs(context, stage, role))
                return true;
        }
    }
    return false;
}

/* --- what mountUFS prints --- */

const struct cJSON *script_mounted(struct script_context *context, struct sv stdout_bytes,
                                   struct sv *ret_why) {
    struct error err = {0};
    const struct cJSON *root = json_read(context->arena, sv_trim(stdout_bytes), &err);
    if (!root) {
        *ret_why = sv_trim(stdout_bytes).len == 0
                       ? SV("it printed nothing on stdout")
                       : arena_printf(context->arena, "what it printed on stdout is no JSON (%s)",
                                      err.message);
        return NULL;
    }
    const struct cJSON *list = json_get(root, SV("mounted"));
    if (!json_is_map(root) || !json_is_list(list)) {
        *ret_why = SV("what it printed is no object with a list \"mounted\"");
        return NULL;
    }
    JSON_EACH (item, list) {
        if (!json_is_string(item)) {
            *ret_why = arena_printf(context->arena, "\"mounted\" holds a value that is %s",
                                    json_type_name(item));
            return NULL;
        }
    }
    return list;
}

bool script_mounts_well(struct script_context *context) {
    struct sv why;
    return context->mount_entry && script_succeeded(&context->base_mount) &&
           script_mounted(context, context->base_mount.stdout_bytes, &why);
}

/* Each once: paths are compared as sets. */
static struct sv sorted_lines(struct arena *arena, struct sv *texts, size_t count) {
    size_t kept = sv_sort_unique(texts, count);
    struct joiner lines;
    joiner_init(&lines, arena);
    for (size_t i = 0; i < kept; i++)
        joiner_add_apart(&lines, SV(" "), texts[i]);
    return joiner_text(&lines);
}

struct sv script_wanted_paths(struct script_context *context, const struct cJSON *dataset) {
    const struct cJSON *mounts = json_find(dataset, "spec.mounts");
    struct sv *paths = ARENA_ARRAY(context->arena, struct sv, json_count(mounts) + 1);
    size_t count = 0;
    JSON_EACH (mount, mounts) {
        if (!mount_is_native(mount))
            paths[count++] = mount_unified_path(mount, context->arena);
    }
    return sorted_lines(context->arena, paths, count);
}

struct sv script_listed_paths(struct script_context *context, const struct cJSON *mounted) {
    struct sv *paths = ARENA_ARRAY(context->arena, struct sv, json_count(mounted) + 1);
    size_t count = 0;
    JSON_EACH (item, mounted)
        paths[count++] = json_text(item);
    return sorted_lines(context->arena, paths, count);
}

bool script_lists_wanted(struct script_context *context, const struct cJSON *dataset,
                         const struct script_outcome *outcome, struct sv *ret_why) {
    if (!script_succeeded(outcome)) {
        *ret_why = script_describe(outcome, context->arena);
        return false;
    }
    const struct cJSON *mounted = script_mounted(context, outcome->stdout_bytes, ret_why);
    if (!mounted)
        return false;
    struct sv wanted = script_wanted_paths(context, dataset);
    struct sv listed = script_listed_paths(context, mounted);
    *ret_why = arena_printf(context->arena, "it lists \"%.*s\", and wanted is \"%.*s\"",
                            SV_ARG(sv_prefix(listed, 300)), SV_ARG(sv_prefix(wanted, 300)));
    return sv_eq(wanted, listed);
}

const struct sv script_similar_paths[SCRIPT_SIMILAR_PATHS] = {SV("/data/long"), SV("/data"),
                                                              SV("/dat")};
const struct sv script_special_paths[SCRIPT_SPECIAL_PATHS] = {SV("/a&b<c>"), SV("/]}\xc3\xa9"),
                                                              SV("/plain")};

void script_set_paths(struct script_context *context, struct cJSON *dataset, const struct sv *paths,
                      size_t count) {
    size_t i = 0;
    JSON_EACH (mount, json_find(dataset, "spec.mounts")) {
        if (i < count)
            json_set_string(context->arena, mount, SV("path"), paths[i++]);
    }
}

bool script_lists_many(struct script_context *context) {
    struct sv paths[SCRIPT_SIMILAR_PATHS + SCRIPT_SPECIAL_PATHS], why;
    struct script_stage stage;
    struct script_outcome outcome;
    struct cJSON *dataset = script_copy_dataset(context);
    memcpy(paths, script_similar_paths, sizeof(script_similar_paths));
    memcpy(paths + SCRIPT_SIMILAR_PATHS, script_special_paths, sizeof(script_special_paths));
    script_set_mounts(context, dataset, SCRIPT_MANY_MOUNTS);
    script_set_paths(context, dataset, paths, COUNT_OF(paths));
    return script_first_mount(dataset) &&
           script_vary(context, dataset, context->sample->runtime, &stage, &why) &&
           script_mount(context, &stage, &outcome) &&
           script_lists_wanted(context, dataset, &outcome, &why);
}

/* --- texts --- */

struct sv script_replace(struct arena *arena, struct sv text, struct sv from, struct sv to) {
    if (from.len == 0 || !sv_contains(text, from))
        return text;
    struct buf out;
    buf_init(&out, REPLACED_BYTES_MAX);
    bool has_room = true;
    while (has_room && text.len > 0) {
        if (sv_starts_with(text, from)) {
            has_room = buf_append(&out, to);
            text = sv_drop(text, from.len);
        } else {
            size_t step = 1 + sv_find(sv_drop(text, 1), from.ptr[0]);
            has_room = buf_append(&out, sv_prefix(text, step));
            text = sv_drop(text, step);
        }
    }
    struct sv result = arena_copy(arena, buf_view(&out));
    buf_release(&out);
    return result;
}

static struct sv shown(struct sv line) {
    return sv_prefix(line, LINE_BYTES_SHOWN);
}

struct sv script_difference(struct arena *arena, struct sv before, struct sv after) {
    while (before.len > 0 || after.len > 0) {
        struct sv old = sv_cut(&before, '\n'), new = sv_cut(&after, '\n');
        if (!sv_eq(old, new))
            return arena_printf(arena, "\"%.*s\" became \"%.*s\"", SV_ARG(shown(old)),
                                SV_ARG(shown(new)));
    }
    return SV("nothing differs");
}
