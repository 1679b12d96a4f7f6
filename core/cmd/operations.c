/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/operations.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/client/election.h"
#include "core/cmd/crd_watch.h"
#include "core/cmd/daemon_parts.h"
#include "core/cmd/metered_transport.h"
#include "core/cmd/options.h"
#include "core/cmd/process_metrics.h"
#include "core/controller/controller.h"
#include "core/data/json.h"
#include "core/platform/daemon_log.h"
#include "core/platform/local_http.h"
#include "core/reconcile/plan.h"
#include "core/reconcile/plan_text.h"

enum { ANSWER_BYTES_MAX = 16 * 1024 * 1024, HTTP_OK = 200, HTTP_BAD_REQUEST = 400 };
enum { HTTP_NOT_FOUND = 404, HTTP_UNAVAILABLE = 503 };

static struct sv finish(struct buf *buf, struct arena *arena) {
    struct sv text = arena_copy(arena, buf_view(buf));
    buf_release(buf);
    return text;
}

/* --- probes --- */

static void answer_health(struct daemon *daemon, const struct local_http_question *question,
                          struct arena *arena, struct local_http_answer *answer) {
    (void)daemon, (void)question, (void)arena;
    answer->body = SV("ok\n");
}

static void list_collections(const struct daemon *daemon,
                             const struct local_http_question *question, bool is_ready,
                             struct buf *text) {
    if (daemon->controller && local_http_has_parameter(question, "verbose"))
        controller_list_all(daemon->controller, text);
    else if (is_ready)
        controller_list_stale(daemon->controller, text);
    else if (daemon->controller)
        controller_list_missing(daemon->controller, text);
}

/* A replica that waits for the lease is ready as well: it is warm. */
static void answer_readiness(struct daemon *daemon, const struct local_http_question *question,
                             struct arena *arena, struct local_http_answer *answer) {
    bool is_ready = daemon->controller && controller_is_synced(daemon->controller);
    struct buf text;
    buf_init(&text, ANSWER_BYTES_MAX);
    answer->status = is_ready ? HTTP_OK : HTTP_UNAVAILABLE;
    if (buf_append(&text, is_ready ? SV("ok\n")
                                   : SV("not ready: not all collections are in the cache yet\n")))
        list_collections(daemon, question, is_ready, &text);
    if (daemon->crd_watch)
        crd_watch_list(daemon->crd_watch, &text);
    answer->body = finish(&text, arena);
}

/* --- metrics --- */

static bool gauge(struct buf *text, const char *name, const char *help, double value) {
    return buf_printf(text, "# HELP %s %s\n# TYPE %s gauge\n%s %.15g\n", name, help, name, name,
                      value);
}

static bool counter(struct buf *text, const char *name, const char *help, uint64_t value) {
    return buf_printf(text, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help, name, name,
                      (unsigned long long)value);
}

static bool write_controller(const struct daemon *daemon, struct buf *text) {
    struct controller_stats stats = {0};
    if (daemon->controller)
        controller_get_stats(daemon->controller, &stats);
    if (daemon->controller && !controller_write_metrics(daemon->controller, text))
        return false;
    return counter(text, "cacheruntime_plans_total", "Plans made.", stats.plans) &&
           counter(text, "cacheruntime_plans_empty_total", "Plans with nothing to write.",
                   stats.empty_plans) &&
           counter(text, "cacheruntime_plans_skipped_total",
                   "Wake-ups without a change, for which no plan was made.", stats.skipped) &&
           counter(text, "cacheruntime_executions_total", "Commands run in pods.",
                   stats.executions) &&
           counter(text, "cacheruntime_events_total", "Event records sent.", stats.events) &&
           counter(text, "cacheruntime_relists_total", "Collections listed again.",
                   stats.relists) &&
           counter(text, "cacheruntime_watch_events_total", "Changes that watches told of.",
                   stats.watch_events) &&
           gauge(text, "cacheruntime_runtimes", "Runtimes and datasets that are followed.",
                 (double)stats.runtimes) &&
           gauge(text, "cacheruntime_cache_objects", "Objects in the cache.",
                 (double)stats.objects) &&
           gauge(text, "cacheruntime_cache_bytes", "Bytes of the objects in the cache.",
                 (double)stats.cache_bytes);
}

static bool write_election(const struct daemon *daemon, struct buf *text) {
    return !daemon->election ||
           buf_printf(text,
                      "# HELP leader_election_master_status Whether this replica holds the "
                      "lease.\n"
                      "# TYPE leader_election_master_status gauge\n"
                      "leader_election_master_status{name=\"%.*s\"} %d\n",
                      SV_ARG(daemon->options->lease_name),
                      election_is_leading(daemon->election) ? 1 : 0);
}

static void answer_metrics(struct daemon *daemon, const struct local_http_question *question,
                           struct arena *arena, struct local_http_answer *answer) {
    (void)question;
    struct buf text;
    buf_init(&text, ANSWER_BYTES_MAX);
    bool fits = write_controller(daemon, &text) && write_election(daemon, &text) &&
                metered_transport_write(daemon->metered, &text) &&
                counter(&text, "cacheruntime_log_lines_lost_total",
                        "Lines of the log that were lost, since nobody read them.",
                        daemon_log_lost_count(daemon->log_sink)) &&
                process_metrics_write(daemon->started_ms, &text);
    answer->status = fits ? HTTP_OK : HTTP_UNAVAILABLE;
    answer->content_type = SV("text/plain; version=0.0.4; charset=utf-8");
    answer->body = finish(&text, arena);
}

/* --- plans --- */

static void answer_plan(struct daemon *daemon, const struct local_http_question *question,
                        struct arena *arena, struct local_http_answer *answer) {
    struct sv name = local_http_parameter(question, "runtime"), namespace_name;
    bool is_named = sv_find(name, '/') < name.len;
    namespace_name = sv_cut(&name, '/');
    struct plan plan;
    answer->status = HTTP_BAD_REQUEST;
    answer->body = SV("name a runtime: /debug/plan?runtime=NAMESPACE/NAME (&output=json)\n");
    struct sv output = local_http_parameter(question, "output");
    bool is_json = sv_eq(output, SV("json"));
    bool is_form = is_json || output.len == 0 || sv_eq(output, SV("text"));
    if (!is_named || namespace_name.len == 0 || name.len == 0 || !is_form)
        return;
    answer->status = HTTP_NOT_FOUND;
    answer->body = SV("there is neither a CacheRuntime nor a Dataset of that name\n");
    if (!daemon->controller ||
        !controller_plan(daemon->controller, namespace_name, name, arena, &plan))
        return;
    struct buf text;
    buf_init(&text, ANSWER_BYTES_MAX);
    bool fits = is_json ? json_write(&text, plan_to_json(&plan, true, arena), JSON_PRETTY)
                        : plan_write_text(&text, &plan, arena);
    answer->status = fits ? HTTP_OK : HTTP_UNAVAILABLE;
    if (is_json)
        answer->content_type = SV("application/json");
    answer->body = finish(&text, arena);
}

/* --- all --- */

static const struct {
    struct sv path;
    void (*answer)(struct daemon *daemon, const struct local_http_question *question,
                   struct arena *arena, struct local_http_answer *answer);
} pages[] = {
    {{"/healthz", 8}, answer_health},
    {{"/readyz", 7}, answer_readiness},
    {{"/metrics", 8}, answer_metrics},
    {{"/debug/plan", 11}, answer_plan},
};

void operations_answer(void *context, const struct local_http_question *question,
                       struct arena *arena, struct local_http_answer *ret_answer) {
    *ret_answer = (struct local_http_answer){
        .status = HTTP_OK,
        .content_type = SV("text/plain; charset=utf-8"),
        .body = SV(""),
    };
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (sv_eq(question->path, pages[i].path)) {
            pages[i].answer(context, question, arena, ret_answer);
            return;
        }
    }
    ret_answer->status = HTTP_NOT_FOUND;
    ret_answer->body = SV("served here: /healthz, /readyz, /metrics, /debug/plan\n");
}
