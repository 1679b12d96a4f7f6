/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes that run a command, in containers whose process an engine knows, and those that connect to
 * a port: one that the pod declares answers, any other refuses. The rest nobody could answer: a
 * readiness probe there says yes after its delay, and the others always.
 */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/kubelet_parts.h"
#include "fakeapi/cluster/world.h"

#include <inttypes.h>

enum { PERIOD_S_DEFAULT = 10, FAILURES_DEFAULT = 3, MESSAGE_BYTES_MAX = 1024, PORT_MAX = 65535 };

static const struct {
    struct sv field;
    const char *name;
} kinds[PROBE_COUNT] = {
    [PROBE_STARTUP] = {{"startupProbe", 12}, "Startup"},
    [PROBE_LIVENESS] = {{"livenessProbe", 13}, "Liveness"},
    [PROBE_READINESS] = {{"readinessProbe", 14}, "Readiness"},
};

static bool is_of_port(const struct cJSON *probe) {
    return json_get(probe, SV("httpGet")) || json_get(probe, SV("tcpSocket")) ||
           json_get(probe, SV("grpc"));
}

static const struct cJSON *probe_of(const struct cJSON *pod, const struct sim_container *container,
                                    enum probe_kind kind) {
    const struct cJSON *probe = json_get(container_spec(pod, container->name), kinds[kind].field);
    bool can_run = json_find(probe, "exec.command") && container->has_process;
    return can_run || is_of_port(probe) ? probe : NULL;
}

static int64_t period_ms(const struct cJSON *probe) {
    int64_t seconds = json_int_or(probe, SV("periodSeconds"), PERIOD_S_DEFAULT);
    return 1000 * (seconds > 0 ? seconds : PERIOD_S_DEFAULT);
}

static void plan_probe(struct sim_container *container, const struct cJSON *pod,
                       enum probe_kind kind, int64_t now_ms) {
    const struct cJSON *probe = probe_of(pod, container, kind);
    if (!probe)
        return;
    int64_t delay_ms = 1000 * json_int_or(probe, SV("initialDelaySeconds"), 0);
    int64_t first_ms = container->run.started_ms + delay_ms;
    container->probes[kind].next_ms = first_ms > now_ms ? first_ms : now_ms;
    container->probes[kind].is_failing = kind != PROBE_LIVENESS;
}

static void plan_later_probes(struct sim_container *container, const struct cJSON *pod,
                              int64_t now_ms) {
    plan_probe(container, pod, PROBE_LIVENESS, now_ms);
    plan_probe(container, pod, PROBE_READINESS, now_ms);
}

void probes_start(struct sim_container *container, const struct cJSON *pod, int64_t now_ms) {
    memset(container->probes, 0, sizeof(container->probes));
    plan_probe(container, pod, PROBE_STARTUP, now_ms);
    if (container->probes[PROBE_STARTUP].next_ms == 0) {
        plan_later_probes(container, pod, now_ms);
        return;
    }
    /* What comes after a start-up probe waits for it. */
    container->probes[PROBE_READINESS].is_failing =
        probe_of(pod, container, PROBE_READINESS) != NULL;
}

bool probes_say_ready(const struct sim_container *container) {
    return !container->probes[PROBE_STARTUP].is_failing &&
           !container->probes[PROBE_READINESS].is_failing;
}

/* --- what is probed --- */

struct outcome {
    enum { PROBE_SUCCEEDED, PROBE_FAILED, PROBE_ERRORED } type;
    struct sv said; /* of what did not succeed */
};

static struct outcome run_command(struct kubelet *kubelet, const struct sim_container *container,
                                  const struct cJSON *pod, const struct cJSON *probe,
                                  struct arena *arena) {
    struct exec_result result;
    int64_t timeout_ms = 1000 * json_int_or(probe, SV("timeoutSeconds"), 1);
    process_exec(kubelet, pod, container->name, json_find(probe, "exec.command"), timeout_ms, arena,
                 &result);
    bool is_good =
        result.err.code == ERROR_NONE && result.exit_code == 0 && result.duration_ms <= timeout_ms;
    return (struct outcome){is_good ? PROBE_SUCCEEDED : PROBE_FAILED, result.stderr_bytes.len > 0
                                                                          ? result.stderr_bytes
                                                                          : result.stdout_bytes};
}

static bool list_declares(const struct cJSON *containers, int64_t port) {
    JSON_EACH (container, containers)
        JSON_EACH (declared, json_get(container, SV("ports")))
            if (json_int_or(declared, SV("containerPort"), 0) == port)
                return true;
    return false;
}

/* The containers of a pod share their network. */
static bool is_listening(const struct cJSON *pod, int64_t port) {
    return list_declares(json_find(pod, "spec.containers"), port) ||
           list_declares(json_find(pod, "spec.initContainers"), port);
}

/* A number or the name of one of the container's ports; 0: neither. */
static int64_t port_of(const struct cJSON *container, const struct cJSON *port) {
    int64_t number = 0;
    if (!json_is_string(port))
        return json_to_int64(port, &number) ? number : 0;
    JSON_EACH (declared, json_get(container, SV("ports")))
        if (sv_eq(json_string_or(declared, SV("name"), SV("")), json_text(port)))
            return json_int_or(declared, SV("containerPort"), 0);
    return 0;
}

static struct sv refusal(const struct cJSON *probe, struct sv address, struct arena *arena) {
    const struct cJSON *get = json_get(probe, SV("httpGet"));
    /* A gRPC client tries again until its time is over. */
    if (json_get(probe, SV("grpc")))
        return arena_printf(arena,
                            "timeout: failed to connect service \"%.*s\" within %" PRId64
                            "s: context deadline exceeded",
                            SV_ARG(address), json_int_or(probe, SV("timeoutSeconds"), 1));
    struct sv refused =
        arena_printf(arena, "dial tcp %.*s: connect: connection refused", SV_ARG(address));
    if (!get)
        return refused;
    struct sv path = json_string_or(get, SV("path"), SV("/"));
    bool is_secure = sv_eq(json_string_or(get, SV("scheme"), SV("HTTP")), SV("HTTPS"));
    return arena_printf(arena, "Get \"%s://%.*s%s%.*s\": %.*s", is_secure ? "https" : "http",
                        SV_ARG(address), sv_starts_with(path, SV("/")) ? "" : "/", SV_ARG(path),
                        SV_ARG(refused));
}

/* Its status may not be written yet. */
static struct sv ip_of(const struct kubelet *kubelet, const struct cJSON *pod,
                       struct arena *arena) {
    const struct sim_pod *sim =
        map_get(kubelet->sims, object_key(arena, object_namespace(pod), object_name(pod)));
    return sim ? sim->ip : SV("");
}

static struct outcome connect_port(const struct kubelet *kubelet,
                                   const struct sim_container *container, const struct cJSON *pod,
                                   const struct cJSON *probe, struct arena *arena) {
    static const struct sv actions[] = {SV("httpGet"), SV("tcpSocket"), SV("grpc")};
    const struct cJSON *action = NULL;
    for (size_t i = 0; i < COUNT_OF(actions) && !action; i++)
        action = json_get(probe, actions[i]);
    const struct cJSON *named = json_get(action, SV("port"));
    int64_t port = port_of(container_spec(pod, container->name), named);
    if (port == 0 && json_is_string(named))
        return (struct outcome){
            PROBE_ERRORED, arena_printf(arena, "strconv.Atoi: parsing \"%.*s\": invalid syntax",
                                        SV_ARG(json_text(named)))};
    if (port <= 0 || port > PORT_MAX)
        return (struct outcome){PROBE_ERRORED,
                                arena_printf(arena, "invalid port number: %" PRId64, port)};
    if (is_listening(pod, port))
        return (struct outcome){PROBE_SUCCEEDED, SV("")};
    struct sv host = json_string_or(action, SV("host"), ip_of(kubelet, pod, arena));
    struct sv address = arena_printf(arena, "%.*s:%" PRId64, SV_ARG(host), port);
    return (struct outcome){PROBE_FAILED, refusal(probe, address, arena)};
}

/* --- what follows --- */

static void report(struct kubelet *kubelet, const struct cJSON *pod, enum probe_kind kind,
                   const struct outcome *outcome, struct arena *arena) {
    const char *verdict =
        outcome->type == PROBE_ERRORED ? "errored and resulted in unknown state" : "failed";
    agent_event(kubelet->part, pod, true, SV("Unhealthy"),
                arena_printf(arena, "%s probe %s: %.*s", kinds[kind].name, verdict,
                             SV_ARG(sv_prefix(outcome->said, MESSAGE_BYTES_MAX))));
}

/* True when the probe's threshold is reached and the container has to go. */
static bool note_failure(struct sim_container *container, const struct cJSON *probe,
                         enum probe_kind kind) {
    struct sim_probe *known = &container->probes[kind];
    known->successes = 0;
    known->failures++;
    if (known->failures < json_int_or(probe, SV("failureThreshold"), FAILURES_DEFAULT))
        return false;
    known->is_failing = true;
    return kind != PROBE_READINESS;
}

static void note_success(struct sim_container *container, const struct cJSON *pod,
                         const struct cJSON *probe, enum probe_kind kind, int64_t now_ms) {
    struct sim_probe *known = &container->probes[kind];
    known->failures = 0;
    known->successes++;
    if (known->successes < json_int_or(probe, SV("successThreshold"), 1))
        return;
    known->is_failing = false;
    /* What a pod declares does not change, so that a port which answered answers for good. */
    if (is_of_port(probe))
        known->next_ms = 0;
    if (kind != PROBE_STARTUP)
        return;
    known->next_ms = 0;
    plan_later_probes(container, pod, now_ms);
}

static bool run_probe(struct kubelet *kubelet, struct sim_container *container,
                      const struct cJSON *pod, enum probe_kind kind, int64_t now_ms) {
    const struct cJSON *probe = probe_of(pod, container, kind);
    struct sim_probe *known = &container->probes[kind];
    AUTO(arena) arena = arena_new();
    struct outcome outcome = is_of_port(probe) ? connect_port(kubelet, container, pod, probe, arena)
                                               : run_command(kubelet, container, pod, probe, arena);
    known->next_ms = now_ms + period_ms(probe);
    if (outcome.type == PROBE_SUCCEEDED) {
        note_success(container, pod, probe, kind, now_ms);
        return true;
    }
    report(kubelet, pod, kind, &outcome, arena);
    /* As the kubelet: what could not be tried counts neither way. */
    return outcome.type == PROBE_ERRORED || !note_failure(container, probe, kind);
}

bool probes_advance(struct kubelet *kubelet, struct sim_container *container,
                    const struct cJSON *pod, int64_t now_ms, int64_t *next_ms) {
    for (int kind = 0; kind < PROBE_COUNT; kind++) {
        struct sim_probe *probe = &container->probes[kind];
        bool is_due = probe->next_ms != 0 && probe->next_ms <= now_ms;
        if (is_due && !run_probe(kubelet, container, pod, (enum probe_kind)kind, now_ms))
            return false;
        if (probe->next_ms != 0 && probe->next_ms < *next_ms)
            *next_ms = probe->next_ms;
    }
    return true;
}
