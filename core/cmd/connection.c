/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/connection.h"

#include "core/cmd/options.h"
#include "core/platform/client_config.h"

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
        .impersonation = none,
        .plugin = {.command = none, .api_version = none, .install_hint = none},
        .namespace_name = none,
    };
}

bool connection_find(struct arena *arena, const struct daemon_options *options,
                     const char *(*environment)(const char *name), struct client_config *ret_config,
                     struct error *err) {
    if (options->server.len == 0)
        return client_config_find(arena, options->kubeconfig, options->context, environment,
                                  ret_config, err);
    *ret_config = plain_config(options);
    return true;
}
