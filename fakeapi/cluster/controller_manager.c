/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/controller_manager.h"

#include "core/base/mem.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/cronjob.h"
#include "fakeapi/cluster/daemonset.h"
#include "fakeapi/cluster/deployment.h"
#include "fakeapi/cluster/disruption.h"
#include "fakeapi/cluster/endpoint_slice.h"
#include "fakeapi/cluster/garbage_collector.h"
#include "fakeapi/cluster/job.h"
#include "fakeapi/cluster/namespace_controller.h"
#include "fakeapi/cluster/node_lifecycle.h"
#include "fakeapi/cluster/replicaset.h"
#include "fakeapi/cluster/service_account.h"
#include "fakeapi/cluster/statefulset.h"
#include "fakeapi/cluster/volume_binder.h"
#include "fakeapi/cluster/volume_protection.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/server/fakeapi.h"

struct controller_manager {
    struct agent *agent;
    struct service_account_controller *service_accounts;
    struct node_lifecycle *nodes;
    struct deployment_controller *deployments;
    struct replicaset_controller *replica_sets;
    struct statefulset_controller *stateful_sets;
    struct daemonset_controller *daemon_sets;
    struct job_controller *jobs;
    struct cronjob_controller *cron_jobs;
    struct disruption_controller *disruptions;
    struct endpoint_slice_controller *endpoints;
    struct volume_binder *volumes;
    struct volume_protection *volume_protection;
    struct namespace_controller *namespaces;
    struct garbage_collector *garbage;
};

struct controller_manager *controller_manager_new(struct world *world, uint64_t seed) {
    struct controller_manager *manager = mem_alloc(sizeof(*manager));
    struct agent *agent = agent_new(world, SV("kube-controller-manager"), seed);
    const struct registry *registry = fakeapi_registry(world_api(world));
    manager->agent = agent;
    manager->service_accounts = service_account_controller_new(agent);
    manager->nodes = node_lifecycle_new(agent);
    manager->deployments = deployment_controller_new(agent);
    manager->replica_sets = replicaset_controller_new(agent);
    manager->stateful_sets = statefulset_controller_new(agent);
    manager->daemon_sets = daemonset_controller_new(agent);
    manager->jobs = job_controller_new(agent);
    manager->cron_jobs = cronjob_controller_new(agent);
    manager->disruptions = disruption_controller_new(agent);
    manager->endpoints = endpoint_slice_controller_new(agent);
    manager->volumes = volume_binder_new(agent, registry);
    manager->volume_protection = volume_protection_new(agent);
    manager->namespaces = namespace_controller_new(agent, registry);
    manager->garbage = garbage_collector_new(agent, registry);
    return manager;
}

void controller_manager_free(struct controller_manager *manager) {
    if (!manager)
        return;
    agent_free(manager->agent);
    service_account_controller_free(manager->service_accounts);
    node_lifecycle_free(manager->nodes);
    deployment_controller_free(manager->deployments);
    replicaset_controller_free(manager->replica_sets);
    statefulset_controller_free(manager->stateful_sets);
    daemonset_controller_free(manager->daemon_sets);
    cronjob_controller_free(manager->cron_jobs);
    job_controller_free(manager->jobs);
    disruption_controller_free(manager->disruptions);
    endpoint_slice_controller_free(manager->endpoints);
    volume_binder_free(manager->volumes);
    volume_protection_free(manager->volume_protection);
    namespace_controller_free(manager->namespaces);
    garbage_collector_free(manager->garbage);
    mem_free(manager);
}
