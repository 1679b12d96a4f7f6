/* SPDX-License-Identifier: Apache-2.0 */
/* table_parts: one row on its way, and the kinds that have columns of their own. Private to the
 * table files. */
#ifndef FAKEAPI_SERVER_TABLE_PARTS_H
#define FAKEAPI_SERVER_TABLE_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct joiner;

struct table_row {
    struct arena *arena;
    const struct cJSON *object;
    int64_t now_ms;
    struct cJSON *cells;
    struct cJSON *conditions; /* of the row, or NULL */
};

/* Each appends a cell. */
void cell_text(struct table_row *row, struct sv text);
void cell_int(struct table_row *row, int64_t number);
/* The text at a path of the object, or `otherwise`. */
void cell_find(struct table_row *row, const char *path, const char *otherwise);
void cell_find_int(struct table_row *row, const char *path, int64_t otherwise);
void cell_count(struct table_row *row, const char *path);
void cell_name(struct table_row *row);
void cell_age(struct table_row *row);
/* How long ago a time was, "<unknown>" without one. */
struct sv time_since(const struct table_row *row, struct sv time);
/* As kubectl writes durations: "5m30s", "3d4h". */
struct sv human_duration(struct arena *arena, int64_t duration_ms);
/* "a=b,c=d" in the order of keys, or "<none>". */
struct sv labels_text(const struct table_row *row, const struct cJSON *labels);
/* A label selector as kubectl writes one, "<none>" when it selects everything. */
struct sv selector_text(const struct table_row *row, const struct cJSON *selector);
/* `text` with `more` behind it, and `separator` between them when both say something. */
struct sv text_join(const struct table_row *row, struct sv text, const char *separator,
                    struct sv more);
/* The same for as many parts as an object has. */
void text_add(struct joiner *text, const char *separator, struct sv more);
struct sv text_or(struct sv text, const char *otherwise);

struct table_kind {
    const char *kind;
    /* "Name|Desired:integer|Containers*": a type other than string behind a colon; a star for
     * what only -o wide shows. */
    const char *columns;
    void (*fill)(struct table_row *row);
};
extern const struct table_kind table_kinds[];
extern const size_t table_kind_count;

/* table_workloads.c */
void fill_pod(struct table_row *row);
void fill_pod_template(struct table_row *row);
void fill_deployment(struct table_row *row);
void fill_replica_set(struct table_row *row);
void fill_daemon_set(struct table_row *row);
void fill_stateful_set(struct table_row *row);
void fill_job(struct table_row *row);
void fill_cron_job(struct table_row *row);
void fill_controller_revision(struct table_row *row);
void fill_autoscaler(struct table_row *row);
void fill_disruption_budget(struct table_row *row);
/* table_network.c */
void fill_service(struct table_row *row);
void fill_endpoints(struct table_row *row);
void fill_endpoint_slice(struct table_row *row);
void fill_ingress(struct table_row *row);

#endif
