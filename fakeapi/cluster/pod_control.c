/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/pod_control.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"

enum {
    /* As client-go's controllers: more would take the queue away from the other workloads. */
    BATCH_MAX = 500,
};

/* A request under way that events will tell of. */
struct pending {
    struct arena *arena;
    struct pod_control_report report;
    bool is_create;
};

/* How creation goes for one owner. */
struct progress {
    size_t batch;
    uint64_t round, failed_round;
    char *failure; /* NULL: none */
};

struct pod_control {
    struct pod_control_options options;
    struct agent_part *part;
    struct agent_cache *owners;
    struct map *pending;  /* request id as bytes -> struct pending */
    struct map *progress; /* key -> struct progress */
};

/* --- life --- */

static void progress_free(struct progress *progress) {
    if (!progress)
        return;
    mem_free(progress->failure);
    mem_free(progress);
}

static void handle_owner(void *context, const struct cJSON *object, const struct cJSON *before,
                         bool is_gone) {
    struct pod_control *control = context;
    AUTO(arena) arena = arena_new();
    struct sv key = object_key(arena, object_namespace(object), object_name(object));
    (void)before;
    if (is_gone)
        progress_free(map_remove(control->progress, key));
    agent_mark(control->part, key, 0);
}

static void handle_answer(void *context, struct sv key, const struct completion *completion);

struct pod_control *pod_control_new(const struct pod_control_options *options) {
    struct pod_control *control = mem_alloc(sizeof(*control));
    control->options = *options;
    control->pending = map_new();
    control->progress = map_new();
    control->part =
        agent_add_part(options->agent, options->name, options->reconcile, options->context);
    agent_on_answer(control->part, handle_answer, control);
    control->owners = agent_watch(options->agent, options->owner, handle_owner, control);
    return control;
}

void pod_control_free(struct pod_control *control) {
    if (!control)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(control->pending, &cursor, NULL, &value))
        arena_free(((struct pending *)value)->arena);
    cursor = 0;
    while (map_next(control->progress, &cursor, NULL, &value))
        progress_free(value);
    map_free(control->pending);
    map_free(control->progress);
    mem_free(control);
}

struct agent_part *pod_control_part(const struct pod_control *control) {
    return control->part;
}

struct agent_cache *pod_control_owners(const struct pod_control *control) {
    return control->owners;
}

const struct resource *pod_control_resource(const struct pod_control *control) {
    return control->options.owner;
}

const struct cJSON *pod_control_owner(const struct pod_control *control, struct sv key) {
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    return cache_get(control->owners, namespace_name, name);
}

int64_t pod_control_now_ms(const struct pod_control *control) {
    return agent_now_ms(control->options.agent);
}

/* --- requests and their reports --- */

static struct sv id_key(const uint64_t *id) {
    return (struct sv){(const char *)id, sizeof(*id)};
}

void pod_control_send(struct pod_control *control, struct sv key, const struct request *request,
                      const struct pod_control_report *report) {
    struct arena *arena = arena_new();
    struct pending *pending = ARENA_NEW(arena, struct pending);
    pending->arena = arena;
    pending->is_create = request->verb == VERB_CREATE;
    pending->report = (struct pod_control_report){
        .done_reason = arena_copy(arena, report->done_reason),
        .done_message = arena_copy(arena, report->done_message),
        .is_name_added = report->is_name_added,
        .failed_reason = arena_copy(arena, report->failed_reason),
        .failed_message = arena_copy(arena, report->failed_message),
    };
    uint64_t id = agent_send(control->part, key, request);
    map_put(control->pending, id_key(&id), pending);
}

static void report_done(struct pod_control *control, const struct cJSON *owner,
                        const struct pod_control_report *report, const struct cJSON *body) {
    if (!owner || report->done_reason.len == 0)
        return;
    AUTO(arena) arena = arena_new();
    struct sv name = report->is_name_added ? object_name(body) : SV("");
    agent_event(control->part, owner, false, report->done_reason,
                arena_printf(arena, "%.*s%.*s", SV_ARG(report->done_message), SV_ARG(name)));
}

static void report_failed(struct pod_control *control, const struct cJSON *owner,
                          const struct pod_control_report *report, const char *said) {
    if (!owner || report->failed_reason.len == 0)
        return;
    AUTO(arena) arena = arena_new();
    agent_event(control->part, owner, true, report->failed_reason,
                arena_printf(arena, "%.*s%s", SV_ARG(report->failed_message), said));
}

static struct progress *progress_of(struct pod_control *control, struct sv key) {
    struct progress *progress = map_get(control->progress, key);
    if (progress)
        return progress;
    progress = mem_alloc(sizeof(*progress));
    progress->batch = 1;
    map_put(control->progress, key, progress);
    return progress;
}

static void note_failure(struct progress *progress, const char *said) {
    mem_free(progress->failure);
    progress->failure = mem_copy_text(sv_from(said));
    progress->failed_round = progress->round;
    progress->batch = 1;
}

static void note_creation(struct pod_control *control, struct sv key, const struct error *err) {
    if (err->code != ERROR_NONE) {
        note_failure(progress_of(control, key), err->message);
        return;
    }
    struct progress *progress = map_get(control->progress, key);
    if (!progress || !progress->failure || progress->failed_round == progress->round)
        return;
    mem_free(progress->failure);
    progress->failure = NULL;
}

static void handle_answer(void *context, struct sv key, const struct completion *completion) {
    struct pod_control *control = context;
    struct pending *pending = map_remove(control->pending, id_key(&completion->id));
    if (control->options.answered)
        control->options.answered(control->options.context, key, completion);
    if (!pending)
        return;
    const struct cJSON *owner = pod_control_owner(control, key);
    enum error_code code = completion->err.code;
    bool is_late = code == ERROR_ALREADY_EXISTS || code == ERROR_NOT_FOUND;
    if (code == ERROR_NONE)
        report_done(control, owner, &pending->report, completion->body);
    else if (!is_late)
        report_failed(control, owner, &pending->report, completion->err.message);
    if (pending->is_create && owner)
        note_creation(control, key, &completion->err);
    arena_free(pending->arena);
}

void pod_control_create_pod(struct pod_control *control, struct sv key, const struct cJSON *pod) {
    struct request request = agent_create(&RESOURCE_PODS, pod);
    pod_control_send(control, key, &request,
                     &(struct pod_control_report){
                         .done_reason = SV("SuccessfulCreate"),
                         .done_message = SV("Created pod: "),
                         .is_name_added = true,
                         .failed_reason = SV("FailedCreate"),
                         .failed_message = SV("Error creating: "),
                     });
}

void pod_control_delete_pod(struct pod_control *control, struct sv key, const struct cJSON *pod,
                            struct arena *arena) {
    struct request request = agent_delete(arena, &RESOURCE_PODS, pod, -1);
    pod_control_send(
        control, key, &request,
        &(struct pod_control_report){
            .done_reason = SV("SuccessfulDelete"),
            .done_message = arena_printf(arena, "Deleted pod: %.*s", SV_ARG(object_name(pod))),
            .failed_reason = SV("FailedDelete"),
            .failed_message = SV("Error deleting: "),
        });
}

/* --- batches --- */

size_t pod_control_batch(struct pod_control *control, struct sv key, size_t wanted) {
    if (wanted == 0) {
        progress_free(map_remove(control->progress, key));
        return 0;
    }
    struct progress *progress = progress_of(control, key);
    size_t count = wanted < progress->batch ? wanted : progress->batch;
    progress->round++;
    progress->batch = progress->batch * 2 < BATCH_MAX ? progress->batch * 2 : BATCH_MAX;
    return count;
}

struct sv pod_control_failure(const struct pod_control *control, struct sv key) {
    const struct progress *progress = map_get(control->progress, key);
    return sv_from(progress ? progress->failure : NULL);
}

/* --- status --- */

/* A merge patch keeps what it does not name, inside of maps, too. */
static struct cJSON *replacement(struct arena *arena, const struct cJSON *value,
                                 const struct cJSON *known) {
    struct cJSON *copy = json_copy(arena, value);
    if (!json_is_map(copy) || !json_is_map(known))
        return copy;
    JSON_EACH (member, known)
        if (!json_get(copy, json_key(member)))
            json_set(arena, copy, json_key(member), json_null(arena));
    return copy;
}

bool pod_control_write_status(struct pod_control *control, struct sv key, const struct cJSON *owner,
                              const struct cJSON *status, struct arena *arena) {
    const struct cJSON *known = json_get(owner, SV("status"));
    struct cJSON *patch = json_map(arena);
    struct cJSON *changed = json_ensure_map(arena, patch, SV("status"));
    JSON_EACH (member, status)
        if (!json_equal(member, json_get(known, json_key(member))))
            json_set(arena, changed, json_key(member),
                     replacement(arena, member, json_get(known, json_key(member))));
    JSON_EACH (member, known)
        if (!json_get(status, json_key(member)))
            json_set(arena, changed, json_key(member), json_null(arena));
    if (json_count(changed) == 0)
        return false;
    struct request request = agent_merge_patch(control->options.owner, object_namespace(owner),
                                               object_name(owner), SV("status"), patch);
    agent_send(control->part, key, &request);
    return true;
}

/* --- pods --- */

struct cJSON *pod_from_template(struct arena *arena, const struct cJSON *template,
                                const struct cJSON *owner, const struct resource *resource) {
    static const struct sv kept[] = {SV("labels"), SV("annotations"), SV("finalizers")};
    struct cJSON *pod = json_map(arena);
    json_set_string(arena, pod, SV("apiVersion"), SV("v1"));
    json_set_string(arena, pod, SV("kind"), SV("Pod"));
    struct cJSON *metadata = json_ensure_map(arena, pod, SV("metadata"));
    json_set_string(arena, metadata, SV("generateName"),
                    arena_printf(arena, "%.*s-", SV_ARG(object_name(owner))));
    json_set_string(arena, metadata, SV("namespace"), object_namespace(owner));
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        const struct cJSON *value = json_get(json_get(template, SV("metadata")), kept[i]);
        if (value)
            json_set(arena, metadata, kept[i], json_copy(arena, value));
    }
    json_append(json_ensure_list(arena, metadata, SV("ownerReferences")),
                pod_control_reference(arena, owner, resource));
    json_set(arena, pod, SV("spec"), json_copy(arena, json_get(template, SV("spec"))));
    return pod;
}

struct cJSON *pod_control_reference(struct arena *arena, const struct cJSON *owner,
                                    const struct resource *resource) {
    struct cJSON *reference = json_map(arena);
    json_set_string(arena, reference, SV("apiVersion"), resource_api_version(resource, arena));
    json_set_string(arena, reference, SV("kind"), resource->kind);
    json_set_string(arena, reference, SV("name"), object_name(owner));
    json_set_string(arena, reference, SV("uid"), object_uid(owner));
    json_set_bool(arena, reference, SV("controller"), true);
    json_set_bool(arena, reference, SV("blockOwnerDeletion"), true);
    return reference;
}

bool pod_is_over(const struct cJSON *pod) {
    struct sv phase = json_find_string(pod, "status.phase");
    return sv_eq(phase, SV("Succeeded")) || sv_eq(phase, SV("Failed"));
}

bool pod_is_active(const struct cJSON *pod) {
    return !pod_is_over(pod) && !object_is_deleting(pod);
}

void pod_set_observed_generation(struct arena *arena, struct cJSON *map, const struct cJSON *pod) {
    if (object_generation(pod) > 0)
        json_set_int(arena, map, SV("observedGeneration"), object_generation(pod));
}

bool pod_is_ready(const struct cJSON *pod) {
    return object_condition_is_true(pod, SV("Ready"));
}

bool pod_is_available(const struct cJSON *pod, int64_t min_ready_seconds, int64_t now_ms,
                      int64_t *next_ms) {
    int64_t since_ms = 0;
    if (!pod_is_ready(pod))
        return false;
    if (min_ready_seconds == 0)
        return true;
    struct sv since =
        json_string_or(object_condition(pod, SV("Ready")), SV("lastTransitionTime"), SV(""));
    if (!api_time_parse(since, &since_ms))
        return false;
    int64_t due_ms = since_ms + min_ready_seconds * 1000;
    if (due_ms > now_ms && due_ms < *next_ms)
        *next_ms = due_ms;
    return due_ms <= now_ms;
}

/* --- numbers --- */

int64_t scaled_value(const struct cJSON *value, int64_t total, bool rounds_up, int64_t fallback) {
    int64_t number;
    if (json_to_int64(value, &number))
        return number;
    struct sv text = json_text(value);
    if (!sv_ends_with(text, SV("%")) || !sv_to_int64(sv_prefix(text, text.len - 1), &number))
        return fallback;
    return (number * total + (rounds_up ? 99 : 0)) / 100;
}
