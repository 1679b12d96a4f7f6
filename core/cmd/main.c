/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cacheruntime-controller: the daemon. Reads its options, connects the controller to an API
 * server, and turns the loop until a signal ends it.
 */
#include "core/base/base.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/sv.h"
#include "core/controller/controller.h"
#include "core/platform/curl_transport.h"
#include "core/platform/event_loop.h"

#include <sys/random.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, HOST_NAME_BYTES_MAX = 256 };

struct settings {
    struct sv server, token, mount_root, log_level, seed;
};

/* In the order in which help shows them. */
static const struct {
    struct sv name;
    size_t offset;
    const char *help;
} options[] = {
    {{"--server", 8}, offsetof(struct settings, server), "URL of the API server (required)"},
    {{"--token", 7}, offsetof(struct settings, token), "bearer token"},
    {{"--mount-root", 12},
     offsetof(struct settings, mount_root),
     "where nodes mount caches, default /runtime-mnt"},
    {{"--log-level", 11},
     offsetof(struct settings, log_level),
     "error, warning, info or debug, default info"},
    {{"--seed", 6}, offsetof(struct settings, seed), "of all jitter, default random"},
};

static int print_help(void) {
    printf("Usage: cacheruntime-controller --server URL [options]\n"
           "Reconciles CacheRuntimes until SIGTERM or SIGINT.\n\n");
    for (size_t i = 0; i < COUNT_OF(options); i++)
        printf("  %-14.*s %s\n", SV_ARG(options[i].name), options[i].help);
    printf("  %-14s %s\n", "--help", "this text");
    return EXIT_SUCCESS;
}

static int complain(const char *what, struct sv about) {
    fprintf(stderr, "cacheruntime-controller: %s: \"%.*s\"; see --help\n", what, SV_ARG(about));
    return EXIT_USAGE;
}

static struct sv *find_option(struct settings *settings, struct sv name) {
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (sv_eq(options[i].name, name))
            return (struct sv *)((char *)settings + options[i].offset);
    return NULL;
}

static int read_settings(int argc, char **argv, struct settings *settings) {
    for (int i = 1; i < argc; i += 2) {
        struct sv name = sv_from(argv[i]);
        struct sv *value = find_option(settings, name);
        if (!value)
            return complain("unknown option", name);
        if (i + 1 >= argc)
            return complain("option without a value", name);
        *value = sv_from(argv[i + 1]);
    }
    return settings->server.len ? EXIT_SUCCESS : complain("missing option", SV("--server"));
}

static bool find_log_level(struct sv text, int *ret_level) {
#define X(name, level_text) {"" level_text, sizeof(level_text) - 1},
    static const struct sv levels[] = {LOG_LEVELS(X)};
#undef X
    size_t index = sv_index_of(text, levels, COUNT_OF(levels));
    *ret_level = (int)index;
    return index < COUNT_OF(levels);
}

static bool find_seed(struct sv text, uint64_t *ret_seed) {
    int64_t value = 0;
    if (!text.len)
        return getrandom(ret_seed, sizeof(*ret_seed), 0) == sizeof(*ret_seed);
    if (!sv_to_int64(text, &value))
        return false;
    *ret_seed = (uint64_t)value;
    return true;
}

static void turn(struct event_loop *loop, struct transport *transport,
                 struct controller *controller) {
    int64_t next_ms = controller_step(controller);
    int64_t now_ms = wall_now_ms();
    int64_t curl_ms = curl_transport_run_timers(transport, now_ms);
    if (curl_ms < next_ms)
        next_ms = curl_ms;
    int64_t wait_ms = next_ms <= now_ms ? 0 : next_ms - now_ms;
    if (curl_transport_has_completions(transport))
        wait_ms = 0;
    event_loop_wait(loop, next_ms == DEADLINE_NEVER && wait_ms ? -1 : wait_ms);
}

static void run(const struct settings *settings, uint64_t seed, int log_level) {
    AUTO(event_loop) loop = event_loop_new();
    event_loop_catch_signals(loop);
    struct transport *transport = curl_transport_new(&(struct curl_transport_options){
        .loop = loop,
        .server = settings->server,
        .user_agent = SV("cacheruntime-controller/" CACHERUNTIME_VERSION),
        .bearer_token = settings->token,
        .ca_certificate = SV(""),
        .client_certificate = SV(""),
        .client_key = SV(""),
        .seed = seed,
    });
    char host[HOST_NAME_BYTES_MAX] = "";
    gethostname(host, sizeof(host) - 1);
    struct controller *controller = controller_new(&(struct controller_options){
        .transport = transport,
        .clock = wall_clock(),
        .log = stderr_log(log_level),
        .seed = seed,
        .reconcile = {.mount_root = settings->mount_root, .field_manager = SV("")},
        .identity = sv_from(host),
    });
    while (!event_loop_is_stopping(loop))
        turn(loop, transport, controller);
    controller_free(controller);
    curl_transport_free(transport);
}

int main(int argc, char **argv) {
    struct settings settings = {SV(""), SV(""), SV("/runtime-mnt"), SV("info"), SV("")};
    if (argc == 2 && sv_eq(sv_from(argv[1]), SV("--help")))
        return print_help();
    int failure = read_settings(argc, argv, &settings);
    if (failure)
        return failure;
    int log_level = 0;
    uint64_t seed = 0;
    if (!find_log_level(settings.log_level, &log_level))
        return complain("unknown log level", settings.log_level);
    if (!find_seed(settings.seed, &seed))
        return complain("not a seed", settings.seed);
    run(&settings, seed, log_level);
    return EXIT_SUCCESS;
}
