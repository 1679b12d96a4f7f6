/* SPDX-License-Identifier: Apache-2.0 */
/* A random course of what users, nodes and others do to a runtime. */
#include "conformance/explore/generate_parts.h"

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

static struct sv edit_runtime(struct generator *generator) {
    struct sv part = generator->components & HAS_WORKER   ? SV("worker")
                     : generator->components & HAS_MASTER ? SV("master")
                                                          : SV("client");
    struct sv edit = PICK(generator, "env: [{name: A, value: b}]", "options: {o: p}",
                          "runtimeVersion: {image: example.org/cache, imageTag: '2'}",
                          "resources: {requests: {cpu: 100m}}", "podMetadata: {labels: {l: m}}",
                          "tolerations: [{operator: Exists}]",
                          "nodeSelector: {kubernetes.io/os: linux}", "disabled: true");
    /* A runtime that disables all it has is stalled, and keeps what it ran: which is that, depends
     * on what came before it. */
    bool has_one = (generator->components & (generator->components - 1)) == 0;
    if (has_one && sv_starts_with(edit, SV("disabled")))
        edit = SV("env: [{name: C, value: d}]");
    return arena_printf(generator->arena,
                        "patch: {ref: cacheruntime/demo, merge: {spec: {%.*s: {%.*s}}}}",
                        SV_ARG(part), SV_ARG(edit));
}

static struct sv edit_dataset(struct generator *generator) {
    struct sv mounts = PICK(generator, "{mountPoint: 's3://c/', name: m}",
                            "{mountPoint: 's3://a/', name: m}, {mountPoint: 's3://d/', path: /y}",
                            "{mountPoint: 's3://a/', name: m, options: {k: w}}",
                            "{mountPoint: 'local:///b', name: nat}");
    return arena_printf(generator->arena,
                        "patch: {ref: dataset/demo, merge: {spec: {mounts: [%.*s]}}}",
                        SV_ARG(mounts));
}

static struct sv edit_class(struct generator *generator) {
    struct sv part = generator->components & HAS_WORKER   ? SV("worker")
                     : generator->components & HAS_MASTER ? SV("master")
                                                          : SV("client");
    struct sv edit = PICK(generator, "options: {a: c}", "onConfigChange: Restart",
                          "template: {spec: {terminationGracePeriodSeconds: 7}}",
                          "template: {metadata: {labels: {from: class}}}");
    return arena_printf(generator->arena,
                        "patch: {ref: cacheruntimeclass/class, merge: {topology: {%.*s: {%.*s}}}}",
                        SV_ARG(part), SV_ARG(edit));
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
                " {conditions: []}}}");
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
    bool is_worker = (generator->components & HAS_WORKER) != 0;
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

static struct sv single(struct generator *generator) {
    static struct sv (*const ways[])(struct generator * generator) = {
        edit_runtime, edit_runtime, edit_dataset,       edit_dataset, edit_class,
        scale,        pass_time,    restart_controller, drift};
    bool is_worker = (generator->components & HAS_WORKER) != 0;
    size_t way = rng_below(&generator->rng, COUNT_OF(ways));
    if (ways[way] == scale && !is_worker)
        way = 0;
    struct sv action = ways[way](generator);
    return step(generator, action, ways[way] == drift || generate_chance(generator, 60));
}

static struct sv course(struct generator *generator) {
    uint64_t way = rng_below(&generator->rng, 100);
    struct sv text = way < 80   ? single(generator)
                     : way < 90 ? lose_node(generator)
                                : pause(generator);
    return generate_part(generator, text);
}

/* --- the end --- */

/* A Dataset takes its runtime with it, unless that never got further than a refusal (of workers
 * only, when they are disabled). */
static struct sv delete_one(struct generator *generator, const char *name) {
    bool may_begin = generate_chance(generator, 30) && generator->components != HAS_WORKER;
    const char *first = may_begin ? "dataset" : "cacheruntime";
    struct sv begin = arena_printf(generator->arena,
                                   "{name: delete-%s, do: {delete: %s/%s}, expect: [{absent:"
                                   " cacheruntime/%s}], within: 2h},\n  ",
                                   name, first, name, name);
    struct sv rest = arena_printf(
        generator->arena, "{name: delete-dataset-%s, do: {delete: dataset/%s}},\n  ", name, name);
    struct sv end = arena_printf(generator->arena,
                                 "{name: gone-%s, expect: [{absent: dataset/%s}], within: 2h,"
                                 " settle: true},\n  ",
                                 name, name);
    bool is_dataset_first = strcmp(first, "dataset") == 0;
    return arena_printf(generator->arena, "%.*s%.*s%.*s", SV_ARG(begin),
                        SV_ARG(is_dataset_first ? SV("") : rest), SV_ARG(end));
}

static struct sv ending(struct generator *generator) {
    struct sv reader = generator->has_reader
                           ? SV("{name: end-reader, do: {delete: pod/reader}, expect: [{absent:"
                                " pod/reader}], within: 10m},\n  ")
                           : SV("");
    struct sv demo = delete_one(generator, "demo");
    struct sv other = generator->has_two ? delete_one(generator, "other") : SV("");
    return arena_printf(generator->arena, "%.*s%.*s%.*s", SV_ARG(reader), SV_ARG(demo),
                        SV_ARG(other));
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
