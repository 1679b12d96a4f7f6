/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/plain_engine.h"

#include "conformance/script/script_render.h"
#include "conformance/subject.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "core/reconcile/mount_spec.h"
#include "core/reconcile/names.h"
#include "fakeapi/cluster/kubelet_files.h"

enum { EXEC_DURATION_MS = 100 };

static bool is_command(const struct cJSON *entry, const struct exec_call *call,
                       struct arena *arena) {
    const struct sv *words;
    bool has_stdin;
    size_t count = script_entry_command(entry, arena, &words, &has_stdin);
    if (count == 0 || count != call->command_count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!sv_eq(words[i], call->command[i]))
            return false;
    }
    return true;
}

/* The entry that the call runs, or NULL. */
static const struct cJSON *find_entry(const struct subject *subject, const struct exec_call *call,
                                      struct arena *arena) {
    struct sv component = object_label(call->pod, LABEL_COMPONENT_NAME);
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (!sv_ends_with(component, role_text(role)))
            continue;
        JSON_EACH (entry, json_get(subject_component(subject, role), SV("executionEntries"))) {
            if (is_command(entry, call, arena))
                return entry;
        }
    }
    return NULL;
}

static struct sv runtime_json_of(const struct exec_call *call, struct arena *arena) {
    struct kubelet_file *files;
    size_t count;
    if (call->has_stdin)
        return call->stdin_bytes;
    if (!kubelet_container_files(call->world, call->namespace_name, call->pod_name, call->container,
                                 arena, &files, &count))
        return SV("");
    for (size_t i = 0; i < count; i++) {
        if (sv_ends_with(files[i].path, SV("/runtime.json")))
            return files[i].bytes;
    }
    return SV("");
}

static void mount_what_is_listed(const struct exec_call *call, struct arena *arena,
                                 struct exec_result *result) {
    struct error err = {0};
    const struct cJSON *root = json_read(arena, runtime_json_of(call, arena), &err);
    if (!root) {
        result->exit_code = 1;
        result->stderr_bytes = arena_printf(arena, "runtime.json: %s\n", err.message);
        return;
    }
    struct cJSON *answer = json_map(arena);
    struct cJSON *mounted = json_ensure_list(arena, answer, SV("mounted"));
    JSON_EACH (mount, json_get(root, SV("mounts"))) {
        if (!mount_is_native(mount))
            json_append(mounted, json_string(arena, mount_unified_path(mount, arena)));
    }
    result->stdout_bytes = json_write_arena(arena, answer, JSON_COMPACT);
}

static bool exec(void *context, const struct exec_call *call, struct arena *arena,
                 struct exec_result *ret_result) {
    const struct cJSON *entry = find_entry(context, call, arena);
    if (!entry)
        return false;
    struct exec_result result = {
        .stdout_bytes = SV(""), .stderr_bytes = SV(""), .duration_ms = EXEC_DURATION_MS};
    if (sv_eq(json_key(entry), SV("mountUFS")))
        mount_what_is_listed(call, arena, &result);
    else if (sv_eq(json_key(entry), SV("reportSummary")))
        result.stdout_bytes = SV("{\"cached\":\"0.00B\",\"cacheCapacity\":\"1.00GiB\","
                                 "\"cachedPercentage\":\"0\",\"cacheHitRatio\":\"0\"}");
    *ret_result = result;
    return true;
}

struct engine plain_engine_of(const struct subject *subject) {
    return (struct engine){.exec = exec, .context = (void *)subject};
}
