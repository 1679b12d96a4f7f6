/* SPDX-License-Identifier: Apache-2.0 */
/* Random classes, Datasets, runtimes, and what their scripts answer at first. */
#include "conformance/explore/generate_parts.h"

/* --- one component of a class --- */

static struct sv entry(struct generator *generator, const char *name, uint64_t percent) {
    struct sv how = PICK(generator, "", "", "stdin: true, ", "periodSeconds: 600, ",
                         "timeout: 30, ", "failureThreshold: 1, ");
    struct sv what = generate_chance(generator, 80)
                         ? arena_printf(generator->arena, "command: [cachectl, %s]", name)
                         : SV("script: {configMap: tools, key: s.sh}");
    struct sv text =
        arena_printf(generator->arena, "%s: {%.*s%.*s}, ", name, SV_ARG(how), SV_ARG(what));
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

enum kind { KIND_STATEFUL_SET, KIND_DEPLOYMENT, KIND_DAEMON_SET };
static const char *const kind_texts[] = {
    [KIND_STATEFUL_SET] = "workloadType: {apiVersion: apps/v1, kind: StatefulSet}, ",
    [KIND_DEPLOYMENT] = "workloadType: {apiVersion: apps/v1, kind: Deployment}, ",
    [KIND_DAEMON_SET] = "workloadType: {apiVersion: apps/v1, kind: DaemonSet}, ",
};

/* What it is without being told is most of all. */
static enum kind workload_kind(struct generator *generator, bool is_master, bool is_client) {
    uint64_t way = rng_below(&generator->rng, 100);
    if (is_client)
        return KIND_DAEMON_SET;
    if (way < 80)
        return KIND_STATEFUL_SET;
    return way < 92 || is_master ? KIND_DEPLOYMENT : KIND_DAEMON_SET;
}

/* A Deployment refuses OnDelete and partitions, a DaemonSet a number of replicas. */
static struct sv strategy_of(struct generator *generator, enum kind kind, bool is_client) {
    struct sv way = strategy(generator, is_client);
    bool is_replicas = sv_starts_with(way, SV("replicas"));
    if (is_client || kind == KIND_STATEFUL_SET || (kind == KIND_DEPLOYMENT && is_replicas))
        return way;
    return SV("updateStrategy: {type: RollingUpdate, maxUnavailable: 1}, ");
}

static void remember(struct generator *generator, enum kind kind, struct sv update, bool is_master,
                     bool is_client) {
    if (is_master)
        generator->master_is_plain = kind == KIND_STATEFUL_SET;
    if (is_master || is_client)
        return;
    generator->worker_is_plain = kind == KIND_STATEFUL_SET;
    generator->worker_is_on_each_node = kind == KIND_DAEMON_SET;
    generator->worker_rolls = kind == KIND_STATEFUL_SET && update.len == 0;
}

static struct sv component(struct generator *generator, const char *name, bool is_first) {
    bool is_client = strcmp(name, "client") == 0, is_master = strcmp(name, "master") == 0;
    enum kind kind = workload_kind(generator, is_master, is_client);
    struct sv told = kind == KIND_STATEFUL_SET || is_client ? SV("") : sv_from(kind_texts[kind]);
    struct sv service = generate_maybe(generator, 50, services(generator));
    struct sv restart = generate_maybe(generator, 25, SV("onConfigChange: Restart, "));
    struct sv options = generate_maybe(generator, 30, SV("options: {a: b}, "));
    struct sv needs = generate_maybe(generator, 25, dependencies(generator));
    struct sv update = generate_maybe(generator, 25, strategy_of(generator, kind, is_client));
    struct sv store = is_master ? SV("") : generate_maybe(generator, 40, tiers(generator));
    struct sv run = entries(generator, is_first);
    remember(generator, kind, update, is_master, is_client);
    struct sv extras = arena_printf(generator->arena, "%.*s%.*s%.*s%.*s%.*s%.*s%.*s", SV_ARG(told),
                                    SV_ARG(service), SV_ARG(restart), SV_ARG(options),
                                    SV_ARG(needs), SV_ARG(update), SV_ARG(store));
    return arena_printf(generator->arena,
                        "%s: {%.*sexecutionEntries: {%.*s}, template: {spec: {containers: [{name:"
                        " m, image: 'example.org/cache:1'%s}]}}}, ",
                        name, SV_ARG(extras), SV_ARG(run),
                        is_client ? ", securityContext: {privileged: true}" : "");
}

static struct sv class_content(struct generator *generator) {
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
    struct sv rollout = generate_maybe(
        generator, 20,
        PICK(generator, "rollout: {maxConcurrentRuntimes: 2}, ",
             "rollout: {maxConcurrentRuntimes: 50%, progressDeadlineSeconds: 1200}, "));
    return arena_printf(generator->arena,
                        "topology: {%.*s}, %.*sfileSystemType: fs, extraResources: {configMaps:"
                        " [{name: tools, data: {s.sh: 'true'}}]}",
                        SV_ARG(topology), SV_ARG(rollout));
}

static struct sv named_class(struct generator *generator, const char *name, struct sv content) {
    return arena_printf(generator->arena,
                        "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntimeClass, metadata:"
                        " {name: %s}, %.*s}",
                        name, SV_ARG(content));
}

/* --- Dataset, runtime, reader --- */

static struct sv dataset(struct generator *generator, const char *place) {
    struct sv mounts = PICK(generator, "{mountPoint: 's3://a/', name: m}",
                            "{mountPoint: 's3://a/', name: m, readOnly: true}",
                            "{mountPoint: 's3://a/', name: m}, {mountPoint: 's3://b/', path: /x}",
                            "{mountPoint: 'local:///a', name: nat}",
                            "{mountPoint: 's3://a/', name: m, options: {k: v}, encryptOptions:"
                            " [{name: ak, valueFrom: {secretKeyRef: {name: keys, key: ak}}}]}");
    struct sv modes = generate_maybe(generator, 25, SV(", accessModes: [ReadWriteMany]"));
    struct sv placement = generate_maybe(generator, 25, SV(", placement: Shared"));
    /* A node belongs to the last of those who want it alone, where they do not see each other. */
    if (sv_starts_with(sv_from(place), SV("namespace")))
        placement = SV(", placement: Shared");
    struct sv shared = generate_maybe(generator, 15, SV(", sharedOptions: {s: t}"));
    return arena_printf(generator->arena,
                        "{apiVersion: data.fluid.io/v1alpha1, kind: Dataset, metadata: {%s},"
                        " spec: {mounts: [%.*s]%.*s%.*s%.*s}}, ",
                        place, SV_ARG(mounts), SV_ARG(modes), SV_ARG(placement), SV_ARG(shared));
}

static struct sv worker(struct generator *generator) {
    if (generator->worker_is_on_each_node)
        return PICK(generator, "worker: {disabled: true}, ",
                    "worker: {env: [{name: D, value: e}]}, ",
                    "worker: {tolerations: [{operator: Exists}]}, ");
    return PICK(generator, "worker: {replicas: 1}, ", "worker: {replicas: 2}, ",
                "worker: {replicas: 3}, ", "worker: {replicas: 0}, ", "worker: {disabled: true}, ");
}

static struct sv runtime(struct generator *generator, const char *place) {
    struct sv masters = SV(""), workers = SV("");
    if (generator->components & HAS_MASTER)
        masters = generate_maybe(
            generator, 50, PICK(generator, "master: {replicas: 1}, ", "master: {replicas: 3}, "));
    if (generator->components & HAS_WORKER)
        workers = generate_maybe(generator, 70, worker(generator));
    struct sv options = generate_maybe(generator, 30, SV("options: {x: z}, "));
    struct sv more = generate_maybe(
        generator, 30,
        PICK(generator, "podMetadata: {labels: {team: a}}, ", "imagePullSecrets: [{name: pull}], ",
             "management: {cleanCachePolicy: {gracePeriodSeconds: 5, maxRetryAttempts: 1}}, "));
    return arena_printf(generator->arena,
                        "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntime, metadata:"
                        " {%s}, spec: {%.*s%.*s%.*s%.*sruntimeClassName: class}}, ",
                        place, SV_ARG(masters), SV_ARG(workers), SV_ARG(options), SV_ARG(more));
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

static struct sv secret(struct generator *generator, const char *place) {
    return arena_printf(generator->arena,
                        "{apiVersion: v1, kind: Secret, metadata: {%s}, stringData: {ak: secret}},"
                        " ",
                        place);
}

/* As an item by itself. */
static struct sv without_comma(struct sv item) {
    return sv_prefix(item, item.len - 2);
}

static struct sv home_of(struct generator *generator, const char *name) {
    struct sv keys =
        secret(generator, arena_printf(generator->arena, "namespace: %s, name: keys", name).ptr);
    return arena_printf(generator->arena,
                        "{apiVersion: v1, kind: Namespace, metadata: {name: %s}}, %.*s", name,
                        SV_ARG(keys));
}

/* Two whose generated names are the same: the second is refused for as long as the first is there.
 */
static struct sv rivals(struct generator *generator) {
    static const char *const homes[] = {"team", "team-x"};
    static const char *const places[] = {"namespace: team, name: x-demo",
                                         "namespace: team-x, name: demo"};
    struct sv objects = SV("");
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct sv home = home_of(generator, homes[i]);
        struct sv of_dataset = dataset(generator, places[i]);
        struct sv of_runtime = runtime(generator, places[i]);
        objects = arena_printf(generator->arena, "%.*s%.*s%.*s%.*s", SV_ARG(objects), SV_ARG(home),
                               SV_ARG(of_dataset), SV_ARG(of_runtime));
    }
    generator->other = "team/x-demo";
    generator->rival = "team-x/demo";
    return generate_part(generator, objects);
}

/* In the same namespace, or of the same name in another one. */
static struct sv second(struct generator *generator) {
    bool may_be_elsewhere = generate_chance(generator, 40);
    /* Two that want all nodes have those that they asked for first. */
    bool is_elsewhere = may_be_elsewhere || generator->worker_is_on_each_node;
    if (generate_chance(generator, 25) && !generator->worker_is_on_each_node)
        return rivals(generator);
    const char *place = is_elsewhere ? "namespace: team, name: demo" : "name: other";
    struct sv home = is_elsewhere ? home_of(generator, "team") : SV("");
    struct sv of_dataset = dataset(generator, place), of_runtime = runtime(generator, place);
    generator->other = is_elsewhere ? "team/demo" : "other";
    return generate_part(generator, arena_printf(generator->arena, "%.*s%.*s%.*s", SV_ARG(home),
                                                 SV_ARG(of_dataset), SV_ARG(of_runtime)));
}

struct sv generate_objects(struct generator *generator) {
    struct sv content = class_content(generator);
    struct sv of_second = SV("");
    generator->keys = without_comma(secret(generator, "name: keys"));
    struct sv twin = named_class(generator, "twin", content);
    struct sv of_dataset = dataset(generator, "name: demo");
    struct sv of_runtime = runtime(generator, "name: demo");
    generator->of_class = named_class(generator, "class", content);
    generator->has_two = generate_chance(generator, 15);
    if (generator->has_two)
        of_second = second(generator);
    struct sv pod = reader(generator);
    return arena_printf(generator->arena, "%.*s, %.*s, %.*s, %.*s%.*s%.*s%.*s",
                        SV_ARG(generator->keys), SV_ARG(generator->of_class), SV_ARG(twin),
                        SV_ARG(of_dataset), SV_ARG(of_runtime), SV_ARG(of_second), SV_ARG(pod));
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
