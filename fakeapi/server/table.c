/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/table.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/json_path.h"
#include "fakeapi/server/table_parts.h"

#include <stdlib.h>

bool table_include_parse(struct sv text, enum table_include *ret_include) {
    static const struct {
        struct sv text;
        enum table_include include;
    } rows[] = {
        {SV(""), TABLE_METADATA},
        {SV("Metadata"), TABLE_METADATA},
        {SV("None"), TABLE_NONE},
        {SV("Object"), TABLE_OBJECT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (sv_eq(rows[i].text, text)) {
            *ret_include = rows[i].include;
            return true;
        }
    return false;
}

/* --- durations --- */

static struct sv two_units(struct arena *arena, int64_t large, char large_unit, int64_t small,
                           char small_unit) {
    if (small == 0)
        return arena_printf(arena, "%lld%c", (long long)large, large_unit);
    return arena_printf(arena, "%lld%c%lld%c", (long long)large, large_unit, (long long)small,
                        small_unit);
}

struct sv human_duration(struct arena *arena, int64_t duration_ms) {
    int64_t seconds = duration_ms / 1000, minutes = seconds / 60, hours = minutes / 60;
    int64_t days = hours / 24;
    /* Clocks may differ by a second. */
    if (duration_ms <= -2000)
        return SV("<invalid>");
    if (duration_ms < 0)
        return SV("0s");
    if (seconds < 120)
        return arena_printf(arena, "%llds", (long long)seconds);
    if (minutes < 10)
        return two_units(arena, minutes, 'm', seconds % 60, 's');
    if (minutes < 180)
        return arena_printf(arena, "%lldm", (long long)minutes);
    if (hours < 8)
        return two_units(arena, hours, 'h', minutes % 60, 'm');
    if (hours < 48)
        return arena_printf(arena, "%lldh", (long long)hours);
    if (hours < 24 * 8)
        return two_units(arena, days, 'd', hours % 24, 'h');
    if (days < 365 * 2)
        return arena_printf(arena, "%lldd", (long long)days);
    if (days < 365 * 8)
        return two_units(arena, days / 365, 'y', days % 365, 'd');
    return arena_printf(arena, "%lldy", (long long)(days / 365));
}

struct sv time_since(const struct table_row *row, struct sv time) {
    int64_t time_ms;
    if (!api_time_parse(time, &time_ms))
        return SV("<unknown>");
    return human_duration(row->arena, row->now_ms - time_ms);
}

/* --- cells --- */

void cell_text(struct table_row *row, struct sv text) {
    json_append(row->cells, json_string(row->arena, text));
}

void cell_int(struct table_row *row, int64_t number) {
    json_append(row->cells, json_int(row->arena, number));
}

struct sv text_or(struct sv text, const char *otherwise) {
    return text.len > 0 ? text : sv_from(otherwise);
}

void cell_find(struct table_row *row, const char *path, const char *otherwise) {
    /* Numbers, too: minAvailable is a number or a percentage. */
    cell_text(row, text_or(json_text(json_find(row->object, path)), otherwise));
}

void cell_find_int(struct table_row *row, const char *path, int64_t otherwise) {
    cell_int(row, json_find_int(row->object, path, otherwise));
}

void cell_count(struct table_row *row, const char *path) {
    cell_int(row, (int64_t)json_count(json_find(row->object, path)));
}

void cell_name(struct table_row *row) {
    cell_text(row, object_name(row->object));
}

void cell_age(struct table_row *row) {
    cell_text(row, time_since(row, json_find_string(row->object, "metadata.creationTimestamp")));
}

struct sv text_join(const struct table_row *row, struct sv text, const char *separator,
                    struct sv more) {
    if (text.len == 0 || more.len == 0)
        return text.len == 0 ? more : text;
    return arena_printf(row->arena, "%.*s%s%.*s", SV_ARG(text), separator, SV_ARG(more));
}

void text_add(struct joiner *text, const char *separator, struct sv more) {
    if (more.len > 0)
        joiner_add_apart(text, sv_from(separator), more);
}

struct sv labels_text(const struct table_row *row, const struct cJSON *labels) {
    struct joiner text;
    joiner_init(&text, row->arena);
    if (json_count(labels) == 0)
        return SV("<none>");
    struct cJSON *sorted = json_copy(row->arena, labels);
    json_sort(sorted);
    JSON_EACH (label, sorted) {
        joiner_add_apart(&text, SV(","), json_key(label));
        joiner_add(&text, SV("="));
        joiner_add(&text, json_text(label));
    }
    return joiner_text(&text);
}

/* --- columns --- */

static void add_column(struct arena *arena, struct cJSON *columns, struct sv name, struct sv type,
                       struct sv format, struct sv description, int64_t priority) {
    struct cJSON *column = json_append(columns, json_map(arena));
    json_set_string(arena, column, SV("name"), name);
    json_set_string(arena, column, SV("type"), type);
    json_set_string(arena, column, SV("format"), format);
    json_set_string(arena, column, SV("description"), description);
    json_set_int(arena, column, SV("priority"), priority);
}

/* "Name|Desired:integer|Containers*". */
static void add_columns(struct arena *arena, struct cJSON *columns, struct sv text) {
    while (text.len > 0) {
        struct sv type = sv_cut(&text, '|');
        bool is_wide = sv_ends_with(type, SV("*"));
        if (is_wide)
            type = sv_prefix(type, type.len - 1);
        struct sv name = sv_cut(&type, ':');
        struct sv format = sv_eq(name, SV("Name")) ? SV("name") : SV("");
        add_column(arena, columns, name, type.len > 0 ? type : SV("string"), format, SV(""),
                   is_wide);
    }
}

/* --- custom types --- */

/* A column that is not described says where its value comes from. */
static struct sv custom_description(struct arena *arena, const struct cJSON *column) {
    struct sv said = json_find_string(column, "description");
    return said.len > 0
               ? said
               : ARENA_JOIN(arena, SV("Custom resource definition column (in JSONPath format): "),
                            json_find_string(column, "jsonPath"));
}

static void add_custom_columns(struct arena *arena, const struct resource_type *type,
                               struct cJSON *columns) {
    add_columns(arena, columns, SV("Name"));
    if (json_count(type->printer_columns) == 0)
        add_columns(arena, columns, SV("Age:date"));
    JSON_EACH (column, type->printer_columns)
        add_column(arena, columns, json_find_string(column, "name"),
                   json_find_string(column, "type"), json_find_string(column, "format"),
                   custom_description(arena, column), json_find_int(column, "priority", 0));
}

static struct cJSON *custom_cell(struct table_row *row, const struct cJSON *value, struct sv type) {
    struct arena *arena = row->arena;
    if (!value || json_is_null(value))
        return json_null(arena);
    if (sv_eq(type, SV("date"))) {
        int64_t time_ms;
        bool is_time = json_is_string(value) && api_time_parse(json_text(value), &time_ms);
        return json_string(arena, is_time ? human_duration(arena, row->now_ms - time_ms)
                                          : SV("<invalid>"));
    }
    if (sv_eq(type, SV("integer"))) {
        int64_t number = 0;
        if (json_to_int64(value, &number))
            return json_int(arena, number);
        return json_is_number(value) ? json_int(arena, (int64_t)strtod(json_text(value).ptr, NULL))
                                     : json_null(arena);
    }
    if (sv_eq(type, SV("number")))
        return json_is_number(value) ? json_copy(arena, value) : json_null(arena);
    if (sv_eq(type, SV("boolean")))
        return json_is_bool(value) ? json_copy(arena, value) : json_null(arena);
    return json_string(arena, json_is_string(value) ? json_text(value)
                                                    : json_write_arena(arena, value, JSON_COMPACT));
}

static void fill_custom(struct table_row *row, const struct cJSON *columns) {
    cell_name(row);
    if (json_count(columns) == 0)
        cell_age(row);
    JSON_EACH (column, columns)
        json_append(row->cells,
                    custom_cell(row,
                                json_path_find(row->object, json_find_string(column, "jsonPath")),
                                json_find_string(column, "type")));
}

/* --- the table --- */

struct table {
    struct arena *arena;
    const struct resource_type *type;
    const struct table_kind *kind; /* NULL: a custom type, or one without columns of its own */
    const struct table_options *options;
    struct cJSON *rows;
};

static const struct table_kind *find_kind(const struct resource_type *type) {
    for (size_t i = 0; !type->is_custom && i < table_kind_count; i++)
        if (sv_eq(sv_from(table_kinds[i].kind), type->resource.kind))
            return &table_kinds[i];
    return NULL;
}

static void fill_cells(const struct table *table, struct table_row *row) {
    if (table->kind) {
        table->kind->fill(row);
    } else if (table->type->is_custom) {
        fill_custom(row, table->type->printer_columns);
    } else {
        cell_name(row);
        cell_find(row, "metadata.creationTimestamp", "<unknown>");
    }
}

static struct cJSON *partial(const struct table *table, const struct cJSON *object) {
    struct cJSON *map = json_map(table->arena);
    json_set_string(table->arena, map, SV("kind"), SV("PartialObjectMetadata"));
    json_set_string(
        table->arena, map, SV("apiVersion"),
        arena_printf(table->arena, "meta.k8s.io/%.*s", SV_ARG(table->options->version)));
    const struct cJSON *metadata = json_get(object, SV("metadata"));
    if (metadata)
        json_append(map, json_share(table->arena, metadata));
    /* This one is made of the object's spec, which is not shown here. */
    static const struct sv made = SV("deprecated.daemonset.template.generation");
    if (json_get(json_get(metadata, SV("annotations")), made)) {
        struct cJSON *copy =
            json_set(table->arena, map, SV("metadata"), json_copy(table->arena, metadata));
        struct cJSON *annotations = json_get(copy, SV("annotations"));
        json_remove(annotations, made);
        if (!annotations->child)
            json_remove(copy, SV("annotations"));
    }
    return map;
}

/* Items of a list carry no kind. */
static struct cJSON *whole(const struct table *table, const struct cJSON *object) {
    struct cJSON *map = json_map(table->arena);
    json_set_string(table->arena, map, SV("kind"), table->type->resource.kind);
    json_set_string(table->arena, map, SV("apiVersion"),
                    resource_api_version(&table->type->resource, table->arena));
    JSON_EACH (member, object)
        if (!json_get(map, json_key(member)))
            json_append(map, json_share(table->arena, member));
    return map;
}

static void fill_row(const struct table *table, const struct cJSON *object, struct cJSON *map) {
    struct table_row row = {
        .arena = table->arena,
        .object = object,
        .now_ms = table->options->now_ms,
        .cells = json_ensure_list(table->arena, map, SV("cells")),
    };
    fill_cells(table, &row);
    if (row.conditions)
        json_set(table->arena, map, SV("conditions"), row.conditions);
    struct cJSON *shown = table->options->include == TABLE_METADATA ? partial(table, object)
                          : table->options->include == TABLE_OBJECT ? whole(table, object)
                                                                    : json_null(table->arena);
    json_set(table->arena, map, SV("object"), shown);
}

static void add_row(const struct table *table, const struct cJSON *object) {
    fill_row(table, object, json_append(table->rows, json_map(table->arena)));
}

static struct cJSON *column_definitions(const struct table *table) {
    if (!table->options->has_columns)
        return json_null(table->arena);
    struct cJSON *columns = json_list(table->arena);
    if (table->kind)
        add_columns(table->arena, columns, sv_from(table->kind->columns));
    else if (table->type->is_custom)
        add_custom_columns(table->arena, table->type, columns);
    else
        add_columns(table->arena, columns, SV("Name|Created At:date"));
    return columns;
}

static void copy_metadata(const struct table *table, const struct cJSON *item,
                          struct cJSON *metadata) {
    static const struct sv kept[] = {SV("resourceVersion"), SV("continue"),
                                     SV("remainingItemCount")};
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        const struct cJSON *value = json_get(json_get(item, SV("metadata")), kept[i]);
        if (value && json_text(value).len > 0)
            json_set(table->arena, metadata, kept[i], json_copy(table->arena, value));
    }
}

static struct table table_begin(const struct resource_type *type,
                                const struct table_options *options, struct arena *arena) {
    return (struct table){
        .arena = arena, .type = type, .kind = find_kind(type), .options = options};
}

/* Without rows. */
static struct cJSON *table_body(struct table *table, const struct cJSON *item) {
    struct arena *arena = table->arena;
    struct cJSON *body = json_map(arena);
    json_set_string(arena, body, SV("kind"), SV("Table"));
    json_set_string(arena, body, SV("apiVersion"),
                    arena_printf(arena, "meta.k8s.io/%.*s", SV_ARG(table->options->version)));
    copy_metadata(table, item, json_ensure_map(arena, body, SV("metadata")));
    json_set(arena, body, SV("columnDefinitions"), column_definitions(table));
    table->rows = json_ensure_list(arena, body, SV("rows"));
    return body;
}

const struct cJSON *table_frame(const struct resource_type *type, const struct cJSON *list,
                                const struct table_options *options, struct arena *arena) {
    struct table table = table_begin(type, options, arena);
    return table_body(&table, list);
}

const struct cJSON *table_row_of(const struct resource_type *type, const struct cJSON *object,
                                 const struct table_options *options, struct arena *arena) {
    struct table table = table_begin(type, options, arena);
    struct cJSON *row = json_map(arena);
    fill_row(&table, object, row);
    return row;
}

const struct cJSON *table_of(const struct resource_type *type, const struct cJSON *item,
                             bool is_bookmark, const struct table_options *options,
                             struct arena *arena) {
    if (sv_eq(json_string_or(item, SV("kind"), SV("")), SV("Status")))
        return item;
    struct table table = table_begin(type, options, arena);
    struct cJSON *body = table_body(&table, item);
    const struct cJSON *items = json_get(item, SV("items"));
    bool is_list = json_is_list(items) && sv_ends_with(json_find_string(item, "kind"), SV("List"));
    if (is_list && !items->child && !table.kind && !type->is_custom) {
        /* Of built-in kinds without columns of their own, Go's list of none is null. */
        json_set(arena, body, SV("rows"), json_null(arena));
    } else if (is_list) {
        JSON_EACH (object, items)
            add_row(&table, object);
    } else if (!is_bookmark) {
        add_row(&table, item);
    }
    return body;
}
