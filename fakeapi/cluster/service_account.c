/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/service_account.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/authority.h"

#define NAME_ACCOUNT SV("default")
#define NAME_ROOT_CA SV("kube-root-ca.crt")

struct service_account_controller {
    struct agent_part *part; /* keys are namespaces */
    struct sv root_certificate;
    struct agent_cache *namespaces, *accounts, *config_maps;
};

/* Where there is no authority nothing checks its certificate. */
static const char no_certificate[] = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

static struct cJSON *root_ca(struct arena *arena, struct sv certificate, struct sv namespace_name) {
    struct cJSON *object = object_new(arena, &RESOURCE_CONFIG_MAPS, namespace_name, NAME_ROOT_CA);
    object_set_annotation(
        arena, object, SV("kubernetes.io/description"),
        SV("Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
           "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
           "guaranteed across distributions of Kubernetes clusters."));
    json_set_string(arena, json_ensure_map(arena, object, SV("data")), SV("ca.crt"), certificate);
    return object;
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct service_account_controller *controller = context;
    const struct cJSON *found = cache_get(controller->namespaces, SV(""), key);
    if (!found || object_is_deleting(found))
        return;
    if (!cache_get(controller->accounts, key, NAME_ACCOUNT)) {
        struct request request =
            agent_create(&RESOURCE_SERVICE_ACCOUNTS,
                         object_new(arena, &RESOURCE_SERVICE_ACCOUNTS, key, NAME_ACCOUNT));
        agent_send(part, key, &request);
    }
    if (!cache_get(controller->config_maps, key, NAME_ROOT_CA)) {
        struct request request =
            agent_create(&RESOURCE_CONFIG_MAPS, root_ca(arena, controller->root_certificate, key));
        agent_send(part, key, &request);
    }
}

static void handle_namespace(void *context, const struct cJSON *object, const struct cJSON *before,
                             bool is_gone) {
    struct service_account_controller *controller = context;
    if (!before && !is_gone)
        agent_mark(controller->part, object_name(object), 0);
}

static void handle_made(void *context, const struct cJSON *object, const struct cJSON *before,
                        bool is_gone) {
    struct service_account_controller *controller = context;
    struct sv name = object_name(object);
    (void)before;
    if (is_gone && (sv_eq(name, NAME_ACCOUNT) || sv_eq(name, NAME_ROOT_CA)))
        agent_mark(controller->part, object_namespace(object), 0);
}

struct service_account_controller *
service_account_controller_new(struct agent *agent, const struct authority *authority) {
    struct service_account_controller *controller = mem_alloc(sizeof(*controller));
    controller->root_certificate =
        authority ? authority->root_certificate : sv_from(no_certificate);
    controller->part = agent_add_part(agent, SV("service-accounts"), reconcile, controller);
    controller->namespaces = agent_watch(agent, &RESOURCE_NAMESPACES, handle_namespace, controller);
    controller->accounts = agent_watch(agent, &RESOURCE_SERVICE_ACCOUNTS, handle_made, controller);
    controller->config_maps = agent_watch(agent, &RESOURCE_CONFIG_MAPS, handle_made, controller);
    return controller;
}

void service_account_controller_free(struct service_account_controller *controller) {
    mem_free(controller);
}
