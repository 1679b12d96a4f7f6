/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/pod_problem.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"

/* Pulling an image takes a while; a container that is still being created then has a reason. */
enum { CREATING_MS_MAX = 60 * 1000 };

static bool unschedulable(struct pass *pass, const struct cJSON *pod, struct finding *ret_finding) {
    const struct cJSON *condition = object_condition(pod, SV("PodScheduled"));
    if (!sv_eq(json_find_string(condition, "status"), SV("False")))
        return false;
    struct sv message = pass_printf(pass, "no node takes pod %.*s: %.*s", SV_ARG(object_name(pod)),
                                    SV_ARG(json_find_string(condition, "message")));
    *ret_finding = (struct finding){SV("PodUnschedulable"), message};
    return true;
}

static void add_name(struct pass *pass, struct sv *names, struct sv name) {
    struct sv rest = *names;
    while (rest.len > 0)
        if (sv_eq(sv_trim(sv_cut(&rest, ',')), name))
            return;
    *names =
        pass_printf(pass, "%.*s%s%.*s", SV_ARG(*names), names->len > 0 ? ", " : "", SV_ARG(name));
}

/* The Secrets that the dataset names: "a, b"; SV("") when it names none. */
static struct sv secret_names(struct pass *pass) {
    const struct cJSON *spec = json_get(pass->snapshot->dataset, SV("spec"));
    struct sv names = SV("");
    JSON_EACH (option, json_get(spec, SV("sharedEncryptOptions")))
        add_name(pass, &names, json_find_string(option, "valueFrom.secretKeyRef.name"));
    JSON_EACH (mount, json_get(spec, SV("mounts")))
        JSON_EACH (option, json_get(mount, SV("encryptOptions")))
            add_name(pass, &names, json_find_string(option, "valueFrom.secretKeyRef.name"));
    return names;
}

/* Volumes are mounted before containers are made: what is missing there shows in events only. */
static bool stuck_in_creation(struct pass *pass, const struct cJSON *pod,
                              struct finding *ret_finding) {
    int64_t created_ms = object_created_ms(pod);
    struct sv secrets = secret_names(pass);
    if (secrets.len == 0 || created_ms == 0)
        return false;
    if (pass->snapshot->now_ms < created_ms + CREATING_MS_MAX) {
        pass_wake_at(pass, created_ms + CREATING_MS_MAX);
        return false;
    }
    struct sv message = pass_printf(
        pass,
        "pod %.*s does not start its containers: check that the Secrets it mounts exist (%.*s)",
        SV_ARG(object_name(pod)), SV_ARG(secrets));
    *ret_finding = (struct finding){SV("PodNotStarting"), message};
    return true;
}

static bool waiting(struct pass *pass, const struct cJSON *pod, const struct cJSON *status,
                    struct finding *ret_finding) {
    const struct cJSON *state = json_find(status, "state.waiting");
    struct sv reason = json_find_string(state, "reason");
    if (sv_eq(reason, SV("ContainerCreating")))
        return stuck_in_creation(pass, pod, ret_finding);
    if (reason.len == 0 || sv_eq(reason, SV("PodInitializing")))
        return false;
    struct sv text = json_find_string(state, "message");
    int64_t exit_code = json_find_int(status, "lastState.terminated.exitCode", -1);
    struct sv last =
        exit_code < 0 ? SV("")
                      : pass_printf(pass, "; it ended with exit status %lld", (long long)exit_code);
    struct sv message = pass_printf(
        pass, "container %.*s of pod %.*s does not run: %.*s%s%.*s%.*s",
        SV_ARG(json_find_string(status, "name")), SV_ARG(object_name(pod)), SV_ARG(reason),
        text.len > 0 ? ": " : "", SV_ARG(sv_prefix(text, 512)), SV_ARG(last));
    *ret_finding = (struct finding){SV("PodNotStarting"), message};
    return true;
}

static bool has_problem(struct pass *pass, const struct cJSON *pod, struct finding *ret_finding) {
    static const char *const lists[] = {"status.initContainerStatuses", "status.containerStatuses"};
    if (unschedulable(pass, pod, ret_finding))
        return true;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (status, json_find(pod, lists[i]))
            if (waiting(pass, pod, status, ret_finding))
                return true;
    return false;
}

bool pod_problem_find(struct pass *pass, const struct component *component,
                      struct finding *ret_finding) {
    for (size_t i = 0; i < pass->snapshot->pod_count; i++) {
        const struct cJSON *pod = pass->snapshot->pods[i];
        if (sv_eq(object_label(pod, LABEL_COMPONENT_NAME), component->workload_name) &&
            !object_is_deleting(pod) && !object_condition_is_true(pod, SV("Ready")) &&
            has_problem(pass, pod, ret_finding))
            return true;
    }
    return false;
}
