/* SPDX-License-Identifier: Apache-2.0 */
/* Executions in pods to which something happens while they run. */
#include "fakeapi/cluster/wire.h"

#include "core/base/test.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world_fixture.h"

enum { COMMAND_MS = 60 * 1000, TIMEOUT_MS = 90 * 1000, STEP_MS = 1000 };

#define TWO_CONTAINERS FIXTURE_POD("p", "", "},{\"name\":\"other\",\"image\":\"img\"}]}")

static const struct sv command[] = {SV("sh"), SV("-c"), SV("sleep 60")};

static struct request exec_request(void) {
    struct request request = request_to(VERB_EXEC, &RESOURCE_PODS, SV("default"), SV("p"));
    request.timeout_ms = TIMEOUT_MS;
    request.exec = (struct exec_options){
        .container = SV("main"), .command = command, .command_count = COUNT_OF(command)};
    return request;
}

enum event {
    NOTHING,
    RESTARTED,
    OTHER_RESTARTED,
    DELETED,
    DELETED_BY_FORCE,
    NODE_DOWN,
    NODE_DOWN_AND_UP,
    NODE_DOWN_AND_POD_GONE,
    CANCELLED,
};

static const struct {
    enum event event;
    int64_t after_ms_min, after_ms_max; /* from the event to the answer; 0: there is none */
    int exit_code;
    enum error_code error;
} rows[] = {
    {NOTHING, COMMAND_MS - 10 * STEP_MS, COMMAND_MS, 0, ERROR_NONE},
    {RESTARTED, 1, STEP_MS, EXIT_KILLED, ERROR_NONE},
    {OTHER_RESTARTED, COMMAND_MS - 10 * STEP_MS, COMMAND_MS, 0, ERROR_NONE},
    /* The container has its second to end in order. */
    {DELETED, 1, 2 * STEP_MS, EXIT_KILLED, ERROR_NONE},
    {DELETED_BY_FORCE, 1, STEP_MS, EXIT_KILLED, ERROR_NONE},
    {NODE_DOWN, TIMEOUT_MS - 10 * STEP_MS, TIMEOUT_MS, 0, ERROR_TIMEOUT},
    {NODE_DOWN_AND_UP, 1, STEP_MS, 0, ERROR_UNAVAILABLE},
    {NODE_DOWN_AND_POD_GONE, TIMEOUT_MS - 10 * STEP_MS, TIMEOUT_MS, 0, ERROR_TIMEOUT},
    {CANCELLED, 0, 0, 0, ERROR_NONE},
};

static void delete_pod(struct world *world, struct arena *arena, const char *options) {
    struct error err = {0};
    struct request request = request_to(VERB_DELETE, &RESOURCE_PODS, SV("default"), SV("p"));
    request.body = json_read(arena, sv_from(options), &err);
    CHECK(fixture_send(world, arena, &request) == 200);
}

static void happen(struct world *world, struct arena *arena, enum event event,
                   struct transport *client, uint64_t id) {
    struct sv node =
        json_find_string(fixture_get(world, arena, &RESOURCE_PODS, "p"), "spec.nodeName");
    switch (event) {
    case NOTHING:
        break;
    case RESTARTED:
        CHECK(world_restart_container(world, SV("default"), SV("p"), SV("main")));
        break;
    case OTHER_RESTARTED:
        CHECK(world_restart_container(world, SV("default"), SV("p"), SV("other")));
        break;
    case DELETED:
        delete_pod(world, arena, "{}");
        break;
    case DELETED_BY_FORCE:
        delete_pod(world, arena, "{\"gracePeriodSeconds\":0}");
        break;
    case NODE_DOWN:
        CHECK(world_stop_node(world, node));
        break;
    case NODE_DOWN_AND_UP:
        CHECK(world_stop_node(world, node));
        CHECK(world_start_node(world, node));
        break;
    case NODE_DOWN_AND_POD_GONE:
        CHECK(world_stop_node(world, node));
        delete_pod(world, arena, "{\"gracePeriodSeconds\":0}");
        break;
    case CANCELLED:
        transport_cancel(client, id);
        break;
    }
}

TEST(an_execution_ends_with_its_pod) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 100);
        AUTO(shell) shell = shell_new(world);
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, TWO_CONTAINERS) == 201);
        fixture_run_ms(world, 5 * STEP_MS);
        struct transport *client = world_connect(world, SV("test"));
        struct request request = exec_request();
        uint64_t id = transport_start(client, &request);
        fixture_run_ms(world, 10 * STEP_MS);
        struct completion completion = {0};
        CHECK(!transport_take(client, &completion));
        happen(world, arena, rows[i].event, client, id);
        int64_t after_ms = 0;
        bool has_come = false;
        while (!has_come && after_ms < 2 * TIMEOUT_MS) {
            fixture_run_ms(world, STEP_MS / 2);
            after_ms += STEP_MS / 2;
            has_come = transport_take(client, &completion);
        }
        CHECK(has_come == (rows[i].after_ms_max > 0));
        if (has_come) {
            CHECK(after_ms >= rows[i].after_ms_min && after_ms <= rows[i].after_ms_max);
            CHECK(completion.id == id && completion.type == COMPLETION_EXEC);
            CHECK(completion.err.code == rows[i].error);
            CHECK(completion.exit_code == rows[i].exit_code);
            CHECK(!transport_take(client, &completion));
        }
        fixture_run_ms(world, 2 * TIMEOUT_MS);
        CHECK(!transport_take(client, &completion));
    }
}
