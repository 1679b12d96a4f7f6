/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/credentials.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "core/platform/child.h"
#include "core/platform/client_config.h"
#include "core/platform/event_loop.h"
#include "core/platform/file.h"

struct credentials {
    struct credentials_options options;
    struct arena *arena; /* of the credential */
    struct credential current;
    int64_t due_ms; /* when the next one is asked for */
    int64_t asked_ms;
    bool is_refused;
    struct child *plugin; /* while it runs */
};

struct credentials *credentials_new(const struct credentials_options *options) {
    struct credentials *credentials = mem_alloc(sizeof(*credentials));
    struct sv none = SV("");
    *credentials = (struct credentials){
        .options = *options,
        .arena = arena_new(),
        .current = {none, none, none},
        .due_ms = DEADLINE_NEVER,
    };
    return credentials;
}

void credentials_free(struct credentials *credentials) {
    if (!credentials)
        return;
    child_free(credentials->plugin);
    arena_free(credentials->arena);
    mem_free(credentials);
}

static void adopt(struct credentials *credentials, const struct credential *fresh) {
    const struct credential *old = &credentials->current;
    if (sv_eq(old->token, fresh->token) &&
        sv_eq(old->client_certificate, fresh->client_certificate) &&
        sv_eq(old->client_key, fresh->client_key))
        return;
    struct arena *arena = arena_new();
    credentials->current = (struct credential){
        .token = arena_copy(arena, fresh->token),
        .client_certificate = arena_copy(arena, fresh->client_certificate),
        .client_key = arena_copy(arena, fresh->client_key),
    };
    arena_free(credentials->arena);
    credentials->arena = arena;
    credentials->options.changed(credentials->options.context, &credentials->current);
}

/* --- token files --- */

static bool read_token_file(struct credentials *credentials, int64_t now_ms, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct sv path = credentials->options.config->token_file, token;
    credentials->due_ms = now_ms + TOKEN_FILE_PERIOD_MS;
    if (!file_read(arena, path, TOKEN_BYTES_MAX, &token, err))
        return false;
    token = sv_trim(token);
    if (token.len == 0)
        return error_set(err, ERROR_UNAUTHORIZED, "the token file %.*s is empty", SV_ARG(path));
    const struct client_config *config = credentials->options.config;
    adopt(credentials, &(struct credential){token, config->client_certificate, config->client_key});
    return true;
}

/* --- plugins --- */

/* What the plugin may want to know of the cluster (KUBERNETES_EXEC_INFO). */
static struct sv exec_info(const struct client_config *config, struct arena *arena) {
    struct cJSON *info = json_map(arena);
    json_set_string(arena, info, SV("apiVersion"), config->plugin.api_version);
    json_set_string(arena, info, SV("kind"), SV("ExecCredential"));
    struct cJSON *spec = json_ensure_map(arena, info, SV("spec"));
    json_set_bool(arena, spec, SV("interactive"), false);
    if (config->plugin.wants_cluster_info) {
        struct cJSON *cluster = json_ensure_map(arena, spec, SV("cluster"));
        json_set_string(arena, cluster, SV("server"), config->server);
        if (config->tls_server_name.len > 0)
            json_set_string(arena, cluster, SV("tls-server-name"), config->tls_server_name);
        if (config->skips_verification)
            json_set_bool(arena, cluster, SV("insecure-skip-tls-verify"), true);
        if (config->ca_certificate.len > 0)
            json_set_string(arena, cluster, SV("certificate-authority-data"),
                            base64_encode(arena, config->ca_certificate));
        if (config->proxy_url.len > 0)
            json_set_string(arena, cluster, SV("proxy-url"), config->proxy_url);
    }
    struct sv text = json_write_arena(arena, info, JSON_COMPACT);
    return arena_printf(arena, "KUBERNETES_EXEC_INFO=%.*s", SV_ARG(text));
}

static bool fail_plugin(const struct credentials *credentials, struct error *err) {
    const struct exec_plugin *plugin = &credentials->options.config->plugin;
    error_wrap(err, "credential plugin %.*s", SV_ARG(plugin->command));
    if (plugin->install_hint.len > 0 && err->code == ERROR_NOT_FOUND)
        error_set(err, err->code, "%s; %.*s",
                  arena_printf(credentials->arena, "%s", err->message).ptr,
                  SV_ARG(plugin->install_hint));
    return false;
}

static bool start_plugin(struct credentials *credentials, int64_t now_ms, struct error *err) {
    const struct client_config *config = credentials->options.config;
    const struct exec_plugin *plugin = &config->plugin;
    AUTO(arena) arena = arena_new();
    struct sv *variables = ARENA_ARRAY(arena, struct sv, plugin->variable_count + 1);
    variables[0] = exec_info(config, arena);
    for (size_t i = 0; i < plugin->variable_count; i++)
        variables[i + 1] = plugin->variables[i];
    credentials->due_ms = now_ms + PLUGIN_TIMEOUT_MS;
    credentials->plugin = child_start(
        &(struct child_options){
            .loop = credentials->options.loop,
            .command = plugin->command,
            .args = plugin->args,
            .arg_count = plugin->arg_count,
            .variables = variables,
            .variable_count = plugin->variable_count + 1,
            .output_bytes_max = PLUGIN_OUTPUT_BYTES_MAX,
        },
        err);
    return credentials->plugin || fail_plugin(credentials, err);
}

static bool read_expiry(const struct cJSON *status, int64_t *ret_due_ms, struct error *err) {
    struct sv text = json_string_or(status, SV("expirationTimestamp"), SV(""));
    int64_t expires_ms;
    *ret_due_ms = DEADLINE_NEVER;
    if (text.len == 0)
        return true;
    if (!api_time_parse(text, &expires_ms))
        return error_set(err, ERROR_INVALID, "status.expirationTimestamp is no RFC 3339 time");
    *ret_due_ms = expires_ms - EXPIRY_MARGIN_MS;
    return true;
}

static bool read_credential(struct credentials *credentials, struct sv output, int64_t now_ms,
                            struct error *err) {
    AUTO(arena) arena = arena_new();
    struct error ignored = {0};
    const struct cJSON *root = json_read(arena, output, &ignored);
    const struct cJSON *status = json_get(root, SV("status"));
    /* The message of the parser might quote what is secret. */
    if (!root || !sv_eq(json_string_or(root, SV("kind"), SV("")), SV("ExecCredential")))
        return error_set(err, ERROR_INVALID, "printed no ExecCredential");
    struct credential fresh = {
        .token = json_string_or(status, SV("token"), SV("")),
        .client_certificate = json_string_or(status, SV("clientCertificateData"), SV("")),
        .client_key = json_string_or(status, SV("clientKeyData"), SV("")),
    };
    if (fresh.token.len == 0 && (fresh.client_certificate.len == 0 || fresh.client_key.len == 0))
        return error_set(err, ERROR_UNAUTHORIZED,
                         "printed neither status.token nor a client certificate with its key");
    int64_t due_ms;
    if (!read_expiry(status, &due_ms, err))
        return false;
    /* One that has expired already is asked for again, but not without pause. */
    bool has_expired = due_ms < now_ms + REFRESH_INTERVAL_MS_MIN;
    credentials->due_ms = has_expired ? now_ms + REFRESH_INTERVAL_MS_MIN : due_ms;
    adopt(credentials, &fresh);
    return true;
}

/* Takes what the plugin printed, or ends it after its time. */
static bool finish_plugin(struct credentials *credentials, int64_t now_ms, struct error *err) {
    struct sv output;
    bool is_good = false;
    if (!child_has_ended(credentials->plugin))
        error_set(err, ERROR_TIMEOUT, "did not end within %d s", PLUGIN_TIMEOUT_MS / 1000);
    else
        is_good = child_output(credentials->plugin, &output, err) &&
                  read_credential(credentials, output, now_ms, err);
    child_free(credentials->plugin);
    credentials->plugin = NULL;
    if (is_good)
        return true;
    credentials->due_ms = now_ms + REFRESH_INTERVAL_MS_MIN;
    return fail_plugin(credentials, err);
}

/* --- both --- */

static bool ask(struct credentials *credentials, int64_t now_ms, struct error *err) {
    const struct client_config *config = credentials->options.config;
    credentials->asked_ms = now_ms;
    credentials->is_refused = false;
    if (config->plugin.command.len > 0)
        return start_plugin(credentials, now_ms, err);
    if (config->token_file.len > 0)
        return read_token_file(credentials, now_ms, err);
    credentials->due_ms = DEADLINE_NEVER;
    adopt(credentials,
          &(struct credential){config->token, config->client_certificate, config->client_key});
    return true;
}

bool credentials_begin(struct credentials *credentials, int64_t now_ms, struct error *err) {
    if (!ask(credentials, now_ms, err))
        return false;
    if (!credentials->plugin)
        return true;
    while (!child_has_ended(credentials->plugin) && now_ms < credentials->due_ms &&
           !event_loop_is_stopping(credentials->options.loop)) {
        event_loop_wait(credentials->options.loop, credentials->due_ms - now_ms);
        now_ms = wall_now_ms();
    }
    return finish_plugin(credentials, now_ms, err);
}

static int64_t due_ms(const struct credentials *credentials) {
    int64_t refused_ms = credentials->asked_ms + REFRESH_INTERVAL_MS_MIN;
    bool is_early =
        credentials->is_refused && !credentials->plugin && refused_ms < credentials->due_ms;
    return is_early ? refused_ms : credentials->due_ms;
}

int64_t credentials_step(struct credentials *credentials, int64_t now_ms) {
    struct error err = {0};
    bool is_good = true;
    if (credentials->plugin) {
        if (child_has_ended(credentials->plugin) || now_ms >= credentials->due_ms)
            is_good = finish_plugin(credentials, now_ms, &err);
    } else if (now_ms >= due_ms(credentials)) {
        is_good = ask(credentials, now_ms, &err);
    }
    if (!is_good)
        log_line(credentials->options.log, LOG_ERROR, "the old credential is used on: %s",
                 err.message);
    return due_ms(credentials);
}

void credentials_refuse(struct credentials *credentials) {
    credentials->is_refused = true;
}
