/* SPDX-License-Identifier: Apache-2.0 */
/* crctl status: the runtimes of a cluster as a table. */
#include "conformance/cmd/command.h"
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/platform/cluster_client.h"
#include "core/platform/event_loop.h"

enum { TEXT_BYTES_MAX = 64 * 1024 * 1024, PAGE_ITEMS = 500, COLUMN_COUNT = 9 };

struct status_options {
    struct sv kubeconfig, context, namespace_name;
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
    {"AGE", 3},
    {"WAITS FOR", 9},
}};

static struct sv replicas(const struct cJSON *runtime, const char *component, struct arena *arena) {
    const struct cJSON *status =
        json_find(runtime, arena_printf(arena, "status.%s", component).ptr);
    return status ? arena_printf(arena, "%lld/%lld",
                                 (long long)json_int_or(status, SV("readyReplicas"), 0),
                                 (long long)json_int_or(status, SV("desiredReplicas"), 0))
                  : SV("-");
}

static struct sv age(const struct cJSON *runtime, int64_t now_ms, struct arena *arena) {
    int64_t created_ms;
    if (!api_time_parse(json_find_string(runtime, "metadata.creationTimestamp"), &created_ms) ||
        created_ms > now_ms)
        return SV("-");
    return api_duration_format((now_ms - created_ms) / 1000 * 1000, arena);
}

static struct sv or_dash(struct sv text) {
    return text.len > 0 ? text : SV("-");
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

static bool list_page(struct cluster_client *client, struct sv namespace_name, struct sv token,
                      struct arena *arena, const struct cJSON **ret_list, struct error *err) {
    return cluster_client_ask(client,
                              &(struct request){
                                  .verb = VERB_LIST,
                                  .group = RESOURCE_CACHE_RUNTIMES.group,
                                  .version = RESOURCE_CACHE_RUNTIMES.version,
                                  .plural = RESOURCE_CACHE_RUNTIMES.plural,
                                  .namespace_name = namespace_name,
                                  .name = SV(""),
                                  .subresource = SV(""),
                                  .label_selector = SV(""),
                                  .field_selector = SV(""),
                                  .continue_token = token,
                                  .limit = PAGE_ITEMS,
                              },
                              arena, ret_list, err);
}

static bool read_rows(struct cluster_client *client, struct sv namespace_name, struct arena *arena,
                      struct buf *text, struct error *err) {
    struct cJSON *all = json_list(arena);
    struct sv token = SV("");
    do {
        const struct cJSON *list;
        if (!list_page(client, namespace_name, token, arena, &list, err))
            return false;
        JSON_EACH (item, json_get(list, SV("items")))
            json_append(all, json_share(arena, item));
        token = json_find_string(list, "metadata.continue");
    } while (token.len > 0);
    size_t count = 0;
    struct row *rows = ARENA_ARRAY(arena, struct row, json_count(all) + 1);
    JSON_EACH (item, all)
        rows[count++] = row_of(item, wall_now_ms(), arena);
    bool fits = write_table(text, rows, count);
    return fits ||
           error_set(err, ERROR_TOO_LARGE, "the table is larger than %d bytes", TEXT_BYTES_MAX);
}

static int print_status(const struct command *command, const struct status_options *options) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct buf text;
    AUTO(cluster_client) client = cluster_client_new(options->kubeconfig, options->context, &err);
    if (!client) {
        command_fail(command, err.message);
        return EXIT_USAGE;
    }
    buf_init(&text, TEXT_BYTES_MAX);
    bool is_read = read_rows(client, options->namespace_name, arena, &text, &err);
    int status = is_read ? command_print(buf_view(&text), EXIT_HELD) : EXIT_HARNESS;
    if (!is_read)
        command_fail(command, err.message);
    buf_release(&text);
    return status;
}

int status_command(const struct command *command, int argc, char *const *argv) {
    struct status_options status = {
        .kubeconfig = sv_from(getenv("KUBECONFIG")), .context = SV(""), .namespace_name = SV("")};
    const struct option options[] = {
        {SV("kubeconfig"), OPTION_TEXT, SV("FILE"), NULL, 0, &status.kubeconfig,
         SV("the cluster; KUBECONFIG")},
        {SV("context"), OPTION_TEXT, SV("NAME"), NULL, 0, &status.context,
         SV("of the kubeconfig; its current one")},
        {SV("namespace"), OPTION_TEXT, SV("NAME"), NULL, 0, &status.namespace_name,
         SV("only this one; all")},
    };
    struct operands operands;
    int result;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &result))
        return result;
    if (operands.count > 0)
        return command_fail(command, "takes no file; see --kubeconfig");
    if (status.kubeconfig.len == 0)
        return command_fail(command, "name a cluster with --kubeconfig or KUBECONFIG");
    return print_status(command, &status);
}
