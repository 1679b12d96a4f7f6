/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/controller_revision.h"
#include "fakeapi/cluster/deployment_parts.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/pod_control_claim.h"

enum {
    COLLISIONS_MAX = 16,
    /* Until the garbage collector took a namesake's ReplicaSet away. */
    NAMESAKE_WAIT_MS = 100,
    HISTORY_LIMIT_DEFAULT = 10,
};

static const struct sv hash_label = SV("pod-template-hash");
static const struct sv revision_annotation = SV("deployment.kubernetes.io/revision");
static const struct sv desired_annotation = SV("deployment.kubernetes.io/desired-replicas");
static const struct sv max_annotation = SV("deployment.kubernetes.io/max-replicas");

/* --- which is the newest --- */

static int64_t annotated(const struct cJSON *object, struct sv key, int64_t fallback) {
    int64_t value;
    return sv_to_int64(object_annotation(object, key), &value) ? value : fallback;
}

static int compare_sets(const void *left, const void *right) {
    const struct rollout_set *a = left, *b = right;
    if (a->created_ms != b->created_ms)
        return a->created_ms < b->created_ms ? -1 : 1;
    if (a->revision != b->revision)
        return a->revision < b->revision ? -1 : 1;
    return sv_compare(object_name(a->set), object_name(b->set));
}

static bool has_template(struct rollout *rollout, const struct cJSON *set) {
    const struct cJSON *wanted = json_find(rollout->deployment, "spec.template");
    struct cJSON *found = json_copy(rollout->arena, json_find(set, "spec.template"));
    struct cJSON *labels = json_find(found, "metadata.labels");
    /* A template that carries the label itself does not get another one. */
    if (json_is_map(labels) && !json_get(json_find(wanted, "metadata.labels"), hash_label))
        json_remove(labels, hash_label);
    return json_equal(found, wanted);
}

void rollout_take_sets(struct rollout *rollout, const struct cJSON *const *sets, size_t count) {
    rollout->sets = ARENA_ARRAY(rollout->arena, struct rollout_set, count + 1);
    rollout->set_count = count;
    for (size_t i = 0; i < count; i++)
        rollout->sets[i] = (struct rollout_set){
            .set = sets[i],
            .created_ms = object_created_ms(sets[i]),
            .revision = annotated(sets[i], revision_annotation, 0),
            .size = json_find_int(sets[i], "spec.replicas", 1),
            .available = json_find_int(sets[i], "status.availableReplicas", 0),
        };
    qsort(rollout->sets, count, sizeof(struct rollout_set), compare_sets);
    for (size_t i = 0; i < count && !rollout->newest; i++)
        if (has_template(rollout, rollout->sets[i].set))
            rollout->newest = &rollout->sets[i];
}

int64_t rollout_total_size(const struct rollout *rollout) {
    int64_t total = 0;
    for (size_t i = 0; i < rollout->set_count; i++)
        total += rollout->sets[i].size;
    return total;
}

/* --- annotations --- */

static void send_patch(struct rollout *rollout, const struct resource *resource,
                       const struct cJSON *object, struct sv subresource,
                       const struct cJSON *patch) {
    struct request request = agent_merge_patch(resource, object_namespace(object),
                                               object_name(object), subresource, patch);
    agent_send(pod_control_part(rollout->controller->control), rollout->key, &request);
    rollout->did_write = true;
}

/* What is about the Deployment alone stays with it. */
static bool is_own_annotation(struct sv key) {
    static const struct sv own[] = {
        SV("kubectl.kubernetes.io/last-applied-configuration"),
        SV("deployment.kubernetes.io/revision"),
        SV("deployment.kubernetes.io/revision-history"),
        SV("deployment.kubernetes.io/desired-replicas"),
        SV("deployment.kubernetes.io/max-replicas"),
        SV("deprecated.deployment.rollback.to"),
    };
    return sv_index_of(key, own, COUNT_OF(own)) < COUNT_OF(own);
}

static void annotate_number(struct rollout *rollout, struct cJSON *object,
                            const struct cJSON *known, struct sv key, int64_t value) {
    struct sv text = arena_printf(rollout->arena, "%lld", (long long)value);
    if (!sv_eq(object_annotation(known, key), text))
        object_set_annotation(rollout->arena, object, key, text);
}

/* Sets in `object` what `known` (NULL: nothing yet) has otherwise. */
static void annotate_sizes(struct rollout *rollout, struct cJSON *object,
                           const struct cJSON *known) {
    int64_t max = rollout->replicas > 0 ? rollout->replicas + rollout->max_surge : 0;
    annotate_number(rollout, object, known, desired_annotation, rollout->replicas);
    annotate_number(rollout, object, known, max_annotation, max);
}

static void copy_annotations(struct rollout *rollout, struct cJSON *object,
                             const struct cJSON *known) {
    JSON_EACH (annotation, json_find(rollout->deployment, "metadata.annotations")) {
        struct sv key = json_key(annotation);
        if (!is_own_annotation(key) && !sv_eq(object_annotation(known, key), json_text(annotation)))
            object_set_annotation(rollout->arena, object, key, json_text(annotation));
    }
}

static int64_t next_revision(const struct rollout *rollout) {
    int64_t newest = 0;
    for (size_t i = 0; i < rollout->set_count; i++)
        if (&rollout->sets[i] != rollout->newest && rollout->sets[i].revision > newest)
            newest = rollout->sets[i].revision;
    return newest + 1;
}

/* The revisions that a ReplicaSet had before it came back. */
static void note_old_revision(struct rollout *rollout, struct cJSON *patch,
                              const struct cJSON *known) {
    static const struct sv history = SV("deployment.kubernetes.io/revision-history");
    struct sv old = object_annotation(known, revision_annotation);
    struct sv older = object_annotation(known, history);
    if (old.len == 0)
        return;
    object_set_annotation(
        rollout->arena, patch, history,
        older.len == 0 ? old
                       : arena_printf(rollout->arena, "%.*s,%.*s", SV_ARG(older), SV_ARG(old)));
}

void rollout_renumber_newest(struct rollout *rollout) {
    const struct cJSON *set = rollout->newest->set;
    struct cJSON *patch = json_map(rollout->arena);
    int64_t revision = next_revision(rollout);
    if (rollout->newest->revision < revision) {
        annotate_number(rollout, patch, NULL, revision_annotation, revision);
        note_old_revision(rollout, patch, set);
        rollout->newest->revision = revision;
    }
    copy_annotations(rollout, patch, set);
    annotate_sizes(rollout, patch, set);
    int64_t min_ready = json_find_int(rollout->deployment, "spec.minReadySeconds", 0);
    if (json_find_int(set, "spec.minReadySeconds", 0) != min_ready)
        json_set_int(rollout->arena, json_ensure_map(rollout->arena, patch, SV("spec")),
                     SV("minReadySeconds"), min_ready);
    if (json_count(patch) > 0)
        send_patch(rollout, &RESOURCE_REPLICA_SETS, set, SV(""), patch);
    struct cJSON *own = json_map(rollout->arena);
    annotate_number(rollout, own, rollout->deployment, revision_annotation,
                    rollout->newest->revision);
    /* With the status, as upstream: an annotation written by itself is a new generation. */
    if (json_count(own) > 0)
        send_patch(rollout, &RESOURCE_DEPLOYMENTS, rollout->deployment, SV("status"), own);
}

/* --- making and changing --- */

static void report_scaling(struct rollout *rollout, const struct request *request, struct sv name,
                           int64_t from, int64_t to) {
    struct sv message =
        arena_printf(rollout->arena, "Scaled %s replica set %.*s from %lld to %lld",
                     to > from ? "up" : "down", SV_ARG(name), (long long)from, (long long)to);
    pod_control_send(rollout->controller->control, rollout->key, request,
                     &(struct pod_control_report){
                         .done_reason = from != to ? SV("ScalingReplicaSet") : SV(""),
                         .done_message = message,
                         .failed_reason = SV(""),
                         .failed_message = SV(""),
                     });
    rollout->did_write = true;
}

static void set_hash(struct rollout *rollout, struct cJSON *set, struct sv hash) {
    struct arena *arena = rollout->arena;
    struct cJSON *spec = json_get(set, SV("spec"));
    struct cJSON *selector = json_ensure_map(arena, spec, SV("selector"));
    object_set_label(arena, set, hash_label, hash);
    object_set_label(arena, json_ensure_map(arena, spec, SV("template")), hash_label, hash);
    json_set_string(arena, json_ensure_map(arena, selector, SV("matchLabels")), hash_label, hash);
}

static struct cJSON *build_set(struct rollout *rollout, struct sv name, struct sv hash,
                               int64_t size) {
    struct arena *arena = rollout->arena;
    const struct cJSON *deployment = rollout->deployment;
    struct cJSON *set =
        object_new(arena, &RESOURCE_REPLICA_SETS, object_namespace(deployment), name);
    struct cJSON *metadata = json_get(set, SV("metadata"));
    const struct cJSON *labels = json_find(deployment, "spec.template.metadata.labels");
    int64_t min_ready = json_find_int(deployment, "spec.minReadySeconds", 0);
    if (labels)
        json_set(arena, metadata, SV("labels"), json_copy(arena, labels));
    json_append(json_ensure_list(arena, metadata, SV("ownerReferences")),
                pod_control_reference(arena, deployment, &RESOURCE_DEPLOYMENTS));
    struct cJSON *spec = json_ensure_map(arena, set, SV("spec"));
    json_set_int(arena, spec, SV("replicas"), size);
    if (min_ready > 0)
        json_set_int(arena, spec, SV("minReadySeconds"), min_ready);
    json_set(arena, spec, SV("selector"), json_copy(arena, json_find(deployment, "spec.selector")));
    json_set(arena, spec, SV("template"), json_copy(arena, json_find(deployment, "spec.template")));
    set_hash(rollout, set, hash);
    copy_annotations(rollout, set, NULL);
    annotate_sizes(rollout, set, NULL);
    annotate_number(rollout, set, NULL, revision_annotation, next_revision(rollout));
    return set;
}

static bool is_namesakes(const struct rollout *rollout, const struct cJSON *taken) {
    const struct cJSON *reference = object_controller_owner(taken);
    return object_is_deleting(taken) ||
           (sv_eq(json_string_or(reference, SV("name"), SV("")),
                  object_name(rollout->deployment)) &&
            !sv_eq(json_string_or(reference, SV("uid"), SV("")), object_uid(rollout->deployment)));
}

void rollout_create_newest(struct rollout *rollout, int64_t size) {
    const struct cJSON *template = json_find(rollout->deployment, "spec.template");
    for (int i = 0; i < COLLISIONS_MAX; i++) {
        struct sv hash = template_hash(template, rollout->collision_count, rollout->arena);
        struct sv name = arena_printf(rollout->arena, "%.*s-%.*s",
                                      SV_ARG(object_name(rollout->deployment)), SV_ARG(hash));
        const struct cJSON *taken = cache_get(claims_cache(rollout->controller->sets),
                                              object_namespace(rollout->deployment), name);
        if (!taken) {
            struct request request =
                agent_create(&RESOURCE_REPLICA_SETS, build_set(rollout, name, hash, size));
            report_scaling(rollout, &request, name, 0, size);
            rollout_note_progress(
                rollout, SV("NewReplicaSetCreated"),
                arena_printf(rollout->arena, "Created new replica set \"%.*s\"", SV_ARG(name)));
            return;
        }
        if (is_namesakes(rollout, taken))
            break;
        rollout->collision_count++;
    }
    rollout->next_ms = rollout->now_ms + NAMESAKE_WAIT_MS;
}

void rollout_scale(struct rollout *rollout, struct rollout_set *set, int64_t size) {
    struct cJSON *patch = json_map(rollout->arena);
    annotate_sizes(rollout, patch, set->set);
    if (size != set->size)
        json_set_int(rollout->arena, json_ensure_map(rollout->arena, patch, SV("spec")),
                     SV("replicas"), size);
    if (json_count(patch) == 0)
        return;
    struct request request = agent_merge_patch(&RESOURCE_REPLICA_SETS, object_namespace(set->set),
                                               object_name(set->set), SV(""), patch);
    report_scaling(rollout, &request, object_name(set->set), set->size, size);
    set->size = size;
}

bool rollout_is_resized(const struct rollout *rollout) {
    for (size_t i = 0; i < rollout->set_count; i++)
        if (rollout->sets[i].size > 0 && annotated(rollout->sets[i].set, desired_annotation,
                                                   rollout->replicas) != rollout->replicas)
            return true;
    return false;
}

/* --- history --- */

static int compare_revisions(const void *left, const void *right) {
    const struct rollout_set *a = *(const struct rollout_set *const *)left;
    const struct rollout_set *b = *(const struct rollout_set *const *)right;
    if (a->revision != b->revision)
        return a->revision < b->revision ? -1 : 1;
    return compare_sets(a, b);
}

static bool is_empty(const struct cJSON *set) {
    return json_find_int(set, "status.replicas", 0) == 0 &&
           json_find_int(set, "spec.replicas", 1) == 0 &&
           object_observed_generation(set) >= object_generation(set);
}

void rollout_trim_history(struct rollout *rollout) {
    int64_t limit =
        json_find_int(rollout->deployment, "spec.revisionHistoryLimit", HISTORY_LIMIT_DEFAULT);
    struct rollout_set **old =
        ARENA_ARRAY(rollout->arena, struct rollout_set *, rollout->set_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < rollout->set_count; i++)
        if (&rollout->sets[i] != rollout->newest && !object_is_deleting(rollout->sets[i].set))
            old[count++] = &rollout->sets[i];
    qsort(old, count, sizeof(*old), compare_revisions);
    for (int64_t i = 0; i < (int64_t)count - limit; i++) {
        if (!is_empty(old[i]->set))
            continue;
        struct request request =
            agent_delete(rollout->arena, &RESOURCE_REPLICA_SETS, old[i]->set, -1);
        agent_send(pod_control_part(rollout->controller->control), rollout->key, &request);
    }
}
