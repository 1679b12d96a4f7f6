/* SPDX-License-Identifier: Apache-2.0 */
/* crctl status: the runtimes of a cluster as a table, once or whenever it changes. */
#include "conformance/cmd/command.h"
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/platform/cluster_clients.h"
#include "core/platform/event_loop.h"

#include <unistd.h>

enum {
    TEXT_BYTES_MAX = 64 * 1024 * 1024,
    PAGE_ITEMS = 500,
    COLUMN_COUNT = 10,
    ANSWER_MS_MAX = 60 * 1000,
    /* Changes come in bursts; and a server that is away is asked again. */
    BURST_MS = 250,
    AGAIN_MS = 2000,
};

enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_NAME };

struct status_options {
    struct sv kubeconfig, context, namespace_name;
    int output; /* enum output */
    bool watches, all_namespaces;
};

struct status {
    const struct status_options *options;
    struct event_loop *loop;
    struct cluster_clients *clients;
    struct transport *transport;
};

struct row {
    struct sv cells[COLUMN_COUNT];
};

static const struct row header = {{
    {"NAMESPACE", 9},
    {"NAME", 4},
    {"CLASS", 5},
    {"PHASE", 5},
    {"MASTER", 6},
    {"WORKER", 6},
    {"CLIENT", 6},
    {"CACHED", 6},
    {"AGE", 3},
    {"WAITS FOR", 9},
}};

static const char *const json_keys[COLUMN_COUNT] = {"namespace", "name",    "class",  "phase",
                                                    "master",    "worker",  "client", "cached",
                                                    "age",       "waitsFor"};

static struct sv replicas(const struct cJSON *runtime, const char *component, struct arena *arena) {
    const struct cJSON *status =
        json_find(runtime, arena_printf(arena, "status.%s", component).ptr);
    return status ? arena_printf(arena, "%lld/%lld",
                                 (long long)json_int_or(status, SV("readyReplicas"), 0),
                                 (long long)json_int_or(status, SV("desiredReplicas"), 0))
                  : SV("-");
}

static struct sv age(const struct cJSON *runtime, int64_t now_ms, struct arena *arena) {
    int64_t created_ms = object_created_ms(runtime);
    if (created_ms == 0 || created_ms > now_ms)
        return SV("-");
    return api_duration_format((now_ms - created_ms) / 1000 * 1000, arena);
}

static struct sv or_dash(struct sv text) {
    return text.len > 0 ? text : SV("-");
}

/* How much the cache holds, of how much it can: as its engine reports. */
static struct sv cached(const struct cJSON *runtime, struct arena *arena) {
    struct sv capacity = json_find_string(runtime, "status.cacheStates.cacheCapacity");
    struct sv held = json_find_string(runtime, "status.cacheStates.cached");
    return capacity.len == 0
               ? SV("-")
               : arena_printf(arena, "%.*s/%.*s", SV_ARG(or_dash(held)), SV_ARG(capacity));
}

/* The message of Ready, while it is not True. */
static struct sv waits_for(const struct cJSON *runtime) {
    const struct cJSON *ready = object_condition(runtime, SV("Ready"));
    return !ready || sv_eq(json_string_or(ready, SV("status"), SV("")), SV("True"))
               ? SV("")
               : json_string_or(ready, SV("message"), SV(""));
}

static struct row row_of(const struct cJSON *runtime, int64_t now_ms, struct arena *arena) {
    return (struct row){{
        object_namespace(runtime),
        object_name(runtime),
        or_dash(json_find_string(runtime, "spec.runtimeClassName")),
        or_dash(json_find_string(runtime, "status.phase")),
        replicas(runtime, "master", arena),
        replicas(runtime, "worker", arena),
        replicas(runtime, "client", arena),
        cached(runtime, arena),
        age(runtime, now_ms, arena),
        waits_for(runtime),
    }};
}

static bool write_row(struct buf *text, const struct row *row, const size_t *widths) {
    bool fits = true;
    for (size_t i = 0; i < COLUMN_COUNT && fits; i++) {
        bool is_last = i + 1 == COLUMN_COUNT;
        fits = is_last ? buf_append(text, row->cells[i])
                       : buf_printf(text, "%-*.*s  ", (int)widths[i], SV_ARG(row->cells[i]));
    }
    return fits && buf_append(text, SV("\n"));
}

static bool write_table(struct buf *text, const struct row *rows, size_t count) {
    size_t widths[COLUMN_COUNT] = {0};
    for (size_t i = 0; i <= count; i++)
        for (size_t k = 0; k < COLUMN_COUNT; k++) {
            size_t len = i == count ? header.cells[k].len : rows[i].cells[k].len;
            widths[k] = len > widths[k] ? len : widths[k];
        }
    bool fits = write_row(text, &header, widths);
    for (size_t i = 0; i < count && fits; i++)
        fits = write_row(text, &rows[i], widths);
    return fits;
}

/* An object for each runtime; what is not known is left out. */
static bool write_json(struct buf *text, const struct row *rows, size_t count,
                       struct arena *arena) {
    struct cJSON *list = json_list(arena);
    for (size_t i = 0; i < count; i++) {
        struct cJSON *item = json_map(arena);
        for (size_t k = 0; k < COLUMN_COUNT; k++)
            if (rows[i].cells[k].len > 0 && !sv_eq(rows[i].cells[k], SV("-")))
                json_set_string(arena, item, sv_from(json_keys[k]), rows[i].cells[k]);
        json_append(list, item);
    }
    return json_write(text, list, JSON_PRETTY) && buf_append(text, SV("\n"));
}

/* As `crctl explain` takes them. */
static bool write_names(struct buf *text, const struct row *rows, size_t count) {
    bool fits = true;
    for (size_t i = 0; i < count && fits; i++)
        fits = buf_printf(text, "%.*s/%.*s\n", SV_ARG(rows[i].cells[0]), SV_ARG(rows[i].cells[1]));
    return fits;
}

/* A row is a line, whatever the cluster's texts hold. */
static struct sv one_line(struct arena *arena, struct sv text) {
    char *line = (char *)(uintptr_t)arena_copy(arena, text).ptr;
    for (size_t i = 0; i < text.len; i++)
        line[i] = line[i] == '\n' ? ' ' : line[i];
    return (struct sv){line, text.len};
}

static bool write_lines(struct buf *text, struct row *rows, size_t count, struct arena *arena) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < COLUMN_COUNT; k++)
            rows[i].cells[k] = one_line(arena, rows[i].cells[k]);
    return write_table(text, rows, count);
}

static bool write_rows(struct buf *text, int output, struct row *rows, size_t count,
                       struct arena *arena) {
    if (output == OUTPUT_JSON)
        return write_json(text, rows, count, arena);
    return output == OUTPUT_NAME ? write_names(text, rows, count)
                                 : write_lines(text, rows, count, arena);
}

/* --- asking --- */

/* Whether it says anything: that a watch has begun, or has come to a revision, does not. */
static bool is_news(const struct completion *completion) {
    return completion->type != COMPLETION_WATCH_OPEN && completion->event_type != WATCH_BOOKMARK;
}

/* Until `id` is answered; of a watch the first event counts. */
static bool wait_for(struct status *status, uint64_t id, int64_t until_ms,
                     struct completion *ret_answer, struct error *err) {
    while (!event_loop_is_stopping(status->loop)) {
        while (transport_take(status->transport, ret_answer))
            if (ret_answer->id == id && is_news(ret_answer))
                return true;
        int64_t now_ms = wall_now_ms();
        if (now_ms >= until_ms)
            return error_set(err, ERROR_TIMEOUT, "%.*s does not answer",
                             SV_ARG(cluster_clients_server(status->clients)));
        int64_t due_ms = cluster_clients_run(status->clients, now_ms);
        due_ms = due_ms < until_ms ? due_ms : until_ms;
        event_loop_wait(status->loop, due_ms == DEADLINE_NEVER ? -1
                                      : due_ms > now_ms        ? due_ms - now_ms
                                                               : 0);
    }
    return error_set(err, ERROR_UNAVAILABLE, "interrupted");
}

static struct request request_for(const struct status *status, enum verb verb) {
    return request_to(verb, &RESOURCE_CACHE_RUNTIMES, status->options->namespace_name, SV(""));
}

static bool list_page(struct status *status, struct sv token, struct arena *arena,
                      const struct cJSON **ret_list, struct error *err) {
    struct request request = request_for(status, VERB_LIST);
    struct completion answer;
    request.continue_token = token;
    request.limit = PAGE_ITEMS;
    uint64_t id = transport_start(status->transport, &request);
    if (!wait_for(status, id, wall_now_ms() + ANSWER_MS_MAX, &answer, err))
        return false;
    if (answer.err.code != ERROR_NONE) {
        *err = answer.err;
        return cluster_clients_explain(status->clients, err);
    }
    *ret_list = json_copy(arena, answer.body);
    return true;
}

static bool read_table(struct status *status, struct arena *arena, struct buf *text,
                       struct sv *ret_resource_version, struct error *err) {
    struct cJSON *all = json_list(arena);
    struct sv token = SV("");
    do {
        const struct cJSON *list;
        if (!list_page(status, token, arena, &list, err))
            return false;
        JSON_EACH (item, json_get(list, SV("items")))
            json_append(all, json_share(arena, item));
        token = json_find_string(list, "metadata.continue");
        *ret_resource_version = json_find_string(list, "metadata.resourceVersion");
    } while (token.len > 0);
    size_t count = 0;
    struct row *rows = ARENA_ARRAY(arena, struct row, json_count(all) + 1);
    JSON_EACH (item, all)
        rows[count++] = row_of(item, wall_now_ms(), arena);
    return write_rows(text, status->options->output, rows, count, arena) ||
           error_set(err, ERROR_TOO_LARGE, "the table is larger than %d bytes", TEXT_BYTES_MAX);
}

/* Behind `begin`, once it is read, so that the last one is seen until then. False when it cannot be
 * read, or not be written: then `ret_status` is not EXIT_HELD. */
static bool print_table(struct status *status, struct sv begin, struct arena *arena,
                        struct sv *ret_resource_version, int *ret_status, struct error *err) {
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    *ret_status = EXIT_HELD;
    bool is_read = read_table(status, arena, &text, ret_resource_version, err);
    if (is_read)
        *ret_status = command_print(begin, EXIT_HELD);
    if (is_read && *ret_status == EXIT_HELD)
        *ret_status =
            (status->options->output == OUTPUT_TEXT ? command_print_lines
                                                    : command_print)(buf_view(&text), EXIT_HELD);
    buf_release(&text);
    return is_read && *ret_status == EXIT_HELD;
}

/* --- whenever it changes --- */

/* Passes that time; false when the user asks to end. */
static bool pause_for(struct status *status, int64_t duration_ms) {
    struct error err = {0};
    struct completion ignored;
    uint64_t no_request = 0;
    bool was_answered = wait_for(status, no_request, wall_now_ms() + duration_ms, &ignored, &err);
    return !was_answered && !event_loop_is_stopping(status->loop);
}

/* Until something changes. A watch that ends or is refused is as good: the list is read again. */
static bool wait_for_change(struct status *status, struct sv resource_version) {
    struct request request = request_for(status, VERB_WATCH);
    struct completion event;
    struct error err = {0};
    request.resource_version = resource_version;
    uint64_t id = transport_start(status->transport, &request);
    bool has_come = wait_for(status, id, DEADLINE_NEVER, &event, &err);
    bool is_refused = has_come && event.type == COMPLETION_WATCH_END;
    transport_cancel(status->transport, id);
    return has_come && pause_for(status, is_refused ? AGAIN_MS : BURST_MS);
}

/* Ends when the user asks to. A server that goes away meanwhile is told and waited for. */
static int watch(struct status *status, const struct command *command, struct sv resource_version) {
    AUTO(arena) arena = arena_new();
    struct sv version = arena_copy(arena, resource_version);
    struct sv begin = isatty(STDOUT_FILENO) ? SV("\033[H\033[J") : SV("\n");
    while (wait_for_change(status, version)) {
        int result;
        struct error err = {0};
        arena_reset(arena);
        if (print_table(status, begin, arena, &version, &result, &err))
            continue;
        if (result != EXIT_HELD)
            return result;
        version = SV("");
        if (event_loop_is_stopping(status->loop))
            break;
        command_print(begin, EXIT_HELD);
        command_fail(command, err.message);
        if (!pause_for(status, AGAIN_MS))
            break;
    }
    return EXIT_HELD;
}

/* --- the command --- */

static int show(const struct command *command, struct status *status) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv resource_version;
    int result;
    if (!print_table(status, SV(""), arena, &resource_version, &result, &err))
        return result != EXIT_HELD ? result : command_fail_with(command, &err);
    return status->options->watches ? watch(status, command, resource_version) : EXIT_HELD;
}

static int print_status(const struct command *command, const struct status_options *options) {
    struct error err = {0};
    struct status status = {.options = options};
    AUTO(event_loop) loop = event_loop_new();
    event_loop_catch_signals(loop);
    AUTO(cluster_clients)
    clients = cluster_clients_new(
        &(struct cluster_clients_options){
            .loop = loop,
            .log = log_none(),
            .kubeconfig = options->kubeconfig,
            .context = options->context,
        },
        &err);
    if (!clients)
        return command_fail_with(command, &err);
    status.loop = loop;
    status.clients = clients;
    status.transport = cluster_clients_connect(clients, SV("crctl/" CACHERUNTIME_VERSION));
    return show(command, &status);
}

/* As with kubectl. */
static void spell_out(int argc, char *const *argv, char **ret_words) {
    static char watch[] = "--watch", namespace[] = "--namespace", all[] = "--all-namespaces",
                output[] = "--output";
    static const struct {
        struct sv letter;
        char *word;
    } letters[] = {{SV("-w"), watch}, {SV("-n"), namespace}, {SV("-A"), all}, {SV("-o"), output}};
    for (int i = 0; i < argc; i++) {
        ret_words[i] = argv[i];
        for (size_t k = 0; k < COUNT_OF(letters); k++)
            if (sv_eq(sv_from(argv[i]), letters[k].letter))
                ret_words[i] = letters[k].word;
    }
}

int status_command(const struct command *command, int argc, char *const *argv) {
    struct status_options status = {
        .kubeconfig = SV(""), .context = SV(""), .namespace_name = SV("")};
    static const struct sv outputs[] = {SV("text"), SV("json"), SV("name")};
    const struct option options[] = {
        KUBECONFIG_OPTION(&status.kubeconfig),
        CONTEXT_OPTION(&status.context),
        TEXT_OPTION("namespace", "NAME", &status.namespace_name, "only this one; all; also -n"),
        FLAG_OPTION("all-namespaces", &status.all_namespaces, "as without --namespace; also -A"),
        {SV("output"), OPTION_CHOICE, SV("text|json|name"), outputs, COUNT_OF(outputs),
         &status.output, SV("a table, an object for each runtime, or NAMESPACE/NAME; also -o")},
        FLAG_OPTION("watch", &status.watches,
                    "print it again whenever it changes, until interrupted; also -w"),
    };
    struct operands operands;
    int result;
    AUTO(arena) arena = arena_new();
    char **words = ARENA_ARRAY(arena, char *, (size_t)argc + 1);
    spell_out(argc, argv, words);
    if (!command_options(command, options, COUNT_OF(options), argc, words, &operands, &result))
        return result;
    if (operands.count > 0)
        return command_fail(command, "takes no file; see --kubeconfig");
    if (status.all_namespaces && status.namespace_name.len > 0)
        return command_fail(command, "--all-namespaces and --namespace exclude each other");
    return print_status(command, &status);
}
