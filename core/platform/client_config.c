/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/client_config.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "core/platform/file.h"
#include "core/platform/pem.h"
#include "core/platform/server_url.h"

struct kubeconfig_file {
    struct sv path, folder; /* the folder ends with a slash, or is SV("") */
    struct cJSON *root;
    const struct yaml_positions *positions;
};

struct kubeconfig {
    struct arena *arena;
    struct kubeconfig_file files[KUBECONFIG_FILES_MAX];
    size_t file_count;
    struct error *err;
};

/* One named cluster, user or context. */
struct entry {
    struct kubeconfig *config;
    const struct kubeconfig_file *file;
    struct cJSON *map;
    struct sv path; /* "users[0].user" */
};

/* --- files --- */

/* Another kind of file is mostly a path that was mixed up. Both may be missing. */
static bool check_kind(struct kubeconfig *config, struct sv path, const struct cJSON *root,
                       const struct yaml_positions *positions) {
    static const struct {
        const char *field, *value;
    } wanted[] = {{"apiVersion", "v1"}, {"kind", "Config"}};
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        const struct cJSON *item = json_get(root, sv_from(wanted[i].field));
        if (item && json_text(item).len > 0 && !sv_eq(json_text(item), sv_from(wanted[i].value)))
            return error_set(config->err, ERROR_INVALID,
                             "kubeconfig %.*s:%u: %s is \"%.*s\", but a kubeconfig's is %s",
                             SV_ARG(path), yaml_position_of(positions, item).line, wanted[i].field,
                             SV_ARG(json_text(item)), wanted[i].value);
    }
    return true;
}

static bool read_kubeconfig(struct kubeconfig *config, struct sv path, bool may_be_missing) {
    struct error err = {0};
    struct sv text;
    if (!file_read(config->arena, path, KUBECONFIG_BYTES_MAX, &text, &err)) {
        if (may_be_missing && err.code == ERROR_NOT_FOUND)
            return true;
        return error_set(config->err, err.code, "kubeconfig: %s", err.message);
    }
    struct yaml_documents documents;
    if (!yaml_read(config->arena, text, &documents, &err))
        return error_set(config->err, err.code, "kubeconfig %.*s:%s", SV_ARG(path), err.message);
    if (documents.count == 0 || !documents.roots[0])
        return true;
    if (documents.count > 1 || !json_is_map(documents.roots[0]))
        return error_set(config->err, ERROR_INVALID,
                         "kubeconfig %.*s: must be one document, a map with clusters, users and "
                         "contexts",
                         SV_ARG(path));
    if (!check_kind(config, path, documents.roots[0], documents.positions))
        return false;
    size_t slash = sv_find_last(path, '/');
    config->files[config->file_count++] = (struct kubeconfig_file){
        .path = arena_copy(config->arena, path),
        .folder =
            slash == path.len ? SV("") : arena_copy(config->arena, sv_prefix(path, slash + 1)),
        .root = documents.roots[0],
        .positions = documents.positions,
    };
    return true;
}

static bool read_files(struct kubeconfig *config, struct sv paths) {
    bool is_list = sv_find(paths, ':') < paths.len;
    while (paths.len > 0) {
        struct sv path = sv_cut(&paths, ':');
        if (path.len == 0)
            continue;
        if (config->file_count == KUBECONFIG_FILES_MAX)
            return error_set(config->err, ERROR_TOO_LARGE, "kubeconfig: more than %d files",
                             KUBECONFIG_FILES_MAX);
        if (!read_kubeconfig(config, path, is_list))
            return false;
    }
    return config->file_count > 0 ||
           error_set(config->err, ERROR_INVALID, "kubeconfig: there is no file with a content");
}

/* --- entries and their fields --- */

static bool fail(const struct entry *entry, const struct cJSON *at, const char *field,
                 const char *what) {
    struct yaml_position position = yaml_position_of(entry->file->positions, at ? at : entry->map);
    return error_set(entry->config->err, ERROR_INVALID, "kubeconfig %.*s:%u: %.*s.%s %s",
                     SV_ARG(entry->file->path), position.line, SV_ARG(entry->path), field, what);
}

static bool fail_missing(struct kubeconfig *config, const char *list, struct sv name,
                         const char *asked_by) {
    const struct kubeconfig_file *file = &config->files[0];
    if (name.len == 0)
        return error_set(config->err, ERROR_INVALID,
                         "kubeconfig %.*s: %s is missing; name one of %s", SV_ARG(file->path),
                         asked_by, list);
    return error_set(config->err, ERROR_INVALID,
                     "kubeconfig %.*s: %s is \"%.*s\", but %s has no entry of that name",
                     SV_ARG(file->path), asked_by, SV_ARG(name), list);
}

static bool find_entry(struct kubeconfig *config, const char *list, const char *key, struct sv name,
                       const char *asked_by, struct entry *ret_entry) {
    for (size_t i = 0; i < config->file_count && name.len > 0; i++) {
        size_t index = 0;
        JSON_EACH (item, json_get(config->files[i].root, sv_from(list))) {
            if (sv_eq(json_string_or(item, SV("name"), SV("")), name)) {
                *ret_entry = (struct entry){
                    .config = config,
                    .file = &config->files[i],
                    .map = json_get(item, sv_from(key)),
                    .path = arena_printf(config->arena, "%s[%zu].%s", list, index, key),
                };
                /* kubectl takes an entry without content for an empty one. */
                if (!json_is_map(ret_entry->map))
                    ret_entry->map = json_map(config->arena);
                return true;
            }
            index++;
        }
    }
    return fail_missing(config, list, name, asked_by);
}

static bool get_text(const struct entry *entry, const char *field, struct sv *ret_text) {
    const struct cJSON *item = json_get(entry->map, sv_from(field));
    *ret_text = SV("");
    if (!item || json_is_null(item))
        return true;
    if (!json_is_string(item))
        return fail(entry, item, field, "must be a text; put it in quotes");
    *ret_text = arena_copy(entry->config->arena, json_text(item));
    return true;
}

static bool get_bool(const struct entry *entry, const char *field, bool *ret_value) {
    const struct cJSON *item = json_get(entry->map, sv_from(field));
    if (item && !json_is_null(item) && !json_is_bool(item))
        return fail(entry, item, field, "must be true or false");
    *ret_value = json_is_true(item);
    return true;
}

static struct sv beside(const struct entry *entry, struct sv path) {
    if (path.len == 0 || path.ptr[0] == '/')
        return path;
    return arena_printf(entry->config->arena, "%.*s%.*s", SV_ARG(entry->file->folder),
                        SV_ARG(path));
}

static bool get_file(const struct entry *entry, const char *field, struct sv *ret_content) {
    struct sv path;
    struct error err = {0};
    if (!get_text(entry, field, &path) || path.len == 0)
        return path.len == 0;
    if (file_read(entry->config->arena, beside(entry, path), PEM_BYTES_MAX, ret_content, &err))
        return true;
    struct sv what = arena_printf(entry->config->arena, "names a file: %s", err.message);
    return fail(entry, json_get(entry->map, sv_from(field)), field, what.ptr);
}

/* PEM from "<field>-data" (base64) or else from the file that "<field>" names. */
static bool get_pem(const struct entry *entry, const char *field, struct sv *ret_pem) {
    struct arena *arena = entry->config->arena;
    const char *data_field = arena_printf(arena, "%s-data", field).ptr;
    struct sv data;
    *ret_pem = SV("");
    if (!get_text(entry, data_field, &data))
        return false;
    const struct cJSON *at = json_get(entry->map, sv_from(data.len > 0 ? data_field : field));
    if (json_text(at).len == 0)
        at = NULL; /* given as nothing */
    if (data.len > 0 && !base64_decode(arena, sv_trim(data), ret_pem))
        return fail(entry, at, data_field, "is not base64");
    if (data.len == 0 && !get_file(entry, field, ret_pem))
        return false;
    const char *problem = at ? pem_problem(*ret_pem) : NULL;
    if (problem)
        return fail(entry, at, data.len > 0 ? data_field : field, problem);
    *ret_pem = arena_copy(arena, *ret_pem);
    return true;
}

/* --- clusters --- */

static bool check_server(const struct entry *entry, struct sv *server) {
    const struct cJSON *at = json_get(entry->map, SV("server"));
    if (server->len == 0)
        return fail(entry, at, "server", "is missing: the URL of the API server");
    const char *problem = server_url_problem(entry->config->arena, *server);
    if (problem)
        return fail(entry, at, "server", problem);
    while (server->len > 0 && server->ptr[server->len - 1] == '/')
        server->len--;
    *server = arena_copy(entry->config->arena, *server);
    return true;
}

static bool check_proxy(const struct entry *entry, struct sv proxy) {
    const char *problem = proxy.len > 0 ? proxy_url_problem(entry->config->arena, proxy) : NULL;
    return !problem || fail(entry, json_get(entry->map, SV("proxy-url")), "proxy-url", problem);
}

/* kubectl hands on what stands under this name and knows nothing of it. */
static const struct cJSON *find_plugin_config(const struct entry *entry) {
    JSON_EACH (item, json_get(entry->map, SV("extensions")))
        if (sv_eq(json_string_or(item, SV("name"), SV("")),
                  SV("client.authentication.k8s.io/exec")))
            return json_get(item, SV("extension"));
    return NULL;
}

static bool read_cluster(const struct entry *entry, struct client_config *config) {
    if (!get_text(entry, "server", &config->server) || !check_server(entry, &config->server) ||
        !get_text(entry, "tls-server-name", &config->tls_server_name) ||
        !get_text(entry, "proxy-url", &config->proxy_url) ||
        !check_proxy(entry, config->proxy_url) ||
        !get_bool(entry, "insecure-skip-tls-verify", &config->skips_verification) ||
        !get_bool(entry, "disable-compression", &config->has_no_compression) ||
        !get_pem(entry, "certificate-authority", &config->ca_certificate))
        return false;
    config->plugin_config = find_plugin_config(entry);
    if (config->skips_verification && config->ca_certificate.len > 0)
        return fail(entry, NULL, "insecure-skip-tls-verify",
                    "and a certificate authority exclude each other; remove one");
    return true;
}

/* --- users --- */

/* Whether the field is a list, or nothing, of not too many items. */
static bool check_list(const struct entry *entry, const struct cJSON *list, const char *field) {
    if (list && !json_is_null(list) && !json_is_list(list))
        return fail(entry, list, field, "must be a list");
    return json_count(list) <= USER_TEXTS_MAX || fail(entry, list, field, "has too many items");
}

static bool get_args(const struct entry *entry, struct sv *texts, size_t *ret_count) {
    const struct cJSON *list = json_get(entry->map, SV("args"));
    if (!check_list(entry, list, "args"))
        return false;
    JSON_EACH (item, list) {
        if (!json_is_string(item))
            return fail(entry, item, "args", "must be a list of texts; put them in quotes");
        texts[(*ret_count)++] = arena_copy(entry->config->arena, json_text(item));
    }
    return true;
}

static bool get_variables(const struct entry *entry, struct sv *texts, size_t *ret_count) {
    const struct cJSON *list = json_get(entry->map, SV("env"));
    if (!check_list(entry, list, "env"))
        return false;
    JSON_EACH (item, list) {
        struct sv name = json_string_or(item, SV("name"), SV(""));
        const struct cJSON *value = json_get(item, SV("value"));
        if (name.len == 0 || sv_contains(name, SV("=")) || !json_is_string(value))
            return fail(entry, item, "env", "must be a list of maps with the texts name and value");
        texts[(*ret_count)++] =
            arena_printf(entry->config->arena, "%.*s=%.*s", SV_ARG(name), SV_ARG(json_text(value)));
    }
    return true;
}

static bool check_mode(const struct entry *entry) {
    static const struct sv modes[] = {{"", 0}, {"Never", 5}, {"IfAvailable", 11}};
    struct sv mode;
    if (!get_text(entry, "interactiveMode", &mode))
        return false;
    const struct cJSON *at = json_get(entry->map, SV("interactiveMode"));
    if (sv_eq(mode, SV("Always")))
        return fail(entry, at, "interactiveMode",
                    "is Always, but nobody sits in front of this process");
    return sv_index_of(mode, modes, COUNT_OF(modes)) < COUNT_OF(modes) ||
           fail(entry, at, "interactiveMode", "must be Never, IfAvailable or Always");
}

static bool check_plugin(const struct entry *entry, struct exec_plugin *plugin) {
    static const struct sv versions[] = {{"client.authentication.k8s.io/v1", 31},
                                         {"client.authentication.k8s.io/v1beta1", 36}};
    if (plugin->command.len == 0)
        return fail(entry, NULL, "command", "is missing: the program that prints a credential");
    if (sv_index_of(plugin->api_version, versions, COUNT_OF(versions)) == COUNT_OF(versions))
        return fail(entry, json_get(entry->map, SV("apiVersion")), "apiVersion",
                    "must be client.authentication.k8s.io/v1 or …/v1beta1");
    if (!check_mode(entry))
        return false;
    if (sv_find(plugin->command, '/') < plugin->command.len)
        plugin->command = beside(entry, plugin->command);
    return true;
}

static bool read_plugin(const struct entry *user, struct exec_plugin *plugin) {
    struct cJSON *map = json_get(user->map, SV("exec"));
    struct arena *arena = user->config->arena;
    if (!map || json_is_null(map))
        return true;
    if (!json_is_map(map))
        return fail(user, map, "exec", "must be a map with command and apiVersion");
    struct entry entry = *user;
    entry.map = map;
    entry.path = arena_printf(arena, "%.*s.exec", SV_ARG(user->path));
    struct sv *args = ARENA_ARRAY(arena, struct sv, USER_TEXTS_MAX);
    struct sv *variables = ARENA_ARRAY(arena, struct sv, USER_TEXTS_MAX);
    plugin->args = args;
    plugin->variables = variables;
    return get_text(&entry, "command", &plugin->command) &&
           get_text(&entry, "apiVersion", &plugin->api_version) &&
           get_text(&entry, "installHint", &plugin->install_hint) &&
           get_bool(&entry, "provideClusterInfo", &plugin->wants_cluster_info) &&
           get_args(&entry, args, &plugin->arg_count) &&
           get_variables(&entry, variables, &plugin->variable_count) &&
           check_plugin(&entry, plugin);
}

bool client_config_is_token(struct sv text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f)
            return false;
    return true;
}

/* --- acting as another user --- */

/* A header of its own, unless the text is none: then nothing is said. */
static bool add_header(const struct entry *entry, const char *field, const struct cJSON *item,
                       struct sv name, struct buf *lines) {
    if (!json_is_string(item))
        return fail(entry, item, field, "must be a text; put it in quotes");
    struct sv value = json_text(item);
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7f)
            return fail(entry, item, field, "holds a line break or the like, as no header may");
    return buf_printf(lines, "Impersonate-%.*s: %.*s\r\n", SV_ARG(name), SV_ARG(value)) ||
           fail(entry, item, field, "and what else is said of whom to act as are too long");
}

static bool add_headers(const struct entry *entry, const char *field, const struct cJSON *list,
                        struct sv name, struct buf *lines) {
    if (!check_list(entry, list, field))
        return false;
    JSON_EACH (item, list)
        if (!add_header(entry, field, item, name, lines))
            return false;
    return true;
}

/* Keys are names of headers, in which much may not stand (RFC 9110), and none of it does as "%2F".
 */
static struct sv extra_name(struct arena *arena, struct sv key) {
    struct buf name;
    buf_init(&name, sizeof("Extra-") + 3 * key.len);
    bool fits = buf_append(&name, SV("Extra-"));
    for (size_t i = 0; i < key.len && fits; i++) {
        char byte = key.ptr[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') ||
                        (byte != '\0' && strchr("!#$&'*+-.^_`|~", byte));
        fits = is_plain ? buf_append(&name, (struct sv){&byte, 1})
                        : buf_printf(&name, "%%%02X", (unsigned char)byte);
    }
    assert(fits);
    struct sv copy = arena_copy(arena, buf_view(&name));
    buf_release(&name);
    return copy;
}

static bool add_extras(const struct entry *entry, struct buf *lines) {
    const struct cJSON *extras = json_get(entry->map, SV("as-user-extra"));
    if (extras && !json_is_null(extras) && !json_is_map(extras))
        return fail(entry, extras, "as-user-extra", "must be a map of lists");
    JSON_EACH (list, extras)
        if (!add_headers(entry, "as-user-extra", list,
                         extra_name(entry->config->arena, json_key(list)), lines))
            return false;
    return true;
}

static bool read_impersonation(const struct entry *entry, struct client_config *config) {
    static const char *const others[] = {"as-uid", "as-groups", "as-user-extra"};
    const struct cJSON *user = json_get(entry->map, SV("as"));
    const struct cJSON *uid = json_get(entry->map, SV("as-uid"));
    bool has_user = user && !(json_is_string(user) && json_text(user).len == 0);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        const struct cJSON *other = json_get(entry->map, sv_from(others[i]));
        if (other && !has_user)
            return fail(entry, other, others[i], "goes with as, the name of whom to act as");
    }
    if (!has_user)
        return true;
    struct buf lines;
    buf_init(&lines, IMPERSONATION_BYTES_MAX);
    bool is_good = add_header(entry, "as", user, SV("User"), &lines) &&
                   (!uid || add_header(entry, "as-uid", uid, SV("Uid"), &lines)) &&
                   add_headers(entry, "as-groups", json_get(entry->map, SV("as-groups")),
                               SV("Group"), &lines) &&
                   add_extras(entry, &lines);
    config->impersonation = arena_copy(entry->config->arena, buf_view(&lines));
    buf_release(&lines);
    return is_good;
}

/* --- the whole user --- */

static bool check_user(const struct entry *entry, const struct client_config *config) {
    if ((config->client_certificate.len > 0) != (config->client_key.len > 0))
        return fail(entry, NULL, config->client_key.len > 0 ? "client-certificate" : "client-key",
                    "is missing: a client certificate and its key go together");
    const struct cJSON *provider = json_get(entry->map, SV("auth-provider"));
    return !provider ||
           fail(entry, provider, "auth-provider", "is not supported; use a plugin (exec)");
}

static bool read_user(const struct entry *entry, struct client_config *config) {
    if (!get_text(entry, "token", &config->token) ||
        !get_text(entry, "tokenFile", &config->token_file) ||
        !get_text(entry, "username", &config->username) ||
        !get_text(entry, "password", &config->password) ||
        !get_pem(entry, "client-certificate", &config->client_certificate) ||
        !get_pem(entry, "client-key", &config->client_key) ||
        !read_plugin(entry, &config->plugin) || !read_impersonation(entry, config))
        return false;
    config->token_file = beside(entry, config->token_file);
    if (!client_config_is_token(config->token))
        return fail(entry, json_get(entry->map, SV("token")), "token",
                    "holds a space or a line break, which no token does");
    return check_user(entry, config);
}

/* --- the whole --- */

static struct sv current_context(const struct kubeconfig *config) {
    for (size_t i = 0; i < config->file_count; i++) {
        struct sv name = json_string_or(config->files[i].root, SV("current-context"), SV(""));
        if (name.len > 0)
            return name;
    }
    return SV("");
}

static struct client_config empty_config(struct sv origin) {
    struct sv none = SV("");
    return (struct client_config){
        .origin = origin,
        .server = none,
        .tls_server_name = none,
        .proxy_url = none,
        .ca_certificate = none,
        .client_certificate = none,
        .client_key = none,
        .token = none,
        .token_file = none,
        .username = none,
        .password = none,
        .impersonation = none,
        .plugin = {.command = none, .api_version = none, .install_hint = none},
        .namespace_name = none,
    };
}

static bool read_context(struct kubeconfig *config, struct sv context,
                         struct client_config *result) {
    bool is_named = context.len > 0;
    struct entry entry, cluster, user;
    struct sv cluster_name, user_name;
    if (!find_entry(config, "contexts", "context", is_named ? context : current_context(config),
                    is_named ? "the context asked for" : "current-context", &entry) ||
        !get_text(&entry, "cluster", &cluster_name) || !get_text(&entry, "user", &user_name) ||
        !get_text(&entry, "namespace", &result->namespace_name))
        return false;
    struct sv path = arena_printf(config->arena, "%.*s.cluster", SV_ARG(entry.path));
    if (!find_entry(config, "clusters", "cluster", cluster_name, path.ptr, &cluster) ||
        !read_cluster(&cluster, result))
        return false;
    path = arena_printf(config->arena, "%.*s.user", SV_ARG(entry.path));
    return user_name.len == 0 || (find_entry(config, "users", "user", user_name, path.ptr, &user) &&
                                  read_user(&user, result));
}

bool client_config_read(struct arena *arena, struct sv paths, struct sv context,
                        struct client_config *ret_config, struct error *err) {
    struct kubeconfig *config = ARENA_NEW(arena, struct kubeconfig);
    config->arena = arena;
    config->err = err;
    struct client_config result = empty_config(arena_copy(arena, paths));
    if (!read_files(config, paths) || !read_context(config, context, &result))
        return false;
    *ret_config = result;
    return true;
}

bool client_config_in_cluster(struct arena *arena, struct sv host, struct sv port, struct sv folder,
                              struct client_config *ret_config, struct error *err) {
    struct client_config config = empty_config(SV("the pod's service account"));
    int64_t number;
    if (host.len == 0 || !sv_to_int64(port, &number) || number < 1 || number > 65535)
        return error_set(err, ERROR_INVALID,
                         "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT name no API server; "
                         "outside of a cluster give --kubeconfig");
    bool is_v6 = sv_find(host, ':') < host.len;
    config.server = arena_printf(arena, "https://%s%.*s%s:%.*s", is_v6 ? "[" : "", SV_ARG(host),
                                 is_v6 ? "]" : "", SV_ARG(port));
    config.token_file = arena_printf(arena, "%.*s/token", SV_ARG(folder));
    struct sv token, path = arena_printf(arena, "%.*s/ca.crt", SV_ARG(folder));
    if (!file_read(arena, path, PEM_BYTES_MAX, &config.ca_certificate, err) ||
        !file_read(arena, config.token_file, TOKEN_BYTES_MAX, &token, err))
        return error_wrap(err, "the pod's service account");
    struct error ignored = {0};
    path = arena_printf(arena, "%.*s/namespace", SV_ARG(folder));
    if (file_read(arena, path, TOKEN_BYTES_MAX, &config.namespace_name, &ignored))
        config.namespace_name = sv_trim(config.namespace_name);
    *ret_config = config;
    return true;
}

#define SERVICE_ACCOUNT_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

static struct sv variable(const char *(*environment)(const char *name), const char *name) {
    return sv_from(environment(name));
}

bool client_config_find(struct arena *arena, struct sv paths, struct sv context,
                        const char *(*environment)(const char *name),
                        struct client_config *ret_config, struct error *err) {
    struct sv host = variable(environment, "KUBERNETES_SERVICE_HOST");
    if (paths.len == 0)
        paths = variable(environment, "KUBECONFIG");
    if (paths.len == 0 && host.len > 0)
        return client_config_in_cluster(arena, host,
                                        variable(environment, "KUBERNETES_SERVICE_PORT"),
                                        SV(SERVICE_ACCOUNT_FOLDER), ret_config, err);
    if (paths.len > 0)
        return client_config_read(arena, paths, context, ret_config, err);
    paths = arena_printf(arena, "%.*s/.kube/config", SV_ARG(variable(environment, "HOME")));
    return client_config_read(arena, paths, context, ret_config, err) ||
           error_wrap(err, "neither --kubeconfig nor KUBECONFIG names a cluster");
}
