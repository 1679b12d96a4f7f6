/* SPDX-License-Identifier: Apache-2.0 */
/* Upstream's flags and environment (fluid-contract.md §9.3): each is taken, and what has no meaning
 * here is named. */
#include "core/cmd/options.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"

static const char *no_environment(const char *name) {
    (void)name;
    return NULL;
}

/* Texts of options stay those of the words: one call at a time. */
static bool read_one(struct arena *arena, const char *word,
                     const char *(*environment)(const char *name), struct daemon_options *options,
                     struct error *err) {
    static char program[] = "cacheruntime-controller", command[] = "start", copy[128];
    char *argv[] = {program, command, copy};
    snprintf(copy, sizeof(copy), "%s", word ? word : "");
    return options_read(arena, word ? 3 : 2, argv, environment, options, err);
}

/* One flag of upstream's, as its chart writes it. */
static const struct {
    const char *word;
    const char *ignored; /* NULL: it means here what it means there */
} upstream_flags[] = {
    {"--metrics-addr=:8080", NULL},
    {"--enable-leader-election", NULL},
    {"--enable-leader-election=true", NULL},
    {"--leader-election-namespace=fluid-system", NULL},
    {"--kube-api-qps=20", NULL},
    {"--kube-api-burst=30", NULL},
    {"--pprof-addr=:6060", "pprof-addr"},
    {"--development=false", "development"},
    {"--development", "development"},
    {"--event-driven=true", "event-driven"},
    {"--runtime-workers=3", "runtime-workers"},
    {"--workqueue-qps=10", "workqueue-qps"},
    {"--workqueue-burst=100", "workqueue-burst"},
    {"--workqueue-default-sync-backoff=5ms", "workqueue-default-sync-backoff"},
    {"--workqueue-max-sync-backoff=1000s", "workqueue-max-sync-backoff"},
};

TEST(upstreams_flags_are_taken_and_named_when_they_mean_nothing) {
    for (size_t i = 0; i < COUNT_OF(upstream_flags); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct daemon_options options;
        CHECK(read_one(arena, upstream_flags[i].word, no_environment, &options, &err));
        CHECK(options.ignored_count == (upstream_flags[i].ignored ? 1 : 0));
        if (upstream_flags[i].ignored)
            CHECK_SV(options.ignored[0], sv_from(upstream_flags[i].ignored));
    }
}

static const struct {
    const char *name, *value;
    bool is_ignored;
    const char *message; /* NULL: it is taken */
} upstream_variables[] = {
    {"MOUNT_ROOT", "/mnt/caches", false, NULL},
    {"MOUNT_ROOT", "caches", false, "--mount-root (or MOUNT_ROOT) is \"caches\""},
    {"MOUNT_ROOT", "/", false, "--mount-root (or MOUNT_ROOT) is \"/\""},
    {"CRITICAL_FUSE_POD", "true", true, NULL},
    {"FLUID_SYNC_RETRY_DURATION", "15s", true, NULL},
    {"FLUID_SYNC_RETRY_DURATION", "fifteen", true, NULL},
    {"HELM_DRIVER", "configmap", true, NULL},
    {"IMAGE_PULL_SECRETS", "a,b", true, NULL},
    {"IMAGE_PULL_SECRETS", "", false, NULL},
    {"FLUID_SCHEDULE_INFO_EXCLUDE_NODE_SELECTOR", "a=b", false, NULL},
    {"FLUID_SCHEDULE_INFO_EXCLUDE_NODE_SELECTOR", "a in b", false,
     "option --exclude-node-selector (or FLUID_SCHEDULE_INFO_EXCLUDE_NODE_SELECTOR): "},
    {"FLUID_RUNTIME_RECONCILE_DURATION", "90", true, NULL},
    {"FLUID_RUNTIME_RECONCILE_DURATION_OFFSET", "10", true, NULL},
    {"TIME_TRACK", "true", true, NULL},
    {"PATH", "/usr/bin", false, NULL},
};

static size_t variable; /* of the case that runs */

static const char *one_variable(const char *name) {
    bool is_it = strcmp(name, upstream_variables[variable].name) == 0;
    return is_it ? upstream_variables[variable].value : NULL;
}

TEST(upstreams_environment_is_taken_named_or_refused) {
    for (variable = 0; variable < COUNT_OF(upstream_variables); variable++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct daemon_options options;
        const char *message = upstream_variables[variable].message;
        bool is_taken = read_one(arena, NULL, one_variable, &options, &err);
        CHECK(is_taken == !message);
        if (message)
            CHECK(sv_contains(sv_from(err.message), sv_from(message)));
        if (!is_taken)
            continue;
        bool is_ignored = upstream_variables[variable].is_ignored;
        CHECK(options.ignored_variable_count == (is_ignored ? 1 : 0));
        if (is_ignored)
            CHECK_SV(options.ignored_variables[0], sv_from(upstream_variables[variable].name));
    }
}

/* Or two controllers with the same classes would both lead. */
TEST(the_lease_of_a_class_selector_is_the_same_for_all_spellings) {
    static const struct {
        const char *word, *lease, *selector;
    } cases[] = {
        {"--class-selector=", "cache.data.fluid.io", ""},
        {"--class-selector= ", "cache.data.fluid.io", ""},
        {"--class-selector=a=b,c=d", "cache.data.fluid.io-f1267685", "a=b,c=d"},
        {"--class-selector=c==d, a in (b)", "cache.data.fluid.io-f1267685", "a=b,c=d"},
        {"--class-selector=a notin (c,b)", "cache.data.fluid.io-d45004ff", "a!=b,a!=c"},
        {"--class-selector=a!=c,a!=b", "cache.data.fluid.io-d45004ff", "a!=b,a!=c"},
        {"--class-selector=!a", "cache.data.fluid.io-c83190e5", "!a"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct daemon_options options;
        CHECK(read_one(arena, cases[i].word, no_environment, &options, &err));
        CHECK_SV(options.lease_name, sv_from(cases[i].lease));
        CHECK_SV(options.class_selector, sv_from(cases[i].selector));
    }
}

static const struct {
    const char *word, *message;
} mistakes[] = {
    {"--kube-api-qps=many", "option --kube-api-qps: must be a number from 0 to 1000000"},
    {"--kube-api-burst=-1", "option --kube-api-burst: must be a whole number"},
    {"--enable-leader-election=maybe", "option --enable-leader-election: must be true or false"},
    {"--memory-limit=much", "option --memory-limit: must be a quantity above zero such as 256Mi"},
    {"--memory-limit=0", "option --memory-limit: must be a quantity above zero such as 256Mi"},
    {"--runtime-workers", "option --runtime-workers needs a value"},
    {"--runtime-worker=3", "unknown option --runtime-worker; did you mean --runtime-workers?"},
};

TEST(mistakes_are_refused_with_what_may_be_written) {
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct daemon_options options;
        CHECK(!read_one(arena, mistakes[i].word, no_environment, &options, &err));
        CHECK(err.code == ERROR_INVALID);
        CHECK(sv_contains(sv_from(err.message), sv_from(mistakes[i].message)));
    }
}
