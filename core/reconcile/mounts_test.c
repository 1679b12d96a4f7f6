/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountUFS: which answers count, when it runs again, and what dataset and runtime say meanwhile:
 * contract.md §5, fluid-contract.md §4.
 */
#include "core/reconcile/entries.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/plan_fixture.h"

TEST(the_answer_must_name_the_wanted_paths) {
    static const struct {
        const char *answer;
        const char *problem; /* "": it is taken */
    } cases[] = {
        {"{\"mounted\":[\"/m\",\"/data\"]}", ""},
        {"\n {\"mounted\":[\"/data\",\"/m\"], \"more\":1} \n", ""},
        {"{\"mounted\":[\"/m\",\"/data\",\"/m\"]}", ""},
        {"{\"mounted\":[\"/m\"]}", "mount point /data is not yet mounted"},
        {"{\"mounted\":[\"/m\",\"/data\",\"/old\"]}", "unexpected mounted paths remain: /old"},
        {"{\"mounted\":{}}", "must print"},
        {"{}", "must print"},
        {"[]", "must print"},
        {"", "printed no JSON"},
        {"ok", "printed no JSON"},
        {"{\"mounted\":[\"/m\",\"/data\"]} trailing", "printed no JSON"},
        {NULL, "exit status 1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, world.dataset, SV("spec"),
                 fixture_yaml(arena, "{mounts: [{mountPoint: 's3://a/', name: m},\n"
                                     " {mountPoint: 's3://b/', name: x, path: /data},\n"
                                     " {mountPoint: 'local:///c', name: native}]}"));
        world.answers[ENTRY_MOUNT_UFS] = cases[i].answer;
        bool is_taken = cases[i].problem[0] == '\0';
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), is_taken ? SV("Bound") : SV("NotBound"));
        const struct cJSON *condition = object_condition(world.runtime, SV("MountsReady"));
        CHECK_CONTAINS(json_find_string(condition, "message"), cases[i].problem);
        CHECK(object_condition_is_true(world.runtime, SV("MountsReady")) == is_taken);
        world_release(&world);
    }
}

/* Whole mounts are compared, not only their paths. */
TEST(every_edit_of_the_mounts_mounts_again) {
    static const char *const edits[] = {
        "{mounts: [{mountPoint: 's3://other/', name: m}]}",
        "{mounts: [{mountPoint: 's3://bkt/', name: m, options: {a: b}}]}",
        "{mounts: [{mountPoint: 's3://bkt/', name: m, readOnly: true}]}",
        "{mounts: [{mountPoint: 's3://bkt/', name: m, encryptOptions: [{name: ak,\n"
        " valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}",
        "{mounts: [{mountPoint: 's3://bkt/', name: m}], sharedOptions: {a: b}}",
        "{mounts: [{mountPoint: 's3://bkt/', name: m}], sharedEncryptOptions: [{name: ak,\n"
        " valueFrom: {secretKeyRef: {name: s, key: k}}}]}",
        "{mounts: [{mountPoint: 's3://bkt/', name: m}, {mountPoint: 'pvc://n/', name: n}]}",
    };
    for (size_t i = 0; i < COUNT_OF(edits); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        json_set(arena, world.dataset, SV("spec"), fixture_yaml(arena, edits[i]));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(trace_has(&world, "Run mountUFS"));
        CHECK(trace_has(&world, "Write status of Dataset demo: Updating"));
        CHECK(trace_has(&world, "MountsUpdated"));
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        CHECK(object_condition_is_true(world.dataset, SV("Ready")));
        CHECK(!object_condition_is_true(world.dataset, SV("Updating")));
        CHECK(json_equal(json_find(world.dataset, "spec.mounts"),
                         json_find(world.dataset, "status.mounts")));
        world_release(&world);
    }
}

/* What is recorded as mounted is what was mounted, and not what the spec says by then. */
TEST(an_edit_during_the_mount_is_mounted_as_well) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    bool is_edited = false;
    for (int round = 0; round < 60; round++) {
        struct plan plan;
        plan_and_act(&world, &plan);
        if (execution_count(&plan, ENTRY_MOUNT_UFS) == 1 && !is_edited) {
            json_set(arena, json_find(world.dataset, "spec.mounts.0"), SV("options"),
                     fixture_yaml(arena, "{late: edit}"));
            is_edited = true;
        }
        settle(&world);
    }
    CHECK(is_edited);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK_SV(json_find_string(world.dataset, "status.mounts.0.options.late"), SV("edit"));
    struct sv trace = buf_view(&world.trace);
    int mounts = 0;
    while (trace.len > 0)
        mounts += sv_contains(sv_cut(&trace, '\n'), SV("Run mountUFS"));
    CHECK(mounts == 2);
    world_release(&world);
}

/* Another pod, another container, another start of it: all have forgotten their mounts. */
TEST(another_serving_container_mounts_again) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    CHECK_SV(json_find_string(world.runtime, "status.mountedBy.podUID"), SV("uid-demo-master-0"));
    world.restart_count = 3;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(trace_has(&world, "Run mountUFS"));
    CHECK(json_find_int(world.runtime, "status.mountedBy.restartCount", -1) == 3);
    buf_clear(&world.trace);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(!trace_has(&world, "Run mountUFS"));
    world.container_id = "c2";
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(trace_has(&world, "Run mountUFS"));
    CHECK_SV(json_find_string(world.runtime, "status.mountedBy.containerID"), SV("c2"));
    world_release(&world);
}

/* Pods of a Deployment have no ordinals. */
TEST(the_oldest_pod_serves_where_there_are_no_ordinals) {
    static const struct {
        const char *kind, *server;
    } cases[] = {{"Deployment", "demo-master-2"}, {"StatefulSet", "demo-master-0"}};
    static const char *const created[] = {"02", "01", "00", "01"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(
            arena, json_find(world.runtime_class, "topology.master"), SV("workloadType"),
            fixture_yaml(
                arena, arena_printf(arena, "{apiVersion: apps/v1, kind: %s}", cases[i].kind).ptr));
        for (size_t k = 0; k < COUNT_OF(created); k++) {
            add_pod(&world, SV("demo-master"), arena_printf(arena, "demo-master-%zu", k));
            json_set_string(arena, json_get(world.pods[k], SV("metadata")), SV("creationTimestamp"),
                            arena_printf(arena, "2026-01-01T00:00:%sZ", created[k]));
        }
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        struct pass pass;
        struct server server;
        pass_init(&pass, &snapshot, arena, &plan);
        REQUIRE(entry_server(&pass, ENTRY_MOUNT_UFS, &server) && server.pod);
        CHECK_SV(object_name(server.pod), sv_from(cases[i].server));
        world_release(&world);
    }
}

TEST(the_next_master_serves_when_one_cannot_be_reached) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set(arena, json_get(world.runtime, SV("spec")), SV("master"),
             fixture_yaml(arena, "{replicas: 3}"));
    struct plan plan;
    bool has_moved = false;
    for (int round = 0; round < 30 && !has_moved; round++) {
        plan_and_act(&world, &plan);
        for (size_t i = 0; i < plan.action_count; i++) {
            if (plan.actions[i].type != ACTION_EXECUTE)
                continue;
            has_moved = sv_eq(plan.actions[i].name, SV("demo-master-1"));
            world.executions[0].error = ERROR_UNAVAILABLE;
        }
        settle(&world);
        world.now_ms += 2000;
    }
    CHECK(has_moved);
    world_release(&world);
}

/* Where several components declare an entry. */
TEST(the_master_comes_before_workers_and_clients) {
    static const char *const order[] = {"demo-master-0", "demo-worker-0", "demo-client-0"};
    static const char *const paths[] = {"topology.master", "topology.worker", "topology.client"};
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        json_set(arena, json_find(world.runtime_class, paths[i]), SV("executionEntries"),
                 fixture_yaml(arena, "{mountUFS: {command: [m]}}"));
        struct sv name = sv_from(order[i]);
        add_pod(&world, sv_prefix(name, name.len - strlen("-0")), name);
    }
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        struct pass pass;
        struct server server;
        pass_init(&pass, &snapshot, arena, &plan);
        REQUIRE(entry_server(&pass, ENTRY_MOUNT_UFS, &server) && server.pod);
        CHECK_SV(object_name(server.pod), sv_from(order[i]));
        json_remove(json_find(world.runtime_class, paths[i]), SV("executionEntries"));
    }
    world_release(&world);
}

/* Whoever is not ready, or goes, is not asked. */
TEST(only_a_ready_pod_serves) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    for (size_t k = 0; k < 3; k++)
        add_pod(&world, SV("demo-master"), arena_printf(arena, "demo-master-%zu", k));
    json_set_string(arena, json_find(world.pods[0], "status.conditions.0"), SV("status"),
                    SV("False"));
    json_set_string(arena, json_get(world.pods[1], SV("metadata")), SV("deletionTimestamp"),
                    SV("2026-01-01T00:00:00Z"));
    struct snapshot snapshot = snapshot_of(&world);
    struct plan plan;
    struct pass pass;
    struct server server;
    pass_init(&pass, &snapshot, arena, &plan);
    REQUIRE(entry_server(&pass, ENTRY_MOUNT_UFS, &server) && server.pod);
    CHECK_SV(object_name(server.pod), SV("demo-master-2"));
    world_release(&world);
}

/* Seconds that the class gives, and those that the entry has. */
TEST(entries_have_their_time) {
    static const struct {
        enum execution_entry entry;
        int declared, seconds;
    } cases[] = {
        {ENTRY_MOUNT_UFS, 5, 20},
        {ENTRY_MOUNT_UFS, 60, 60},
        {ENTRY_REPORT_SUMMARY, 5, 20},
        {ENTRY_REPORT_SUMMARY, 21, 21},
        {ENTRY_CHECK_RUNTIME_READY, 5, 5},
        {ENTRY_CHECK_RUNTIME_READY, 0, 20},
        {ENTRY_CHECK_RUNTIME_READY, -1, 20},
        {ENTRY_CHECK_RUNTIME_READY, 3601, 3600},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct sv text = arena_printf(arena, "{\"timeout\":%d}", cases[i].declared);
        struct server server = {.entry = json_read(arena, text, &err)};
        CHECK(entry_timeout_ms(&server, cases[i].entry) == 1000 * cases[i].seconds);
    }
}

/* An answer of another pod than the first one is an answer: with the first ones of the masters out
 * of reach, though ready, the last one checks, mounts and reports, and nobody asks the others
 * again.
 */
TEST(a_master_that_can_be_reached_is_found_and_kept) {
    for (size_t lost = 1; lost <= 2; lost++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, json_get(world.runtime, SV("spec")), SV("master"),
                 fixture_yaml(arena, "{replicas: 3}"));
        const struct sv pods[] = {SV("demo-master-0"), SV("demo-master-1"), SV("demo-master-2")};
        for (int round = 0; round < 60; round++) {
            struct plan plan;
            plan_and_act(&world, &plan);
            for (size_t i = 0; i < world.execution_count; i++)
                if (sv_index_of(world.executions[i].pod_name, pods, lost) < lost) {
                    world.executions[i].error = ERROR_UNAVAILABLE;
                    world.executions[i].consecutive_failures = 1;
                }
            settle(&world);
            world.now_ms += 1000;
        }
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        CHECK_SV(json_find_string(world.runtime, "status.mountedBy.podUID"),
                 arena_printf(arena, "uid-%.*s", SV_ARG(pods[lost])));
        CHECK((size_t)world.executed == 3 * (lost + 1));
        world_release(&world);
    }
}

/* Ever more rarely, and after an edit or in another container from the beginning. */
TEST(what_failed_before_a_change_makes_nobody_wait) {
    for (int is_edit = 0; is_edit < 2; is_edit++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.answers[ENTRY_MOUNT_UFS] = NULL;
        for (int round = 0; round < 600; round++) {
            struct plan plan;
            plan_and_act(&world, &plan);
            settle(&world);
            world.now_ms += 1000;
        }
        int before = world.executed;
        CHECK(before > 5 && before < 20);
        if (is_edit)
            json_set_string(arena, json_find(world.dataset, "spec.mounts.0"), SV("mountPoint"),
                            SV("s3://other/"));
        else
            world.restart_count++;
        settle(&world);
        for (int round = 0; round < 8; round++) {
            struct plan plan;
            plan_and_act(&world, &plan);
            settle(&world);
            world.now_ms += 1000;
        }
        /* At once, after one second, two and four. */
        CHECK(world.executed >= before + 3);
        world_release(&world);
    }
}

/* The next pod at once, and then with patience: else they would be asked in turns for ever. */
TEST(pods_that_cannot_be_reached_are_not_asked_in_turns) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set(arena, json_get(world.runtime, SV("spec")), SV("master"),
             fixture_yaml(arena, "{replicas: 3}"));
    world.answers[ENTRY_MOUNT_UFS] = NULL;
    for (int round = 0; round < 30; round++) {
        struct plan plan;
        plan_and_act(&world, &plan);
        settle(&world);
        for (size_t i = 0; i < world.execution_count; i++) {
            world.executions[i].error = ERROR_UNAVAILABLE;
            world.executions[i].consecutive_failures = world.executed;
        }
    }
    CHECK(world.executed == 2);
    world_release(&world);
}

TEST(stdin_and_script_reach_the_process) {
    static const struct {
        const char *entry, *command;
        bool has_stdin;
        int64_t timeout_ms;
    } cases[] = {
        {"{command: [a, b c, '$X']}", "a|b c|$X|", false, 20000},
        {"{command: [a], stdin: true, timeout: 90}", "a|", true, 90000},
        {"{command: [a], timeout: 5}", "a|", false, 20000},
        {"{command: [a], timeout: 9999}", "a|", false, 3600000},
        {"{script: {configMap: tools, key: m.sh}}", "/etc/fluid/scripts/tools/m.sh|", true, 20000},
        {"{script: {configMap: tools, key: m.sh, interpreter: python3}, stdin: false}",
         "python3|/etc/fluid/scripts/tools/m.sh|", false, 20000},
        /* A script stands in for a command, not beside one. */
        {"{command: [a], script: {configMap: tools, key: m.sh}}", "a|", false, 20000},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, world.runtime_class, SV("extraResources"),
                 fixture_yaml(arena, "{configMaps: [{name: tools, data: {m.sh: 'true'}}]}"));
        json_set(arena, json_find(world.runtime_class, "topology.master.executionEntries"),
                 SV("mountUFS"), fixture_yaml(arena, cases[i].entry));
        struct sv command = SV("");
        bool is_found = false;
        for (int round = 0; round < 30 && !is_found; round++) {
            struct plan plan;
            plan_and_act(&world, &plan);
            for (size_t k = 0; k < plan.action_count; k++) {
                const struct action *action = &plan.actions[k];
                if (action->type != ACTION_EXECUTE || action->entry != ENTRY_MOUNT_UFS)
                    continue;
                is_found = true;
                for (size_t n = 0; n < action->command_count; n++)
                    command = arena_printf(arena, "%.*s%.*s|", SV_ARG(command),
                                           SV_ARG(action->command[n]));
                CHECK(action->has_stdin == cases[i].has_stdin);
                CHECK(sv_starts_with(action->stdin_bytes, SV("{\"mounts\"")) == cases[i].has_stdin);
                CHECK(action->timeout_ms == cases[i].timeout_ms);
                CHECK_SV(action->container, SV("m"));
            }
            settle(&world);
        }
        CHECK_SV(command, sv_from(cases[i].command));
        world_release(&world);
    }
}

/* While nothing may be mounted, mounts that a dataset got after it was bound without any are not
 * said to be served. */
TEST(first_mounts_wait_while_nothing_may_be_mounted) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    /* An empty list is no other wish than none. */
    json_set(arena, json_get(world.dataset, SV("spec")), SV("mounts"), json_list(arena));
    world.answers[ENTRY_MOUNT_UFS] = "{\"mounted\":[]}";
    world_bind(&world);
    object_set_annotation(arena, world.runtime, SV("cacheruntime.fluid.io/paused"), SV("true"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(object_condition_is_true(world.runtime, SV("MountsReady")));
    json_set(arena, json_get(world.dataset, SV("spec")), SV("mounts"),
             fixture_yaml(arena, "[{mountPoint: 's3://bkt/', name: m}]"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(!object_condition_is_true(world.runtime, SV("MountsReady")));
    CHECK_SV(condition_reason(&world, "MountsReady"), SV("Paused"));
    CHECK(json_count(json_find(world.dataset, "status.mounts")) == 0);
    world_release(&world);
}

static struct execution *mount_in(struct world *world, const char *pod) {
    for (size_t i = 0; i < world->execution_count; i++)
        if (world->executions[i].entry == ENTRY_MOUNT_UFS &&
            sv_eq(world->executions[i].pod_name, sv_from(pod)))
            return &world->executions[i];
    return NULL;
}

/* Clients come with the pods that use the volume. That one mounts is no loss of what is served, and
 * nothing is told of it; that it cannot is. */
TEST(a_client_that_mounts_is_told_once_it_cannot) {
    static const struct {
        bool is_running;
        int exit_code;
        const char *status, *reason; /* of MountsReady */
    } cases[] = {{true, 0, "True", "Mounted"},
                 {false, 1, "False", "MountFailed"},
                 {false, 0, "True", "Mounted"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct cJSON *topology = json_get(world.runtime_class, SV("topology"));
        json_remove(json_get(topology, SV("master")), SV("executionEntries"));
        json_set(arena, json_get(topology, SV("client")), SV("executionEntries"),
                 fixture_yaml(arena, "{mountUFS: {command: [m]}}"));
        world_bind(&world);
        add_pod(&world, SV("demo-client"), SV("demo-client-x0"));
        struct plan plan;
        plan_and_act(&world, &plan);
        plan_and_act(&world, &plan);
        CHECK(object_condition_is_true(world.runtime, SV("MountsReady")));
        world.pod_count--;
        add_pod(&world, SV("demo-client"), SV("demo-client-x1"));
        plan_and_act(&world, &plan);
        struct execution *mount = mount_in(&world, "demo-client-x1");
        REQUIRE(mount);
        mount->is_running = cases[i].is_running;
        mount->exit_code = cases[i].exit_code;
        plan_and_act(&world, &plan);
        const struct cJSON *told = object_condition(world.runtime, SV("MountsReady"));
        CHECK_SV(json_find_string(told, "status"), sv_from(cases[i].status));
        CHECK_SV(json_find_string(told, "reason"), sv_from(cases[i].reason));
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world_release(&world);
    }
}

/* Who mounts has no pod, and need not have one: nothing is lost while nothing may be mounted. */
TEST(no_mounts_are_lost_where_none_are_needed) {
    enum { NO_CLIENT_YET, CLIENT_IS_GONE, SCALED_TO_ZERO, CASES };
    for (int i = 0; i < CASES; i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan;
        world_init(&world, arena);
        struct cJSON *topology = json_get(world.runtime_class, SV("topology"));
        if (i != SCALED_TO_ZERO) {
            json_remove(json_get(topology, SV("master")), SV("executionEntries"));
            json_set(arena, json_get(topology, SV("client")), SV("executionEntries"),
                     fixture_yaml(arena, "{mountUFS: {command: [m]}}"));
        }
        world_bind(&world);
        if (i == CLIENT_IS_GONE) {
            add_pod(&world, SV("demo-client"), SV("demo-client-x0"));
            CHECK(run(&world) < ROUNDS_MAX);
            CHECK(mount_in(&world, "demo-client-x0"));
            world.pod_count--;
        }
        if (i == SCALED_TO_ZERO)
            json_set(arena, json_get(world.runtime, SV("spec")), SV("master"),
                     fixture_yaml(arena, "{replicas: 0}"));
        settle(&world);
        object_set_annotation(arena, world.runtime, SV("cacheruntime.fluid.io/paused"), SV("true"));
        CHECK(run(&world) < ROUNDS_MAX);
        plan_once(&world, &plan);
        CHECK(plan.gates[GATE_MOUNTS].is_open);
        CHECK(object_condition_is_true(world.runtime, SV("MountsReady")));
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world_release(&world);
    }
}
