/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_config: where the API server is and who we are: from kubeconfig files, as kubectl reads
 * them, or from what a pod finds inside a cluster. It reads the files that these name; tokens that
 * change with time and plugins are left to credentials.h.
 *
 * Every error is one sentence that names the file and the field.
 */
#ifndef CORE_PLATFORM_CLIENT_CONFIG_H
#define CORE_PLATFORM_CLIENT_CONFIG_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;

enum {
    KUBECONFIG_BYTES_MAX = 4 * 1024 * 1024,
    KUBECONFIG_FILES_MAX = 32,
    PEM_BYTES_MAX = 1024 * 1024,
    TOKEN_BYTES_MAX = 64 * 1024,
    USER_TEXTS_MAX = 256, /* a plugin's arguments or variables, groups to act as */
    IMPERSONATION_BYTES_MAX = 8 * 1024,
};

/* A program that prints an ExecCredential (client.authentication.k8s.io). */
struct exec_plugin {
    struct sv command; /* with a slash: a path; without: looked up in PATH. SV(""): no plugin */
    struct sv api_version, install_hint;
    const struct sv *args;
    size_t arg_count;
    const struct sv *variables; /* "NAME=value" */
    size_t variable_count;
    bool wants_cluster_info;
};

/* What is not given is SV(""). */
struct client_config {
    struct sv origin; /* for messages: the file, or "the pod's service account" */
    struct sv server; /* without a slash behind it */
    struct sv tls_server_name, proxy_url;
    struct sv ca_certificate, client_certificate, client_key; /* PEM */
    bool skips_verification;
    bool has_no_compression;
    struct sv token, token_file;
    struct sv username, password;
    struct sv impersonation; /* lines of headers by which this user acts as another one */
    struct exec_plugin plugin;
    const struct cJSON *plugin_config; /* what the cluster's entry says to plugins, or NULL */
    struct sv namespace_name;
};

/* `paths` is one file, or several separated by colons of which the first to name something wins
 * and those that do not exist are passed over. `context` is SV("") for the current one. Texts live
 * in `arena`. */
MUST_CHECK bool client_config_read(struct arena *arena, struct sv paths, struct sv context,
                                   struct client_config *ret_config, struct error *err);

/* Whether it may stand in a header: a line break would begin another one. */
bool client_config_is_token(struct sv text);

/* What kubelet gives to a pod: host and port are KUBERNETES_SERVICE_HOST and _PORT, the folder
 * holds token, ca.crt and namespace. */
MUST_CHECK bool client_config_in_cluster(struct arena *arena, struct sv host, struct sv port,
                                         struct sv folder, struct client_config *ret_config,
                                         struct error *err);

/* The first of: `paths`, the variable KUBECONFIG, the pod we run in, ~/.kube/config. `environment`
 * answers like getenv(). */
MUST_CHECK bool client_config_find(struct arena *arena, struct sv paths, struct sv context,
                                   const char *(*environment)(const char *name),
                                   struct client_config *ret_config, struct error *err);

#endif
