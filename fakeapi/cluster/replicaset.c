/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/replicaset.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/pod_control_claim.h"

enum {
    /* As upstream: the queue is not held up by one large set. */
    DELETIONS_MAX = 500,
};

struct replicaset_controller {
    struct pod_control *control;
    struct claims *pods;
};

struct replica_sync {
    struct replicaset_controller *controller;
    struct sv key;
    const struct cJSON *set;
    struct arena *arena;
    int64_t now_ms, next_ms;
    const struct cJSON **pods; /* active ones */
    size_t pod_count;
    int64_t replicas, min_ready_seconds;
    bool did_create;
};

/* --- who goes first --- */

/* What a pod is worth; smaller goes first, compared from the first field on. */
enum { WORTH_FIELDS = 8 };
struct worth {
    const struct cJSON *pod;
    int64_t fields[WORTH_FIELDS];
};

static int64_t phase_rank(const struct cJSON *pod) {
    static const struct sv phases[] = {SV("Pending"), SV("Unknown"), SV("Running")};
    return (int64_t)sv_index_of(json_find_string(pod, "status.phase"), phases, COUNT_OF(phases));
}

/* Ages differ only when their magnitudes do, so that the choice spreads over pods of one age. */
static int64_t age_magnitude(int64_t now_ms, int64_t since_ms) {
    int64_t magnitude = 0;
    for (int64_t age = now_ms - since_ms; age > 0; age /= 2)
        magnitude++;
    return magnitude;
}

static int64_t ready_since_ms(const struct cJSON *pod) {
    int64_t since_ms = 0;
    bool is_known = api_time_parse(
        json_string_or(object_condition(pod, SV("Ready")), SV("lastTransitionTime"), SV("")),
        &since_ms);
    return is_known ? since_ms : 0;
}

static int64_t restart_count(const struct cJSON *pod) {
    int64_t most = 0;
    JSON_EACH (status, json_find(pod, "status.containerStatuses")) {
        int64_t count = json_int_or(status, SV("restartCount"), 0);
        most = count > most ? count : most;
    }
    return most;
}

static int64_t neighbour_count(const struct replica_sync *sync, const struct cJSON *pod) {
    struct sv node = json_find_string(pod, "spec.nodeName");
    int64_t count = 0;
    for (size_t i = 0; i < sync->pod_count && node.len > 0; i++)
        count += sv_eq(json_find_string(sync->pods[i], "spec.nodeName"), node);
    return count;
}

static struct worth worth_of(const struct replica_sync *sync, const struct cJSON *pod) {
    int64_t cost = 0;
    bool is_ready = pod_is_ready(pod);
    if (!sv_to_int64(object_annotation(pod, SV("controller.kubernetes.io/pod-deletion-cost")),
                     &cost))
        cost = 0;
    return (struct worth){
        .pod = pod,
        .fields = {json_find_string(pod, "spec.nodeName").len > 0, phase_rank(pod), is_ready, cost,
                   -neighbour_count(sync, pod),
                   is_ready ? age_magnitude(sync->now_ms, ready_since_ms(pod)) : 0,
                   -restart_count(pod), age_magnitude(sync->now_ms, object_created_ms(pod))},
    };
}

static int compare_worths(const void *left, const void *right) {
    const struct worth *a = left, *b = right;
    for (size_t i = 0; i < WORTH_FIELDS; i++)
        if (a->fields[i] != b->fields[i])
            return a->fields[i] < b->fields[i] ? -1 : 1;
    return sv_compare(object_name(a->pod), object_name(b->pod));
}

/* --- the number of pods --- */

static void remove_pods(struct replica_sync *sync, size_t count) {
    struct worth *worths = ARENA_ARRAY(sync->arena, struct worth, sync->pod_count + 1);
    for (size_t i = 0; i < sync->pod_count; i++)
        worths[i] = worth_of(sync, sync->pods[i]);
    qsort(worths, sync->pod_count, sizeof(*worths), compare_worths);
    for (size_t i = 0; i < count && i < DELETIONS_MAX; i++)
        pod_control_delete_pod(sync->controller->control, sync->key, worths[i].pod, sync->arena);
}

static void create_pods(struct replica_sync *sync, size_t count) {
    const struct cJSON *pod =
        pod_from_template(sync->arena, json_find(sync->set, "spec.template"), sync->set,
                          pod_control_resource(sync->controller->control));
    for (size_t i = 0; i < count; i++)
        pod_control_create_pod(sync->controller->control, sync->key, pod);
    sync->did_create = true;
}

static void manage(struct replica_sync *sync) {
    int64_t missing = sync->replicas - (int64_t)sync->pod_count;
    size_t batch =
        pod_control_batch(sync->controller->control, sync->key, missing > 0 ? (size_t)missing : 0);
    if (batch > 0)
        create_pods(sync, batch);
    else if (missing < 0)
        remove_pods(sync, (size_t)-missing);
}

/* --- status --- */

static bool has_all_labels(const struct replica_sync *sync, const struct cJSON *pod) {
    JSON_EACH (label, json_find(sync->set, "spec.template.metadata.labels"))
        if (!sv_eq(object_label(pod, json_key(label)), json_text(label)))
            return false;
    return true;
}

static void add_failure(struct replica_sync *sync, struct cJSON *status) {
    struct sv failure = pod_control_failure(sync->controller->control, sync->key);
    const struct cJSON *known = object_condition(sync->set, SV("ReplicaFailure"));
    if (failure.len == 0)
        return;
    struct cJSON *list = json_ensure_list(sync->arena, status, SV("conditions"));
    if (known) {
        json_append(list, json_copy(sync->arena, known));
        return;
    }
    struct cJSON *condition = json_append(list, json_map(sync->arena));
    json_set_string(sync->arena, condition, SV("type"), SV("ReplicaFailure"));
    json_set_string(sync->arena, condition, SV("status"), SV("True"));
    json_set_string(sync->arena, condition, SV("lastTransitionTime"),
                    api_time_format(sync->now_ms, sync->arena));
    json_set_string(sync->arena, condition, SV("reason"), SV("FailedCreate"));
    json_set_string(sync->arena, condition, SV("message"), failure);
}

static void set_unless_zero(struct arena *arena, struct cJSON *status, struct sv key,
                            int64_t value) {
    if (value != 0)
        json_set_int(arena, status, key, value);
}

static void write_status(struct replica_sync *sync) {
    int64_t labelled = 0, ready = 0, available = 0;
    for (size_t i = 0; i < sync->pod_count; i++) {
        labelled += has_all_labels(sync, sync->pods[i]);
        ready += pod_is_ready(sync->pods[i]);
        available +=
            pod_is_available(sync->pods[i], sync->min_ready_seconds, sync->now_ms, &sync->next_ms);
    }
    struct cJSON *status = json_map(sync->arena);
    json_set_int(sync->arena, status, SV("replicas"), (int64_t)sync->pod_count);
    set_unless_zero(sync->arena, status, SV("fullyLabeledReplicas"), labelled);
    set_unless_zero(sync->arena, status, SV("readyReplicas"), ready);
    set_unless_zero(sync->arena, status, SV("availableReplicas"), available);
    json_set_int(sync->arena, status, SV("observedGeneration"), object_generation(sync->set));
    add_failure(sync, status);
    pod_control_write_status(sync->controller->control, sync->key, sync->set, status, sync->arena);
}

/* --- one ReplicaSet --- */

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct replicaset_controller *controller = context;
    struct replica_sync sync = {
        .controller = controller,
        .key = key,
        .set = pod_control_owner(controller->control, key),
        .arena = arena,
        .now_ms = pod_control_now_ms(controller->control),
        .next_ms = DEADLINE_NEVER,
    };
    struct claimed claimed;
    if (!sync.set || !claims_take(controller->pods, key, sync.set, arena, &claimed))
        return;
    sync.pods = claimed.items;
    for (size_t i = 0; i < claimed.count; i++)
        if (pod_is_active(claimed.items[i]))
            sync.pods[sync.pod_count++] = claimed.items[i];
    sync.replicas = json_find_int(sync.set, "spec.replicas", 1);
    sync.min_ready_seconds = json_find_int(sync.set, "spec.minReadySeconds", 0);
    if (!object_is_deleting(sync.set))
        manage(&sync);
    /* What was created is counted when the server answered, which saves a write. */
    if (!sync.did_create || pod_control_failure(controller->control, key).len > 0)
        write_status(&sync);
    if (sync.next_ms != DEADLINE_NEVER)
        agent_mark(part, key, sync.next_ms);
}

/* --- life --- */

static struct replicaset_controller *new_for(struct agent *agent, struct sv name,
                                             const struct resource *owner, bool selects_by_map) {
    struct replicaset_controller *controller = mem_alloc(sizeof(*controller));
    controller->control = pod_control_new(&(struct pod_control_options){
        .agent = agent,
        .name = name,
        .owner = owner,
        .reconcile = reconcile,
        .context = controller,
    });
    controller->pods = claims_new(&(struct claims_options){
        .agent = agent,
        .control = controller->control,
        .children = &RESOURCE_PODS,
        .selects_by_map = selects_by_map,
    });
    return controller;
}

struct replicaset_controller *replicaset_controller_new(struct agent *agent) {
    return new_for(agent, SV("replicaset"), &RESOURCE_REPLICA_SETS, false);
}

struct replicaset_controller *replication_controller_new(struct agent *agent) {
    return new_for(agent, SV("replication"), &RESOURCE_REPLICATION_CONTROLLERS, true);
}

void replicaset_controller_free(struct replicaset_controller *controller) {
    if (!controller)
        return;
    claims_free(controller->pods);
    pod_control_free(controller->control);
    mem_free(controller);
}
