/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller against a small scripted API server: it keeps objects, answers at once, tells
 * its watches, plays kubelet for what gets applied, and fails where a test asks for it.
 */
#include "core/controller/controller.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/test.h"
#include "core/base/vec.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/data/yaml_fixture.h"
#include "core/reconcile/plan.h"

enum { START_MS = 1000, STEPS_MAX = 20000 };

struct stored {
    struct sv plural;
    struct cJSON *object; /* replaced on each write, never changed */
};

struct watch {
    uint64_t id;
    struct sv plural;
    bool is_labelled;
};

/* What happens to the next write that is not an event record. */
enum fault {
    FAULT_NONE,
    FAULT_CONFLICT,
    FAULT_INTERNAL,
    FAULT_LOST_REPLY,
    FAULT_LOST_TEST,
    FAULT_BUSY,          /* and says for how long */
    FAULT_MADE_FIRST,    /* one of ours makes the object that is applied first */
    FAULT_FOREIGN_FIRST, /* somebody makes one of that name */
};

enum { BUSY_MS = 30 * 1000 };

struct server {
    struct transport transport; /* first: the controller's handle */
    struct clock clock;
    struct log log; /* the controller's: counted from warnings on */
    int64_t now_ms;
    struct arena *arena;
    VEC(struct stored) objects;
    VEC(struct watch) watches;
    VEC(struct completion) arrived;
    size_t taken;
    uint64_t ids;
    int version;
    enum fault fault;
    bool holds_watch_events;
    const struct cJSON *foreign; /* what somebody made first */
    struct sv fails;             /* the command that does */
    struct sv fights;            /* somebody undoes every write of this kind at once */
    struct sv breaks;  /* every write of this kind fails, each with a message of its own */
    bool runs_all;     /* pods of each runtime, not only of "demo" */
    int64_t resync_ms; /* of the controller */
    int writes, reads, lists, executions, failures, events, refused, warnings;
};

static struct server *server_of(struct transport *transport) {
    return (struct server *)transport;
}

/* --- objects --- */

static struct stored *find(struct server *server, struct sv plural, struct sv ns, struct sv name) {
    for (size_t i = 0; i < server->objects.count; i++) {
        struct stored *stored = &server->objects.items[i];
        if (sv_eq(stored->plural, plural) && sv_eq(object_namespace(stored->object), ns) &&
            sv_eq(object_name(stored->object), name))
            return stored;
    }
    return NULL;
}

static bool is_ours(const struct cJSON *object) {
    return object_label(object, SV("cacheruntime.fluid.io/name")).len > 0;
}

/* `before`, or NULL: what leaves a selection is told as deleted. */
static void tell(struct server *server, struct sv plural, enum watch_event_type type,
                 const struct cJSON *object, const struct cJSON *before) {
    if (server->holds_watch_events)
        return;
    for (size_t i = 0; i < server->watches.count; i++) {
        const struct watch *watch = &server->watches.items[i];
        bool is_selected = !watch->is_labelled || is_ours(object);
        bool was_selected = before && is_ours(before);
        if (sv_eq(watch->plural, plural) && (is_selected || was_selected))
            vec_push(&server->arrived,
                     (struct completion){.id = watch->id,
                                         .type = COMPLETION_WATCH_EVENT,
                                         .event_type = is_selected ? type : WATCH_DELETED,
                                         .body = object});
    }
}

static void store(struct server *server, struct sv plural, struct cJSON *object) {
    struct cJSON *metadata = json_ensure_map(server->arena, object, SV("metadata"));
    json_set_string(server->arena, metadata, SV("resourceVersion"),
                    arena_printf(server->arena, "%d", ++server->version));
    struct stored *before = find(server, plural, object_namespace(object), object_name(object));
    if (!json_get(metadata, SV("uid")))
        json_set_string(server->arena, metadata, SV("uid"),
                        before ? object_uid(before->object)
                               : arena_printf(server->arena, "uid-%d", server->version));
    if (!json_get(metadata, SV("generation")))
        json_set_int(server->arena, metadata, SV("generation"), 1);
    const struct cJSON *replaced = before ? before->object : NULL;
    if (before)
        before->object = object;
    else
        vec_push(&server->objects, (struct stored){plural, object});
    tell(server, plural, before ? WATCH_MODIFIED : WATCH_ADDED, object, replaced);
}

static void add(struct server *server, struct sv plural, const char *text) {
    store(server, plural, fixture_yaml(server->arena, text));
}

/* --- the cluster behind it --- */

static void run_pod(struct server *server, const struct cJSON *set, int64_t index) {
    struct sv component = object_name(set);
    struct sv runtime =
        server->runs_all ? object_label(set, SV("cacheruntime.fluid.io/name")) : SV("demo");
    add(server, SV("pods"),
        arena_printf(server->arena,
                     "{metadata: {name: %.*s-%d, namespace: default,\n"
                     "  labels: {cacheruntime.fluid.io/component-name: %.*s,\n"
                     "   cacheruntime.fluid.io/name: %.*s}},\n"
                     " spec: {nodeName: node-1},\n"
                     " status: {phase: Running, conditions: [{type: Ready, status: 'True'}],\n"
                     "  containerStatuses: [{name: m, containerID: c1, restartCount: 0}]}}\n",
                     SV_ARG(component), (int)index, SV_ARG(component), SV_ARG(runtime))
            .ptr);
}

static void notice_volume(struct server *server, struct sv plural, const struct cJSON *applied) {
    struct cJSON *object = json_copy(server->arena, applied);
    json_set_string(server->arena, json_ensure_map(server->arena, object, SV("status")),
                    SV("phase"), SV("Available"));
    store(server, plural, object);
}

static void settle(struct server *server, struct sv plural, const struct cJSON *applied) {
    if (sv_eq(plural, SV("persistentvolumes")))
        notice_volume(server, plural, applied);
    if (!sv_eq(plural, SV("statefulsets")) && !sv_eq(plural, SV("daemonsets")))
        return;
    int64_t replicas = json_find_int(applied, "spec.replicas", 0);
    struct cJSON *object = json_copy(server->arena, applied);
    struct cJSON *status = json_ensure_map(server->arena, object, SV("status"));
    json_set_int(server->arena, status, SV("observedGeneration"), 1);
    if (sv_eq(plural, SV("statefulsets"))) {
        static const struct sv counts[] = {{"replicas", 8},
                                           {"readyReplicas", 13},
                                           {"availableReplicas", 17},
                                           {"updatedReplicas", 15}};
        for (size_t i = 0; i < COUNT_OF(counts); i++)
            json_set_int(server->arena, status, counts[i], replicas);
    }
    store(server, plural, object);
    for (int64_t i = 0; i < replicas; i++)
        run_pod(server, object, i);
}

/* --- somebody else --- */

static void spoil(struct server *server, struct sv plural, struct sv ns, struct sv name) {
    struct cJSON *object = json_copy(server->arena, find(server, plural, ns, name)->object);
    if (json_get(object, SV("data")))
        json_set(server->arena, object, SV("data"), json_map(server->arena));
    if (json_get(object, SV("status")))
        json_set(server->arena, object, SV("status"), json_map(server->arena));
    store(server, plural, object);
}

/* --- requests --- */

static void answer(struct server *server, uint64_t id, int http_status, const struct cJSON *body) {
    vec_push(&server->arrived,
             (struct completion){
                 .id = id, .type = COMPLETION_RESPONSE, .http_status = http_status, .body = body});
}

static void fail(struct server *server, uint64_t id, int http_status, enum error_code code) {
    struct completion *completion =
        vec_push(&server->arrived, (struct completion){.id = id, .http_status = http_status});
    completion->type = COMPLETION_RESPONSE;
    error_set(&completion->err, code, "as the test asked for");
}

static void list(struct server *server, const struct request *request, uint64_t id) {
    struct cJSON *body = json_map(server->arena);
    struct cJSON *items = json_ensure_list(server->arena, body, SV("items"));
    for (size_t i = 0; i < server->objects.count; i++) {
        const struct stored *stored = &server->objects.items[i];
        if (sv_eq(stored->plural, request->plural) &&
            (!request->label_selector.len || is_ours(stored->object)))
            json_append(items, json_copy(server->arena, stored->object));
    }
    json_set_string(server->arena, json_ensure_map(server->arena, body, SV("metadata")),
                    SV("resourceVersion"), arena_printf(server->arena, "%d", server->version));
    server->lists++;
    answer(server, id, 200, body);
}

static void merge(struct server *server, struct cJSON *target, const struct cJSON *patch) {
    JSON_EACH (member, patch) {
        if (json_is_null(member))
            json_remove(target, json_key(member));
        else if (json_is_map(member))
            merge(server, json_ensure_map(server->arena, target, json_key(member)), member);
        else
            json_set(server->arena, target, json_key(member), json_copy(server->arena, member));
    }
}

/* Labels of nodes only: adds, and removals that are there. */
static void patch_labels(struct server *server, struct cJSON *object, const struct cJSON *steps) {
    struct cJSON *labels = json_ensure_map(
        server->arena, json_ensure_map(server->arena, object, SV("metadata")), SV("labels"));
    JSON_EACH (step, steps) {
        struct sv path = json_find_string(step, "path"), prefix = SV("/metadata/labels/");
        if (!sv_starts_with(path, prefix))
            continue;
        /* A slash in a key is written "~1". */
        struct sv rest = sv_drop(path, prefix.len), first = sv_cut(&rest, '~');
        struct sv key = rest.len ? arena_printf(server->arena, "%.*s/%.*s", SV_ARG(first),
                                                SV_ARG(sv_drop(rest, 1)))
                                 : first;
        struct sv op = json_find_string(step, "op");
        if (sv_eq(op, SV("add")) || sv_eq(op, SV("replace")))
            json_set_string(server->arena, labels, key, json_find_string(step, "value"));
        else if (sv_eq(op, SV("remove")))
            json_remove(labels, key);
    }
}

/* It only waited for finalizers, and the last one is gone. */
static bool is_ended(const struct cJSON *object) {
    return object_is_deleting(object) && json_count(json_find(object, "metadata.finalizers")) == 0;
}

static void end(struct server *server, struct sv plural, const struct cJSON *object) {
    struct stored *stored = find(server, plural, object_namespace(object), object_name(object));
    vec_remove(&server->objects, (size_t)(stored - server->objects.items));
    tell(server, plural, WATCH_DELETED, object, NULL);
}

static bool says_nothing(const struct cJSON *body) {
    return json_count(body) == 3 && json_count(json_get(body, SV("metadata"))) == 2;
}

/* An apply to what somebody made: beside that one, and out of it again when it says nothing. */
static struct cJSON *apply_beside(struct server *server, const struct request *request,
                                  struct cJSON *object) {
    if (server->foreign && says_nothing(request->body))
        return json_copy(server->arena, server->foreign);
    merge(server, object, request->body);
    if (server->foreign)
        json_append(json_find(object, "metadata.managedFields"),
                    fixture_yaml(server->arena, "{manager: ours, operation: Apply}"));
    return object;
}

static void patch(struct server *server, const struct request *request, uint64_t id) {
    struct stored *before = find(server, request->plural, request->namespace_name, request->name);
    if (!before && request->patch_type != PATCH_APPLY) {
        fail(server, id, 404, ERROR_NOT_FOUND);
        return;
    }
    struct sv expected = json_find_string(request->body, "metadata.resourceVersion");
    if (before && expected.len && !sv_eq(expected, object_resource_version(before->object))) {
        server->refused++;
        fail(server, id, 409, ERROR_CONFLICT);
        return;
    }
    struct cJSON *object = json_copy(server->arena, before ? before->object : request->body);
    if (before && request->patch_type == PATCH_JSON)
        patch_labels(server, object, request->body);
    else if (before && request->patch_type == PATCH_APPLY)
        object = apply_beside(server, request, object);
    else if (before)
        merge(server, object, request->body);
    if (is_ended(object)) {
        end(server, request->plural, object);
        answer(server, id, 200, object);
        return;
    }
    store(server, request->plural, object);
    answer(server, id, before ? 200 : 201, object);
    if (request->patch_type == PATCH_APPLY)
        settle(server, request->plural, object);
    if (sv_eq(request->plural, server->fights))
        spoil(server, request->plural, request->namespace_name, request->name);
}

/* Something holds it: until a test ends it, it is being deleted. */
static void begin_deletion(struct server *server, const struct request *request, uint64_t id) {
    const struct stored *stored =
        find(server, request->plural, request->namespace_name, request->name);
    if (!stored) {
        fail(server, id, 404, ERROR_NOT_FOUND);
        return;
    }
    struct cJSON *object = json_copy(server->arena, stored->object);
    json_set_string(server->arena, json_get(object, SV("metadata")), SV("deletionTimestamp"),
                    SV("2026-01-01T00:01:00Z"));
    store(server, request->plural, object);
    answer(server, id, 200, object);
}

static void execute(struct server *server, const struct request *request, uint64_t id) {
    static const char *const outputs[][2] = {
        {"mount.sh", "{\"mounted\":[\"/m\"]}"},
        {"report.sh", "{\"cached\":\"1GiB\",\"cachedPercentage\":\"45.6\"}"},
    };
    struct sv output = SV("");
    for (size_t i = 0; i < COUNT_OF(outputs); i++)
        if (sv_eq(request->exec.command[0], sv_from(outputs[i][0])))
            output = sv_from(outputs[i][1]);
    bool has_failed = sv_eq(request->exec.command[0], server->fails);
    server->executions++;
    server->failures += has_failed;
    vec_push(&server->arrived, (struct completion){.id = id,
                                                   .type = COMPLETION_EXEC,
                                                   .exit_code = has_failed,
                                                   .stdout_bytes = output,
                                                   .stderr_bytes = SV("")});
}

static void make_first(struct server *server, const struct request *request) {
    struct cJSON *object = json_copy(server->arena, request->body), *metadata;
    json_remove(object, SV("data"));
    json_remove(object, SV("metadata"));
    metadata = json_ensure_map(server->arena, object, SV("metadata"));
    json_set_string(server->arena, metadata, SV("name"), request->name);
    json_set_string(server->arena, metadata, SV("namespace"), request->namespace_name);
    json_append(json_ensure_list(server->arena, metadata, SV("managedFields")),
                fixture_yaml(server->arena, "{manager: somebody, operation: Update}"));
    store(server, request->plural, object);
    server->foreign = object;
}

static void write(struct server *server, const struct request *request, uint64_t id) {
    enum fault fault = server->fault;
    bool is_apply = request->patch_type == PATCH_APPLY;
    if ((fault == FAULT_LOST_TEST && !sv_eq(request->plural, SV("nodes"))) ||
        (fault >= FAULT_MADE_FIRST && !is_apply))
        fault = FAULT_NONE; /* meets the first patch of a node, or the first object */
    else
        server->fault = FAULT_NONE;
    server->writes++;
    if (fault == FAULT_BUSY) {
        fail(server, id, 429, ERROR_TOO_MANY_REQUESTS);
        server->arrived.items[server->arrived.count - 1].retry_after_ms = BUSY_MS;
        return;
    }
    if (sv_eq(request->plural, server->breaks)) {
        fail(server, id, 500, ERROR_INTERNAL);
        error_set(&server->arrived.items[server->arrived.count - 1].err, ERROR_INTERNAL,
                  "request %d failed", (int)id);
        return;
    }
    if (fault == FAULT_MADE_FIRST)
        store(server, request->plural, json_copy(server->arena, request->body));
    if (fault == FAULT_FOREIGN_FIRST)
        make_first(server, request);
    if (fault == FAULT_LOST_TEST) {
        fail(server, id, 422, ERROR_INVALID);
        return;
    }
    if (fault == FAULT_CONFLICT || fault == FAULT_INTERNAL) {
        bool is_conflict = fault == FAULT_CONFLICT;
        fail(server, id, is_conflict ? 409 : 500, is_conflict ? ERROR_CONFLICT : ERROR_INTERNAL);
        return;
    }
    size_t at = server->arrived.count;
    patch(server, request, id);
    if (fault != FAULT_LOST_REPLY)
        return;
    for (size_t i = at; i < server->arrived.count; i++)
        if (server->arrived.items[i].id == id)
            vec_remove(&server->arrived, i), i--;
    fail(server, id, 0, ERROR_TIMEOUT);
}

/* Kinds that the cluster does not have. */
static bool is_missing(const struct request *request) {
    return sv_eq(request->group, SV("apps.kruise.io")) ||
           sv_eq(request->group, SV("workload.fluid.io"));
}

static uint64_t start(struct transport *transport, const struct request *request) {
    struct server *server = server_of(transport);
    uint64_t id = ++server->ids;
    if (sv_eq(request->plural, SV("events"))) {
        server->events++;
    } else if (is_missing(request)) {
        fail(server, id, 404, ERROR_NOT_FOUND);
    } else if (request->verb == VERB_LIST) {
        list(server, request, id);
    } else if (request->verb == VERB_WATCH) {
        vec_push(&server->watches, (struct watch){id, arena_copy(server->arena, request->plural),
                                                  request->label_selector.len > 0});
    } else if (request->verb == VERB_EXEC) {
        execute(server, request, id);
    } else if (request->verb == VERB_PATCH) {
        write(server, request, id);
    } else if (request->verb == VERB_GET) {
        const struct stored *stored =
            find(server, request->plural, request->namespace_name, request->name);
        server->reads++;
        if (stored)
            answer(server, id, 200, stored->object);
        else
            fail(server, id, 404, ERROR_NOT_FOUND);
    } else if (request->verb == VERB_DELETE) {
        begin_deletion(server, request, id);
    } else {
        fail(server, id, 405, ERROR_UNSUPPORTED);
    }
    return id;
}

static bool take(struct transport *transport, struct completion *ret_completion) {
    struct server *server = server_of(transport);
    if (server->taken == server->arrived.count)
        return false;
    *ret_completion = server->arrived.items[server->taken++];
    return true;
}

static void cancel(struct transport *transport, uint64_t id) {
    struct server *server = server_of(transport);
    for (size_t i = 0; i < server->watches.count; i++)
        if (server->watches.items[i].id == id)
            vec_remove(&server->watches, i), i--;
    for (size_t i = server->taken; i < server->arrived.count; i++)
        if (server->arrived.items[i].id == id)
            vec_remove(&server->arrived, i), i--;
}

static int64_t now_of(struct clock *clock) {
    return ((struct server *)((char *)clock - offsetof(struct server, clock)))->now_ms;
}

static void server_init(struct server *server) {
    *server = (struct server){
        .transport = {.start = start, .take = take, .cancel = cancel},
        .clock = {.now_ms = now_of},
        .now_ms = 1767225600000,
        .arena = arena_new(),
        .version = START_MS,
        .fails = SV(""),
        .resync_ms = 600 * 1000,
    };
    add(server, SV("nodes"), "{metadata: {name: node-1}}");
    add(server, SV("cacheruntimeclasses"),
        "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntimeClass,\n"
        " metadata: {name: demo-class}, fileSystemType: demofs,\n"
        " topology: {master: {service: {headless: {}}, template: {spec: {containers: [{name: m,\n"
        "   image: i}]}}, executionEntries: {mountUFS: {command: [mount.sh]},\n"
        "   reportSummary: {command: [report.sh]}}},\n"
        "  worker: {template: {spec: {containers: [{name: w, image: i}]}}},\n"
        "  client: {template: {spec: {containers: [{name: c, image: i,\n"
        "   securityContext: {privileged: true}}]}}}}}\n");
    add(server, SV("datasets"),
        "{apiVersion: data.fluid.io/v1alpha1, kind: Dataset,\n"
        " metadata: {name: demo, namespace: default},\n"
        " spec: {mounts: [{mountPoint: 's3://bkt/', name: m}]}}\n");
    add(server, SV("cacheruntimes"),
        "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntime,\n"
        " metadata: {name: demo, namespace: default,\n"
        "  creationTimestamp: '2026-01-01T00:00:00Z'},\n"
        " spec: {runtimeClassName: demo-class, worker: {replicas: 2}}}\n");
}

static void server_release(struct server *server) {
    vec_release(&server->objects);
    vec_release(&server->watches);
    vec_release(&server->arrived);
    arena_free(server->arena);
}

static void count_warning(struct log *log, enum log_level level, struct sv line) {
    struct server *server = (struct server *)((char *)log - offsetof(struct server, log));
    (void)level, (void)line;
    server->warnings++;
}

static struct controller *new_controller_of(struct server *server, bool is_dry_run) {
    server->log = (struct log){.write = count_warning, .level_max = LOG_WARNING};
    return controller_new(&(struct controller_options){
        .transport = &server->transport,
        .clock = &server->clock,
        .log = &server->log,
        .seed = 1,
        .reconcile = {.mount_root = SV("/runtime-mnt"),
                      .field_manager = SV("cacheruntime-controller"),
                      .owns_datasets = true,
                      .resync_ms = server->resync_ms},
        .identity = SV("test"),
        .is_dry_run = is_dry_run,
    });
}

static struct controller *new_controller(struct server *server) {
    return new_controller_of(server, false);
}

/* Lets virtual time jump from deadline to deadline, for `duration_ms` of it. */
static void run(struct server *server, struct controller *controller, int64_t duration_ms) {
    int64_t end_ms = server->now_ms + duration_ms;
    for (int i = 0; i < STEPS_MAX && server->now_ms < end_ms; i++) {
        int64_t next_ms = controller_step(controller);
        if (server->taken < server->arrived.count || next_ms <= server->now_ms)
            continue;
        server->now_ms = next_ms < end_ms ? next_ms : end_ms;
    }
    CHECK(server->now_ms == end_ms);
}

static struct sv dataset_phase(struct server *server) {
    return json_find_string(find(server, SV("datasets"), SV("default"), SV("demo"))->object,
                            "status.phase");
}

/* --- tests --- */

enum { MINUTE_MS = 60 * 1000 };

TEST(a_runtime_becomes_bound_and_then_nothing_is_written) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    CHECK(controller_is_synced(controller));
    CHECK_SV(dataset_phase(&server), SV("Bound"));
    CHECK(server.executions > 0);
    CHECK(server.refused == 0); /* reads its own writes */

    struct controller_stats stats;
    controller_get_stats(controller, &stats);
    CHECK(stats.writes == (uint64_t)server.writes);
    int writes = server.writes;
    run(&server, controller, 5 * MINUTE_MS);
    CHECK(server.writes <= writes + 10); /* the periodic report, not a fight */
    controller_free(controller);
    server_release(&server);
}

/* Although no watch tells of anything: ten minutes apart unless it is said otherwise, half of that
 * more or less. Nothing comes of it. */
TEST(everything_is_compared_every_so_often) {
    static const struct {
        int64_t resync_ms, period_ms;
    } cases[] = {{0, 10 * MINUTE_MS}, {10 * MINUTE_MS, 10 * MINUTE_MS}, {MINUTE_MS, MINUTE_MS}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct server server;
        server_init(&server);
        server.resync_ms = cases[i].resync_ms;
        const struct stored *class =
            find(&server, SV("cacheruntimeclasses"), SV(""), SV("demo-class"));
        json_remove(json_find(class->object, "topology.master.executionEntries"),
                    SV("reportSummary"));
        struct controller *controller = new_controller(&server);
        run(&server, controller, 2 * MINUTE_MS);
        CHECK_SV(dataset_phase(&server), SV("Bound"));
        struct controller_stats before, after;
        controller_get_stats(controller, &before);
        int writes = server.writes, executions = server.executions;
        run(&server, controller, 100 * cases[i].period_ms);
        controller_get_stats(controller, &after);
        CHECK(after.plans - before.plans >= 80 && after.plans - before.plans <= 125);
        CHECK(after.empty_plans - before.empty_plans == after.plans - before.plans);
        CHECK(server.writes == writes && server.executions == executions);
        controller_free(controller);
        server_release(&server);
    }
}

static int64_t worker_replicas(struct server *server) {
    const struct stored *set = find(server, SV("statefulsets"), SV("default"), SV("demo-worker"));
    return json_find_int(set->object, "spec.replicas", 0);
}

static void edit_workers(struct server *server, int count) {
    const struct stored *runtime = find(server, SV("cacheruntimes"), SV("default"), SV("demo"));
    struct cJSON *object = json_copy(server->arena, runtime->object);
    json_set_int(server->arena, json_get(object, SV("metadata")), SV("generation"),
                 object_generation(object) + 1);
    json_set_int(server->arena, json_find(object, "spec.worker"), SV("replicas"), count);
    store(server, SV("cacheruntimes"), object);
}

/* Whoever fights is written against more and more rarely; what users ask for comes at once. */
TEST(a_fight_does_not_hold_up_what_users_ask_for) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    server.fights = SV("configmaps");
    spoil(&server, SV("configmaps"), SV("default"), SV("fluid-runtime-config-demo"));
    run(&server, controller, 20 * MINUTE_MS);
    int writes = server.writes;
    run(&server, controller, MINUTE_MS);
    CHECK(server.writes <= writes + 5);

    edit_workers(&server, 3);
    run(&server, controller, 2000);
    CHECK(worker_replicas(&server) == 3);
    writes = server.writes;
    run(&server, controller, 20 * MINUTE_MS);
    CHECK(server.writes <= writes + 60); /* the fight goes on, and slows down again */
    controller_free(controller);
    server_release(&server);
}

static bool is_spoiled(struct server *server) {
    const struct cJSON *object =
        find(server, SV("configmaps"), SV("default"), SV("fluid-runtime-config-demo"))->object;
    return json_count(json_get(object, SV("data"))) == 0;
}

/* The controller has come to rest each time, and never loses twice in a row. */
TEST(a_fight_with_somebody_who_takes_his_time_slows_down) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    int writes = server.writes, warnings = server.warnings;
    for (int i = 0; i < 1000; i++) {
        if (!is_spoiled(&server))
            spoil(&server, SV("configmaps"), SV("default"), SV("fluid-runtime-config-demo"));
        run(&server, controller, 300);
    }
    CHECK(server.writes > writes + 20 && server.writes <= writes + 35);
    CHECK(server.warnings == warnings + 1);
    /* It ends, and much later somebody does so once more. */
    run(&server, controller, 20 * MINUTE_MS);
    CHECK(!is_spoiled(&server));
    spoil(&server, SV("configmaps"), SV("default"), SV("fluid-runtime-config-demo"));
    run(&server, controller, 1000);
    CHECK(!is_spoiled(&server));
    controller_free(controller);
    server_release(&server);
}

/* A class has a status once it was rolled out. */
static void edit_class(struct server *server) {
    struct sv plural = SV("cacheruntimeclasses"), name = SV("demo-class");
    struct cJSON *object = json_copy(server->arena, find(server, plural, SV(""), name)->object);
    json_set_int(server->arena, json_get(object, SV("metadata")), SV("generation"), 2);
    json_set_string(server->arena, json_find(object, "topology.worker.template.spec.containers.0"),
                    SV("image"), SV("j"));
    store(server, plural, object);
}

TEST(a_fight_over_the_status_of_a_class_slows_down) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    edit_class(&server);
    run(&server, controller, 2 * MINUTE_MS);
    server.fights = SV("cacheruntimeclasses");
    spoil(&server, server.fights, SV(""), SV("demo-class"));
    run(&server, controller, 20 * MINUTE_MS);
    int writes = server.writes;
    run(&server, controller, 10 * MINUTE_MS);
    CHECK(server.writes > writes); /* it goes on */
    CHECK(server.writes <= writes + 20);
    controller_free(controller);
    server_release(&server);
}

/* Pods of these never run, since the cluster of this test runs those of "demo" only. */
static void add_hanging_runtime(struct server *server, int number) {
    add(server, SV("datasets"),
        arena_printf(server->arena,
                     "{metadata: {name: hangs-%d, namespace: default},\n"
                     " spec: {mounts: [{mountPoint: 's3://bkt/', name: m}]}}\n",
                     number)
            .ptr);
    add(server, SV("cacheruntimes"),
        arena_printf(server->arena,
                     "{metadata: {name: hangs-%d, namespace: default},\n"
                     " spec: {runtimeClassName: demo-class, worker: {replicas: 1}}}\n",
                     number)
            .ptr);
}

/* Runtimes for which something was made. */
static size_t begun_count(const struct server *server) {
    size_t count = 0;
    for (size_t i = 0; i < server->objects.count; i++)
        count += sv_eq(server->objects.items[i].plural, SV("configmaps"));
    return count;
}

/* Work goes depth-first, but those that never become ready hold nobody up for long. */
TEST(runtimes_that_hang_do_not_hold_up_others) {
    enum { HANGING = 300, FEW = 100 };
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, MINUTE_MS);
    size_t begun_before = begun_count(&server);
    for (int i = 0; i < HANGING; i++)
        add_hanging_runtime(&server, i);
    run(&server, controller, 200);
    size_t begun_at_first = begun_count(&server) - begun_before;
    CHECK(begun_at_first > 0 && begun_at_first <= FEW);
    CHECK(!controller_is_idle(controller));
    run(&server, controller, 10 * 1000);
    CHECK(begun_count(&server) - begun_before == HANGING);
    controller_free(controller);
    server_release(&server);
}

static bool tells(const struct controller *controller, const char *line) {
    struct buf text;
    buf_init(&text, 1024 * 1024);
    bool fits = controller_write_metrics(controller, &text);
    bool has = fits && sv_contains(buf_view(&text), sv_from(line));
    buf_release(&text);
    return has;
}

TEST(metrics_tell_what_became_of_a_runtime) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    CHECK(tells(controller, "\ncacheruntime_bind_duration_seconds_count 0\n"));
    server.fault = FAULT_INTERNAL;
    run(&server, controller, 2 * MINUTE_MS);
    static const char *const lines[] = {
        "\ncacheruntime_bind_duration_seconds_count 1\n",
        "\ncacheruntime_exec_duration_seconds_count{entry=\"mountUFS\"} 1\n",
        "\ncacheruntime_exec_failures_total{entry=\"mountUFS\"} 0\n",
        "\ncacheruntime_phase{phase=\"Ready\"} 1\n",
        "\ncacheruntime_dataset_phase{phase=\"Bound\"} 1\n",
        "\ncontroller_runtime_reconcile_errors_total{controller=\"cacheruntime\"} 1\n",
        "\nworkqueue_retries_total{name=\"cacheruntime\",controller=\"cacheruntime\"} 1\n",
        "\nworkqueue_depth{name=\"cacheruntime\",controller=\"cacheruntime\"} 0\n",
        "\nruntime_setup_error_total{runtime_type=\"cacheruntime\",runtime=\"default/demo\"} 1\n",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        CHECK_SV(sv_from(tells(controller, lines[i]) ? lines[i] : ""), sv_from(lines[i]));
    controller_free(controller);
    server_release(&server);
}

/* Monitoring that was made for upstream and for client-go goes on working. */
TEST(metrics_have_the_names_that_others_know) {
    static const char *const lines[] = {
        "\n# TYPE workqueue_adds_total counter\n",
        "\n# TYPE workqueue_queue_duration_seconds histogram\n",
        "\n# TYPE workqueue_work_duration_seconds histogram\n",
        "\n# TYPE workqueue_unfinished_work_seconds gauge\n",
        "\n# TYPE workqueue_longest_running_processor_seconds gauge\n",
        "\n# TYPE controller_runtime_reconcile_total counter\n",
        "\n# TYPE controller_runtime_reconcile_time_seconds histogram\n",
        "\n# TYPE controller_runtime_active_workers gauge\n",
        "\n# TYPE cacheruntime_reconcile_duration_seconds histogram\n",
        "\n# TYPE runtime_setup_error_total counter\n",
        "\n# TYPE runtime_sync_healthcheck_error_total counter\n",
        "\n# TYPE dataset_ufs_file_num gauge\n",
        "\n# TYPE dataset_ufs_total_size gauge\n",
    };
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        CHECK_SV(sv_from(tells(controller, lines[i]) ? lines[i] : ""), sv_from(lines[i]));
    controller_free(controller);
    server_release(&server);
}

/* What fails before the Dataset is bound, and what fails of a cache that serves. */
TEST(metrics_tell_errors_of_setup_from_those_of_health) {
    struct server server;
    server_init(&server);
    struct cJSON *entries =
        json_find(find(&server, SV("cacheruntimeclasses"), SV(""), SV("demo-class"))->object,
                  "topology.master.executionEntries");
    json_set(server.arena, entries, SV("checkRuntimeReady"),
             fixture_yaml(server.arena, "{command: [check.sh]}"));
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    CHECK(tells(controller, "\ncacheruntime_bind_duration_seconds_bucket{le=\"5\"} 1\n"));
    server.fails = SV("check.sh");
    spoil(&server, SV("configmaps"), SV("default"), SV("fluid-runtime-config-demo"));
    server.fault = FAULT_INTERNAL;
    run(&server, controller, 20 * MINUTE_MS);
    CHECK(server.failures > 1);
    static const char *const series[] = {
        "cacheruntime_exec_failures_total{entry=\"checkRuntimeReady\"}",
        "runtime_sync_healthcheck_error_total{runtime_type=\"cacheruntime\",runtime=\"default/"
        "demo\"}",
    };
    for (size_t i = 0; i < COUNT_OF(series); i++) {
        struct sv line = arena_printf(server.arena, "\n%s %d\n", series[i], server.failures);
        CHECK_SV(tells(controller, line.ptr) ? line : SV(""), line);
    }
    CHECK(tells(controller, "_reconcile_total{controller=\"cacheruntime\",result=\"error\"} 1\n"));
    CHECK(!tells(controller, "{controller=\"cacheruntime\",result=\"success\"} 0\n"));
    CHECK(!tells(controller, "\nruntime_setup_error_total{"));
    controller_free(controller);
    server_release(&server);
}

/* It knows best when it will have time. */
TEST(a_busy_server_is_asked_again_when_it_says) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    spoil(&server, SV("configmaps"), SV("default"), SV("fluid-runtime-config-demo"));
    server.fault = FAULT_BUSY;
    run(&server, controller, BUSY_MS - 1000);
    CHECK(server.fault == FAULT_NONE);
    CHECK(is_spoiled(&server));
    run(&server, controller, 2000);
    CHECK(!is_spoiled(&server));
    controller_free(controller);
    server_release(&server);
}

/* Of what was not there a moment ago the answer says that it was: that is no creation of ours, and
 * the round has failed. */
TEST(what_somebody_made_first_was_not_created) {
    static const char *const lines[] = {
        "\ncontroller_runtime_reconcile_errors_total{controller=\"cacheruntime\"} 0\n",
        "\ncontroller_runtime_reconcile_errors_total{controller=\"cacheruntime\"} 1\n",
    };
    for (size_t is_first = 0; is_first < COUNT_OF(lines); is_first++) {
        struct server server;
        server_init(&server);
        struct controller *controller = new_controller(&server);
        server.fault = is_first ? FAULT_MADE_FIRST : FAULT_NONE;
        run(&server, controller, 5 * MINUTE_MS);
        CHECK(server.fault == FAULT_NONE);
        CHECK_SV(dataset_phase(&server), SV("Bound"));
        CHECK(tells(controller, lines[is_first]));
        controller_free(controller);
        server_release(&server);
    }
}

/* Between our look and our write: what is ours in it is taken out, or the next look would take it
 * for ours. */
TEST(what_somebody_else_made_first_is_given_back_as_it_was) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    server.fault = FAULT_FOREIGN_FIRST;
    run(&server, controller, 5 * MINUTE_MS);
    CHECK(server.fault == FAULT_NONE);
    const struct cJSON *foreign =
        find(&server, SV("configmaps"), SV("default"), SV("fluid-runtime-config-demo"))->object;
    CHECK(!json_get(foreign, SV("data")));
    CHECK(!json_find(foreign, "metadata.ownerReferences"));
    CHECK(!json_find(foreign, "metadata.labels"));
    CHECK(json_count(json_find(foreign, "metadata.managedFields")) == 1);
    const struct cJSON *runtime =
        find(&server, SV("cacheruntimes"), SV("default"), SV("demo"))->object;
    CHECK_SV(json_find_string(object_condition(runtime, SV("Stalled")), "reason"),
             SV("ForeignObject"));
    controller_free(controller);
    server_release(&server);
}

/* Each write fails once, in each way: it ends the same. */
TEST(every_failed_write_is_made_up_for) {
    for (enum fault fault = FAULT_CONFLICT; fault <= FAULT_LOST_REPLY; fault++) {
        for (int nth = 1; nth <= 12; nth++) {
            struct server server;
            server_init(&server);
            struct controller *controller = new_controller(&server);
            for (int i = 0; i < STEPS_MAX && server.writes < nth - 1; i++) {
                int64_t next_ms = controller_step(controller);
                if (next_ms > server.now_ms && server.taken == server.arrived.count)
                    server.now_ms = next_ms;
            }
            server.fault = fault;
            run(&server, controller, 5 * MINUTE_MS);
            CHECK(server.fault == FAULT_NONE);
            CHECK_SV(dataset_phase(&server), SV("Bound"));
            controller_free(controller);
            server_release(&server);
        }
    }
}

static const struct {
    enum fault fault;
    bool lasts, is_warned;
} warned[] = {
    {FAULT_CONFLICT, false, false},
    {FAULT_CONFLICT, true, true},
    {FAULT_INTERNAL, false, true},
    {FAULT_LOST_TEST, false, false},
};

TEST(what_the_next_look_settles_is_no_warning) {
    for (size_t i = 0; i < COUNT_OF(warned); i++) {
        struct server server;
        server_init(&server);
        struct controller *controller = new_controller(&server);
        server.fault = warned[i].fault;
        for (int round = 0; round < 5 && warned[i].lasts; round++) {
            for (int step = 0; step < STEPS_MAX && server.fault != FAULT_NONE; step++) {
                int64_t next_ms = controller_step(controller);
                if (next_ms > server.now_ms && server.taken == server.arrived.count)
                    server.now_ms = next_ms;
            }
            server.fault = warned[i].fault;
        }
        run(&server, controller, 5 * MINUTE_MS);
        CHECK(server.fault == FAULT_NONE);
        CHECK(warned[i].is_warned == (server.warnings > 0));
        CHECK_SV(dataset_phase(&server), SV("Bound"));
        controller_free(controller);
        server_release(&server);
    }
}

/* Troubles that are over make the next one no longer. */
TEST(a_write_that_goes_through_ends_the_back_off) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    for (int i = 0; i < 8; i++) {
        run(&server, controller, 20 * MINUTE_MS);
        spoil(&server, SV("configmaps"), SV("default"), SV("fluid-runtime-config-demo"));
        server.fault = FAULT_INTERNAL;
        run(&server, controller, 5 * 1000);
        CHECK(server.fault == FAULT_NONE);
        CHECK(!is_spoiled(&server));
    }
    controller_free(controller);
    server_release(&server);
}

TEST(a_dry_run_reads_and_writes_nothing) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller_of(&server, true);
    run(&server, controller, 20 * MINUTE_MS);
    CHECK(server.reads > 0);
    CHECK(server.writes == 0 && server.executions == 0);
    controller_free(controller);
    server_release(&server);
}

static bool node_serves(struct server *server, const char *runtime) {
    const struct cJSON *node = find(server, SV("nodes"), SV(""), SV("node-1"))->object;
    return object_label(node, arena_printf(server->arena, "fluid.io/s-default-%s", runtime)).len >
           0;
}

static bool is_bound(struct server *server, const char *name) {
    const struct cJSON *dataset =
        find(server, SV("datasets"), SV("default"), sv_from(name))->object;
    return sv_eq(json_find_string(dataset, "status.phase"), SV("Bound"));
}

/* Each is to write the node when the one before it has, and does not wait for longer. */
TEST(runtimes_that_share_a_node_write_it_one_after_the_other) {
    static const char *const names[] = {"demo", "hangs-1", "hangs-2", "hangs-3"};
    struct server server;
    server_init(&server);
    server.runs_all = true;
    for (int i = 1; i < (int)COUNT_OF(names); i++)
        add_hanging_runtime(&server, i);
    struct controller *controller = new_controller(&server);
    bool are_bound = false, serves_all = true;
    for (int i = 0; i < 600 && !are_bound; i++) {
        run(&server, controller, 100);
        are_bound = true;
        for (size_t k = 0; k < COUNT_OF(names); k++)
            are_bound = are_bound && is_bound(&server, names[k]);
    }
    CHECK(are_bound);
    run(&server, controller, 100);
    for (size_t k = 0; k < COUNT_OF(names); k++)
        serves_all = serves_all && node_serves(&server, names[k]);
    CHECK(serves_all);
    CHECK(server.refused == 0);
    controller_free(controller);
    server_release(&server);
}

TEST(a_restarted_controller_finds_its_work_done) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    controller_free(controller);
    int applied = (int)server.objects.count;

    controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    CHECK_SV(dataset_phase(&server), SV("Bound"));
    CHECK((int)server.objects.count == applied);
    controller_free(controller);
    server_release(&server);
}

/* The watches fall silent: the answers to its own writes still carry it, and it does not repeat
 * them at once. */
TEST(own_writes_are_seen_before_the_watch_tells_of_them) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 10);
    server.holds_watch_events = true;
    int writes = server.writes;
    run(&server, controller, 5 * 1000);
    CHECK(server.writes - writes < 20);
    controller_free(controller);
    server_release(&server);
}

/* The answer to the write that took the last finalizer shows the object once more; it is gone all
 * the same, whether the watch has told of that before or is late. */
static void check_end_is_seen(bool watch_is_late) {
    struct server server;
    struct controller_stats stats;
    server_init(&server);
    end(&server, SV("cacheruntimes"),
        find(&server, SV("cacheruntimes"), SV("default"), SV("demo"))->object);
    struct controller *controller = new_controller(&server);
    run(&server, controller, MINUTE_MS);
    controller_get_stats(controller, &stats);
    size_t before = stats.objects;
    struct stored *dataset = find(&server, SV("datasets"), SV("default"), SV("demo"));
    struct cJSON *deleting = json_copy(server.arena, dataset->object);
    CHECK(json_count(json_find(deleting, "metadata.finalizers")) == 1);
    json_set_string(server.arena, json_get(deleting, SV("metadata")), SV("deletionTimestamp"),
                    SV("2026-01-01T00:01:00Z"));
    store(&server, SV("datasets"), deleting);
    server.holds_watch_events = watch_is_late;
    run(&server, controller, 5 * 1000);
    CHECK(!find(&server, SV("datasets"), SV("default"), SV("demo")));
    controller_get_stats(controller, &stats);
    CHECK(stats.runtimes == 0);
    CHECK(stats.objects == before - !watch_is_late);
    controller_free(controller);
    server_release(&server);
}

TEST(what_ended_with_its_last_finalizer_is_not_seen_again) {
    check_end_is_seen(false);
    check_end_is_seen(true);
}

/* Ever more rarely, the longer they have used it; and the claim's end is seen at once. */
TEST(pods_that_use_a_claim_are_looked_for_more_and_more_rarely) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    add(&server, SV("pods"),
        "{metadata: {name: app, namespace: default}, status: {phase: Running},\n"
        " spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: demo}}]}}");
    struct request request = {
        .plural = SV("cacheruntimes"), .namespace_name = SV("default"), .name = SV("demo")};
    begin_deletion(&server, &request, ++server.ids);
    static const struct {
        int64_t minutes;
        int least, most;
    } spans[] = {{1, 7, 12}, {3, 6, 12}, {60, 55, 65}};
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        int lists = server.lists;
        run(&server, controller, spans[i].minutes * MINUTE_MS);
        CHECK(server.lists - lists >= spans[i].least && server.lists - lists <= spans[i].most);
    }
    struct stored *claim = find(&server, SV("persistentvolumeclaims"), SV("default"), SV("demo"));
    CHECK(object_is_deleting(claim->object));
    int lists = server.lists;
    end(&server, SV("persistentvolumeclaims"), claim->object);
    run(&server, controller, 1000);
    CHECK(object_is_deleting(
        find(&server, SV("persistentvolumes"), SV(""), SV("default-demo"))->object));
    CHECK(server.lists == lists);
    controller_free(controller);
    server_release(&server);
}

TEST(an_expired_watch_is_listed_again) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    int lists = server.lists;
    for (size_t i = 0; i < server.watches.count; i++) {
        if (!sv_eq(server.watches.items[i].plural, SV("datasets")))
            continue;
        struct completion *end =
            vec_push(&server.arrived, (struct completion){.id = server.watches.items[i].id});
        end->type = COMPLETION_WATCH_END;
        error_set(&end->err, ERROR_EXPIRED, "too old resource version");
        vec_remove(&server.watches, i);
        i--;
    }
    run(&server, controller, MINUTE_MS);
    CHECK(server.lists == lists + 1);
    struct controller_stats stats;
    controller_get_stats(controller, &stats);
    CHECK(stats.relists == 1);
    CHECK_SV(dataset_phase(&server), SV("Bound"));
    controller_free(controller);
    server_release(&server);
}

/* As the StatefulSet's controller does while pods come up. */
static void count_ready(struct server *server, const char *name, int ready) {
    struct stored *stored = find(server, SV("statefulsets"), SV("default"), sv_from(name));
    struct cJSON *set = json_copy(server->arena, stored->object);
    json_set_int(server->arena, json_get(set, SV("status")), SV("readyReplicas"), ready);
    store(server, SV("statefulsets"), set);
}

/* Somebody deletes it and makes one of his own. */
static void make_foreign(struct server *server, struct sv plural, const char *name) {
    struct stored *stored = find(server, plural, SV("default"), sv_from(name));
    tell(server, plural, WATCH_DELETED, stored->object, NULL);
    add(server, plural,
        arena_printf(server->arena, "{metadata: {name: %s, namespace: default, uid: other}}", name)
            .ptr);
}

/* What fails is tried ever more rarely, until something changes. That it is told, each time in
 * other words, is no change. */
TEST(a_change_that_is_not_ours_makes_tries_come_sooner) {
    for (int changes = 0; changes < 2; changes++) {
        struct server server;
        server_init(&server);
        struct controller *controller = new_controller(&server);
        run(&server, controller, 2 * MINUTE_MS);
        struct stored *runtime = find(&server, SV("cacheruntimes"), SV("default"), SV("demo"));
        struct cJSON *edited = json_copy(server.arena, runtime->object);
        json_set_int(server.arena, json_find(edited, "spec.worker"), SV("replicas"), 3);
        json_set_int(server.arena, json_get(edited, SV("metadata")), SV("generation"), 2);
        server.breaks = SV("statefulsets");
        store(&server, SV("cacheruntimes"), edited);
        int writes = server.writes;
        run(&server, controller, 60 * MINUTE_MS);
        CHECK(server.writes - writes < 50);
        if (changes)
            count_ready(&server, "demo-worker", 1);
        run(&server, controller, 1500);
        server.breaks = SV("");
        run(&server, controller, 5000);
        const struct stored *workers =
            find(&server, SV("statefulsets"), SV("default"), SV("demo-worker"));
        CHECK((json_find_int(workers->object, "spec.replicas", -1) == 3) == (changes > 0));
        controller_free(controller);
        server_release(&server);
    }
}

/* Looking for what stalls it ever more rarely delays nothing else. */
TEST(a_stalled_runtime_tells_of_its_pods_in_time) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    make_foreign(&server, SV("services"), "svc-demo-master");
    run(&server, controller, 5 * MINUTE_MS);
    for (int i = 0; i < 10; i++) {
        count_ready(&server, "demo-worker", 1 + i % 2);
        run(&server, controller, 100);
    }
    run(&server, controller, 16 * 1000);
    const struct cJSON *runtime =
        find(&server, SV("cacheruntimes"), SV("default"), SV("demo"))->object;
    CHECK_SV(json_find_string(object_condition(runtime, SV("Stalled")), "reason"),
             SV("ForeignObject"));
    CHECK(json_find_int(runtime, "status.worker.readyReplicas", -1) == 2);
    controller_free(controller);
    server_release(&server);
}

TEST(explains_what_it_knows_and_nothing_else) {
    struct server server;
    server_init(&server);
    struct controller *controller = new_controller(&server);
    run(&server, controller, 2 * MINUTE_MS);
    AUTO(arena) arena = arena_new();
    struct plan plan;
    CHECK(controller_plan(controller, SV("default"), SV("demo"), arena, &plan));
    CHECK(plan.gates[GATE_BOUND].is_open);
    CHECK(!controller_plan(controller, SV("default"), SV("other"), arena, &plan));
    controller_free(controller);
    server_release(&server);
}
