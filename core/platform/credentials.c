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
#include "core/platform/event_loop.h"
#include "core/platform/file.h"
#include "core/platform/pem.h"

struct credentials {
    struct credentials_options options;
    struct arena *config_arena; /* of what was read anew */
    struct client_config config;
    struct arena *arena; /* of the credential */
    struct credential current;
    struct credential printed; /* by the plugin, in `printed_arena`, without whom to act as */
    struct arena *printed_arena;
    int64_t files_ms;  /* when files are read again */
    int64_t plugin_ms; /* when the plugin runs again, or has run too long */
    int64_t asked_ms;
    bool is_refused;
    struct child *plugin; /* while it runs */
};

struct credentials *credentials_new(const struct credentials_options *options) {
    struct credentials *credentials = mem_alloc(sizeof(*credentials));
    struct sv none = SV("");
    *credentials = (struct credentials){
        .options = *options,
        .config_arena = arena_new(),
        .config = *options->config,
        .arena = arena_new(),
        .current = {none, none, none, none},
        .printed = {none, none, none, none},
        .printed_arena = arena_new(),
        .files_ms = DEADLINE_NEVER,
        .plugin_ms = DEADLINE_NEVER,
    };
    return credentials;
}

void credentials_free(struct credentials *credentials) {
    if (!credentials)
        return;
    child_free(credentials->plugin);
    arena_free(credentials->printed_arena);
    arena_free(credentials->arena);
    arena_free(credentials->config_arena);
    mem_free(credentials);
}

static bool is_same(const struct credential *a, const struct credential *b) {
    return sv_eq(a->login, b->login) && sv_eq(a->client_certificate, b->client_certificate) &&
           sv_eq(a->client_key, b->client_key) && sv_eq(a->ca_certificate, b->ca_certificate);
}

static void copy_credential(struct arena *arena, const struct credential *from,
                            struct credential *ret_copy) {
    *ret_copy = (struct credential){
        .login = arena_copy(arena, from->login),
        .client_certificate = arena_copy(arena, from->client_certificate),
        .client_key = arena_copy(arena, from->client_key),
        .ca_certificate = arena_copy(arena, from->ca_certificate),
    };
}

static void adopt(struct credentials *credentials, const struct credential *fresh) {
    if (is_same(&credentials->current, fresh))
        return;
    struct arena *arena = arena_new();
    copy_credential(arena, fresh, &credentials->current);
    arena_free(credentials->arena);
    credentials->arena = arena;
    credentials->options.changed(credentials->options.context, &credentials->current);
}

static bool has_plugin(const struct credentials *credentials) {
    return credentials->config.plugin.command.len > 0;
}

/* --- files --- */

static bool reload(struct credentials *credentials, struct error *err) {
    if (!credentials->options.reload)
        return true;
    struct arena *arena = arena_new();
    struct client_config fresh;
    if (!credentials->options.reload(credentials->options.context, arena, &fresh, err)) {
        arena_free(arena);
        return false;
    }
    arena_free(credentials->config_arena);
    credentials->config_arena = arena;
    credentials->config = fresh;
    return true;
}

static bool read_token(const struct client_config *config, struct arena *arena,
                       struct sv *ret_token, struct error *err) {
    *ret_token = config->token;
    if (config->token_file.len == 0)
        return true;
    struct sv text;
    if (!file_read(arena, config->token_file, TOKEN_BYTES_MAX, &text, err))
        return false;
    *ret_token = sv_trim(text);
    if (ret_token->len == 0)
        return error_set(err, ERROR_UNAUTHORIZED, "the token file %.*s is empty",
                         SV_ARG(config->token_file));
    return client_config_is_token(*ret_token) ||
           error_set(err, ERROR_INVALID,
                     "the token file %.*s holds a space or a line break inside of its token",
                     SV_ARG(config->token_file));
}

static bool has_printed(const struct credentials *credentials) {
    return credentials->printed.login.len > 0 || credentials->printed.client_certificate.len > 0;
}

static struct sv token_line(struct sv token, struct arena *arena) {
    return token.len > 0 ? arena_printf(arena, "Authorization: Bearer %.*s\r\n", SV_ARG(token))
                         : SV("");
}

static struct sv password_line(const struct client_config *config, struct arena *arena) {
    if (config->username.len == 0)
        return SV("");
    struct sv both =
        arena_printf(arena, "%.*s:%.*s", SV_ARG(config->username), SV_ARG(config->password));
    return arena_printf(arena, "Authorization: Basic %.*s\r\n", SV_ARG(base64_encode(arena, both)));
}

/* A token says more than a password. */
static bool read_login(const struct client_config *config, struct arena *arena,
                       struct sv *ret_login, struct error *err) {
    struct sv token;
    if (!read_token(config, arena, &token, err))
        return false;
    *ret_login = token.len > 0 ? token_line(token, arena) : password_line(config, arena);
    return true;
}

/* What is sent: with whom to act as, and whom to believe. */
static void adopt_with_config(struct credentials *credentials, struct credential fresh,
                              struct arena *arena) {
    const struct client_config *config = &credentials->config;
    fresh.login = ARENA_JOIN(arena, fresh.login, config->impersonation);
    fresh.ca_certificate = config->ca_certificate;
    adopt(credentials, &fresh);
}

/* What the files say, and what the plugin printed last where there is one. */
static bool read_files(struct credentials *credentials, int64_t now_ms, struct error *err) {
    AUTO(arena) arena = arena_new();
    bool is_changeable = credentials->options.reload || credentials->config.token_file.len > 0;
    credentials->files_ms = is_changeable ? now_ms + FILES_PERIOD_MS : DEADLINE_NEVER;
    if (!reload(credentials, err))
        return false;
    if (has_plugin(credentials) && !credentials->plugin && !has_printed(credentials))
        credentials->plugin_ms = now_ms;
    const struct client_config *config = &credentials->config;
    struct credential fresh = credentials->printed;
    if (!has_plugin(credentials)) {
        fresh.client_certificate = config->client_certificate;
        fresh.client_key = config->client_key;
        if (!read_login(config, arena, &fresh.login, err))
            return false;
    }
    adopt_with_config(credentials, fresh, arena);
    return true;
}

/* --- plugins --- */

static void describe_cluster(const struct client_config *config, struct cJSON *cluster,
                             struct arena *arena) {
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
    if (config->has_no_compression)
        json_set_bool(arena, cluster, SV("disable-compression"), true);
    if (config->plugin_config)
        json_set(arena, cluster, SV("config"), json_copy(arena, config->plugin_config));
}

/* What the plugin may want to know of the cluster (KUBERNETES_EXEC_INFO). */
static struct sv exec_info(const struct client_config *config, struct arena *arena) {
    struct cJSON *info = json_map(arena);
    json_set_string(arena, info, SV("apiVersion"), config->plugin.api_version);
    json_set_string(arena, info, SV("kind"), SV("ExecCredential"));
    struct cJSON *spec = json_ensure_map(arena, info, SV("spec"));
    json_set_bool(arena, spec, SV("interactive"), false);
    if (config->plugin.wants_cluster_info)
        describe_cluster(config, json_ensure_map(arena, spec, SV("cluster")), arena);
    struct sv text = json_write_arena(arena, info, JSON_COMPACT);
    return arena_printf(arena, "KUBERNETES_EXEC_INFO=%.*s", SV_ARG(text));
}

static bool fail_plugin(const struct credentials *credentials, struct error *err) {
    const struct exec_plugin *plugin = &credentials->config.plugin;
    error_wrap(err, "credential plugin %.*s", SV_ARG(plugin->command));
    if (plugin->install_hint.len > 0 && err->code == ERROR_NOT_FOUND)
        error_set(err, err->code, "%s; %.*s",
                  arena_printf(credentials->arena, "%s", err->message).ptr,
                  SV_ARG(plugin->install_hint));
    return false;
}

static bool start_plugin(struct credentials *credentials, int64_t now_ms, struct error *err) {
    const struct client_config *config = &credentials->config;
    const struct exec_plugin *plugin = &config->plugin;
    AUTO(arena) arena = arena_new();
    struct sv *variables = ARENA_ARRAY(arena, struct sv, plugin->variable_count + 1);
    for (size_t i = 0; i < plugin->variable_count; i++)
        variables[i] = plugin->variables[i];
    variables[plugin->variable_count] = exec_info(config, arena);
    credentials->plugin_ms = now_ms + PLUGIN_TIMEOUT_MS;
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

static bool check_pair(const struct credential *fresh, struct error *err) {
    static const char *const names[] = {"clientCertificateData", "clientKeyData"};
    const struct sv texts[] = {fresh->client_certificate, fresh->client_key};
    if ((texts[0].len > 0) != (texts[1].len > 0))
        return error_set(err, ERROR_INVALID, "printed status.%s without status.%s",
                         names[texts[0].len == 0], names[texts[0].len > 0]);
    for (size_t i = 0; i < COUNT_OF(texts) && texts[i].len > 0; i++) {
        const char *problem = pem_problem(texts[i]);
        if (problem)
            return error_set(err, ERROR_INVALID, "printed a status.%s that %s", names[i], problem);
    }
    return true;
}

static bool read_status(const struct cJSON *status, struct arena *arena,
                        struct credential *ret_fresh, struct error *err) {
    struct sv token = json_string_or(status, SV("token"), SV(""));
    struct credential fresh = {
        .login = token_line(token, arena),
        .client_certificate = json_string_or(status, SV("clientCertificateData"), SV("")),
        .client_key = json_string_or(status, SV("clientKeyData"), SV("")),
        .ca_certificate = SV(""),
    };
    if (token.len == 0 && fresh.client_certificate.len == 0 && fresh.client_key.len == 0)
        return error_set(err, ERROR_UNAUTHORIZED,
                         "printed neither status.token nor a client certificate with its key");
    if (!client_config_is_token(token))
        return error_set(err, ERROR_INVALID, "printed a token with a space or a line break");
    *ret_fresh = fresh;
    return check_pair(&fresh, err);
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
    if (!sv_eq(json_find_string(root, "apiVersion"), credentials->config.plugin.api_version))
        return error_set(err, ERROR_INVALID,
                         "printed an ExecCredential of another apiVersion than %.*s, which the "
                         "kubeconfig names",
                         SV_ARG(credentials->config.plugin.api_version));
    struct credential fresh;
    int64_t due_ms;
    if (!read_status(status, arena, &fresh, err) || !read_expiry(status, &due_ms, err))
        return false;
    /* One that has expired already is asked for again, but not without pause. */
    bool has_expired = due_ms < now_ms + REFRESH_INTERVAL_MS_MIN;
    credentials->plugin_ms = has_expired ? now_ms + REFRESH_INTERVAL_MS_MIN : due_ms;
    arena_reset(credentials->printed_arena);
    copy_credential(credentials->printed_arena, &fresh, &credentials->printed);
    adopt_with_config(credentials, credentials->printed, arena);
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
    credentials->plugin_ms = now_ms + REFRESH_INTERVAL_MS_MIN;
    return fail_plugin(credentials, err);
}

/* --- both --- */

static void log_failure(const struct credentials *credentials, const struct error *err) {
    log_line(credentials->options.log, LOG_ERROR, "the old credential is used on: %s",
             err->message);
}

static bool ask(struct credentials *credentials, int64_t now_ms, struct error *err) {
    credentials->asked_ms = now_ms;
    credentials->is_refused = false;
    return read_files(credentials, now_ms, err) &&
           (!has_plugin(credentials) || start_plugin(credentials, now_ms, err));
}

bool credentials_begin(struct credentials *credentials, int64_t now_ms, struct error *err) {
    credentials->asked_ms = now_ms;
    if (!read_files(credentials, now_ms, err))
        return false;
    if (!has_plugin(credentials))
        return true;
    if (!start_plugin(credentials, now_ms, err))
        return false;
    while (!child_has_ended(credentials->plugin) && now_ms < credentials->plugin_ms &&
           !event_loop_is_stopping(credentials->options.loop)) {
        event_loop_wait(credentials->options.loop, credentials->plugin_ms - now_ms);
        now_ms = wall_now_ms();
    }
    return finish_plugin(credentials, now_ms, err);
}

/* A refusal asks for everything, but not at once again and again. */
static int64_t refused_ms(const struct credentials *credentials) {
    return credentials->is_refused && !credentials->plugin
               ? credentials->asked_ms + REFRESH_INTERVAL_MS_MIN
               : DEADLINE_NEVER;
}

static bool step_plugin(struct credentials *credentials, int64_t now_ms, struct error *err) {
    if (credentials->plugin)
        return (!child_has_ended(credentials->plugin) && now_ms < credentials->plugin_ms) ||
               finish_plugin(credentials, now_ms, err);
    return !has_plugin(credentials) || now_ms < credentials->plugin_ms ||
           start_plugin(credentials, now_ms, err);
}

int64_t credentials_step(struct credentials *credentials, int64_t now_ms) {
    struct error err = {0};
    if (now_ms >= refused_ms(credentials)) {
        if (!ask(credentials, now_ms, &err))
            log_failure(credentials, &err);
    } else {
        if (now_ms >= credentials->files_ms && !read_files(credentials, now_ms, &err))
            log_failure(credentials, &err);
        if (!step_plugin(credentials, now_ms, &err))
            log_failure(credentials, &err);
    }
    return deadline_earlier(refused_ms(credentials),
                            deadline_earlier(credentials->files_ms, credentials->plugin_ms));
}

void credentials_refuse(struct credentials *credentials) {
    credentials->is_refused = true;
}

void credentials_follow_clock(struct credentials *credentials, int64_t now_ms) {
    credentials->asked_ms = now_ms - REFRESH_INTERVAL_MS_MIN;
    if (credentials->files_ms != DEADLINE_NEVER)
        credentials->files_ms = now_ms;
    if (credentials->plugin_ms != DEADLINE_NEVER)
        credentials->plugin_ms = credentials->plugin ? now_ms + PLUGIN_TIMEOUT_MS : now_ms;
}
