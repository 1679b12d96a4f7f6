/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options: what the daemon is told by flags and environment. Upstream's names are accepted, so
 * that a Deployment of upstream's chart starts this program unchanged; what has no meaning here is
 * taken and named in the log. Whatever is wrong is refused at start, in one sentence.
 */
#ifndef CORE_CMD_OPTIONS_H
#define CORE_CMD_OPTIONS_H

#include "core/base/base.h"
#include "core/base/log.h"
#include "core/base/sv.h"

struct arena;
struct error;

enum { OPTIONS_IGNORED_MAX = 32, VARIABLES_IGNORED_MAX = 8 };

/* Who does for Datasets what upstream's dataset controller does. */
enum dataset_duty_mode { DATASETS_AUTO, DATASETS_ON, DATASETS_OFF };

struct daemon_options {
    bool wants_help, wants_version;
    /* The API server: one of these, else the environment, else the cluster we run in. */
    struct sv kubeconfig, context, server, token;
    double qps; /* 0: no limit of our own */
    int64_t burst;

    bool elects_leader;
    struct sv lease_namespace, lease_name, identity;
    int64_t lease_ms, renew_ms, retry_ms;

    struct sv metrics_address, probe_address; /* "host:port", ":port", or "0": none */
    enum log_level log_level;
    bool logs_json;

    struct sv mount_root, host_path_prefixes, namespaces, class_selector, excluded_nodes;
    enum dataset_duty_mode dataset_controller;
    int64_t resync_ms;
    int64_t memory_limit; /* bytes; 0: the container's */
    bool is_dry_run;
    uint64_t seed;
    bool has_seed;

    /* Given, but without a meaning here. */
    struct sv ignored[OPTIONS_IGNORED_MAX];
    size_t ignored_count;
    struct sv ignored_variables[VARIABLES_IGNORED_MAX];
    size_t ignored_variable_count;
};

/* `environment` answers like getenv(). Texts live in `arena` or in `argv`. ERROR_INVALID names the
 * option or variable and what it may be. */
MUST_CHECK bool options_read(struct arena *arena, int argc, char *const *argv,
                             const char *(*environment)(const char *name),
                             struct daemon_options *ret_options, struct error *err);

/* All options with their defaults, for --help. */
void options_print_help(FILE *file);

#endif
