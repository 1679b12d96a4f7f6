/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/controller_manager.h"

#include "core/api/object.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/autoscaler.h"
#include "fakeapi/cluster/certificate_approver.h"
#include "fakeapi/cluster/certificate_cleaner.h"
#include "fakeapi/cluster/certificate_controller.h"
#include "fakeapi/cluster/cronjob.h"
#include "fakeapi/cluster/daemonset.h"
#include "fakeapi/cluster/deployment.h"
#include "fakeapi/cluster/disruption.h"
#include "fakeapi/cluster/endpoint_mirror.h"
#include "fakeapi/cluster/endpoint_slice.h"
#include "fakeapi/cluster/garbage_collector.h"
#include "fakeapi/cluster/job.h"
#include "fakeapi/cluster/namespace_controller.h"
#include "fakeapi/cluster/node_lifecycle.h"
#include "fakeapi/cluster/replicaset.h"
#include "fakeapi/cluster/role_aggregation.h"
#include "fakeapi/cluster/service_account.h"
#include "fakeapi/cluster/statefulset.h"
#include "fakeapi/cluster/token_controller.h"
#include "fakeapi/cluster/volume_binder.h"
#include "fakeapi/cluster/volume_protection.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/server/fakeapi.h"

struct controller_manager {
    struct world *world;
    struct agent *agent;
    struct service_account_controller *service_accounts;
    struct token_controller *tokens;             /* NULL without an authority */
    struct certificate_controller *certificates; /* the same */
    struct certificate_approver *approver;       /* the same */
    struct certificate_cleaner *cleaner;         /* the same */
    struct role_aggregation *roles;              /* the same: nobody asks what roles allow */
    struct node_lifecycle *nodes;
    struct deployment_controller *deployments;
    struct replicaset_controller *replica_sets, *replication_controllers;
    struct statefulset_controller *stateful_sets;
    struct daemonset_controller *daemon_sets;
    struct job_controller *jobs;
    struct cronjob_controller *cron_jobs;
    struct autoscaler *autoscaler;
    struct disruption_controller *disruptions;
    struct endpoint_slice_controller *endpoints;
    struct endpoint_mirror *mirror;
    struct volume_binder *volumes;
    struct volume_protection *volume_protection;
    struct namespace_controller *namespaces;
    struct garbage_collector *garbage;
    struct fakeapi *types;   /* what is known of the types */
    struct map *generations; /* of definitions that were learnt, by name */
};

/* Only what a server serves, and only what is new: to learn a type is to list its objects again. */
static void learn_type(void *context, const struct cJSON *definition, bool is_gone) {
    struct controller_manager *manager = context;
    struct sv name = object_name(definition);
    struct error err = {0};
    if (is_gone) {
        map_remove(manager->generations, name);
        fakeapi_forget_type(manager->types, definition);
        return;
    }
    uintptr_t generation = (uintptr_t)json_find_int(definition, "metadata.generation", 1);
    if (!object_condition_is_true(definition, SV("Established")) ||
        (uintptr_t)map_get(manager->generations, name) == generation)
        return;
    map_put(manager->generations, name, (void *)generation);
    if (!fakeapi_learn_type(manager->types, definition, &err))
        log_line(world_log(manager->world), LOG_WARNING,
                 "objects of %.*s are not collected with their owners: %s", SV_ARG(name),
                 err.message);
}

struct controller_manager *controller_manager_new(struct world *world, uint64_t seed) {
    struct controller_manager *manager = mem_alloc(sizeof(*manager));
    struct agent *agent = agent_new(
        world, &(struct agent_options){
                   .name = SV("kube-controller-manager"), .seed = seed, .may_be_apart = true});
    const struct registry *registry = fakeapi_registry(world_api(world));
    manager->world = world;
    manager->agent = agent;
    manager->generations = map_new();
    manager->service_accounts = service_account_controller_new(agent, world_authority(world));
    if (world_authority(world)) {
        manager->tokens = token_controller_new(agent, world_authority(world));
        manager->certificates = certificate_controller_new(agent, world_authority(world));
        manager->approver = certificate_approver_new(agent, world_authority(world));
        manager->cleaner = certificate_cleaner_new(agent);
        manager->roles = role_aggregation_new(agent);
    }
    manager->nodes = node_lifecycle_new(agent);
    manager->deployments = deployment_controller_new(agent);
    manager->replica_sets = replicaset_controller_new(agent);
    manager->replication_controllers = replication_controller_new(agent);
    manager->stateful_sets = statefulset_controller_new(agent);
    manager->daemon_sets = daemonset_controller_new(agent);
    manager->jobs = job_controller_new(agent);
    manager->cron_jobs = cronjob_controller_new(agent);
    manager->autoscaler = autoscaler_new(agent, registry);
    manager->disruptions = disruption_controller_new(agent);
    manager->endpoints = endpoint_slice_controller_new(agent);
    manager->mirror = endpoint_mirror_new(agent);
    manager->volumes = volume_binder_new(agent, registry);
    manager->volume_protection = volume_protection_new(agent);
    manager->namespaces = namespace_controller_new(agent, registry);
    manager->garbage = garbage_collector_new(agent, registry);
    manager->types = world_api(world);
    if (world_is_remote(world))
        garbage_collector_on_type(manager->garbage, learn_type, manager);
    return manager;
}

void controller_manager_free(struct controller_manager *manager) {
    if (!manager)
        return;
    agent_free(manager->agent);
    service_account_controller_free(manager->service_accounts);
    token_controller_free(manager->tokens);
    certificate_controller_free(manager->certificates);
    certificate_approver_free(manager->approver);
    certificate_cleaner_free(manager->cleaner);
    role_aggregation_free(manager->roles);
    node_lifecycle_free(manager->nodes);
    deployment_controller_free(manager->deployments);
    replicaset_controller_free(manager->replica_sets);
    replicaset_controller_free(manager->replication_controllers);
    statefulset_controller_free(manager->stateful_sets);
    daemonset_controller_free(manager->daemon_sets);
    cronjob_controller_free(manager->cron_jobs);
    job_controller_free(manager->jobs);
    autoscaler_free(manager->autoscaler);
    disruption_controller_free(manager->disruptions);
    endpoint_slice_controller_free(manager->endpoints);
    endpoint_mirror_free(manager->mirror);
    volume_binder_free(manager->volumes);
    volume_protection_free(manager->volume_protection);
    namespace_controller_free(manager->namespaces);
    garbage_collector_free(manager->garbage);
    map_free(manager->generations);
    mem_free(manager);
}
