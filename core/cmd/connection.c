/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/connection.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/cmd/options.h"
#include "core/platform/client_config.h"

#define SERVICE_ACCOUNT_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

static struct client_config plain_config(const struct daemon_options *options) {
    struct sv none = SV(""), server = options->server;
    while (server.len > 0 && server.ptr[server.len - 1] == '/')
        server.len--;
    return (struct client_config){
        .origin = SV("--server"),
        .server = server,
        .token = options->token,
        .tls_server_name = none,
        .proxy_url = none,
        .ca_certificate = none,
        .client_certificate = none,
        .client_key = none,
        .token_file = none,
        .username = none,
        .password = none,
        .plugin = {.command = none, .api_version = none, .install_hint = none},
        .namespace_name = none,
    };
}

static struct sv variable(const char *(*environment)(const char *name), const char *name) {
    return sv_from(environment(name));
}

bool connection_find(struct arena *arena, const struct daemon_options *options,
                     const char *(*environment)(const char *name), struct client_config *ret_config,
                     struct error *err) {
    struct sv paths = options->kubeconfig;
    if (options->server.len > 0) {
        *ret_config = plain_config(options);
        return true;
    }
    if (paths.len == 0)
        paths = variable(environment, "KUBECONFIG");
    struct sv host = variable(environment, "KUBERNETES_SERVICE_HOST");
    if (paths.len == 0 && host.len > 0)
        return client_config_in_cluster(arena, host,
                                        variable(environment, "KUBERNETES_SERVICE_PORT"),
                                        SV(SERVICE_ACCOUNT_FOLDER), ret_config, err);
    if (paths.len == 0)
        paths = arena_printf(arena, "%.*s/.kube/config", SV_ARG(variable(environment, "HOME")));
    return client_config_read(arena, paths, options->context, ret_config, err);
}
