/* SPDX-License-Identifier: Apache-2.0 */
/* Random classes, Datasets, runtimes, and what their scripts answer at first. */
#include "conformance/explore/generate_parts.h"

/* --- one component of a class --- */

static struct sv entry(struct generator *generator, const char *name, uint64_t percent) {
    struct sv how = PICK(generator, "", "", "stdin: true, ", "periodSeconds: 600, ",
                         "timeout: 30, ", "failureThreshold: 1, ");
    struct sv text = arena_printf(generator->arena, "%s: {%.*scommand: [cachectl, %s]}, ", name,
                                  SV_ARG(how), name);
    return generate_maybe(generator, percent, text);
}

static struct sv entries(struct generator *generator, bool is_first) {
    struct sv check = entry(generator, "checkRuntimeReady", is_first ? 50 : 10);
    struct sv mount = entry(generator, "mountUFS", is_first ? 70 : 10);
    struct sv report = entry(generator, "reportSummary", is_first ? 50 : 10);
    struct sv clean = entry(generator, "cleanCache", 25);
    return arena_printf(generator->arena, "%.*s%.*s%.*s%.*s", SV_ARG(check), SV_ARG(mount),
                        SV_ARG(report), SV_ARG(clean));
}

static struct sv tiers(struct generator *generator) {
    struct sv levels = PICK(generator, "{emptyDir: {quota: 1Gi}}", "{processMemory: {quota: 1Gi}}",
                            "{hostPath: {paths: [/cache], quotas: [1Gi]}}",
                            "{hostPath: {paths: [/a, /b], quotas: [1Gi, 2G]}, high: '0.9'}",
                            "{processMemory: {quota: 512Mi}}, {emptyDir: {quota: 1Gi}}");
    return arena_printf(generator->arena, "tieredStore: {levels: [%.*s]}, ", SV_ARG(levels));
}

static struct sv services(struct generator *generator) {
    return PICK(generator, "service: {headless: {}}, ",
                "services: [{headless: true, ports: [{name: rpc, port: 1}]}], ",
                "services: [{headless: true}, {name: web, ports: [{port: 80}]}], ");
}

static struct sv dependencies(struct generator *generator) {
    return PICK(generator, "dependencies: {secretMount: {enabled: true}}, ",
                "dependencies: {extraResources: {configMaps: [{name: tools, mountPath: /t}]}}, ");
}

static struct sv strategy(struct generator *generator, bool is_client) {
    if (is_client)
        return PICK(generator, "activation: Always, ", "updateStrategy: {type: RollingUpdate}, ");
    return PICK(generator, "updateStrategy: {type: OnDelete}, ",
                "updateStrategy: {type: RollingUpdate, partition: 1}, ", "replicas: 2, ",
                "replicas: 0, ");
}

/* A Deployment's pods have names that nobody knows. */
static struct sv workload(struct generator *generator, bool *ret_is_plain) {
    *ret_is_plain = generate_chance(generator, 85);
    return *ret_is_plain ? SV("") : SV("workloadType: {apiVersion: apps/v1, kind: Deployment}, ");
}

static struct sv component(struct generator *generator, const char *name, bool is_first) {
    bool is_client = strcmp(name, "client") == 0, is_master = strcmp(name, "master") == 0;
    bool is_plain = true;
    struct sv kind = is_client ? SV("") : workload(generator, &is_plain);
    struct sv service = generate_maybe(generator, 50, services(generator));
    struct sv restart = generate_maybe(generator, 25, SV("onConfigChange: Restart, "));
    struct sv options = generate_maybe(generator, 30, SV("options: {a: b}, "));
    struct sv needs = generate_maybe(generator, 25, dependencies(generator));
    struct sv way = strategy(generator, is_client);
    /* A Deployment refuses OnDelete and partitions. */
    if (!is_plain && sv_starts_with(way, SV("updateStrategy")))
        way = SV("updateStrategy: {type: RollingUpdate, maxUnavailable: 1}, ");
    struct sv update = generate_maybe(generator, 25, way);
    struct sv store = is_master ? SV("") : generate_maybe(generator, 40, tiers(generator));
    struct sv run = entries(generator, is_first);
    if (is_master)
        generator->master_is_plain = is_plain;
    else if (!is_client)
        generator->worker_is_plain = is_plain;
    struct sv extras = arena_printf(generator->arena, "%.*s%.*s%.*s%.*s%.*s%.*s%.*s", SV_ARG(kind),
                                    SV_ARG(service), SV_ARG(restart), SV_ARG(options),
                                    SV_ARG(needs), SV_ARG(update), SV_ARG(store));
    return arena_printf(generator->arena,
                        "%s: {%.*sexecutionEntries: {%.*s}, template: {spec: {containers: [{name:"
                        " m, image: 'example.org/cache:1'%s}]}}}, ",
                        name, SV_ARG(extras), SV_ARG(run),
                        is_client ? ", securityContext: {privileged: true}" : "");
}

static struct sv class(struct generator *generator) {
    static const unsigned layouts[] = {
        HAS_MASTER | HAS_WORKER | HAS_CLIENT,
        HAS_MASTER | HAS_WORKER | HAS_CLIENT,
        HAS_WORKER | HAS_CLIENT,
        HAS_CLIENT,
        HAS_WORKER,
        HAS_MASTER | HAS_WORKER,
        HAS_MASTER | HAS_CLIENT,
        HAS_MASTER,
    };
    static const char *const names[] = {"master", "worker", "client"};
    struct sv topology = SV("");
    generator->components = layouts[rng_below(&generator->rng, COUNT_OF(layouts))];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if ((generator->components & 1u << i) == 0)
            continue;
        struct sv text = component(generator, names[i], topology.len == 0);
        topology = arena_printf(generator->arena, "%.*s%.*s", SV_ARG(topology), SV_ARG(text));
    }
    return arena_printf(generator->arena,
                        "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntimeClass, metadata:"
                        " {name: class}, fileSystemType: fs, topology: {%.*s}, extraResources:"
                        " {configMaps: [{name: tools, data: {s.sh: 'true'}}]}}, ",
                        SV_ARG(topology));
}

/* --- Dataset, runtime, reader --- */

static struct sv dataset(struct generator *generator, const char *name) {
    struct sv mounts = PICK(generator, "{mountPoint: 's3://a/', name: m}",
                            "{mountPoint: 's3://a/', name: m, readOnly: true}",
                            "{mountPoint: 's3://a/', name: m}, {mountPoint: 's3://b/', path: /x}",
                            "{mountPoint: 'local:///a', name: nat}",
                            "{mountPoint: 's3://a/', name: m, options: {k: v}, encryptOptions:"
                            " [{name: ak, valueFrom: {secretKeyRef: {name: keys, key: ak}}}]}");
    struct sv modes = generate_maybe(generator, 25, SV(", accessModes: [ReadWriteMany]"));
    struct sv placement = generate_maybe(generator, 25, SV(", placement: Shared"));
    return arena_printf(generator->arena,
                        "{apiVersion: data.fluid.io/v1alpha1, kind: Dataset, metadata: {name: %s},"
                        " spec: {mounts: [%.*s]%.*s%.*s}}, ",
                        name, SV_ARG(mounts), SV_ARG(modes), SV_ARG(placement));
}

static struct sv runtime(struct generator *generator, const char *name) {
    struct sv master = SV(""), worker = SV("");
    if (generator->components & HAS_MASTER)
        master = generate_maybe(
            generator, 50, PICK(generator, "master: {replicas: 1}, ", "master: {replicas: 3}, "));
    if (generator->components & HAS_WORKER)
        worker = generate_maybe(generator, 70,
                                PICK(generator, "worker: {replicas: 1}, ",
                                     "worker: {replicas: 2}, ", "worker: {replicas: 3}, ",
                                     "worker: {replicas: 0}, ", "worker: {disabled: true}, "));
    struct sv options = generate_maybe(generator, 30, SV("options: {x: z}, "));
    struct sv labels = generate_maybe(generator, 20, SV("podMetadata: {labels: {team: a}}, "));
    return arena_printf(generator->arena,
                        "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntime, metadata: {name:"
                        " %s}, spec: {%.*s%.*s%.*s%.*sruntimeClassName: class}}, ",
                        name, SV_ARG(master), SV_ARG(worker), SV_ARG(options), SV_ARG(labels));
}

static struct sv reader(struct generator *generator) {
    if ((generator->components & HAS_CLIENT) == 0 || !generate_chance(generator, 40))
        return SV("");
    generator->has_reader = true;
    return SV("{apiVersion: v1, kind: Pod, metadata: {name: reader}, spec: {nodeName: node-2,"
              " containers: [{name: reader, image: 'example.org/reader:1', volumeMounts: [{name:"
              " data, mountPath: /data}]}], volumes: [{name: data, persistentVolumeClaim:"
              " {claimName: demo}}]}}, ");
}

struct sv generate_objects(struct generator *generator) {
    static const char secret[] = "{apiVersion: v1, kind: Secret, metadata: {name: keys},"
                                 " stringData: {ak: secret}}, ";
    struct sv of_class = class(generator);
    struct sv first = dataset(generator, "demo"), of_first = runtime(generator, "demo");
    struct sv second = SV("");
    generator->has_two = generate_chance(generator, 15);
    if (generator->has_two) {
        struct sv other = dataset(generator, "other"), of_other = runtime(generator, "other");
        second = generate_part(
            generator, arena_printf(generator->arena, "%.*s%.*s", SV_ARG(other), SV_ARG(of_other)));
    }
    struct sv pod = reader(generator);
    return arena_printf(generator->arena, "%s%.*s%.*s%.*s%.*s%.*s", secret, SV_ARG(of_class),
                        SV_ARG(first), SV_ARG(of_first), SV_ARG(second), SV_ARG(pod));
}

/* Scripts that fail at first, and work in the end. */
struct sv generate_scripts(struct generator *generator) {
    static const char *const names[] = {"mountUFS", "checkRuntimeReady", "reportSummary"};
    struct sv scripts = SV("");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct sv calls = PICK(generator, "{exit: 1}", "{exit: 1}, {exit: 2}", "{stdout: '{}'}",
                               "{stdout: garbage}, {stdout: '[]'}, {stdout: '{}'}", "{hang: 40s}",
                               "{ok: {}}, {exit: 1}");
        struct sv text = arena_printf(generator->arena, "{entry: %s, do: [%.*s, {ok: {}}]}, ",
                                      names[i], SV_ARG(calls));
        struct sv part = generate_maybe(generator, 12, text);
        scripts = arena_printf(generator->arena, "%.*s%.*s", SV_ARG(scripts), SV_ARG(part));
    }
    return scripts;
}
