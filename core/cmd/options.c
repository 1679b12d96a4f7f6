/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/options.h"

#include "core/api/api_time.h"
#include "core/api/quantity.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/platform/client_config.h"
#include "core/platform/server_url.h"

enum {
    NAMES_MAX = 64,
    NAMESPACES_MAX = 64,
    LABEL_BYTES_MAX = 63,
};

enum option_type {
    TYPE_TEXT,
    TYPE_BOOL,
    TYPE_DURATION, /* "15s"; a plain number counts seconds */
    TYPE_NUMBER,
    TYPE_FRACTION,
    TYPE_VERBOSITY, /* -v */
    TYPE_LOG_FORMAT,
    TYPE_LOG_LEVEL,
    TYPE_DATASETS,
    TYPE_BYTES, /* "256Mi" */
    TYPE_SEED,
    TYPE_IGNORED,      /* upstream's, with a value */
    TYPE_IGNORED_BOOL, /* upstream's, a switch */
};

static const struct sv dataset_controllers[] = {{"auto", 4}, {"on", 2}, {"off", 3}};

#define AT(member) offsetof(struct daemon_options, member)
/* In the order in which help shows them. */
static const struct option {
    const char *name, *value;
    enum option_type type;
    size_t offset;
    const char *help;
} options[] = {
    {"kubeconfig", "FILE", TYPE_TEXT, AT(kubeconfig),
     "how to reach the API server; else KUBECONFIG, else the pod's service account, else "
     "~/.kube/config"},
    {"context", "NAME", TYPE_TEXT, AT(context), "the kubeconfig's context; its current one"},
    {"server", "URL", TYPE_TEXT, AT(server), "instead of a kubeconfig: the API server"},
    {"token", "TOKEN", TYPE_TEXT, AT(token),
     "with --server: the bearer token; seen in lists of processes, unlike a kubeconfig's "
     "tokenFile"},
    {"kube-api-qps", "N", TYPE_FRACTION, AT(qps),
     "requests a second at most; 0, the default: the server's fairness decides"},
    {"kube-api-burst", "N", TYPE_NUMBER, AT(burst), "how many may go at once with --kube-api-qps"},
    {"enable-leader-election", "", TYPE_BOOL, AT(elects_leader),
     "work only while holding the lease, so that several replicas may run"},
    {"leader-election-namespace", "NAME", TYPE_TEXT, AT(lease_namespace),
     "of the lease; fluid-system"},
    {"leader-election-id", "NAME", TYPE_TEXT, AT(lease_name),
     "of the lease; cache.data.fluid.io, and one of its own for each --class-selector"},
    {"leader-election-lease-duration", "TIME", TYPE_DURATION, AT(lease_ms), "15s"},
    {"leader-election-renew-deadline", "TIME", TYPE_DURATION, AT(renew_ms), "10s"},
    {"leader-election-retry-period", "TIME", TYPE_DURATION, AT(retry_ms), "2s"},
    {"metrics-addr", "ADDRESS", TYPE_TEXT, AT(metrics_address),
     "where /metrics and the probes are served; :8080, 0 for nowhere"},
    {"health-probe-addr", "ADDRESS", TYPE_TEXT, AT(probe_address),
     "a second address for /healthz and /readyz; none"},
    {"v", "N", TYPE_VERBOSITY, AT(log_level), "verbosity: 0 tells what happens, 4 each action"},
    {"log-level", "LEVEL", TYPE_LOG_LEVEL, AT(log_level), "error, warning, info or debug; info"},
    {"logging-format", "FORMAT", TYPE_LOG_FORMAT, AT(logs_json), "text or json; text"},
    {"mount-root", "PATH", TYPE_TEXT, AT(mount_root),
     "where nodes mount caches; MOUNT_ROOT, else /runtime-mnt"},
    {"host-path-prefixes", "PATHS", TYPE_TEXT, AT(host_path_prefixes),
     "separated by colons: hostPath levels and volumes of runtimes must lie below one of them; "
     "anywhere"},
    {"namespaces", "NAMES", TYPE_TEXT, AT(namespaces),
     "separated by commas: the only ones that are watched and served; all"},
    {"class-selector", "SELECTOR", TYPE_TEXT, AT(class_selector),
     "labels of the only classes whose runtimes are served; all"},
    {"exclude-node-selector", "SELECTOR", TYPE_TEXT, AT(excluded_nodes),
     "labels of nodes that get no labels of the caches they hold; "
     "FLUID_SCHEDULE_INFO_EXCLUDE_NODE_SELECTOR, else none"},
    {"dataset-controller", "auto|on|off", TYPE_DATASETS, AT(dataset_controller),
     "whether Datasets are ours to finish too; auto: while no other controller holds its lease"},
    {"resync", "TIME", TYPE_DURATION, AT(resync_ms),
     "how often everything is compared although nothing changed; 10m"},
    {"memory-limit", "BYTES", TYPE_BYTES, AT(memory_limit),
     "such as 256Mi, of which the cache takes half at most; the container's"},
    {"dry-run", "", TYPE_BOOL, AT(is_dry_run), "log what would be written, write nothing"},
    {"seed", "N", TYPE_SEED, AT(seed), "of all jitter; random"},
    {"help", "", TYPE_BOOL, AT(wants_help), "this text"},
    {"version", "", TYPE_BOOL, AT(wants_version), "tell the version"},
    {"pprof-addr", "", TYPE_IGNORED, 0, NULL},
    {"runtime-workers", "", TYPE_IGNORED, 0, NULL},
    {"workqueue-qps", "", TYPE_IGNORED, 0, NULL},
    {"workqueue-burst", "", TYPE_IGNORED, 0, NULL},
    {"workqueue-default-sync-backoff", "", TYPE_IGNORED, 0, NULL},
    {"workqueue-max-sync-backoff", "", TYPE_IGNORED, 0, NULL},
    {"runtime-node-port-range", "", TYPE_IGNORED, 0, NULL},
    {"development", "", TYPE_IGNORED_BOOL, 0, NULL},
    {"event-driven", "", TYPE_IGNORED_BOOL, 0, NULL},
};

#define VARIABLE_MOUNT_ROOT "MOUNT_ROOT"
#define VARIABLE_EXCLUDED_NODES "FLUID_SCHEDULE_INFO_EXCLUDE_NODE_SELECTOR"

/* Upstream's environment, but for those two. */
static const char *const ignored_variables[] = {
    "CRITICAL_FUSE_POD",
    "FLUID_RUNTIME_RECONCILE_DURATION",
    "FLUID_RUNTIME_RECONCILE_DURATION_OFFSET",
    "FLUID_SYNC_RETRY_DURATION",
    "HELM_DRIVER",
    "IMAGE_PULL_SECRETS",
    "TIME_TRACK",
};

static void note_ignored_variables(struct daemon_options *result,
                                   const char *(*environment)(const char *name)) {
    static_assert(COUNT_OF(ignored_variables) <= VARIABLES_IGNORED_MAX, "room for every variable");
    for (size_t i = 0; i < COUNT_OF(ignored_variables); i++) {
        const char *value = environment(ignored_variables[i]);
        if (value && value[0] != '\0')
            result->ignored_variables[result->ignored_variable_count++] =
                sv_from(ignored_variables[i]);
    }
}

static const struct option *find_option(struct sv name) {
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (sv_eq(name, sv_from(options[i].name)))
            return &options[i];
    return NULL;
}

static bool fail_unknown(struct sv name, struct error *err) {
    struct sv names[NAMES_MAX];
    static_assert(COUNT_OF(options) <= NAMES_MAX, "room for every option");
    for (size_t i = 0; i < COUNT_OF(options); i++)
        names[i] = sv_from(options[i].name);
    struct sv nearest = sv_nearest(name, names, COUNT_OF(options));
    if (nearest.len > 0)
        return error_set(err, ERROR_INVALID, "unknown option --%.*s; did you mean --%.*s?",
                         SV_ARG(name), SV_ARG(nearest));
    return error_set(err, ERROR_INVALID, "unknown option --%.*s; see --help", SV_ARG(name));
}

/* --- values --- */

static bool read_fraction(struct sv text, double *ret_value) {
    char copy[32], *end;
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double value = strtod(copy, &end);
    if (*end != '\0' || !(value >= 0 && value <= 1e6))
        return false;
    *ret_value = value;
    return true;
}

static bool read_duration(struct sv text, int64_t *ret_ms) {
    int64_t seconds, ms;
    if (sv_to_int64(text, &seconds) && seconds > 0 && seconds < INT32_MAX)
        ms = seconds * 1000;
    else if (!api_duration_parse(text, &ms) || ms <= 0)
        return false;
    *ret_ms = ms;
    return true;
}

static bool read_bytes(struct sv text, int64_t *ret_bytes) {
    struct quantity quantity;
    if (!quantity_parse(text, &quantity))
        return false;
    *ret_bytes = quantity_value(quantity);
    return *ret_bytes > 0;
}

static bool read_bool(struct sv text, bool *ret_value) {
    *ret_value = sv_eq(text, SV("true")) || sv_eq(text, SV("1")) || text.len == 0;
    return *ret_value || sv_eq(text, SV("false")) || sv_eq(text, SV("0"));
}

/* klog's 0 to 3 tell what happens; from 4 on each action is told. */
static bool read_verbosity(struct sv text, enum log_level *ret_level) {
    int64_t number;
    if (!sv_to_int64(text, &number) || number < 0)
        return false;
    *ret_level = number >= 4 ? LOG_DEBUG : LOG_INFO;
    return true;
}

static bool read_log_level(struct sv text, enum log_level *ret_level) {
#define X(name, level_text) {"" level_text, sizeof(level_text) - 1},
    static const struct sv levels[] = {LOG_LEVELS(X)};
#undef X
    size_t index = sv_index_of(text, levels, COUNT_OF(levels));
    *ret_level = (enum log_level)index;
    return index < COUNT_OF(levels);
}

static bool read_seed(struct sv text, struct daemon_options *result) {
    int64_t value;
    if (!sv_to_int64(text, &value))
        return false;
    result->seed = (uint64_t)value;
    result->has_seed = true;
    return true;
}

static bool ignore(struct daemon_options *result, const struct option *option) {
    if (result->ignored_count < OPTIONS_IGNORED_MAX)
        result->ignored[result->ignored_count++] = sv_from(option->name);
    return true;
}

static bool store(struct daemon_options *result, const struct option *option, struct sv text) {
    void *target = (char *)result + option->offset;
    size_t index;
    switch (option->type) {
    case TYPE_TEXT:
        *(struct sv *)target = text;
        return true;
    case TYPE_BOOL:
        return read_bool(text, target);
    case TYPE_DURATION:
        return read_duration(text, target);
    case TYPE_NUMBER:
        return sv_to_int64(text, target) && *(int64_t *)target >= 0;
    case TYPE_FRACTION:
        return read_fraction(text, target);
    case TYPE_VERBOSITY:
        return read_verbosity(text, target);
    case TYPE_LOG_LEVEL:
        return read_log_level(text, target);
    case TYPE_LOG_FORMAT:
        result->logs_json = sv_eq(text, SV("json"));
        return result->logs_json || sv_eq(text, SV("text"));
    case TYPE_DATASETS:
        index = sv_index_of(text, dataset_controllers, COUNT_OF(dataset_controllers));
        result->dataset_controller = (enum dataset_duty_mode)index;
        return index < COUNT_OF(dataset_controllers);
    case TYPE_BYTES:
        return read_bytes(text, target);
    case TYPE_SEED:
        return read_seed(text, result);
    case TYPE_IGNORED:
    case TYPE_IGNORED_BOOL:
        return ignore(result, option);
    }
    return false;
}

static const char *expected(enum option_type type) {
    switch (type) {
    case TYPE_BOOL:
        return "true or false";
    case TYPE_DURATION:
        return "a time above zero such as 15s or 10m";
    case TYPE_NUMBER:
    case TYPE_VERBOSITY:
    case TYPE_SEED:
        return "a whole number";
    case TYPE_FRACTION:
        return "a number from 0 to 1000000";
    case TYPE_LOG_LEVEL:
        return "error, warning, info or debug";
    case TYPE_LOG_FORMAT:
        return "text or json";
    case TYPE_DATASETS:
        return "auto, on or off";
    case TYPE_BYTES:
        return "a quantity above zero such as 256Mi";
    case TYPE_TEXT:
    case TYPE_IGNORED:
    case TYPE_IGNORED_BOOL:
        break;
    }
    return "a text";
}

/* --- the command line --- */

static bool is_switch(const struct option *option) {
    return option->type == TYPE_BOOL || option->type == TYPE_IGNORED_BOOL;
}

/* One option at argv[*index], which moves on to its last word. */
static bool read_option(int argc, char *const *argv, int *index, struct daemon_options *result,
                        struct error *err) {
    struct sv word = sv_from(argv[*index]);
    struct sv value = sv_drop(word, sv_starts_with(word, SV("--")) ? 2 : 1);
    bool has_value = sv_find(value, '=') < value.len;
    struct sv name = sv_cut(&value, '=');
    const struct option *option = find_option(name);
    if (!option)
        return fail_unknown(name, err);
    if (!has_value && !is_switch(option)) {
        if (*index + 1 >= argc)
            return error_set(err, ERROR_INVALID, "option --%s needs a value: %s", option->name,
                             expected(option->type));
        value = sv_from(argv[++*index]);
    }
    /* The value may be a secret, so it is not shown. */
    return store(result, option, value) || error_set(err, ERROR_INVALID, "option --%s: must be %s",
                                                     option->name, expected(option->type));
}

static bool read_words(int argc, char *const *argv, struct daemon_options *result,
                       struct error *err) {
    for (int i = 1; i < argc; i++) {
        struct sv word = sv_from(argv[i]);
        /* Upstream's only command. */
        if (i == 1 && sv_eq(word, SV("start")))
            continue;
        if (word.len < 2 || word.ptr[0] != '-')
            return error_set(err, ERROR_INVALID, "unexpected argument \"%.*s\"; see --help",
                             SV_ARG(word));
        if (!read_option(argc, argv, &i, result, err))
            return false;
    }
    return true;
}

/* --- what must hold together --- */

static bool is_root_part(struct sv part) {
    if (part.len == 0)
        return false;
    for (size_t i = 0; i < part.len; i++) {
        char byte = part.ptr[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
                        (byte == '.' && i > 0);
        if (!is_plain)
            return false;
    }
    return true;
}

/* "/a/b": from the root, of plain parts, without a slash at the end. */
static bool is_root(struct sv path) {
    if (path.len < 2 || path.ptr[0] != '/' || path.ptr[path.len - 1] == '/')
        return false;
    for (struct sv rest = sv_drop(path, 1); rest.len > 0;)
        if (!is_root_part(sv_cut(&rest, '/')))
            return false;
    return true;
}

static bool check_prefixes(struct sv prefixes, struct error *err) {
    while (prefixes.len > 0) {
        struct sv prefix = sv_cut(&prefixes, ':');
        if (prefix.len == 0 || prefix.ptr[0] != '/' || sv_contains(prefix, SV("/../")))
            return error_set(err, ERROR_INVALID,
                             "option --host-path-prefixes: \"%.*s\" is no absolute path",
                             SV_ARG(prefix));
    }
    return true;
}

static bool is_label(struct sv name) {
    bool is_good = name.len > 0 && name.len <= LABEL_BYTES_MAX && name.ptr[0] != '-' &&
                   name.ptr[name.len - 1] != '-';
    for (size_t i = 0; i < name.len && is_good; i++) {
        char byte = name.ptr[i];
        is_good = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
    }
    return is_good;
}

/* Each has watches of its own. */
static bool check_namespaces(struct sv namespaces, struct error *err) {
    for (size_t count = 0; namespaces.len > 0; count++) {
        struct sv name = sv_trim(sv_cut(&namespaces, ','));
        if (!is_label(name))
            return error_set(err, ERROR_INVALID,
                             "option --namespaces: \"%.*s\" is no name of a namespace",
                             SV_ARG(name));
        if (count == NAMESPACES_MAX)
            return error_set(err, ERROR_INVALID,
                             "option --namespaces: more than %d names; leave it out to serve all",
                             NAMESPACES_MAX);
    }
    return true;
}

static bool check_lease(const struct daemon_options *result, struct error *err) {
    if (result->lease_ms <= result->renew_ms)
        return error_set(err, ERROR_INVALID,
                         "--leader-election-lease-duration must be longer than "
                         "--leader-election-renew-deadline, or two replicas could work at once");
    /* client-go's factor of jitter. */
    if (result->renew_ms * 10 <= result->retry_ms * 12)
        return error_set(err, ERROR_INVALID,
                         "--leader-election-renew-deadline must be more than 1.2 times "
                         "--leader-election-retry-period");
    return true;
}

static bool check(struct arena *arena, struct daemon_options *result, struct error *err) {
    if (!is_root(result->mount_root))
        return error_set(err, ERROR_INVALID,
                         "--mount-root (or MOUNT_ROOT) is \"%.*s\": must be an absolute path such "
                         "as /runtime-mnt",
                         SV_ARG(result->mount_root));
    if (result->server.len > 0 && result->kubeconfig.len > 0)
        return error_set(err, ERROR_INVALID, "--server and --kubeconfig exclude each other");
    const char *problem = result->server.len > 0 ? server_url_problem(arena, result->server) : NULL;
    if (problem)
        return error_set(err, ERROR_INVALID, "--server %s", problem);
    if (result->token.len > 0 && result->server.len == 0)
        return error_set(err, ERROR_INVALID, "--token goes with --server");
    if (!client_config_is_token(result->token))
        return error_set(err, ERROR_INVALID,
                         "--token holds a space or a line break, which no token does");
    struct selector selector;
    if (!selector_parse(arena, result->class_selector, &selector, err))
        return error_wrap(err, "option --class-selector");
    /* Its lease is named by it: two spellings would be two leaders of the same classes. */
    result->class_selector = selector_canonical(arena, &selector);
    if (result->excluded_nodes.len > 0 &&
        !selector_parse(arena, result->excluded_nodes, &selector, err))
        return error_wrap(err, "option --exclude-node-selector (or " VARIABLE_EXCLUDED_NODES ")");
    return check_prefixes(result->host_path_prefixes, err) &&
           check_namespaces(result->namespaces, err) && check_lease(result, err);
}

bool options_read(struct arena *arena, int argc, char *const *argv,
                  const char *(*environment)(const char *name), struct daemon_options *ret_options,
                  struct error *err) {
    const char *mount_root = environment(VARIABLE_MOUNT_ROOT);
    const char *excluded_nodes = environment(VARIABLE_EXCLUDED_NODES);
    struct sv none = SV("");
    struct daemon_options result = {
        .kubeconfig = none,
        .context = none,
        .server = none,
        .token = none,
        .burst = 30,
        .lease_namespace = SV("fluid-system"),
        .lease_name = none,
        .identity = none,
        .lease_ms = 15 * 1000,
        .renew_ms = 10 * 1000,
        .retry_ms = 2 * 1000,
        .metrics_address = SV(":8080"),
        .probe_address = none,
        .log_level = LOG_INFO,
        .mount_root = mount_root ? arena_copy(arena, sv_from(mount_root)) : SV("/runtime-mnt"),
        .host_path_prefixes = none,
        .namespaces = none,
        .class_selector = none,
        .excluded_nodes = excluded_nodes ? arena_copy(arena, sv_from(excluded_nodes)) : none,
        .resync_ms = 600 * 1000,
    };
    note_ignored_variables(&result, environment);
    if (!read_words(argc, argv, &result, err) || !check(arena, &result, err))
        return false;
    if (result.lease_name.len == 0)
        result.lease_name = result.class_selector.len == 0
                                ? SV("cache.data.fluid.io")
                                : arena_printf(arena, "cache.data.fluid.io-%08x",
                                               (unsigned)sv_hash(result.class_selector));
    *ret_options = result;
    return true;
}

void options_print_help(FILE *file) {
    fprintf(file, "Usage: cacheruntime-controller [start] [options]\n"
                  "       cacheruntime-controller crds [--output=json]\n"
                  "       cacheruntime-controller uninstall [--dry-run] [--kubeconfig=FILE]\n"
                  "           [--leader-election-namespace=NAME]\n"
                  "Reconciles CacheRuntimes until SIGTERM, SIGINT or SIGHUP.\n\n");
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (!options[i].help)
            continue;
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", options[i].name, options[i].value[0] ? "=" : "",
                 options[i].value);
        fprintf(file, "  %-38s %s\n", left, options[i].help);
    }
    fprintf(file, "\nOther options of upstream's controller are accepted and do nothing.\n");
}
