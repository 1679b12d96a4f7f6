/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explain.h"

#include "conformance/plan_objects.h"
#include "conformance/session.h"
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "core/reconcile/plan_text.h"

enum { EXPLAIN_BYTES_MAX = 16 * 1024 * 1024 };

/* --- what is waited for --- */

/* The conditions that tell of a gate, the first that is False counts; the rest is Ready's. */
static const struct {
    enum gate_id gate;
    struct sv condition;
} gate_conditions[] = {
    {GATE_PODS, {"MasterReady", 11}},   {GATE_PODS, {"WorkersReady", 12}},
    {GATE_PODS, {"FusesReady", 10}},    {GATE_READY_CHECK, {"DataPlaneReady", 14}},
    {GATE_MOUNTS, {"MountsReady", 11}},
};

struct waited {
    struct sv gate; /* SV(""): for nothing */
    struct sv reason, message;
    int64_t since_ms; /* negative: the status does not say */
};

static int64_t since_of(const struct cJSON *object, struct sv type) {
    const struct cJSON *condition = object_condition(object, type);
    int64_t since_ms;
    bool is_false = sv_eq(json_find_string(condition, "status"), SV("False"));
    struct sv text = json_find_string(condition, "lastTransitionTime");
    return is_false && api_time_parse(text, &since_ms) ? since_ms : -1;
}

/* One that serves is ready, and its Synced says what keeps the gate closed. */
static int64_t unready_since(const struct cJSON *runtime, struct sv reason) {
    int64_t since_ms = since_of(runtime, SV("Ready"));
    struct sv synced = json_find_string(object_condition(runtime, SV("Synced")), "reason");
    return since_ms < 0 && sv_eq(synced, reason) ? since_of(runtime, SV("Synced")) : since_ms;
}

static int64_t gate_since(const struct cJSON *runtime, enum gate_id gate, struct sv reason) {
    for (size_t i = 0; i < COUNT_OF(gate_conditions); i++) {
        int64_t since_ms = since_of(runtime, gate_conditions[i].condition);
        if (gate_conditions[i].gate == gate && since_ms >= 0)
            return since_ms;
    }
    return unready_since(runtime, reason);
}

/* What the runtime says of itself: that it is not ready, or what is not as it was asked for. */
static struct waited say_waited(const struct explanation *explanation) {
    static const struct sv types[] = {SV("Ready"), SV("Synced")};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        int64_t since_ms = since_of(explanation->runtime, types[i]);
        const struct cJSON *condition = object_condition(explanation->runtime, types[i]);
        if (since_ms >= 0)
            return (struct waited){types[i], json_find_string(condition, "reason"),
                                   json_find_string(condition, "message"), since_ms};
    }
    return (struct waited){.gate = SV(""), .reason = SV(""), .message = SV(""), .since_ms = -1};
}

static bool is_waited_for(const struct gate *gate) {
    return !gate->is_open && gate->reason.len > 0;
}

/* The gate that only an edit can open, or else the first closed one; with all of them open, what
 * the runtime says of itself. */
static struct waited find_waited(const struct explanation *explanation) {
    const struct plan *plan = explanation->plan;
    size_t i = plan->is_stalled ? plan->stalled_gate : 0;
    while (i < GATE_COUNT && !is_waited_for(&plan->gates[i]))
        i++;
    if (i == GATE_COUNT)
        return say_waited(explanation);
    return (struct waited){gate_text((enum gate_id)i), plan->gates[i].reason,
                           plan->gates[i].message,
                           gate_since(explanation->runtime, i, plan->gates[i].reason)};
}

/* --- as text and as a tree --- */

static bool write_since(struct buf *buf, const struct explanation *explanation, int64_t since_ms,
                        struct arena *arena) {
    if (since_ms < 0)
        return buf_append(buf, SV("  since: its status does not say yet\n"));
    struct sv at = api_time_format(since_ms, arena);
    bool is_past = since_ms <= explanation->now_ms;
    struct sv duration = api_duration_format(is_past ? explanation->now_ms - since_ms : 0, arena);
    return buf_printf(buf, "  since: %.*s, for %.*s\n", SV_ARG(at), SV_ARG(duration));
}

static bool write_waited(struct buf *buf, const struct explanation *explanation,
                         const struct waited *waited, struct arena *arena) {
    struct sv opens = explain_reason(waited->reason);
    if (waited->gate.len == 0)
        return buf_printf(buf, "%.*s waits for nothing\n", SV_ARG(explanation->key));
    return buf_printf(buf, "%.*s %s at %.*s: %.*s\n  what:  %.*s\n", SV_ARG(explanation->key),
                      explanation->plan->is_stalled ? "is stalled" : "waits", SV_ARG(waited->gate),
                      SV_ARG(waited->reason), SV_ARG(waited->message)) &&
           write_since(buf, explanation, waited->since_ms, arena) &&
           (opens.len == 0 || buf_printf(buf, "  about: %.*s\n", SV_ARG(opens)));
}

struct sv explain_text(const struct explanation *explanation, struct arena *arena) {
    struct waited waited = find_waited(explanation);
    struct buf buf;
    buf_init(&buf, EXPLAIN_BYTES_MAX);
    bool fits = write_waited(&buf, explanation, &waited, arena) &&
                buf_append(&buf, explanation->is_fresh
                                     ? SV("what a controller that starts now would do next:\n")
                                     : SV("what the controller does next:\n")) &&
                plan_write_text(&buf, explanation->plan, arena);
    struct sv text =
        fits ? arena_copy(arena, buf_view(&buf)) : SV("the explanation is larger than 16 MiB\n");
    buf_release(&buf);
    return text;
}

struct cJSON *explain_json(const struct explanation *explanation, struct arena *arena) {
    struct waited waited = find_waited(explanation);
    struct cJSON *root = json_map(arena);
    json_set_string(arena, root, SV("runtime"), explanation->key);
    json_set_bool(arena, root, SV("waits"), waited.gate.len > 0);
    if (waited.gate.len > 0) {
        json_set_string(arena, root, SV("gate"), waited.gate);
        json_set_string(arena, root, SV("reason"), waited.reason);
        json_set_string(arena, root, SV("message"), waited.message);
        json_set_string(arena, root, SV("opens"), explain_reason(waited.reason));
    }
    if (waited.since_ms >= 0)
        json_set_string(arena, root, SV("since"), api_time_format(waited.since_ms, arena));
    json_set(arena, root, SV("plan"), plan_to_json(explanation->plan, false, arena));
    return root;
}

/* --- from files --- */

static struct sv full_key(struct arena *arena, struct sv key) {
    return sv_find(key, '/') < key.len ? key : object_key(arena, SV("default"), key);
}

static const struct cJSON *find_object(const struct manifest *manifests, size_t count,
                                       const struct resource *resource, struct sv key,
                                       struct arena *arena) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < manifests[i].documents.count; j++) {
            const struct cJSON *root = manifests[i].documents.roots[j];
            if (!json_is_map(root) || resource_of_object(root) != resource)
                continue;
            struct sv ns = object_namespace(root);
            struct sv own = object_key(arena, ns.len > 0 ? ns : SV("default"), object_name(root));
            if (sv_eq(own, key))
                return root;
        }
    return NULL;
}

static bool fail_unknown(struct arena *arena, const struct planned *plans, size_t count,
                         struct sv key, struct error *err) {
    struct sv *keys = ARENA_ARRAY(arena, struct sv, count);
    for (size_t i = 0; i < count; i++)
        keys[i] = plans[i].key;
    struct sv nearest = sv_nearest(key, keys, count);
    return error_set(err, ERROR_NOT_FOUND, "no CacheRuntime %.*s in the files; they have %.*s",
                     SV_ARG(key), SV_ARG(nearest.len > 0 ? nearest : keys[0]));
}

bool explain_files(struct arena *arena, const struct manifest *manifests, size_t manifest_count,
                   struct sv key, struct explanation *ret_explanation, struct error *err) {
    struct planned *plans;
    size_t count;
    key = full_key(arena, key);
    if (!plan_objects(arena, manifests, manifest_count, &plans, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!sv_eq(plans[i].key, key))
            continue;
        *ret_explanation = (struct explanation){
            .key = key,
            .runtime = find_object(manifests, manifest_count, &RESOURCE_CACHE_RUNTIMES, key, arena),
            .dataset = find_object(manifests, manifest_count, &RESOURCE_DATASETS, key, arena),
            .plan = &plans[i].plan,
            .now_ms = PLAN_OBJECTS_NOW_MS,
        };
        return true;
    }
    return fail_unknown(arena, plans, count, key, err);
}

/* --- from a simulation --- */

bool explain_session(struct arena *arena, struct session *session, struct sv key,
                     struct explanation *ret_explanation, struct error *err) {
    struct plan *plan = ARENA_NEW(arena, struct plan);
    struct error absent = {0};
    key = full_key(arena, key);
    struct sv name = key, ns = sv_cut(&name, '/');
    struct controller *controller = session_controller(session);
    if (!controller)
        return error_set(err, ERROR_UNSUPPORTED, "a controller in another process cannot be asked");
    if (!controller_plan(controller, ns, name, arena, plan))
        return error_set(err, ERROR_NOT_FOUND, "there is no CacheRuntime and no Dataset %.*s then",
                         SV_ARG(key));
    *ret_explanation = (struct explanation){
        .key = key,
        .runtime = session_get(session, &RESOURCE_CACHE_RUNTIMES, ns, name, arena, &absent),
        .dataset = session_get(session, &RESOURCE_DATASETS, ns, name, arena, &absent),
        .plan = plan,
        .now_ms = session_now_ms(session),
    };
    return true;
}
