/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names: every name, label key and path that is derived from the runtime's key; a wire contract
 * (fluid-contract.md §2.9, §5.4), since CSI plugin, webhook and upstream's controllers derive
 * the same ones. Pure.
 */
#ifndef CORE_RECONCILE_NAMES_H
#define CORE_RECONCILE_NAMES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct snapshot;

#define LABEL_RUNTIME_NAME SV("cacheruntime.fluid.io/name")
#define LABEL_COMPONENT_NAME SV("cacheruntime.fluid.io/component-name")
#define LABEL_CLIENT_GENERATION SV("fuse.runtime.fluid.io/generation")
#define LABEL_DATASET SV("fluid.io/dataset")
#define LABEL_DATASET_ID SV("fluid.io/dataset-id")
#define LABEL_DATASET_NUM SV("fluid.io/dataset-num")
#define LABEL_DATASET_PLACEMENT SV("fluid.io/dataset-placement")
#define LABEL_EXCLUSIVE SV("fluid_exclusive")
#define ANNOTATION_CREATED_BY SV("CreatedBy")
#define ANNOTATION_PAUSED SV("cacheruntime.fluid.io/paused")
#define ANNOTATION_APPLIED SV("cacheruntime.fluid.io/applied")
#define ANNOTATION_TEMPLATE SV("cacheruntime.fluid.io/template")
#define ANNOTATION_BASE SV("cacheruntime.fluid.io/class-template")
#define ANNOTATION_ADOPTED SV("cacheruntime.fluid.io/adopted")
#define LABEL_ADVANCED_POD SV("lifecycle.workload.fluid.io/state")
#define ANNOTATION_CLASS SV("cacheruntime.fluid.io/class")
#define ANNOTATION_CACHE_NODES SV("cacheruntime.fluid.io/cache-nodes")
#define ANNOTATION_CLEANINGS_CUT_OFF SV("cacheruntime.fluid.io/cleanings-cut-off")
#define ANNOTATION_RUNTIME_CLASS SV("cacheruntime.fluid.io/runtime-class")
#define ANNOTATION_CLASS_REPLICAS SV("cacheruntime.fluid.io/class-replicas")
#define FINALIZER_RUNTIME SV("cache-runtime-controller-finalizer")
#define FINALIZER_DATASET SV("fluid-dataset-controller-finalizer")
#define RUNTIME_CONFIG_KEY SV("runtime.json")
#define NAME_PREFIX_SERVICE "svc-"

/* Where containers find what the controller mounts. */
#define RUNTIME_CONFIG_PATH "/etc/fluid/config"
#define SECRETS_PATH "/etc/fluid/secrets"
#define SCRIPTS_PATH "/etc/fluid/scripts"
#define TIERED_STORE_PATH "/etc/fluid/mount/tiered-store"
#define PROCESS_MEMORY_PATH "/dev/shm"

enum {
    RUNTIME_NAME_BYTES_MAX = 45, /* leaves room for what is derived from it */
    DNS_LABEL_BYTES_MAX = 63,
    DNS_SUBDOMAIN_BYTES_MAX = 253,
};

struct names {
    struct sv config_map; /* fluid-runtime-config-<rt> */
    struct sv volume;     /* <ns>-<rt> */
    struct sv claim;      /* <rt> */
    struct sv mount_path; /* <root>/cache/<ns>/<rt>/cache-fuse */
    struct sv dataset_id;
    struct sv exclusive; /* value of the label fluid_exclusive */
    /* Keys of labels on nodes. */
    struct sv common_label, runtime_label, fuse_label;
    struct sv memory_label, disk_label, total_label;
};

void names_init(struct names *names, const struct snapshot *snapshot, struct arena *arena);

/* `<prefix><a>-<b>` for a volume. One of more than 63 bytes is cut, dots become dashes, and either
 * ends in a hash of the whole. */
struct sv names_volume(struct arena *arena, const char *prefix, struct sv name, const char *suffix);
/* `cache-mnt-secret-<secret>`, shortened as upstream does; likewise where the name has dots, with
 * which upstream's name is none that a volume may have. */
struct sv names_secret_volume(struct arena *arena, struct sv secret);
/* RFC 1035 label: what the API accepts as the name of a service. */
bool names_is_dns_label(struct sv name);
/* What objects such as ConfigMaps and Secrets may be called. The simulated API server has the rule
 * a second time, as it has all rules: one that shared our mistakes would not show them. */
bool names_is_dns_subdomain(struct sv name);
/* What keys of their data may be called: each becomes a file. */
bool names_is_file_name(struct sv name);

#endif
