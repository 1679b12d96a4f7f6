/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check of scripts is shown by one change to a class that passes all of them: the text `from`
 * of testdata/scripts/good.yaml is replaced by `to`, and exactly that check must fail. Where
 * bubblewrap or jq is missing, the test says so and checks nothing.
 */
#include "conformance/script/script_checks.h"

#include "conformance/check.h"
#include "conformance/sandbox/parallel.h"
#include "conformance/sandbox/sandbox.h"
#include "conformance/sandbox/script_jobs.h"
#include "conformance/script/simulation.h"
#include "conformance/subject.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"

/* Each defect costs a hundred processes, which sanitizers make ten times as slow; the release
 * build runs all of them. */
#if defined(__SANITIZE_ADDRESS__)
enum { DEFECT_STEP = 6 };
#else
enum { DEFECT_STEP = 1 };
#endif

static struct sv read_class(struct arena *arena) {
    return test_read_file(arena, TEST_SOURCE_DIR "/conformance/testdata/scripts/good.yaml");
}

static struct sv replace(struct arena *arena, struct sv text, struct sv from, struct sv to) {
    for (size_t i = 0; from.len > 0 && i + from.len <= text.len; i++) {
        if (sv_starts_with(sv_drop(text, i), from))
            return arena_printf(arena, "%.*s%.*s%.*s", SV_ARG(sv_prefix(text, i)), SV_ARG(to),
                                SV_ARG(sv_drop(text, i + from.len)));
    }
    assert(from.len == 0);
    return text;
}

/* False when scripts cannot be run on this machine. */
static bool check_text(struct arena *arena, struct sv text, struct check_results *results,
                       uint64_t *ret_runs) {
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    struct subject subject;
    struct simulation simulation;
    struct error err = {0};
    bool is_read = manifest_parse(arena, SV("class.yaml"), text, manifest, &err) &&
                   subject_build(arena, manifest, 1, &subject, &err) &&
                   simulation_read(manifest, subject.simulation, arena, &simulation, &err);
    if (!is_read)
        printf("%s\n", err.message);
    CHECK(is_read);
    AUTO(sandbox) sandbox = is_read ? sandbox_new(&simulation, &err) : NULL;
    if (!sandbox) {
        printf("skipped: %s\n", err.message);
        return false;
    }
    struct script_runner runner = sandbox_runner(sandbox);
    struct script_check_options options = {.runner = &runner, .simulation = &simulation};
    uint64_t remembered;
    script_jobs_run(&subject, &options, results);
    sandbox_counts(sandbox, ret_runs, &remembered);
    return true;
}

static void print_result(const struct check_result *result) {
    printf("    %.*s %.*s: %.*s\n", SV_ARG(check_state_text(result->state)),
           SV_ARG(result->check->id), SV_ARG(result->message));
}

/* A start of an interpreter costs more than anything else of a certification: what one run can show
 * is not shown by several. */
enum { GOOD_CLASS_RUNS_MAX = 52 };

TEST(a_good_class_passes_every_check) {
    AUTO(arena) arena = arena_new();
    struct check_results results = {.arena = arena};
    uint64_t runs = 0;
    if (!check_text(arena, read_class(arena), &results, &runs))
        return;
    for (size_t i = 0; i < results.count; i++) {
        if (results.items[i].state != CHECK_STATE_PASS)
            print_result(&results.items[i]);
        CHECK(results.items[i].state == CHECK_STATE_PASS);
    }
    CHECK(results.count >= 20);
    CHECK(runs <= GOOD_CLASS_RUNS_MAX);
}

static const struct {
    const char *id;
    struct sv from, to;
    const char *message; /* part of the finding */
} defects[] = {
    {"CONF-001", SV("config=$FLUID_RUNTIME_CONFIG_PATH"),
     SV("config=/etc/fluid/config/runtime.json"), "runtime.json elsewhere"},
    {"CONF-001", SV("exec /opt/tiny/bin/tinyd"), SV("exec /opt/tiny/bin/tiny-d"),
     "the start of master with the sample tiny-demo: exited with status 127"},
    {"CONF-001", SV("          volumeMounts: [{name: conf, mountPath: /etc/tiny/conf}]\n"),
     SV("          workingDir: /etc/tiny/conf\n"
        "          securityContext: {runAsNonRoot: true, runAsUser: 1000}\n"),
     "user 1000 cannot write /etc/tiny/conf/tiny.conf: mount an emptyDir there"},
    {"CONF-001",
     SV("          volumeMounts: [{name: conf, mountPath: /etc/tiny/conf}]\n"
        "        volumes: [{name: conf, emptyDir: {}}]\n"),
     SV("          securityContext: {runAsNonRoot: true}\n"
        "          volumeMounts: [{name: conf, mountPath: /etc/tiny/conf}]\n"
        "        volumes: [{name: conf, hostPath: {path: /srv/tiny}}]\n"),
     "a user other than root cannot write /etc/tiny/conf/tiny.conf: the volume there needs "
     "fsGroup"},
    {"CONF-001", SV("          volumeMounts: [{name: conf, mountPath: /etc/tiny/conf}]\n"),
     SV("          workingDir: /etc/tiny/conf\n"
        "          securityContext: {readOnlyRootFilesystem: true}\n"),
     "a container with readOnlyRootFilesystem cannot write /etc/tiny/conf/tiny.conf: mount an"},
    {"CONF-002", SV("\"target=\" + .targetPath"), SV("\"target=/runtime-mnt/tiny\""),
     "targetPath \"/runtime-mnt"},
    {"CONF-003", SV("($own.options // {} |"),
     SV("(if $role == \"worker\" then $own.options else {} end |"), "without options"},
    {"CONF-004", SV("            jq -r --arg role"),
     SV("            sed -n 's/.*\"accessModes\":\\[\"\\([A-Za-z]*\\).*/\\1/p' \"$config\"\n"
        "            jq -r --arg role"),
     "in another order"},
    {"CONF-005", SV(".[$role] as $own |"),
     SV(".[$role] as $own | if has(\"certifyUnknownKey\") then error(\"unknown\") else . end |"),
     "later versions"},
    {"CONF-006", SV("id=$FLUID_DATASET_NAME"), SV("id=${FLUID_DATASET_NAME%%-*}"),
     "name of 40 characters"},
    {"CONF-007", SV("(.value | @json)"), SV("(.value | (tonumber? // .))"),
     "worker.options.threads"},
    {"EXEC-002", SV("command: [sh, /etc/tiny/scripts/ready.sh]"),
     SV("command: [/etc/tiny/scripts/ready.sh]"), "exited with status 126"},
    {"EXEC-003", SV("        jq -c \"$mine\"' | {m"),
     SV("        echo done; jq -c \"$mine\"' | {m"), "no JSON"},
    {"EXEC-003", SV("config=$(cat)\n"), SV("config=$(cat)\n        sleep infinity\n"),
     "did not end in time"},
    {"EXEC-003", SV("config=$(cat)\n"), SV("config=$(cat)\n        yes\n"), "printed more"},
    {"EXEC-003", SV("config=$(cat)\n"), SV("config=$(cat)\n        kill -9 $$\n"),
     "killed by signal 9"},
    {"EXEC-003", SV("config=$(cat)\n"),
     SV("config=$(cat)\n        head -c 1G /dev/zero >/tmp/big\n"), "wrote more"},
    {"EXEC-004", SV("{mounted: map(.path)}"), SV("{mounted: map(.path)[0:20]}"), "with 50 mounts"},
    {"EXEC-005", SV("\"$options\" --key"), SV("\"$options$(tiny count)\" --key"),
     "changed what the engine has mounted"},
    {"EXEC-006", SV("--key-file \"$key\"\n"), SV("--key-file \"$key\" || true\n"),
     "exits with status 0 when the engine refuses"},
    {"EXEC-007", SV("#!/bin/sh\n        timeout 5 tiny list"), SV("#!/bin/sh\n        tiny list"),
     "checkRuntimeReady does not end"},
    {"EXEC-007", SV("#!/bin/sh\n        timeout 5 tiny report"),
     SV("#!/bin/sh\n        (cat /dev/zero >/dev/null 2>&1) & timeout 5 tiny report"),
     "leaves a process behind"},
    {"EXEC-008", SV("|| timeout 5 tiny umount \"$path\""), SV("|| true"),
     "leaves /certify-1 mounted"},
    {"EXEC-009", SV("\"cached\":\"1.00GiB\""), SV("\"cached\":1024"), "as number"},
    {"EXEC-009", SV("\"cached\":\"1.00GiB\""), SV("\"cachd\":\"1\""), "did you mean \"cached\"?"},
    {"HARD-005", SV("timeout 5 tiny mount \"$point\" \"$path\" \"$options\""),
     SV("eval \"timeout 5 tiny mount \\\"\\$point\\\" \\\"\\$path\\\" '$options'\""),
     "ran a command"},
    {"SEC-003", SV("[ -n \"$path\" ] || continue\n            timeout 5 tiny mount"),
     SV("[ -n \"$path\" ] || continue; cat \"$key\" >&2\n            timeout 5 tiny mount"),
     "prints a secret on stderr"},
    {"SEC-004", SV("--key-file \"$key\""), SV("--key \"$(cat \"$key\" || true)\""),
     "gives a secret to tiny"},
    {"TIER-001", SV("[.mountPaths, .quotas]"), SV("[.mountPaths[0:1], .quotas[0:1]]"),
     "is nowhere"},
    {"TIER-002", SV("Gi: 1073741824"), SV("Gi: 1e9"), "1Gi and 1G"},
};

/* One planted defect, and what the checks found. */
struct trial {
    struct arena *arena;
    struct subject subject;
    struct check_results results;
    struct error err;
    bool is_read, is_run;
};

static void try_defect(void *context, size_t index) {
    struct trial *trial = (struct trial *)context + index;
    size_t row = index * DEFECT_STEP;
    struct arena *arena = trial->arena = arena_new();
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    struct simulation simulation;
    struct sv text = replace(arena, read_class(arena), defects[row].from, defects[row].to);
    trial->results.arena = arena;
    trial->is_read =
        manifest_parse(arena, SV("class.yaml"), text, manifest, &trial->err) &&
        subject_build(arena, manifest, 1, &trial->subject, &trial->err) &&
        simulation_read(manifest, trial->subject.simulation, arena, &simulation, &trial->err);
    AUTO(sandbox) sandbox = trial->is_read ? sandbox_new(&simulation, &trial->err) : NULL;
    if (!sandbox)
        return;
    struct script_runner runner = sandbox_runner(sandbox);
    struct script_check_options options = {.runner = &runner, .simulation = &simulation};
    script_checks(&trial->subject, &options, &trial->results);
    trial->is_run = true;
}

static void check_trial(const struct trial *trial, size_t row) {
    size_t found = 0, others = 0, errors = 0;
    for (size_t j = 0; j < trial->results.count; j++) {
        const struct check_result *result = &trial->results.items[j];
        bool is_own = sv_eq(result->check->id, sv_from(defects[row].id));
        errors += result->state == CHECK_STATE_ERROR;
        if (result->state != CHECK_STATE_FAIL)
            continue;
        others += !is_own;
        found += is_own && sv_contains(result->message, sv_from(defects[row].message)) &&
                 result->subject.line > 0;
    }
    bool is_as_planted = found > 0 && others == 0 && errors == 0;
    CHECK(is_as_planted);
    if (is_as_planted)
        return;
    printf("  defect %zu of %s\n", row, defects[row].id);
    for (size_t j = 0; j < trial->results.count; j++) {
        if (trial->results.items[j].state >= CHECK_STATE_FAIL)
            print_result(&trial->results.items[j]);
    }
}

TEST(each_defect_fails_its_own_check) {
    static struct trial trials[COUNT_OF(defects)];
    size_t count = (COUNT_OF(defects) + DEFECT_STEP - 1) / DEFECT_STEP;
    parallel_each(count, parallel_processor_count() + 1, try_defect, trials);
    for (size_t i = 0; i < count; i++) {
        CHECK(trials[i].is_read);
        if (trials[i].is_run)
            check_trial(&trials[i], i * DEFECT_STEP);
        else
            printf("skipped: %s\n", trials[i].err.message);
        arena_free(trials[i].arena);
    }
}

/* A secret on a command line is told once for each script that gives it. */
TEST(a_finding_is_told_once) {
    AUTO(arena) arena = arena_new();
    struct check_results results = {.arena = arena};
    struct sv text = replace(arena, read_class(arena), SV("--key-file \"$key\""),
                             SV("--key \"$(cat \"$key\" || true)\""));
    uint64_t runs = 0;
    if (!check_text(arena, text, &results, &runs))
        return;
    for (size_t i = 0; i < results.count; i++) {
        for (size_t j = 0; results.items[i].state == CHECK_STATE_FAIL && j < i; j++)
            CHECK(results.items[j].state != CHECK_STATE_FAIL ||
                  results.items[j].subject.line != results.items[i].subject.line);
    }
}

TEST(without_an_engine_nothing_is_judged) {
    AUTO(arena) arena = arena_new();
    struct check_results results = {.arena = arena};
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    struct subject subject;
    struct error err = {0};
    REQUIRE(manifest_parse(arena, SV("class.yaml"), read_class(arena), manifest, &err));
    REQUIRE(subject_build(arena, manifest, 1, &subject, &err));
    struct script_check_options options = {0};
    script_checks(&subject, &options, &results);
    for (size_t i = 0; i < results.count; i++)
        CHECK(results.items[i].state == CHECK_STATE_SKIP_UNOBSERVABLE);
    struct simulation simulation = {0};
    error_set(&err, ERROR_UNSUPPORTED, "install bubblewrap");
    options = (struct script_check_options){.simulation = &simulation, .unavailable = &err};
    size_t begin = results.count;
    script_checks(&subject, &options, &results);
    for (size_t i = begin; i < results.count; i++) {
        CHECK(results.items[i].state == CHECK_STATE_ERROR);
        CHECK_SV(results.items[i].message, SV("install bubblewrap"));
    }
}
