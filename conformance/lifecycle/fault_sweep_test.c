/* SPDX-License-Identifier: Apache-2.0 */
/* Every single fault at every request: which there are, and what is told of one that is too much.
 */
#include "conformance/lifecycle/fault_sweep.h"

#include "conformance/manifest.h"
#include "conformance/subject.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"

#define POD(name)                                                                                  \
    "    template: {spec: {containers: [{name: " name ", image: 'r.example/i:1', command: "        \
    "[a]}]}}\n"
#define HEAD                                                                                       \
    "apiVersion: data.fluid.io/v1alpha1\nkind: CacheRuntimeClass\nmetadata: {name: c}\n"           \
    "fileSystemType: c\ntopology:\n"

static const struct sv good =
    SV(HEAD "  master:\n    executionEntries: {mountUFS: {command: [m]}}\n" POD(
        "m") "  worker:\n" POD("w"));
/* There is no such node. */
static const struct sv never_bound = SV(
    HEAD
    "  worker:\n    template: {spec: {nodeSelector: {a: b}, containers: [{name: w, image: i}]}}\n");

static struct fault_sweep_result sweep(struct sv text, int64_t within_s, struct arena *arena) {
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    struct subject subject;
    struct error err = {0};
    struct fault_sweep_result result = {0};
    bool is_read = manifest_parse(arena, SV("class.yaml"), text, manifest, &err) &&
                   subject_build(arena, manifest, 1, &subject, &err);
    CHECK(is_read);
    struct fault_sweep_options options = {.seed = 1, .within_s = within_s};
    if (is_read)
        fault_sweep(&subject, &subject.samples[0], &options, arena, &result);
    return result;
}

/* A run takes a thousandth of what a run for each fault would take. */
TEST(every_fault_strikes_every_request_in_few_runs) {
    AUTO(arena) arena = arena_new();
    struct fault_sweep_result result = sweep(good, 0, arena);
    CHECK(result.state == FAULT_SWEEP_HELD);
    CHECK(result.request_count >= 30);
    CHECK(result.struck_count == result.request_count * 16);
    CHECK(result.missed_count == 0);
    CHECK(result.run_count <= 9);
}

/* The slowest fault is the first that takes longer than is allowed. */
TEST(the_one_fault_that_is_too_much_is_named) {
    AUTO(arena) arena = arena_new();
    struct fault_sweep_result result = sweep(good, 40, arena);
    CHECK(result.state == FAULT_SWEEP_FAILED);
    CHECK(sv_starts_with(result.fault, SV("api.hang at the first ")));
    CHECK(sv_contains(result.message, SV("with faults")));
}

TEST(what_never_binds_is_not_swept) {
    AUTO(arena) arena = arena_new();
    struct fault_sweep_result result = sweep(never_bound, 600, arena);
    CHECK(result.state == FAULT_SWEEP_NO_BOUND);
    CHECK(result.message.len > 0);
    CHECK(result.run_count == 1);
}
