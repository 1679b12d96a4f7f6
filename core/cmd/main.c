/* SPDX-License-Identifier: Apache-2.0 */
/* cacheruntime-controller: reads its options, builds the daemon, runs it until a signal. */
#include "core/api/crds.h"
#include "core/base/arena.h"
#include "core/base/base.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cmd/daemon.h"
#include "core/cmd/options.h"
#include "core/controller/uninstaller.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "core/platform/cluster_client.h"
#include "core/platform/event_loop.h"
#include "core/platform/file.h"

#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

/* 2: what we were told cannot work, so that starting again does not help. */
enum { EXIT_USAGE = 2, CRDS_BYTES_MAX = 16 * 1024 * 1024 };

static const char *environment(const char *name) {
    return getenv(name);
}

static int complain(const struct error *err) {
    fprintf(stderr, "cacheruntime-controller: %s\n", err->message);
    return EXIT_USAGE;
}

static struct cJSON *list_crds(struct arena *arena) {
    struct error err = {0};
    struct cJSON *list = json_map(arena);
    json_set_string(arena, list, SV("apiVersion"), SV("v1"));
    json_set_string(arena, list, SV("kind"), SV("List"));
    struct cJSON *items = json_ensure_list(arena, list, SV("items"));
    for (size_t i = 0; i < crd_count(); i++) {
        struct cJSON *crd = json_read(arena, crd_text(i), &err);
        assert(crd);
        json_append(items, crd);
    }
    return list;
}

static bool write_documents(struct buf *text, const struct cJSON *list) {
    JSON_EACH (item, json_get(list, SV("items")))
        if (!buf_append(text, SV("---\n")) || !yaml_write(text, item))
            return false;
    return true;
}

/* For `cacheruntime-controller crds | kubectl apply --server-side -f -`. */
static int print_crds(bool is_json) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *list = list_crds(arena);
    struct buf text;
    buf_init(&text, CRDS_BYTES_MAX);
    bool fits = is_json ? json_write(&text, list, JSON_PRETTY) : write_documents(&text, list);
    assert(fits);
    struct sv view = buf_view(&text);
    fwrite(view.ptr, 1, view.len, stdout);
    buf_release(&text);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* For whoever removes the product: takes off what would stay stuck without a controller. */
static bool uninstall(int argc, char *const *argv, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct daemon_options options;
    if (!options_read(arena, argc, argv, environment, &options, err))
        return false;
    AUTO(cluster_client)
    client = cluster_client_new(options.kubeconfig, options.context, err);
    return client && uninstaller_run(
                         &(struct uninstaller_options){
                             .namespace_name = options.lease_namespace,
                             .is_dry_run = options.is_dry_run,
                             .now_ms = wall_now_ms(),
                             .ask = cluster_client_ask,
                             .client = client,
                             .tell = cluster_client_tell,
                         },
                         err);
}

static int run_uninstall(int argc, char *const *argv) {
    struct error err = {0};
    if (uninstall(argc, argv, &err))
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    complain(&err);
    return EXIT_FAILURE;
}

static bool use_test_clock(struct error *err) {
    const char *text = environment(TEST_CLOCK_VARIABLE);
    struct test_clock clock;
    if (!text)
        return true;
    if (!test_clock_parse(sv_from(text), &clock))
        return error_set(err, ERROR_INVALID,
                         TEST_CLOCK_VARIABLE " is for tests: FACTOR@MILLISECONDS, such as "
                                             "60@1767225600000, with a factor up to %d",
                         TEST_CLOCK_FACTOR_MAX);
    wall_use_test_clock(clock);
    fprintf(stderr,
            "cacheruntime-controller: " TEST_CLOCK_VARIABLE
            " is set: time passes %lld times as fast, for tests only\n",
            (long long)clock.factor);
    return true;
}

/* Each command that runs in a pod has a descriptor, and the usual soft limit is 1,024. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Tokens and keys are in the memory, TOKEN and proxies' logins in the environment: neither goes
 * into a core dump, to whatever file or program the node sends these, nor to others of the same
 * user. */
static void keep_memory_private(void) {
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int run(const struct daemon_options *options) {
    struct error err = {0};
    raise_descriptor_limit();
    struct daemon *daemon = daemon_new(options, &err);
    if (!daemon)
        return complain(&err);
    daemon_run(daemon);
    daemon_free(daemon);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    file_hold_standard_streams();
    keep_memory_private();
    bool wants_crds = argc >= 2 && sv_eq(sv_from(argv[1]), SV("crds"));
    bool is_json = argc == 3 && sv_eq(sv_from(argv[2]), SV("--output=json"));
    if (wants_crds && (argc == 2 || is_json))
        return print_crds(is_json);
    if (argc >= 2 && sv_eq(sv_from(argv[1]), SV("uninstall")))
        return run_uninstall(argc - 1, argv + 1);
    AUTO(arena) arena = arena_new();
    struct daemon_options options;
    struct error err = {0};
    if (!options_read(arena, argc, argv, environment, &options, &err) || !use_test_clock(&err))
        return complain(&err);
    if (options.wants_help || options.wants_version) {
        if (options.wants_help)
            options_print_help(stdout);
        else
            printf("cacheruntime-controller " CACHERUNTIME_VERSION "\n");
        return EXIT_SUCCESS;
    }
    if (!options.has_seed &&
        getrandom(&options.seed, sizeof(options.seed), 0) != sizeof(options.seed)) {
        error_set(&err, ERROR_IO, "the system gives no random bytes; use --seed");
        return complain(&err);
    }
    return run(&options);
}
