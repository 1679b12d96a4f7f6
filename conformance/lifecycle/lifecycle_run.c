/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/lifecycle/lifecycle_run.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "core/reconcile/plan.h"
#include "fakeapi/server/patch.h"

#include <stdarg.h>

enum {
    /* Three exclusive workers, one node to lose, one to spare. */
    NODE_COUNT = 5,
    MESSAGE_BYTES_MAX = 2048,
    CENSUS_BYTES_MAX = 1024 * 1024,
};

static bool apply_all(struct lifecycle_run *run, struct error *err) {
    if (!session_apply(run->session, run->subject->runtime_class, err))
        return false;
    for (size_t i = 0; i < run->subject->extra_count; i++)
        if (!session_apply(run->session, run->subject->extras[i], err))
            return false;
    return true;
}

bool run_open(struct lifecycle_run *run, struct sv id) {
    struct error err = {0};
    struct session_options options = {
        .seed = run->options->seed,
        .node_count = NODE_COUNT,
        .engines = run->engines,
        .engine_count = run->engine_count,
        .image_pull_ms = -1,
        .pod_start_ms = -1,
        .config_map_lag_ms = -1,
    };
    run->is_bound = false;
    run->namespace_name = SV("default");
    run->session = run->options->open
                       ? run->options->open(run->options->open_context, &options, &err)
                       : session_new(&options, &err);
    if (!run->session || !session_begin(run->session, &err)) {
        results_add(run->results, id, CHECK_STATE_ERROR, "%s", err.message);
        return false;
    }
    if (!apply_all(run, &err)) {
        run_fail(run, id, "the API server refused it: %s", err.message);
        return false;
    }
    run->census = session_is_shared(run->session) ? run_census(run, run->arena) : SV("");
    return true;
}

void run_close(struct lifecycle_run *run) {
    session_free(run->session);
    run->session = NULL;
}

/* What ended the session says nothing of the class. */
static bool is_harness(struct lifecycle_run *run, struct error *err) {
    return run->session && session_has_trouble(run->session, err);
}

struct check_result *run_fail(struct lifecycle_run *run, struct sv id, const char *format, ...) {
    char message[MESSAGE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct error trouble = {0};
    if (is_harness(run, &trouble))
        return results_add(run->results, id, CHECK_STATE_ERROR, "%s", trouble.message);
    struct check_result *result = results_add(run->results, id, CHECK_STATE_FAIL, "%s", message);
    result->observed_by = OBSERVED_BY_SIM;
    result->subject =
        manifest_locate(run->subject->class_manifest, run->subject->runtime_class, false);
    return result;
}

void run_pass(struct lifecycle_run *run, struct sv id) {
    results_add(run->results, id, CHECK_STATE_PASS, "%s", "")->observed_by = OBSERVED_BY_SIM;
}

void run_skip(struct lifecycle_run *run, struct sv id, const char *why) {
    results_add(run->results, id, CHECK_STATE_SKIP_UNSUPPORTED, "%s", why)->observed_by =
        OBSERVED_BY_SIM;
}

void run_skip_unobservable(struct lifecycle_run *run, struct sv id, const char *why) {
    results_add(run->results, id, CHECK_STATE_SKIP_UNOBSERVABLE, "%s", why)->observed_by =
        OBSERVED_BY_SIM;
}

bool run_until(struct lifecycle_run *run, int64_t timeout_ms,
               bool (*holds)(struct session *session, void *context), void *context) {
    return session_run_until(run->session, session_patience_ms(run->session, timeout_ms), holds,
                             context);
}

bool run_check_request(struct lifecycle_run *run, struct sv id, bool succeeded,
                       const struct error *err) {
    if (!succeeded)
        run_fail(run, id, "%s", err->message);
    return succeeded;
}

static struct cJSON *renamed(struct lifecycle_run *run, const struct cJSON *object, struct sv name,
                             struct arena *arena) {
    struct cJSON *copy = json_copy(arena, object);
    struct cJSON *metadata = json_ensure_map(arena, copy, SV("metadata"));
    json_set_string(arena, metadata, SV("name"), name);
    json_set_string(arena, metadata, SV("namespace"), run->namespace_name);
    return copy;
}

bool run_create(struct lifecycle_run *run, struct sv name, const struct cJSON *patch_runtime,
                struct error *err) {
    AUTO(arena) arena = arena_new();
    struct cJSON *runtime = renamed(run, run->sample->runtime, name, arena);
    if (patch_runtime)
        runtime = patch_merge(arena, runtime, patch_runtime, err);
    return runtime &&
           session_apply(run->session, renamed(run, run->sample->dataset, name, arena), err) &&
           session_apply(run->session, runtime, err);
}

const struct cJSON *run_get(struct lifecycle_run *run, const struct resource *resource,
                            struct sv name, struct arena *arena) {
    struct error err = {0};
    return session_get(run->session, resource, run->namespace_name, name, arena, &err);
}

bool run_patch(struct lifecycle_run *run, const struct resource *resource, struct sv name,
               struct error *err, const char *format, ...) {
    AUTO(arena) arena = arena_new();
    char text[MESSAGE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert(len > 0 && (size_t)len < sizeof(text));
    struct cJSON *patch = json_read(arena, (struct sv){text, (size_t)len}, err);
    assert(patch);
    return session_merge_patch(run->session, resource, run->namespace_name, name, SV(""), patch,
                               err);
}

bool run_is_bound(struct lifecycle_run *run, struct sv name) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *dataset = run_get(run, &RESOURCE_DATASETS, name, arena);
    const struct cJSON *runtime = run_get(run, &RESOURCE_CACHE_RUNTIMES, name, arena);
    return dataset && runtime && sv_eq(json_find_string(dataset, "status.phase"), SV("Bound")) &&
           object_condition_is_true(runtime, SV("Ready")) &&
           object_observed_generation(runtime) == object_generation(runtime);
}

struct wait_bound {
    struct lifecycle_run *run;
    struct sv name;
};

static bool holds_bound(struct session *session, void *context) {
    (void)session;
    const struct wait_bound *wait = context;
    return run_is_bound(wait->run, wait->name);
}

bool run_wait_bound(struct lifecycle_run *run, struct sv name, int64_t timeout_ms) {
    struct wait_bound wait = {run, name};
    return run_until(run, timeout_ms, holds_bound, &wait);
}

/* Another process is not asked: its word is the condition that it wrote. */
static struct sv say_ready(struct lifecycle_run *run, struct sv name) {
    const struct cJSON *runtime = run_get(run, &RESOURCE_CACHE_RUNTIMES, name, run->arena);
    const struct cJSON *ready = object_condition(runtime, SV("Ready"));
    if (!ready)
        return runtime ? SV("its status says nothing yet") : SV("there is no such runtime");
    return arena_printf(run->arena, "Ready is %.*s: %.*s",
                        SV_ARG(json_find_string(ready, "status")),
                        SV_ARG(json_find_string(ready, "message")));
}

struct sv run_explain(struct lifecycle_run *run, struct sv name) {
    struct plan plan;
    struct controller *controller = session_controller(run->session);
    if (!controller)
        return say_ready(run, name);
    if (!controller_plan(controller, run->namespace_name, name, run->arena, &plan))
        return SV("the controller does not know the runtime");
    for (size_t i = 0; i < GATE_COUNT; i++)
        if (!plan.gates[i].is_open)
            return arena_printf(run->arena, "%.*s: %.*s", SV_ARG(gate_text((enum gate_id)i)),
                                SV_ARG(plan.gates[i].message));
    return SV("all gates are open");
}

/* --- census --- */

static const struct resource *const census_resources[] = {
    &RESOURCE_CACHE_RUNTIMES,
    &RESOURCE_DATASETS,
    &RESOURCE_PODS,
    &RESOURCE_SERVICES,
    &RESOURCE_CONFIG_MAPS,
    &RESOURCE_PERSISTENT_VOLUMES,
    &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
    &RESOURCE_ENDPOINT_SLICES,
    &RESOURCE_STATEFUL_SETS,
    &RESOURCE_DAEMON_SETS,
    &RESOURCE_CONTROLLER_REVISIONS,
};

static bool is_our_label(struct sv key) {
    return sv_starts_with(key, SV("fluid.io/")) || sv_starts_with(key, SV("fluid_exclusive"));
}

/* In a shared cluster other caches come and go meanwhile. */
static bool append_node_labels(const struct lifecycle_run *run, struct buf *lines,
                               const struct cJSON *node) {
    bool is_shared = session_is_shared(run->session);
    JSON_EACH (label, json_find(node, "metadata.labels")) {
        bool is_ours = is_our_label(json_key(label)) &&
                       (!is_shared || sv_contains(json_key(label), run->sample->name));
        if (is_ours && !buf_printf(lines, "label %.*s of node %.*s\n", SV_ARG(json_key(label)),
                                   SV_ARG(object_name(node))))
            return false;
    }
    return true;
}

/* What every namespace has comes with it, sooner or later. */
static bool append_object(struct buf *lines, const struct resource *resource,
                          const struct cJSON *object) {
    return sv_eq(object_name(object), SV("kube-root-ca.crt")) ||
           buf_printf(lines, "%.*s %.*s/%.*s\n", SV_ARG(resource->plural),
                      SV_ARG(object_namespace(object)), SV_ARG(object_name(object)));
}

struct sv run_census(struct lifecycle_run *run, struct arena *arena) {
    struct buf lines;
    buf_init(&lines, CENSUS_BYTES_MAX);
    struct error err = {0};
    bool fits = true;
    for (size_t i = 0; i < COUNT_OF(census_resources); i++) {
        const struct cJSON *list =
            session_list(run->session, census_resources[i], SV(""), SV(""), arena, &err);
        JSON_EACH (object, json_get(list, SV("items")))
            fits = fits && append_object(&lines, census_resources[i], object);
    }
    const struct cJSON *nodes =
        session_list(run->session, &RESOURCE_NODES, SV(""), SV(""), arena, &err);
    JSON_EACH (node, json_get(nodes, SV("items")))
        fits = fits && append_node_labels(run, &lines, node);
    assert(fits);
    struct sv census = arena_copy(arena, buf_view(&lines));
    buf_release(&lines);
    return census;
}

static bool has_line(struct sv lines, struct sv wanted) {
    while (lines.len > 0)
        if (sv_eq(sv_cut(&lines, '\n'), wanted))
            return true;
    return false;
}

struct sv run_census_added(struct sv before, struct sv after, struct arena *arena) {
    struct sv added = SV("");
    while (after.len > 0) {
        struct sv line = sv_cut(&after, '\n');
        if (!has_line(before, line))
            added = arena_printf(arena, "%.*s%s%.*s", SV_ARG(added), added.len ? ", " : "",
                                 SV_ARG(line));
    }
    return added;
}
