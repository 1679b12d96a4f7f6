/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/property_end.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "core/reconcile/names.h"

/* One object, or a text that stands for it. */
struct line {
    struct sv text;       /* "pods default/a ", or the whole line when there is no object */
    struct cJSON *object; /* NULL: none */
};

struct end {
    struct arena *arena;
    VEC(struct line) lines;
    VEC(struct sv) kept_back; /* keys of workloads whose pods nobody replaces */
    VEC(struct sv) emptied;   /* keys of runtimes that may have nobody left to ask for anything */
    bool has_failed;          /* a runtime */
};

/* --- numbers --- */

/* What is followed by a number that another course of the same edits may change: the node a pod
 * came to, and how many changes an object took. */
static const struct sv numbered[] = {
    {"node-", 5}, {"\"generation\":", 13}, {"\"observedGeneration\":", 21}};

static bool is_of_name(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
}

/* In a sentence: the last letters of a Deployment's pods are drawn. */
static size_t copy_without_pod(char *to, struct sv from, size_t *at) {
    static const struct sv word = {" pod ", 5};
    memcpy(to, word.ptr, word.len);
    for (*at += word.len; *at < from.len && is_of_name(from.ptr[*at]);)
        (*at)++;
    return word.len;
}

/* Copies what stands at `at`, without such a number. */
static size_t copy_without_number(char *to, struct sv from, size_t *at) {
    if (sv_starts_with(sv_drop(from, *at), SV(" pod ")))
        return copy_without_pod(to, from, at);
    for (size_t i = 0; i < COUNT_OF(numbered); i++) {
        if (!sv_starts_with(sv_drop(from, *at), numbered[i]))
            continue;
        memcpy(to, numbered[i].ptr, numbered[i].len);
        for (*at += numbered[i].len;
             *at < from.len && from.ptr[*at] >= '0' && from.ptr[*at] <= '9';)
            (*at)++;
        to[numbered[i].len] = '0';
        return numbered[i].len + 1;
    }
    *to = from.ptr[(*at)++];
    return 1;
}

static struct sv without_numbers(struct sv objects, struct arena *arena) {
    /* "node-" before no number grows by one. */
    char *bytes = arena_alloc(arena, objects.len + objects.len / 4 + 2);
    size_t len = 0;
    for (size_t at = 0; at < objects.len;)
        len += copy_without_number(bytes + len, objects, &at);
    return (struct sv){bytes, len};
}

/* --- reading --- */

static struct sv key_of(struct end *end, struct sv namespace_name, struct sv name) {
    return object_key(end->arena, namespace_name, name);
}

static bool keeps_pods_back(const struct cJSON *workload) {
    const struct cJSON *strategy = json_find(workload, "spec.updateStrategy");
    return sv_eq(json_find_string(strategy, "type"), SV("OnDelete")) ||
           json_find_int(strategy, "rollingUpdate.partition", 0) > 0;
}

/* A component of it is scaled to zero. */
static bool is_emptied(const struct cJSON *runtime) {
    return json_find_int(runtime, "status.master.desiredReplicas", 1) == 0 ||
           json_find_int(runtime, "status.worker.desiredReplicas", 1) == 0;
}

static void add_line(struct end *end, struct sv line) {
    struct error err = {0};
    size_t brace = sv_find(line, '{');
    struct cJSON *object = json_read(end->arena, sv_drop(line, brace), &err);
    struct line read = {object ? sv_prefix(line, brace) : line, object};
    vec_push(&end->lines, read);
    if (keeps_pods_back(object))
        vec_push(&end->kept_back, key_of(end, object_namespace(object), object_name(object)));
    end->has_failed |= sv_starts_with(line, SV("cacheruntimes ")) &&
                       sv_eq(json_find_string(object, "status.phase"), SV("Failed"));
    if (is_emptied(object))
        vec_push(&end->emptied, key_of(end, object_namespace(object), object_name(object)));
}

static bool is_kept_back(struct end *end, struct sv namespace_name, struct sv workload) {
    struct sv key = key_of(end, namespace_name, workload);
    return sv_index_of(key, end->kept_back.items, end->kept_back.count) < end->kept_back.count;
}

/* --- what each kind leaves out --- */

/* A node's labels, each for itself: it says nothing which of them meet on one node. */
static void split_node(struct end *end, struct line *line) {
    JSON_EACH (label, json_find(line->object, "metadata.labels"))
        if (!sv_eq(json_key(label), LABEL_DATASET_NUM))
            vec_push(&end->lines,
                     ((struct line){arena_printf(end->arena, "nodes label %.*s=%.*s",
                                                 SV_ARG(json_key(label)), SV_ARG(json_text(label))),
                                    NULL}));
    *line = (struct line){SV(""), NULL};
}

/* A class that a rollout has ended of says so; one that was edited before it had runtimes never had
 * a rollout. Both are the same end. So are a rollout that a runtime stopped which fails, and none,
 * since that runtime failed before the edit and was not waited for. */
static void reduce_class(struct end *end, struct line *line) {
    const struct cJSON *progressing = object_condition(line->object, SV("Progressing"));
    struct sv reason = json_find_string(progressing, "reason");
    if (sv_eq(reason, SV("RolloutComplete")) ||
        (end->has_failed && sv_eq(reason, SV("RolloutStopped"))))
        json_remove(line->object, SV("status"));
}

static void remove_all(struct cJSON *map, const struct sv *keys, size_t count) {
    for (size_t i = 0; i < count && map; i++)
        json_remove(map, keys[i]);
}

/* Which template it was made from depends on whether it came before the edit or after it. */
static void reduce_pod(struct end *end, struct line *line) {
    static const struct sv keys[] = {{"metadata", 8}, {"spec", 4}};
    static const struct sv status_keys[] = {{"qosClass", 8}, {"containerStatuses", 17}};
    struct sv workload = object_label(line->object, LABEL_COMPONENT_NAME);
    if (!is_kept_back(end, object_namespace(line->object), workload))
        return;
    remove_all(line->object, keys, COUNT_OF(keys));
    remove_all(json_get(line->object, SV("status")), status_keys, COUNT_OF(status_keys));
}

static void reduce_workload(struct end *end, struct line *line) {
    static const struct sv keys[] = {{"currentRevision", 15},
                                     {"updateRevision", 14},
                                     {"currentReplicas", 15},
                                     {"updatedReplicas", 15},
                                     {"updatedNumberScheduled", 22}};
    if (is_kept_back(end, object_namespace(line->object), object_name(line->object)))
        remove_all(json_get(line->object, SV("status")), keys, COUNT_OF(keys));
}

/* Its conditions tell what happened last, not what is. */
static void reduce_deployment(struct end *end, struct line *line) {
    static const struct sv conditions = {"conditions", 10};
    (void)end;
    remove_all(json_get(line->object, SV("status")), &conditions, 1);
}

/* Of what is scaled to zero the last report stays, and who mounted last; whether there was any
 * before that is past. */
static void reduce_report(struct end *end, struct line *line) {
    static const struct sv reported[] = {
        {"cacheStates", 11}, {"ufsTotal", 8}, {"fileNum", 7}, {"mountedBy", 9}, {"mountTime", 9}};
    struct sv key = key_of(end, object_namespace(line->object), object_name(line->object));
    if (sv_index_of(key, end->emptied.items, end->emptied.count) < end->emptied.count)
        remove_all(json_get(line->object, SV("status")), reported, COUNT_OF(reported));
}

/* What a check that passed printed, of how many it may be, is past. */
static void forget_check(struct cJSON *runtime) {
    struct cJSON *passed = (struct cJSON *)object_condition(runtime, SV("DataPlaneReady"));
    if (sv_eq(json_find_string(passed, "reason"), SV("CheckPassed")))
        json_remove(passed, SV("message"));
}

static void reduce_runtime(struct end *end, struct line *line) {
    static const struct sv components[] = {{"master", 6}, {"worker", 6}, {"client", 6}};
    static const struct sv updated = {"updatedReplicas", 15};
    struct cJSON *status = json_get(line->object, SV("status"));
    reduce_report(end, line);
    forget_check(line->object);
    for (size_t i = 0; i < COUNT_OF(components); i++) {
        struct sv workload = arena_printf(end->arena, "%.*s-%.*s",
                                          SV_ARG(object_name(line->object)), SV_ARG(components[i]));
        if (is_kept_back(end, object_namespace(line->object), workload))
            remove_all(json_get(status, components[i]), &updated, 1);
    }
}

static const struct {
    struct sv prefix;
    void (*reduce)(struct end *end, struct line *line);
} kinds[] = {
    {{"nodes ", 6}, split_node},
    {{"pods ", 5}, reduce_pod},
    {{"statefulsets ", 13}, reduce_workload},
    {{"daemonsets ", 11}, reduce_workload},
    {{"deployments ", 12}, reduce_deployment},
    {{"cacheruntimeclasses ", 20}, reduce_class},
    {{"cacheruntimes ", 14}, reduce_runtime},
    {{"datasets ", 9}, reduce_report},
};

/* How often a Deployment or a DaemonSet changed, which nodes ever held a cache, for which of two
 * classes a config map of both was made, and whether a map is empty or not there, says nothing. */
static void reduce_metadata(struct line *line) {
    static const struct sv history[] = {
        {"deployment.kubernetes.io/revision", 33}, {"deprecated.daemonset.template.generation", 40},
        {"pod-template-generation", 23},           {"fuse.runtime.fluid.io/generation", 32},
        {"cacheruntime.fluid.io/cache-nodes", 33}, {"cacheruntime.fluid.io/class", 27}};
    static const char *const maps[] = {"metadata.annotations", "metadata.labels"};
    struct cJSON *metadata = json_get(line->object, SV("metadata"));
    for (size_t i = 0; i < COUNT_OF(maps); i++) {
        struct cJSON *map = json_find(line->object, maps[i]);
        for (size_t k = 0; k < COUNT_OF(history) && map; k++)
            json_remove(map, history[k]);
        if (map && json_count(map) == 0)
            json_detach(metadata, map);
    }
}

/* By index: a node's labels become lines behind the others. */
static void reduce_lines(struct end *end) {
    for (size_t at = 0, count = end->lines.count; at < count; at++) {
        struct line line = end->lines.items[at];
        for (size_t i = 0; i < COUNT_OF(kinds) && line.object; i++)
            if (sv_starts_with(line.text, kinds[i].prefix))
                kinds[i].reduce(end, &line);
        reduce_metadata(&line);
        end->lines.items[at] = line;
    }
}

/* --- writing --- */

static struct sv join(struct end *end) {
    size_t count = end->lines.count, bytes = 0, at = 0;
    struct sv *texts = ARENA_ARRAY(end->arena, struct sv, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct line *line = &end->lines.items[i];
        texts[i] =
            line->object
                ? arena_printf(end->arena, "%.*s%.*s", SV_ARG(line->text),
                               SV_ARG(json_write_arena(end->arena, line->object, JSON_COMPACT)))
                : line->text;
        bytes += texts[i].len + 1;
    }
    sv_sort(texts, count);
    char *text = arena_alloc(end->arena, bytes + 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + at, texts[i].ptr, texts[i].len);
        at += texts[i].len;
        text[at++] = '\n';
    }
    return (struct sv){text, at};
}

struct sv property_end_comparable(struct sv objects, struct arena *arena) {
    struct end end = {.arena = arena};
    for (struct sv rest = without_numbers(objects, arena); rest.len > 0;)
        add_line(&end, sv_cut(&rest, '\n'));
    reduce_lines(&end);
    struct sv text = join(&end);
    vec_release(&end.lines);
    vec_release(&end.kept_back);
    vec_release(&end.emptied);
    return text;
}
