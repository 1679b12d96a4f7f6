/* SPDX-License-Identifier: Apache-2.0 */
/* TIER-001, TIER-002: what of the tiered store reaches the worker's configuration. */
#include "conformance/script/script_context.h"

#include "core/base/arena.h"
#include "core/data/json.h"

static bool has_worker_start(struct script_context *context) {
    if (!context->base.rendering.pods[ROLE_WORKER]) {
        script_skip(context, CHECK_STATE_SKIP_UNSUPPORTED, "the class has no workers");
        return false;
    }
    if (!context->base.has_started[ROLE_WORKER]) {
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE,
                    "the worker runs the image's own command");
        return false;
    }
    return true;
}

static void add_level(struct arena *arena, struct cJSON *levels, struct sv medium,
                      const struct sv *paths, size_t path_count, const struct sv *quotas) {
    struct cJSON *level = json_map(arena);
    struct cJSON *part = json_ensure_map(arena, level, medium);
    if (path_count == 0) {
        json_set_string(arena, part, SV("quota"), quotas[0]);
    } else {
        for (size_t i = 0; i < path_count; i++) {
            json_append(json_ensure_list(arena, part, SV("paths")), json_string(arena, paths[i]));
            json_append(json_ensure_list(arena, part, SV("quotas")), json_string(arena, quotas[i]));
        }
    }
    json_append(levels, level);
}

static struct cJSON *worker_levels(struct script_context *context, struct cJSON *runtime) {
    struct arena *arena = context->arena;
    struct cJSON *worker =
        json_ensure_map(arena, json_ensure_map(arena, runtime, SV("spec")), SV("worker"));
    struct cJSON *store = json_ensure_map(arena, worker, SV("tieredStore"));
    struct cJSON *levels = json_list(arena);
    json_set(arena, store, SV("levels"), levels);
    return levels;
}

/* Starts the worker of a changed runtime. */
static bool start_worker(struct script_context *context, const struct cJSON *runtime,
                         struct script_outcome *ret_outcome, struct script_stage *ret_stage) {
    struct sv why;
    if (!script_vary(context, context->sample->dataset, runtime, ret_stage, &why)) {
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE, "no pods with these levels: %.*s",
                    SV_ARG(why));
        return false;
    }
    stage_start(ret_stage, ROLE_WORKER);
    *ret_outcome = ret_stage->starts[ROLE_WORKER];
    return ret_stage->has_started[ROLE_WORKER];
}

/* Two levels, of which the second has two paths. */
enum { QUOTA_COUNT = 3 };
static const struct sv disk_paths[] = {SV("/certify/disk-a"), SV("/certify/disk-b")};
static const struct sv base_quotas[QUOTA_COUNT] = {SV("512Mi"), SV("1Gi"), SV("1536Mi")};
/* Neighbours of the base's that a careless reading takes for the same: a lost suffix, Gi for GB,
 * the whole number of Gi. */
static const struct sv near_quotas[QUOTA_COUNT] = {SV("512M"), SV("1G"), SV("1Gi")};

static bool start_with_quotas(struct script_context *context, const struct sv quotas[QUOTA_COUNT],
                              struct script_outcome *ret_outcome, struct script_stage *ret_stage) {
    struct cJSON *runtime = script_copy_runtime(context);
    struct cJSON *levels = worker_levels(context, runtime);
    add_level(context->arena, levels, SV("emptyDir"), NULL, 0, quotas);
    add_level(context->arena, levels, SV("hostPath"), disk_paths, COUNT_OF(disk_paths), quotas + 1);
    return start_worker(context, runtime, ret_outcome, ret_stage);
}

/* The base with another quota at one place. */
static bool starts_with_quota(struct script_context *context, size_t place, struct sv quota,
                              struct sv *ret_signature) {
    struct sv quotas[QUOTA_COUNT];
    struct script_outcome outcome;
    struct script_stage stage;
    memcpy(quotas, base_quotas, sizeof(quotas));
    quotas[place] = quota;
    if (!start_with_quotas(context, quotas, &outcome, &stage) || !script_succeeded(&outcome))
        return false;
    *ret_signature = stage_signature(&outcome, context->arena);
    return true;
}

/* Whether each quota makes a difference, and one between neighbours at that: what both checks want
 * to know, in four runs for both. Where it is not so, they look closer, each for itself. */
static bool tells_quotas_apart(struct script_context *context) {
    struct sv base, other;
    if (!starts_with_quota(context, 0, base_quotas[0], &base))
        return false;
    for (size_t i = 0; i < QUOTA_COUNT; i++) {
        if (!starts_with_quota(context, i, near_quotas[i], &other) || sv_eq(base, other))
            return false;
    }
    return true;
}

/* --- engines that keep all in memory --- */

static void count_levels(const struct cJSON *levels, size_t *memory_count, size_t *other_count) {
    JSON_EACH (level, levels) {
        bool is_memory = json_get(level, SV("processMemory")) != NULL;
        *memory_count += is_memory;
        *other_count += !is_memory;
    }
}

/* All levels that class and samples give workers are memory. */
static bool is_memory_only(const struct script_context *context) {
    size_t memory_count = 0, other_count = 0;
    const struct subject *subject = context->subject;
    count_levels(json_find(subject->runtime_class, "topology.worker.tieredStore.levels"),
                 &memory_count, &other_count);
    for (size_t i = 0; i < subject->sample_count; i++)
        count_levels(json_find(subject->samples[i].runtime, "spec.worker.tieredStore.levels"),
                     &memory_count, &other_count);
    return memory_count > 0 && other_count == 0;
}

static bool start_with_one(struct script_context *context, struct sv quota,
                           struct script_outcome *ret_outcome) {
    struct cJSON *runtime = script_copy_runtime(context);
    struct script_stage stage;
    struct sv medium = is_memory_only(context) ? SV("processMemory") : SV("emptyDir");
    add_level(context->arena, worker_levels(context, runtime), medium, NULL, 0, &quota);
    return start_worker(context, runtime, ret_outcome, &stage);
}

/* It cannot use a disk and says so; the one level that it can use makes a difference. */
static void check_memory_level(struct script_context *context, const struct cJSON *item) {
    struct script_outcome one, other;
    if (start_with_one(context, base_quotas[0], &one) &&
        start_with_one(context, base_quotas[1], &other) &&
        sv_eq(stage_signature(&one, context->arena), stage_signature(&other, context->arena)))
        script_fail(context, ROLE_WORKER, item, "the quota of the memory makes no difference");
}

/* --- TIER-001 --- */

static void check_paths(struct script_context *context, const struct cJSON *item,
                        const struct script_stage *stage, const struct script_outcome *outcome) {
    struct error err = {0};
    struct sv signature = stage_signature(outcome, context->arena);
    const struct cJSON *root = json_read(context->arena, stage->rendering.runtime_json, &err);
    JSON_EACH (level, json_find(root, "worker.tieredStoreLevels")) {
        JSON_EACH (path, json_get(level, SV("mountPaths"))) {
            if (!sv_contains(signature, json_text(path)))
                script_fail(context, ROLE_WORKER, item,
                            "with two levels, of which the second has two paths, %.*s is nowhere "
                            "in the worker's configuration",
                            SV_ARG(json_text(path)));
        }
    }
}

/* Each quota makes a difference. */
static void check_quotas(struct script_context *context, const struct cJSON *item,
                         struct sv baseline) {
    static const char *const place_texts[QUOTA_COUNT] = {"first", "second", "third"};
    for (size_t i = 0; i < QUOTA_COUNT; i++) {
        struct sv signature;
        if (starts_with_quota(context, i, SV("9Gi"), &signature) && sv_eq(signature, baseline))
            script_fail(context, ROLE_WORKER, item,
                        "the quota of the %s path of the store makes no difference",
                        place_texts[i]);
    }
}

static void check_001(struct script_context *context) {
    const struct cJSON *item = script_start_item(context, ROLE_WORKER);
    struct script_outcome outcome;
    struct script_stage stage;
    if (!has_worker_start(context) || !start_with_quotas(context, base_quotas, &outcome, &stage))
        return;
    bool says_why = sv_trim(outcome.stderr_bytes).len > 0;
    if (!script_succeeded(&outcome) && says_why && is_memory_only(context)) {
        check_memory_level(context, item);
        return;
    }
    if (!script_succeeded(&outcome)) {
        script_fail(context, ROLE_WORKER, item,
                    "with two levels, of which the second has two "
                    "paths, the start %.*s",
                    SV_ARG(script_describe(&outcome, context->arena)));
        return;
    }
    check_paths(context, item, &stage, &outcome);
    if (script_is_clean(context) && !tells_quotas_apart(context))
        check_quotas(context, item, stage_signature(&outcome, context->arena));
}

/* --- TIER-002 --- */

/* Spellings that must be told apart, where the first look could not. */
static const struct sv sizes[] = {SV("512Mi"), SV("512M"), SV("1Gi"), SV("1G"), SV("1536Mi")};

static bool size_signature(struct script_context *context, struct sv size,
                           struct sv *ret_signature) {
    struct script_outcome outcome;
    if (!start_with_one(context, size, &outcome))
        return false;
    if (!script_succeeded(&outcome)) {
        script_fail(context, ROLE_WORKER, script_start_item(context, ROLE_WORKER),
                    "with the quota %.*s the start %.*s", SV_ARG(size),
                    SV_ARG(script_describe(&outcome, context->arena)));
        return false;
    }
    *ret_signature = stage_signature(&outcome, context->arena);
    return true;
}

static void check_002(struct script_context *context) {
    struct sv signatures[COUNT_OF(sizes)];
    if (!has_worker_start(context) || tells_quotas_apart(context))
        return;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        if (!size_signature(context, sizes[i], &signatures[i]))
            return;
        for (size_t j = 0; j < i; j++) {
            if (sv_eq(signatures[i], signatures[j]))
                script_fail(context, ROLE_WORKER, script_start_item(context, ROLE_WORKER),
                            "the quotas %.*s and %.*s give the same configuration",
                            SV_ARG(sizes[j]), SV_ARG(sizes[i]));
        }
    }
}

static const struct script_check checks[] = {
    {SV("TIER-001"), check_001, true},
    {SV("TIER-002"), check_002, true},
};
SCRIPT_CHECKS(script_tier_checks, checks);
