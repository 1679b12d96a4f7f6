/* SPDX-License-Identifier: Apache-2.0 */
/* A random course of what users, nodes and others do to a runtime. */
#include "conformance/explore/generate_parts.h"
#include "conformance/explore/generated_worlds.h"

enum { STEPS_MAX = 5 };

/* Steps either wait for rest or follow at once, in the middle of what the last one caused. */
static struct sv step(struct generator *generator, struct sv action, bool settles) {
    size_t number = ++generator->step_count;
    generator->steps =
        arena_printf(generator->arena, "%.*sstep-%zu ", SV_ARG(generator->steps), number);
    return arena_printf(generator->arena,
                        "{name: step-%zu, do: {%.*s}, within: 2h, settle: %s},\n  ", number,
                        SV_ARG(action), settles ? "true" : "false");
}

/* --- edits by users --- */

/* One of those that there are. */
static const char *component(struct generator *generator) {
    static const char *const names[] = {"master", "worker", "client"};
    size_t start = rng_below(&generator->rng, COUNT_OF(names));
    for (size_t i = start; i < start + COUNT_OF(names); i++)
        if (generator->components & 1u << i % COUNT_OF(names))
            return names[i % COUNT_OF(names)];
    assert(false);
    return "";
}

static struct sv merge_runtime(struct generator *generator, const char *part, struct sv edit) {
    return arena_printf(generator->arena,
                        "patch: {ref: cacheruntime/demo, merge: {spec: {%s: {%.*s}}}}", part,
                        SV_ARG(edit));
}

static struct sv edit_component(struct generator *generator) {
    const char *part = component(generator);
    struct sv edit =
        PICK(generator, "env: [{name: A, value: b}]", "env: null", "options: {o: p}",
             "args: [--fast]", "runtimeVersion: {image: example.org/cache, imageTag: '2'}",
             "runtimeVersion: null", "resources: {requests: {cpu: 100m}, limits: {memory: 1Gi}}",
             "podMetadata: {labels: {l: m}, annotations: {n: o}}",
             "tolerations: [{operator: Exists}]", "nodeSelector: {kubernetes.io/os: linux}",
             "nodeSelector: null", "imagePullSecrets: [{name: other}]", "disabled: true");
    /* A runtime that disables all it has is stalled, and keeps what it ran: which is that, depends
     * on what came before it. */
    if (sv_starts_with(edit, SV("disabled")) &&
        (strcmp(part, "worker") != 0 || generator->components == HAS_WORKER))
        edit = SV("env: [{name: C, value: d}]");
    return merge_runtime(generator, part, edit);
}

static struct sv edit_worker(struct generator *generator) {
    if ((generator->components & HAS_WORKER) == 0)
        return edit_component(generator);
    struct sv edit = PICK(
        generator, "tieredStore: {levels: [{emptyDir: {quota: 2Gi}}]}",
        "tieredStore: {levels: [{hostPath: {paths: [/new], quotas: [1Gi]}}]}", "tieredStore: null",
        "workloadType: {apiVersion: apps/v1, kind: Deployment}", "workloadType: null");
    if (sv_starts_with(edit, SV("workloadType")) && !generator->worker_rolls)
        edit = SV("env: [{name: E, value: f}]");
    if (sv_starts_with(edit, SV("workloadType: {")))
        generator->worker_is_plain = false;
    return merge_runtime(generator, "worker", edit);
}

/* What concerns all components. A class that is a twin of the first is the same to the pods. */
static struct sv edit_runtime(struct generator *generator) {
    uint64_t way = rng_below(&generator->rng, 100);
    if (way < 60)
        return edit_component(generator);
    if (way < 75)
        return edit_worker(generator);
    struct sv edit =
        PICK(generator, "options: {q: r}", "podMetadata: {labels: {team: b}}",
             "imagePullSecrets: [{name: pull}]", "runtimeClassName: twin",
             "volumes: [{name: extra, emptyDir: {}}]",
             "management: {cleanCachePolicy: {gracePeriodSeconds: 10, maxRetryAttempts: 1}}");
    return arena_printf(generator->arena, "patch: {ref: cacheruntime/demo, merge: {spec: {%.*s}}}",
                        SV_ARG(edit));
}

static struct sv edit_dataset(struct generator *generator) {
    struct sv edit =
        PICK(generator, "mounts: [{mountPoint: 's3://c/', name: m}]",
             "mounts: [{mountPoint: 's3://a/', name: m}, {mountPoint: 's3://d/', path: /y}]",
             "mounts: [{mountPoint: 's3://a/', name: m, options: {k: w}}]",
             "mounts: [{mountPoint: 's3://a/', name: m, readOnly: true}]",
             "mounts: [{mountPoint: 'local:///b', name: nat}]",
             "mounts: [{mountPoint: 's3://a/', name: m, encryptOptions: [{name: sk, valueFrom:"
             " {secretKeyRef: {name: keys, key: ak}}}]}]",
             "sharedOptions: {u: v}", "accessModes: [ReadWriteMany]", "accessModes: null",
             "tolerations: [{operator: Exists}]");
    return arena_printf(generator->arena, "patch: {ref: dataset/demo, merge: {spec: {%.*s}}}",
                        SV_ARG(edit));
}

static struct sv edit_class(struct generator *generator) {
    const char *part = component(generator);
    const char *privileged =
        strcmp(part, "client") == 0 ? ", securityContext: {privileged: true}" : "";
    struct sv edit =
        PICK(generator, "options: {a: c}", "onConfigChange: Restart", "onConfigChange: null",
             "template: {spec: {terminationGracePeriodSeconds: 7}}",
             "template: {metadata: {labels: {from: class}}}", "image",
             "service: null, services: [{headless: true, ports: [{name: new, port: 9}]}]",
             "service: null, services: [{name: web, ports: [{port: 80}]}]",
             "service: null, services: null", "executionEntries: {reportSummary: null}",
             "executionEntries: {checkRuntimeReady: {command: [cachectl, checkRuntimeReady]}}");
    if (sv_eq(edit, SV("image")))
        edit = arena_printf(generator->arena,
                            "template: {spec: {containers: [{name: m, image:"
                            " 'example.org/cache:3'%s}]}}",
                            privileged);
    return arena_printf(generator->arena,
                        "patch: {ref: cacheruntimeclass/class, merge: {topology: {%s: {%.*s}}}}",
                        part, SV_ARG(edit));
}

static struct sv scale(struct generator *generator) {
    uint64_t replicas = rng_below(&generator->rng, 5);
    generator->is_scaled_beyond =
        generator->is_scaled_beyond || replicas > generated_worlds[0].node_count;
    return arena_printf(generator->arena, "scale: {ref: cacheruntime/demo, replicas: %llu}",
                        (unsigned long long)replicas);
}

static struct sv pass_time(struct generator *generator) {
    struct sv time = PICK(generator, "1s", "10s", "3m", "20m");
    return arena_printf(generator->arena, "advance: %.*s", SV_ARG(time));
}

static struct sv restart_controller(struct generator *generator) {
    (void)generator;
    return SV("restart-controller: {}");
}

/* What is there in any layout, once the runtime has rested. */
static struct sv drift(struct generator *generator) {
    return PICK(generator, "delete: configmap/fluid-runtime-config-demo",
                "patch: {ref: configmap/fluid-runtime-config-demo, merge: {data: {runtime.json:"
                " '{}'}}}",
                "patch: {ref: configmap/fluid-runtime-config-demo, merge: {metadata: {labels:"
                " {cacheruntime.fluid.io/name: turned}}}}",
                "patch: {ref: cacheruntime/demo, merge: {metadata: {labels: null}}}",
                "patch: {ref: dataset/demo, merge: {metadata: {labels: null}}}",
                "patch: {ref: cacheruntime/demo, subresource: status, merge: {status:"
                " {conditions: []}}}",
                "patch: {ref: dataset/demo, subresource: status, merge: {status: {phase: Failed,"
                " mounts: []}}}",
                "patch: {ref: cacheruntime/demo, merge: {metadata: {finalizers: null}}}",
                "patch: {ref: dataset/demo, merge: {metadata: {finalizers: null}}}");
}

/* Components that are StatefulSets. */
static unsigned stateful_sets(const struct generator *generator) {
    unsigned plain = (generator->worker_is_plain ? HAS_WORKER : 0) |
                     (generator->master_is_plain ? HAS_MASTER : 0);
    return generator->components & plain;
}

/* Of a component that is a StatefulSet; not there when it is disabled. */
static struct sv disturb_workload(struct generator *generator) {
    unsigned sets = stateful_sets(generator);
    if (sets == 0)
        return drift(generator);
    const char *part = sets & HAS_WORKER ? "worker" : "master";
    struct sv way = PICK(generator, "delete: statefulset/demo-%s", "kill-pod: pod/demo-%s-0",
                         "restart-pod: {ref: pod/demo-%s-0, container: m}",
                         "patch: {ref: statefulset/demo-%s, merge: {spec: {replicas: 4}}}",
                         "patch: {ref: statefulset/demo-%s, merge: {spec: {template: {spec:"
                         " {terminationGracePeriodSeconds: 3}}}}}",
                         "patch: {ref: statefulset/demo-%s, merge: {metadata: {labels: null}}}");
    size_t at = sv_find(way, '%');
    return arena_printf(generator->arena, "%.*s%s%.*s", SV_ARG(sv_prefix(way, at)), part,
                        SV_ARG(sv_drop(way, at + 2)));
}

/* Of the volume, which nobody uses. */
static struct sv disturb_volume(struct generator *generator) {
    if ((generator->components & HAS_CLIENT) == 0 || generator->has_reader)
        return drift(generator);
    return PICK(generator, "delete: pvc/demo", "delete: pv/default-demo", "delete: ds/demo-client",
                "patch: {ref: pvc/demo, merge: {metadata: {labels: null}}}",
                "patch: {ref: pv/default-demo, merge: {metadata: {labels: null}}}");
}

/* --- courses of more than one step --- */

static struct sv two(struct generator *generator, struct sv first, struct sv second) {
    return arena_printf(generator->arena, "%.*s%.*s", SV_ARG(first), SV_ARG(second));
}

static struct sv lose_node(struct generator *generator) {
    struct sv node = PICK(generator, "node-1", "node-2", "node-3");
    struct sv down = arena_printf(generator->arena, "stop-node: %.*s", SV_ARG(node));
    struct sv up = arena_printf(generator->arena, "start-node: %.*s", SV_ARG(node));
    struct sv gone = step(generator, down, false);
    /* Less than it takes until pods are evicted, or more; not as long as a rollout has, or a moment
     * would decide how it ends. */
    struct sv while_gone = PICK(generator, "advance: 20s", "advance: 2m", "advance: 15m");
    struct sv first =
        two(generator, gone, step(generator, while_gone, generate_chance(generator, 50)));
    return two(generator, first, step(generator, up, true));
}

static struct sv pause(struct generator *generator) {
    struct sv rest = step(generator, SV("advance: 1s"), true);
    struct sv on = step(generator,
                        SV("patch: {ref: cacheruntime/demo, merge: {metadata: {annotations:"
                           " {cacheruntime.fluid.io/paused: 'true'}}}}"),
                        generate_chance(generator, 60));
    bool is_worker =
        (generator->components & HAS_WORKER) != 0 && !generator->worker_is_on_each_node;
    struct sv edit = generate_chance(generator, 40)   ? edit_runtime(generator)
                     : generate_chance(generator, 65) ? edit_dataset(generator)
                     : is_worker                      ? scale(generator)
                                                      : edit_class(generator);
    struct sv between = step(generator, edit, generate_chance(generator, 60));
    struct sv off = step(generator,
                         SV("patch: {ref: cacheruntime/demo, merge: {metadata: {annotations:"
                            " {cacheruntime.fluid.io/paused: null}}}}"),
                         true);
    return two(generator, two(generator, rest, on), two(generator, between, off));
}

/* Gone for a while, and there again as it was at first. */
static struct sv lose_class(struct generator *generator) {
    struct sv gone =
        step(generator, SV("delete: cacheruntimeclass/class"), generate_chance(generator, 50));
    struct sv between = step(generator, pass_time(generator), false);
    struct sv back = arena_printf(generator->arena, "apply: %.*s", SV_ARG(generator->of_class));
    return two(generator, two(generator, gone, between), step(generator, back, true));
}

/* A Secret goes, and comes back before what cannot start without it is given up. */
static struct sv lose_secret(struct generator *generator) {
    struct sv gone = step(generator, SV("delete: secret/keys"), generate_chance(generator, 40));
    /* Nothing that the controller alone may write: it has not answered when it is looked at. */
    struct sv way = generate_chance(generator, 50) || stateful_sets(generator) == 0
                        ? edit_component(generator)
                        : disturb_workload(generator);
    struct sv between = step(generator, way, false);
    struct sv wait =
        step(generator, PICK(generator, "advance: 1s", "advance: 90s", "advance: 4m"), false);
    struct sv back = arena_printf(generator->arena, "apply: %.*s", SV_ARG(generator->keys));
    return two(generator, two(generator, gone, between),
               two(generator, wait, step(generator, back, true)));
}

/* What only an edit can repair, until somebody does. A kind that the cluster does not have is tried
 * again and again, which is no rest. */
static struct sv mistake(struct generator *generator) {
    bool is_other_kind = generator->worker_rolls && generate_chance(generator, 40);
    struct sv wrong =
        is_other_kind ? SV("workloadType: {apiVersion: apps.kruise.io/v1beta1, kind: StatefulSet}")
                      : PICK(generator, "tieredStore: {levels: [{emptyDir: {quota: '0'}}]}",
                             "tieredStore: {levels: [{emptyDir: {quota: -1Gi}}]}",
                             "tieredStore: {levels: [{hostPath: {paths: [/a], quotas: ['0']}}]}");
    struct sv right = is_other_kind ? SV("workloadType: null") : SV("tieredStore: null");
    bool settles = generate_chance(generator, 50) && !is_other_kind;
    struct sv first = step(generator, merge_runtime(generator, "worker", wrong), settles);
    struct sv way = generate_chance(generator, 40)   ? edit_dataset(generator)
                    : generate_chance(generator, 50) ? restart_controller(generator)
                                                     : pass_time(generator);
    struct sv between = step(generator, way, generate_chance(generator, 50) && !is_other_kind);
    struct sv last = step(generator, merge_runtime(generator, "worker", right), true);
    return two(generator, two(generator, first, between), last);
}

/* An edit of the class that nobody gets until the rollout goes on. */
static struct sv pause_rollout(struct generator *generator) {
    static const char way[] =
        "patch: {ref: cacheruntimeclass/class, merge: {rollout: {paused: %s}}}";
    struct sv on = step(generator, arena_printf(generator->arena, way, "true"), false);
    bool settles = generate_chance(generator, 60);
    struct sv edit = step(generator, edit_class(generator), settles);
    /* And more of them, or the controller comes up in the middle. No check that fails from then on
     * beside a pod that is replaced: which of them comes first decides whether the pod mounts. */
    if (generate_chance(generator, 50)) {
        struct sv more =
            generate_chance(generator, 40) ? restart_controller(generator) : edit_class(generator);
        if (sv_contains(edit, SV("checkRuntimeReady")) ||
            sv_contains(more, SV("checkRuntimeReady")))
            more = restart_controller(generator);
        bool more_settles = generate_chance(generator, 50);
        edit = two(generator, edit, step(generator, more, more_settles));
    }
    struct sv off = step(generator, arena_printf(generator->arena, way, "null"), true);
    return two(generator, two(generator, on, edit), off);
}

static struct sv single(struct generator *generator) {
    static struct sv (*const ways[])(struct generator * generator) = {
        edit_runtime, edit_runtime,       edit_dataset, edit_dataset,     edit_class,    scale,
        pass_time,    restart_controller, drift,        disturb_workload, disturb_volume};
    bool has_replicas = (generator->components & HAS_WORKER) && !generator->worker_is_on_each_node;
    size_t way = rng_below(&generator->rng, COUNT_OF(ways));
    if (ways[way] == scale && !has_replicas)
        way = 0;
    struct sv action = ways[way](generator);
    bool is_drift =
        ways[way] == drift || ways[way] == disturb_workload || ways[way] == disturb_volume;
    return step(generator, action, is_drift || generate_chance(generator, 60));
}

static struct sv course(struct generator *generator) {
    uint64_t way = rng_below(&generator->rng, 100);
    bool has_worker = (generator->components & HAS_WORKER) != 0;
    struct sv text = way < 68                 ? single(generator)
                     : way < 76               ? lose_node(generator)
                     : way < 83               ? pause(generator)
                     : way < 86               ? lose_class(generator)
                     : way < 91               ? lose_secret(generator)
                     : way < 95 && has_worker ? mistake(generator)
                                              : pause_rollout(generator);
    return generate_part(generator, text);
}

/* --- the end --- */

/* A Dataset takes its runtime with it, unless that never got further than a refusal (of workers
 * only, when they are disabled). */
static struct sv delete_one(struct generator *generator, const char *name) {
    bool may_begin =
        generate_chance(generator, 30) && generator->components != HAS_WORKER && !generator->rival;
    const char *first = may_begin ? "dataset" : "cacheruntime";
    size_t number = ++generator->step_count;
    struct sv begin = arena_printf(generator->arena,
                                   "{name: delete-%zu, do: {delete: %s/%s}, expect: [{absent:"
                                   " cacheruntime/%s}], within: 2h},\n  ",
                                   number, first, name, name);
    struct sv rest =
        arena_printf(generator->arena, "{name: delete-dataset-%zu, do: {delete: dataset/%s}},\n  ",
                     number, name);
    struct sv end = arena_printf(generator->arena,
                                 "{name: gone-%zu, expect: [{absent: dataset/%s}], within: 2h,"
                                 " settle: true},\n  ",
                                 number, name);
    bool is_dataset_first = strcmp(first, "dataset") == 0;
    return arena_printf(generator->arena, "%.*s%.*s%.*s", SV_ARG(begin),
                        SV_ARG(is_dataset_first ? SV("") : rest), SV_ARG(end));
}

/* With all that is in it. */
static struct sv delete_namespace(struct generator *generator) {
    (void)generator;
    return SV(
        "{name: delete-team, do: {delete: namespace/team}, expect: [{absent:"
        " cacheruntime/team/demo}, {absent: namespace/team}], within: 2h, settle: true},\n  ");
}

/* Deleted while an application uses the volume, which ends some time later. */
static const char deletion_in_use[] =
    "{name: delete-in-use, do: {delete: cacheruntime/demo}},\n  "
    "{name: in-use, do: {advance: 10m}},\n  "
    "{name: end-reader, do: {delete: pod/reader}, expect: [{absent: cacheruntime/demo}],"
    " within: 2h},\n  "
    "{name: delete-dataset-demo, do: {delete: dataset/demo}, expect: [{absent: dataset/demo}],"
    " within: 2h, settle: true},\n  ";

/* Somebody else's finalizer holds back what the deletion waits for, or does not. */
static struct sv delete_held(struct generator *generator) {
    bool has_client = (generator->components & HAS_CLIENT) != 0;
    struct sv what = has_client ? PICK(generator, "pvc/demo", "pv/default-demo",
                                       "configmap/fluid-runtime-config-demo")
                                : SV("configmap/fluid-runtime-config-demo");
    static const char hold[] = "{name: hold, do: {patch: {ref: %.*s, merge: {metadata: {finalizers:"
                               " [example.org/hold]}}}}},\n  ";
    static const char begin[] = "{name: delete-held, do: {delete: cacheruntime/demo}},\n  "
                                "{name: held, do: {advance: 10m}},\n  ";
    static const char end[] =
        "{name: let-go, do: {patch: {ref: %.*s, merge: {metadata: {finalizers:"
        " null}}}}, expect: [{absent: cacheruntime/demo}], within: 2h},\n  "
        "{name: delete-dataset-demo, do: {delete: dataset/demo}, expect:"
        " [{absent: dataset/demo}], within: 2h, settle: true},\n  ";
    struct sv first = arena_printf(generator->arena, hold, SV_ARG(what));
    struct sv last = arena_printf(generator->arena, end, SV_ARG(what));
    return arena_printf(generator->arena, "%.*s%s%.*s", SV_ARG(first), begin, SV_ARG(last));
}

static struct sv end_reader(struct generator *generator) {
    return generator->has_reader ? SV("{name: end-reader, do: {delete: pod/reader}, expect:"
                                      " [{absent: pod/reader}], within: 10m},\n  ")
                                 : SV("");
}

static struct sv ending(struct generator *generator) {
    bool is_odd = generate_chance(generator, 25);
    struct sv demo;
    if (is_odd && generator->has_reader)
        demo = sv_from(deletion_in_use);
    else if (is_odd)
        demo = delete_held(generator);
    else
        demo = two(generator, end_reader(generator), delete_one(generator, "demo"));
    struct sv other = SV("");
    if (generator->has_two)
        other = strcmp(generator->other, "team/demo") == 0 && generate_chance(generator, 50)
                    ? delete_namespace(generator)
                    : delete_one(generator, generator->other);
    if (generator->has_two && generator->rival)
        other = two(generator, other, delete_one(generator, generator->rival));
    return two(generator, demo, other);
}

struct sv generate_steps(struct generator *generator) {
    struct sv steps = SV("");
    bool begins_settled = generate_chance(generator, 80);
    struct sv begin = begins_settled ? SV("{name: begin, within: 2h, settle: true},\n  ")
                                     : SV("{name: begin, do: {advance: 1s}},\n  ");
    for (uint64_t left = rng_below(&generator->rng, STEPS_MAX + 1); left > 0; left--)
        steps = two(generator, steps, course(generator));
    struct sv end = SV("");
    if (generate_chance(generator, 40))
        end = generate_part(generator, ending(generator));
    return arena_printf(
        generator->arena,
        "%.*s%.*s{name: rest, do: {advance: 30m}, within: 2h, settle: true},\n  %.*s",
        SV_ARG(begin), SV_ARG(steps), SV_ARG(end));
}
