/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate: the rules and bounds that class, runtime and dataset must keep before anything is
 * created for them (contract.md §2 to §5, §13). The API server checks the rest.
 */
#ifndef CORE_RECONCILE_VALIDATE_H
#define CORE_RECONCILE_VALIDATE_H

#include "core/base/base.h"
#include "core/reconcile/pass.h"

enum {
    MOUNTS_MAX = 4096,       /* of a dataset */
    SECRETS_MAX = 1024,      /* of a dataset, each of which pods mount */
    TIER_LEVELS_MAX = 64,    /* of a component */
    TIER_PATHS_MAX = 64,     /* of a level */
    CONTAINERS_MAX = 64,     /* of a pod, and as many that run before them */
    PULL_SECRETS_MAX = 256,  /* of a class's pod, of a runtime, and of its component */
    SERVICES_MAX = 16,       /* of a component */
    SERVICE_PORTS_MAX = 64,  /* of a service */
    VOLUMES_MAX = 256,       /* of a class's pod, and of a runtime */
    VOLUME_MOUNTS_MAX = 256, /* of a class's first container, and of a component by the runtime */
    ENV_MAX = 1024,          /* likewise */
    ARGS_MAX = 1024,         /* likewise */
    TOLERATIONS_MAX = 256,   /* of a class's pod, of a component by the runtime, of a dataset */
    EXTRA_CONFIG_MAPS_MAX = 256, /* of a class, and of those that a component mounts */
    WORKERS_MAX = 10 * 1000,     /* of a runtime */
    COMMAND_ARGUMENTS_MAX = 64,  /* of an execution entry */
    COMMAND_BYTES_MAX = 32 * 1024,
    RUNTIME_JSON_BYTES_MAX = 1024 * 1024,
};

/* The first rule that is broken, with what, where and what to do; false when there is one. */
MUST_CHECK bool validate_class(struct pass *pass, struct finding *ret_finding);
MUST_CHECK bool validate_runtime(struct pass *pass, struct finding *ret_finding);
MUST_CHECK bool validate_dataset(struct pass *pass, struct finding *ret_finding);
/* The class that the runtime names now can take the place of the one that made its components: the
 * same components, by the same kinds of workloads. */
MUST_CHECK bool validate_class_change(struct pass *pass, struct finding *ret_finding);

#endif
