/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes that run a command, in containers whose process an engine knows. Elsewhere nobody could
 * answer: a readiness probe there says yes after its delay, and the others always.
 */
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/kubelet_parts.h"
#include "fakeapi/cluster/world.h"

enum { PERIOD_S_DEFAULT = 10, FAILURES_DEFAULT = 3, MESSAGE_BYTES_MAX = 1024 };

static const struct {
    struct sv field;
    const char *name;
} kinds[PROBE_COUNT] = {
    [PROBE_STARTUP] = {{"startupProbe", 12}, "Startup"},
    [PROBE_LIVENESS] = {{"livenessProbe", 13}, "Liveness"},
    [PROBE_READINESS] = {{"readinessProbe", 14}, "Readiness"},
};

static const struct cJSON *probe_of(const struct cJSON *pod, const struct sim_container *container,
                                    enum probe_kind kind) {
    const struct cJSON *probe = json_get(container_spec(pod, container->name), kinds[kind].field);
    return json_find(probe, "exec.command") ? probe : NULL;
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
    if (!container->has_process)
        return;
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

static void report(struct kubelet *kubelet, const struct cJSON *pod, enum probe_kind kind,
                   const struct exec_result *result, struct arena *arena) {
    struct sv said = result->stderr_bytes.len > 0 ? result->stderr_bytes : result->stdout_bytes;
    agent_event(kubelet->part, pod, true, SV("Unhealthy"),
                arena_printf(arena, "%s probe failed: %.*s", kinds[kind].name,
                             SV_ARG(sv_prefix(said, MESSAGE_BYTES_MAX))));
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
    struct exec_result result;
    int64_t timeout_ms = 1000 * json_int_or(probe, SV("timeoutSeconds"), 1);
    process_exec(kubelet, pod, container->name, json_find(probe, "exec.command"), timeout_ms, arena,
                 &result);
    known->next_ms = now_ms + period_ms(probe);
    bool is_good =
        result.err.code == ERROR_NONE && result.exit_code == 0 && result.duration_ms <= timeout_ms;
    if (is_good) {
        note_success(container, pod, probe, kind, now_ms);
        return true;
    }
    report(kubelet, pod, kind, &result, arena);
    return !note_failure(container, probe, kind);
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
