/* SPDX-License-Identifier: Apache-2.0 */
/* Random faults; each ends by itself, so that everything must come to rest after it. */
#include "conformance/explore/generate_parts.h"

enum { FAULTS_MAX_DRAWN = 3, REQUESTS_DRAWN = 120 };

static struct sv which_request(struct generator *generator) {
    struct sv what = PICK(generator, "", "", "verb: write, ", "verb: get, ", "verb: watch, ",
                          "verb: apply, ", "resource: cacheruntimes, ", "resource: datasets, ",
                          "resource: configmaps, ", "verb: exec, ", "resource: nodes, ");
    uint64_t range = what.len == 0 ? REQUESTS_DRAWN : REQUESTS_DRAWN / 8;
    return arena_printf(generator->arena, "%.*snth: %llu", SV_ARG(what),
                        (unsigned long long)(1 + rng_below(&generator->rng, range)));
}

static struct sv single_fault(struct generator *generator, size_t number) {
    struct sv kind =
        PICK(generator, "crash.after-request", "crash.after-request", "api.status", "api.status",
             "api.lost-reply", "api.slow", "api.hang", "watch.close", "watch.error-410");
    struct sv request = which_request(generator);
    struct sv code = PICK(generator, "409", "404", "403", "410", "422", "429", "500", "503", "504");
    bool is_before = generate_chance(generator, 50);
    struct sv more = SV("");
    if (sv_eq(kind, SV("api.status")))
        more = arena_printf(generator->arena, "code: %.*s, ", SV_ARG(code));
    if (sv_eq(kind, SV("api.slow")))
        more = SV("delay: 20s, ");
    bool is_early_crash = is_before && sv_eq(kind, SV("crash.after-request"));
    return arena_printf(
        generator->arena, "{id: f%zu, kind: %.*s, %.*sat: {request: {%.*s%s}}},\n  ", number,
        SV_ARG(kind), SV_ARG(more), SV_ARG(request), is_early_crash ? ", phase: before" : "");
}

/* A controller that comes up again and again, each time to die a few requests later. */
static struct sv crash_loop(struct generator *generator, size_t number) {
    uint64_t every = 1 + rng_below(&generator->rng, 6);
    uint64_t count = 2 + rng_below(&generator->rng, 4);
    const char *phase = generate_chance(generator, 50) ? ", phase: before" : "";
    return arena_printf(
        generator->arena,
        "{id: f%zu, kind: crash.after-request, count: %llu, at: {request: {verb: write, every:"
        " %llu%s}}},\n  ",
        number, (unsigned long long)count, (unsigned long long)every, phase);
}

/* Many requests in a row for a while. */
static struct sv storm(struct generator *generator, size_t number) {
    struct sv how =
        PICK(generator, "kind: api.status, code: 409, ", "kind: api.status, code: 500, ",
             "kind: api.status, code: 429, retryAfter: 2s, ", "kind: api.lost-reply, ",
             "kind: api.slow, delay: 3s, ", "kind: watch.delay, delay: 5s, ",
             "kind: api.status, code: 503, ");
    struct sv verb = PICK(generator, "verb: write, ", "verb: '*', ");
    if (sv_starts_with(how, SV("kind: watch.delay")))
        verb = SV("verb: watch, ");
    uint64_t after_s = rng_below(&generator->rng, 60);
    uint64_t every = 1 + rng_below(&generator->rng, 4);
    return arena_printf(generator->arena,
                        "{id: f%zu, %.*sfor: 2m, at: {time: %llus, request: {%.*severy: %llu}}},\n"
                        "  ",
                        number, SV_ARG(how), (unsigned long long)after_s, SV_ARG(verb),
                        (unsigned long long)every);
}

struct sv generate_faults(struct generator *generator) {
    struct sv faults = SV("");
    size_t count = rng_below(&generator->rng, FAULTS_MAX_DRAWN + 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t way = rng_below(&generator->rng, 100);
        struct sv text = way < 68   ? single_fault(generator, i)
                         : way < 76 ? crash_loop(generator, i)
                                    : storm(generator, i);
        struct sv part = generate_part(generator, text);
        faults = arena_printf(generator->arena, "%.*s%.*s", SV_ARG(faults), SV_ARG(part));
    }
    return faults;
}
