/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts run for real here. Where bubblewrap cannot run, the tests say so and check only that
 * the reason names what to do.
 */
#include "conformance/sandbox/sandbox.h"

#include "conformance/manifest.h"
#include "conformance/script/simulation.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static const struct sv engine = SV("apiVersion: cacheruntime.io/v1\nkind: Simulation\n"
                                   "tables: {mounts: {}}\n"
                                   "files: [{path: /opt/etc/base.conf, text: base}]\n"
                                   "folders: [/opt/logs]\n"
                                   "programs:\n"
                                   "- path: /opt/bin/cv\n"
                                   "  rules:\n"
                                   "  - args: [mount]\n"
                                   "    stdout: [{each: mounts, text: \"${key}=${value};\"}]\n"
                                   "  - args: [mount, '${ufs}', '${path}']\n"
                                   "    takes: 300ms\n"
                                   "    set: [{table: mounts, key: '${path}', value: '${ufs}'}]\n"
                                   "  - args: [save]\n"
                                   "    write: [{path: /opt/conf/saved, text: x}]\n"
                                   "  - args: [serve]\n"
                                   "    serves: true\n"
                                   "- path: /usr/bin/mountpoint\n"
                                   "  rules: [{args: ['...'], exit: 32}]\n");

struct bench {
    struct arena *arena;
    struct simulation simulation;
    struct sandbox *sandbox;
};

static bool open_bench(struct bench *bench) {
    struct error err = {0};
    struct manifest *manifest = ARENA_NEW(bench->arena, struct manifest);
    CHECK(manifest_parse(bench->arena, SV("sim.yaml"), engine, manifest, &err));
    CHECK(simulation_read(manifest, manifest->documents.roots[0], bench->arena, &bench->simulation,
                          &err));
    bench->sandbox = sandbox_new(&bench->simulation, &err);
    if (bench->sandbox)
        return true;
    CHECK(err.code == ERROR_UNSUPPORTED);
    printf("skipped: %s\n", err.message);
    return false;
}

static void run_shell(struct bench *bench, struct sv script, struct script_run run,
                      struct script_outcome *ret_outcome) {
    struct sv *command = ARENA_ARRAY(bench->arena, struct sv, 3);
    command[0] = SV("bash");
    command[1] = SV("-c");
    command[2] = script;
    run.command = command;
    run.command_count = 3;
    run.working_directory = run.working_directory.ptr ? run.working_directory : SV("");
    run.host_name = SV("demo-0");
    run.stdin_bytes = run.stdin_bytes.ptr ? run.stdin_bytes : SV("");
    run.timeout_ms = run.timeout_ms ? run.timeout_ms : 20000;
    struct script_runner runner = sandbox_runner(bench->sandbox);
    struct error err = {0};
    if (!runner.run(runner.context, &run, bench->arena, ret_outcome, &err)) {
        printf("%s\n", err.message);
        CHECK(false);
    }
}

static const struct {
    struct sv script;
    enum script_fault fault;
    bool is_start;
    enum script_end end;
    int exit_code;
    struct sv stdout_bytes;
    int64_t duration_ms;
} cases[] = {
    {SV("echo $HOSTNAME; hostname; exit 3"), 0, false, SCRIPT_EXITED, 3, SV("demo-0\ndemo-0\n"), 0},
    {SV("cat /opt/etc/base.conf; id -u"), 0, false, SCRIPT_EXITED, 0, SV("base65534\n"), 0},
    {SV("/opt/bin/cv mount s3://a /a && PATH=$PATH:/opt/bin cv mount"), 0, false, SCRIPT_EXITED, 0,
     SV("/a=s3://a;"), 310},
    {SV("sleep 1.5; sleep 2m; date -u +%T"), 0, false, SCRIPT_TIMED_OUT, 0, SV(""), 20000},
    {SV("sleep 3; date -u +%T"), 0, false, SCRIPT_EXITED, 0, SV("00:00:03\n"), 3000},
    {SV("/opt/bin/cv mount a b"), SCRIPT_FAULT_FAIL, false, SCRIPT_EXITED, 1, SV(""), 300},
    {SV("/opt/bin/cv mount a b"), SCRIPT_FAULT_HANG, false, SCRIPT_TIMED_OUT, 0, SV(""), 20000},
    {SV("timeout 5 /opt/bin/cv mount a b; echo $?"), SCRIPT_FAULT_HANG, false, SCRIPT_EXITED, 0,
     SV("124\n"), 5000},
    {SV("cd /opt; PATH=$PATH:/opt/bin; timeout 5 cv mount a b; timeout 5 bin/cv mount; "
        "timeout 5 sh -c 'sleep 2'; timeout 1 sleep 3; echo $?"),
     0, false, SCRIPT_EXITED, 0, SV("b=a;124\n"), 3310},
    {SV("timeout 5 nobody; echo $?; PATH=/opt/none:$PATH:/opt/bin timeout 5 echo host"), 0, false,
     SCRIPT_EXITED, 0, SV("127\nhost\n"), 0},
    {SV("/opt/bin/cv mount a b; echo $?"), SCRIPT_FAULT_ABSENT, false, SCRIPT_EXITED, 0,
     SV("127\n"), 0},
    {SV("exec /opt/bin/cv serve"), 0, true, SCRIPT_EXITED, 0, SV(""), 10},
    {SV("/opt/bin/cv serve"), 0, false, SCRIPT_TIMED_OUT, 0, SV(""), 20000},
    {SV("tail -f /dev/null"), 0, true, SCRIPT_EXITED, 0, SV(""), 0},
    {SV("mountpoint -q /x; echo $?"), 0, false, SCRIPT_EXITED, 0, SV("32\n"), 10},
    {SV("kill -9 $$"), 0, false, SCRIPT_SIGNALLED, 0, SV(""), 0},
    {SV("head -c 1G /dev/zero >/tmp/x"), 0, false, SCRIPT_TOO_MUCH_WRITTEN, 0, SV(""), 0},
    {SV("touch /usr/bin/x || touch /etc/ro/x || echo read-only"), 0, false, SCRIPT_EXITED, 0,
     SV("read-only\n"), 0},
    {SV("cat </dev/tcp/127.0.0.1/80 || echo no network"), 0, false, SCRIPT_EXITED, 0,
     SV("no network\n"), 0},
    {SV("python3 -V || echo no python"), 0, false, SCRIPT_EXITED, 0, SV("no python\n"), 0},
};

TEST(runs_scripts_in_virtual_time) {
    AUTO(arena) arena = arena_new();
    struct bench bench = {.arena = arena};
    if (!open_bench(&bench))
        return;
    static const struct sv read_only[] = {SV("/etc/ro")};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct script_run run = {.fault = cases[i].fault,
                                 .is_start = cases[i].is_start,
                                 .read_only_paths = read_only,
                                 .read_only_count = 1};
        struct script_outcome outcome;
        run_shell(&bench, cases[i].script, run, &outcome);
        bool is_as_expected =
            outcome.end == cases[i].end &&
            (cases[i].end != SCRIPT_EXITED || outcome.exit_code == cases[i].exit_code) &&
            outcome.duration_ms == cases[i].duration_ms;
        if (!is_as_expected)
            printf("%.*s: %.*s, %lld ms\n", SV_ARG(cases[i].script),
                   SV_ARG(script_describe(&outcome, arena)), (long long)outcome.duration_ms);
        CHECK(is_as_expected);
        CHECK_SV(outcome.stdout_bytes, cases[i].stdout_bytes);
    }
    sandbox_free(bench.sandbox);
}

static const struct {
    struct sv script;
    enum script_writes writes;
    struct sv stdout_bytes;
    const char *denial;
} confined[] = {
    {SV("touch /opt/x /etc/x /opt/logs/x /tmp/x /srv/own/x && echo done"), SCRIPT_WRITES_ANYWHERE,
     SV("done\n"), ""},
    {SV("touch /opt/logs/x /tmp/x /var/tmp/x /srv/own/x && echo done"), SCRIPT_WRITES_OWN,
     SV("done\n"), ""},
    {SV("touch /srv/own/x && echo done; touch /opt/logs/x || touch /tmp/x"), SCRIPT_WRITES_VOLUMES,
     SV("done\n"), "user 7 cannot write /opt/logs/x: mount an emptyDir there"},
    {SV("mkdir -p /opt/etc/d && touch /opt/etc/d/x"), SCRIPT_WRITES_OWN, SV(""),
     "user 7 cannot write /opt/etc/d: mount an emptyDir there"},
    {SV("echo more >>/opt/etc/base.conf 2>/dev/null"), SCRIPT_WRITES_OWN, SV(""),
     "user 7 cannot write /opt/etc/base.conf: mount an emptyDir there"},
    {SV("touch /srv/host/x /srv/other"), SCRIPT_WRITES_OWN, SV(""),
     "user 7 cannot write /srv/host/x and 1 more: the volume there needs fsGroup, or is root's"},
    {SV("/opt/bin/cv save && echo saved"), SCRIPT_WRITES_OWN, SV(""),
     "user 7 cannot write /opt/conf: mount an emptyDir there"},
    /* What fails for another reason has none of these. */
    {SV("echo no >&2; touch /tmp/x; exit 1"), SCRIPT_WRITES_OWN, SV(""), ""},
    {SV("exit 1"), SCRIPT_WRITES_VOLUMES, SV(""), ""},
};

/* As the files of a cluster look to a user whom they do not belong to. */
TEST(a_user_writes_only_what_is_its_own) {
    AUTO(arena) arena = arena_new();
    struct bench bench = {.arena = arena};
    if (!open_bench(&bench))
        return;
    static const struct sv folders[] = {SV("/srv/own"), SV("/srv/host")};
    for (size_t i = 0; i < COUNT_OF(confined); i++) {
        struct script_run run = {.writes = confined[i].writes,
                                 .writer = SV("user 7"),
                                 .folders = folders,
                                 .folder_count = COUNT_OF(folders),
                                 .writable_paths = folders,
                                 .writable_count = 1};
        struct script_outcome outcome;
        run_shell(&bench, confined[i].script, run, &outcome);
        CHECK_SV(outcome.stdout_bytes, confined[i].stdout_bytes);
        bool is_told = confined[i].denial[0] ? sv_contains(script_describe(&outcome, arena),
                                                           sv_from(confined[i].denial))
                                             : outcome.denial.len == 0;
        if (!is_told)
            printf("%.*s: %.*s\n", SV_ARG(confined[i].script),
                   SV_ARG(script_describe(&outcome, arena)));
        CHECK(is_told);
    }
    sandbox_free(bench.sandbox);
}

TEST(stops_what_prints_or_forks_without_end) {
    AUTO(arena) arena = arena_new();
    struct bench bench = {.arena = arena};
    if (!open_bench(&bench))
        return;
    struct script_outcome outcome;
    run_shell(&bench, SV("yes"), (struct script_run){0}, &outcome);
    CHECK(outcome.end == SCRIPT_TOO_MUCH_OUTPUT);
    CHECK(outcome.stdout_bytes.len <= SCRIPT_OUTPUT_BYTES_MAX);
    run_shell(&bench, SV("(sleep 1000; :) & cat /dev/zero >/dev/null & exit 0"),
              (struct script_run){0}, &outcome);
    CHECK(script_succeeded(&outcome));
    CHECK(outcome.orphan_count > 0);
    run_shell(&bench, SV("f() { f | f & }; f 2>/dev/null; sleep 1000"), (struct script_run){0},
              &outcome);
    CHECK(outcome.end == SCRIPT_TIMED_OUT || outcome.end == SCRIPT_KILLED);
    sandbox_free(bench.sandbox);
}

/* Known by the processor time that it takes, so that a busy machine makes no difference; sanitizers
 * would make minutes of it. */
TEST(stops_what_computes_without_end) {
#if !defined(__SANITIZE_ADDRESS__)
    AUTO(arena) arena = arena_new();
    struct bench bench = {.arena = arena};
    if (!open_bench(&bench))
        return;
    struct script_outcome outcome;
    run_shell(&bench, SV("while :; do :; done"), (struct script_run){0}, &outcome);
    CHECK(outcome.end == SCRIPT_KILLED);
    /* Beside something that waits past its time. */
    run_shell(&bench, SV("sleep 1000 & while :; do :; done"), (struct script_run){0}, &outcome);
    CHECK(outcome.end == SCRIPT_TIMED_OUT);
    sandbox_free(bench.sandbox);
#endif
}

/* What waits in the background past its virtual time neither ends the script nor gives it a limit
 * in real time. */
TEST(a_script_goes_on_while_others_wait) {
    AUTO(arena) arena = arena_new();
    struct bench bench = {.arena = arena};
    if (!open_bench(&bench))
        return;
    static const struct sv busy = SV("sleep 1000 & i=0; while [ $i -lt 100000 ]; do i=$((i+1)); "
                                     "done; echo done");
    struct script_outcome outcome;
    run_shell(&bench, busy, (struct script_run){0}, &outcome);
    CHECK(script_succeeded(&outcome));
    CHECK_SV(outcome.stdout_bytes, SV("done\n"));
    CHECK(outcome.orphan_count == 1);
    /* The script itself waits for what never comes. */
    run_shell(&bench, SV("sleep 1000 & wait; echo done"), (struct script_run){0}, &outcome);
    CHECK(outcome.end == SCRIPT_TIMED_OUT);
    CHECK_SV(outcome.stdout_bytes, SV(""));
    sandbox_free(bench.sandbox);
}

TEST(keeps_state_and_remembers_equal_runs) {
    AUTO(arena) arena = arena_new();
    struct bench bench = {.arena = arena};
    if (!open_bench(&bench))
        return;
    struct script_outcome first, second, again;
    struct script_run run = {.has_stdin = true, .stdin_bytes = SV("hello")};
    static const struct sv script = SV("cat >>/tmp/seen; /opt/bin/cv mount x /y; "
                                       "script-injected it; ln -s / /tmp/link");
    run_shell(&bench, script, run, &first);
    CHECK(first.call_count == 1 && first.calls[0].has_effect && first.calls[0].arg_count == 3);
    CHECK(first.injection_count == 1);
    run.before = first.after;
    run_shell(&bench, SV("cat /tmp/seen; /opt/bin/cv mount; cat /opt/etc/base.conf"), run, &second);
    CHECK_SV(second.stdout_bytes, SV("hello/y=x;base"));
    run.before = (struct script_state){0};
    run_shell(&bench, script, run, &again);
    uint64_t runs, remembered;
    sandbox_counts(bench.sandbox, &runs, &remembered);
    CHECK(remembered == 1);
    CHECK(json_equal(first.after.tables, again.after.tables));
    sandbox_free(bench.sandbox);
}

/* Objects list the files of a volume in one order, kubelet's folder in another. */
TEST(equal_runs_may_list_their_files_in_any_order) {
    AUTO(arena) arena = arena_new();
    struct bench bench = {.arena = arena};
    if (!open_bench(&bench))
        return;
    static const struct script_file files[][2] = {
        {{SCRIPT_FILE, SV("/v/a"), 0644, SV("one")}, {SCRIPT_FILE, SV("/v/b"), 0644, SV("two")}},
        {{SCRIPT_FILE, SV("/v/b"), 0644, SV("two")}, {SCRIPT_FILE, SV("/v/a"), 0644, SV("one")}},
        /* Of one path the later file stands: these are two different runs. */
        {{SCRIPT_FILE, SV("/v/a"), 0644, SV("one")}, {SCRIPT_FILE, SV("/v/a"), 0644, SV("two")}},
        {{SCRIPT_FILE, SV("/v/a"), 0644, SV("two")}, {SCRIPT_FILE, SV("/v/a"), 0644, SV("one")}},
    };
    static const struct sv printed[] = {SV("onetwo"), SV("onetwo"), SV("two"), SV("one")};
    static const uint64_t remembered_after[] = {0, 1, 1, 1};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct script_outcome outcome;
        struct script_run run = {.volume_files = files[i], .volume_file_count = 2};
        uint64_t runs, remembered;
        run_shell(&bench, SV("cat /v/*"), run, &outcome);
        CHECK_SV(outcome.stdout_bytes, printed[i]);
        sandbox_counts(bench.sandbox, &runs, &remembered);
        CHECK(remembered == remembered_after[i]);
    }
    sandbox_free(bench.sandbox);
}
