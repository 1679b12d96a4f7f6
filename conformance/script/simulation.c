/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/simulation.h"

#include "conformance/script/simulation_pattern.h"
#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

#include <stdarg.h>

struct reader {
    const struct manifest *manifest;
    struct arena *arena;
    struct error *err;
    struct simulation *simulation;
    /* Names that the patterns of the rule at hand may use. */
    struct sv captures[SIMULATION_ARGS_MAX];
    size_t capture_count;
    bool is_repetition; /* inside `each`: ${key} and ${value} exist */
};

static bool fail(struct reader *reader, const struct cJSON *item, const char *format, ...)
    PRINTF_LIKE(3, 4);

static bool fail(struct reader *reader, const struct cJSON *item, const char *format, ...) {
    char message[ERROR_MESSAGE_BYTES_MAX / 2];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    assert(len >= 0);
    struct location at = manifest_locate(reader->manifest, item, false);
    return error_set(reader->err, ERROR_INVALID, "%.*s:%u:%u: %s", SV_ARG(at.path), at.line,
                     at.column, message);
}

/* --- fields and types --- */

enum field_type { FIELD_TEXT, FIELD_MAP, FIELD_LIST, FIELD_BOOL, FIELD_INTEGER, FIELD_ANY };
struct field {
    struct sv name;
    enum field_type type;
    bool is_required;
};

static const char *const type_names[] = {
    [FIELD_TEXT] = "a text",        [FIELD_MAP] = "an object",    [FIELD_LIST] = "a list",
    [FIELD_BOOL] = "true or false", [FIELD_INTEGER] = "a number", [FIELD_ANY] = "a value",
};

static bool is_of_type(const struct cJSON *item, enum field_type type) {
    switch (type) {
    case FIELD_TEXT:
        return json_is_string(item);
    case FIELD_MAP:
        return json_is_map(item);
    case FIELD_LIST:
        return json_is_list(item);
    case FIELD_BOOL:
        return json_is_bool(item);
    case FIELD_INTEGER:
        return json_is_integer(item);
    case FIELD_ANY:
        return true;
    }
    return false;
}

enum { FIELDS_MAX = 16 };

static bool fail_unknown(struct reader *reader, const struct cJSON *member,
                         const struct field *fields, size_t count) {
    struct sv names[FIELDS_MAX];
    for (size_t i = 0; i < count; i++)
        names[i] = fields[i].name;
    struct sv nearest = sv_nearest(json_key(member), names, count);
    return fail(reader, member, "unknown field \"%.*s\"" SV_MEANT "%s", SV_ARG(json_key(member)),
                SV_MEANT_ARG(nearest), nearest.len > 0 ? "" : "; remove it");
}

/* The map has these fields and no others, each of its type. */
static bool check_fields(struct reader *reader, const struct cJSON *map, const char *what,
                         const struct field *fields, size_t count) {
    assert(count <= FIELDS_MAX);
    if (!json_is_map(map))
        return fail(reader, map, "%s is %s; write an object", what, json_type_name(map));
    JSON_EACH (member, map) {
        size_t i = 0;
        while (i < count && !sv_eq(fields[i].name, json_key(member)))
            i++;
        if (i == count)
            return fail_unknown(reader, member, fields, count);
        if (!is_of_type(member, fields[i].type))
            return fail(reader, member, "%.*s is %s; write %s", SV_ARG(fields[i].name),
                        json_type_name(member), type_names[fields[i].type]);
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].is_required && !json_get(map, fields[i].name))
            return fail(reader, map, "%s has no field %.*s; add it", what, SV_ARG(fields[i].name));
    }
    return true;
}

static bool check_count(struct reader *reader, const struct cJSON *list, size_t count_max,
                        const char *what) {
    if (json_count(list) <= count_max)
        return true;
    return fail(reader, list, "%zu %s; at most %zu are allowed", json_count(list), what, count_max);
}

static bool check_duration(struct reader *reader, const struct cJSON *item, int64_t *ret_ms) {
    if (api_duration_parse(json_text(item), ret_ms) && *ret_ms >= 0 &&
        *ret_ms <= SIMULATION_DURATION_MS_MAX)
        return true;
    return fail(reader, item, "\"%.*s\" is no duration up to a day; write it like 250ms or 3s",
                SV_ARG(json_text(item)));
}

static bool check_path(struct reader *reader, const struct cJSON *item) {
    struct sv path = json_text(item);
    bool is_absolute = path.len > 1 && path.ptr[0] == '/';
    if (is_absolute && !sv_contains(path, SV("/../")) && !sv_ends_with(path, SV("/..")) &&
        !sv_ends_with(path, SV("/")) && sv_find(path, 0) == path.len)
        return true;
    return fail(reader, item, "\"%.*s\" is no absolute path without \"..\"", SV_ARG(path));
}

/* --- names in patterns --- */

static bool is_table(const struct reader *reader, struct sv name) {
    return json_get(reader->simulation->tables, name) != NULL;
}

static bool is_known(const struct reader *reader, struct sv name) {
    static const struct sv always[] = {SV("rest"), SV("program")};
    if (sv_starts_with(name, SV("json.")))
        name = sv_drop(name, 5);
    if (sv_starts_with(name, SV("env.")))
        return name.len > 4;
    if (sv_starts_with(name, SV("count.")))
        return is_table(reader, sv_drop(name, 6));
    if (reader->is_repetition && (sv_eq(name, SV("key")) || sv_eq(name, SV("value"))))
        return true;
    return sv_index_of(name, always, COUNT_OF(always)) < COUNT_OF(always) ||
           sv_index_of(name, reader->captures, reader->capture_count) < reader->capture_count;
}

static bool check_pattern(struct reader *reader, const struct cJSON *item) {
    struct sv rest = json_text(item);
    struct pattern_piece piece;
    while (pattern_take(&rest, &piece)) {
        if (piece.type == PATTERN_BROKEN)
            return fail(reader, item, "\"${\" without a name and \"}\"; write $${ for the text");
        if (piece.type == PATTERN_NAME && !is_known(reader, piece.text))
            return fail(reader, item,
                        "${%.*s} is not known here; args of the rule must catch it, or write "
                        "$${%.*s} for the text",
                        SV_ARG(piece.text), SV_ARG(piece.text));
    }
    return true;
}

static bool check_patterns(struct reader *reader, const struct cJSON *map) {
    JSON_EACH (member, map) {
        if (json_is_string(member) && !sv_eq(json_key(member), SV("table")) &&
            !sv_eq(json_key(member), SV("each")) && !check_pattern(reader, member))
            return false;
    }
    return true;
}

static bool check_table(struct reader *reader, const struct cJSON *item) {
    if (is_table(reader, json_text(item)))
        return true;
    return fail(reader, item, "table \"%.*s\" is not in `tables`; declare it there",
                SV_ARG(json_text(item)));
}

/* --- one rule --- */

static bool check_argument(struct reader *reader, const struct cJSON *argument,
                           size_t *rest_count) {
    if (!json_is_string(argument))
        return fail(reader, argument, "an argument is %s; put it in quotes",
                    json_type_name(argument));
    if (sv_eq(json_text(argument), SV("...")) && ++*rest_count > SIMULATION_REST_MAX)
        return fail(reader, argument, "more than %d \"...\" in one rule", SIMULATION_REST_MAX);
    struct sv rest = json_text(argument);
    struct pattern_piece piece;
    size_t name_count = 0;
    while (pattern_take(&rest, &piece)) {
        if (piece.type == PATTERN_BROKEN || (piece.type == PATTERN_NAME && ++name_count > 1))
            return fail(reader, argument, "an argument has one ${name} at most");
        if (piece.type != PATTERN_NAME)
            continue;
        if (sv_index_of(piece.text, reader->captures, reader->capture_count) <
            reader->capture_count)
            return fail(reader, argument, "${%.*s} is caught twice; name one of them otherwise",
                        SV_ARG(piece.text));
        reader->captures[reader->capture_count++] = piece.text;
    }
    return true;
}

static bool check_arguments(struct reader *reader, const struct cJSON *arguments) {
    size_t rest_count = 0;
    reader->capture_count = 0;
    if (!check_count(reader, arguments, SIMULATION_ARGS_MAX, "arguments"))
        return false;
    JSON_EACH (argument, arguments) {
        if (!check_argument(reader, argument, &rest_count))
            return false;
    }
    return true;
}

static bool check_condition(struct reader *reader, const struct cJSON *condition) {
    static const struct field fields[] = {
        {SV("table"), FIELD_TEXT, false}, {SV("key"), FIELD_TEXT, false},
        {SV("value"), FIELD_TEXT, false}, {SV("file"), FIELD_TEXT, false},
        {SV("env"), FIELD_TEXT, false},   {SV("is"), FIELD_TEXT, false},
        {SV("not"), FIELD_BOOL, false},
    };
    static const struct sv kinds[] = {SV("table"), SV("file"), SV("env"), SV("is")};
    if (!check_fields(reader, condition, "a condition", fields, COUNT_OF(fields)))
        return false;
    size_t kind_count = 0;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        kind_count += json_get(condition, kinds[i]) != NULL;
    if (kind_count != 1)
        return fail(reader, condition, "a condition has exactly one of table, file, env and is");
    const struct cJSON *table = json_get(condition, SV("table"));
    if (table && !json_get(condition, SV("key")))
        return fail(reader, condition, "a condition on a table has a key; add it");
    if (json_get(condition, SV("is")) && !json_get(condition, SV("value")))
        return fail(reader, condition, "a condition `is` compares with `value`; add it");
    return (!table || check_table(reader, table)) && check_patterns(reader, condition);
}

static bool check_repetition(struct reader *reader, const struct cJSON *part) {
    static const struct field fields[] = {
        {SV("each"), FIELD_TEXT, true},
        {SV("text"), FIELD_TEXT, true},
        {SV("between"), FIELD_TEXT, false},
        {SV("empty"), FIELD_TEXT, false},
    };
    if (!check_fields(reader, part, "a repetition", fields, COUNT_OF(fields)) ||
        !check_table(reader, json_get(part, SV("each"))))
        return false;
    reader->is_repetition = true;
    bool is_good = check_patterns(reader, part);
    reader->is_repetition = false;
    return is_good;
}

static bool check_output(struct reader *reader, const struct cJSON *output) {
    if (!output)
        return true;
    if (json_is_string(output))
        return check_pattern(reader, output);
    if (!json_is_list(output))
        return fail(reader, output, "output is %s; write a text or a list", json_type_name(output));
    JSON_EACH (part, output) {
        bool is_good =
            json_is_string(part) ? check_pattern(reader, part) : check_repetition(reader, part);
        if (!is_good)
            return false;
    }
    return true;
}

static bool check_effects(struct reader *reader, const struct cJSON *rule) {
    static const struct field set[] = {{SV("table"), FIELD_TEXT, true},
                                       {SV("key"), FIELD_TEXT, true},
                                       {SV("value"), FIELD_TEXT, true}};
    static const struct field write[] = {{SV("path"), FIELD_TEXT, true},
                                         {SV("text"), FIELD_TEXT, true}};
    JSON_EACH (change, json_get(rule, SV("set"))) {
        if (!check_fields(reader, change, "set", set, COUNT_OF(set)) ||
            !check_table(reader, json_get(change, SV("table"))) || !check_patterns(reader, change))
            return false;
    }
    JSON_EACH (change, json_get(rule, SV("remove"))) {
        if (!check_fields(reader, change, "remove", set, 2) ||
            !check_table(reader, json_get(change, SV("table"))) || !check_patterns(reader, change))
            return false;
    }
    JSON_EACH (table, json_get(rule, SV("clear"))) {
        if (!check_table(reader, table))
            return false;
    }
    JSON_EACH (file, json_get(rule, SV("write"))) {
        if (!check_fields(reader, file, "write", write, COUNT_OF(write)) ||
            !check_patterns(reader, file))
            return false;
    }
    return true;
}

static bool check_rule(struct reader *reader, const struct cJSON *rule) {
    static const struct field fields[] = {
        {SV("args"), FIELD_LIST, true},     {SV("when"), FIELD_LIST, false},
        {SV("stdout"), FIELD_ANY, false},   {SV("stderr"), FIELD_ANY, false},
        {SV("exit"), FIELD_INTEGER, false}, {SV("takes"), FIELD_TEXT, false},
        {SV("serves"), FIELD_BOOL, false},  {SV("set"), FIELD_LIST, false},
        {SV("remove"), FIELD_LIST, false},  {SV("clear"), FIELD_LIST, false},
        {SV("write"), FIELD_LIST, false},
    };
    if (!check_fields(reader, rule, "a rule", fields, COUNT_OF(fields)) ||
        !check_arguments(reader, json_get(rule, SV("args"))))
        return false;
    JSON_EACH (condition, json_get(rule, SV("when"))) {
        if (!check_condition(reader, condition))
            return false;
    }
    int64_t takes_ms;
    const struct cJSON *takes = json_get(rule, SV("takes"));
    const struct cJSON *code = json_get(rule, SV("exit"));
    if (takes && !check_duration(reader, takes, &takes_ms))
        return false;
    int64_t exit_code = json_int_or(rule, SV("exit"), 0);
    if (exit_code < 0 || exit_code > 255)
        return fail(reader, code, "exit status %lld; it is 0 to 255", (long long)exit_code);
    return check_output(reader, json_get(rule, SV("stdout"))) &&
           check_output(reader, json_get(rule, SV("stderr"))) && check_effects(reader, rule);
}

/* --- the parts of the document --- */

static bool read_roles(struct reader *reader, const struct cJSON *roles) {
    static const struct field names[] = {{SV("master"), FIELD_MAP, false},
                                         {SV("worker"), FIELD_MAP, false},
                                         {SV("client"), FIELD_MAP, false}};
    static const struct field fields[] = {{SV("readyAfter"), FIELD_TEXT, false}};
    for (enum role role = 0; role < ROLE_COUNT; role++)
        reader->simulation->ready_after_ms[role] = -1;
    if (!roles)
        return true;
    if (!check_fields(reader, roles, "roles", names, COUNT_OF(names)))
        return false;
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        const struct cJSON *part = json_get(roles, role_text(role));
        const struct cJSON *ready = json_get(part, SV("readyAfter"));
        if (part && !check_fields(reader, part, "a role", fields, COUNT_OF(fields)))
            return false;
        if (ready && !check_duration(reader, ready, &reader->simulation->ready_after_ms[role]))
            return false;
    }
    return true;
}

static bool read_tools(struct reader *reader, const struct cJSON *tools) {
    if (!check_count(reader, tools, SIMULATION_TOOLS_MAX, "tools"))
        return false;
    struct sv *names = ARENA_ARRAY(reader->arena, struct sv, json_count(tools) + 1);
    size_t count = 0;
    JSON_EACH (tool, tools) {
        struct sv name = json_text(tool);
        if (!json_is_string(tool) || name.len == 0 || sv_find(name, '/') < name.len ||
            sv_find(name, 0) < name.len)
            return fail(reader, tool, "a tool is the name of a program, like jq");
        names[count++] = name;
    }
    reader->simulation->tools = names;
    reader->simulation->tool_count = count;
    return true;
}

static bool read_tables(struct reader *reader, const struct cJSON *tables) {
    static const struct field fields[] = {{SV("scope"), FIELD_TEXT, false}};
    static const struct sv scopes[] = {SV("container"), SV("runtime")};
    reader->simulation->tables = tables;
    if (!check_count(reader, tables, SIMULATION_TABLES_MAX, "tables"))
        return false;
    JSON_EACH (table, tables) {
        if (!check_fields(reader, table, "a table", fields, COUNT_OF(fields)))
            return false;
        const struct cJSON *scope = json_get(table, SV("scope"));
        if (scope && sv_index_of(json_text(scope), scopes, COUNT_OF(scopes)) == COUNT_OF(scopes))
            return fail(reader, scope, "scope \"%.*s\"; it is container or runtime",
                        SV_ARG(json_text(scope)));
    }
    return true;
}

static bool read_files(struct reader *reader, const struct cJSON *files) {
    static const struct field fields[] = {{SV("path"), FIELD_TEXT, true},
                                          {SV("text"), FIELD_TEXT, true},
                                          {SV("mode"), FIELD_TEXT, false}};
    reader->simulation->files = files;
    if (!check_count(reader, files, SIMULATION_FILES_MAX, "files"))
        return false;
    JSON_EACH (file, files) {
        if (!check_fields(reader, file, "a file", fields, COUNT_OF(fields)) ||
            !check_path(reader, json_get(file, SV("path"))))
            return false;
        struct sv mode = json_string_or(file, SV("mode"), SV("0644"));
        bool is_mode = mode.len == 4 && mode.ptr[0] == '0';
        for (size_t i = 0; is_mode && i < mode.len; i++)
            is_mode = mode.ptr[i] >= '0' && mode.ptr[i] <= '7';
        if (!is_mode)
            return fail(reader, json_get(file, SV("mode")),
                        "mode \"%.*s\"; write four octal digits, like \"0755\"", SV_ARG(mode));
    }
    return true;
}

static bool read_folders(struct reader *reader, const struct cJSON *folders) {
    reader->simulation->folders = folders;
    if (!check_count(reader, folders, SIMULATION_FOLDERS_MAX, "folders"))
        return false;
    JSON_EACH (folder, folders) {
        if (!check_path(reader, folder))
            return false;
    }
    return true;
}

static bool read_programs(struct reader *reader, const struct cJSON *programs) {
    static const struct field fields[] = {{SV("path"), FIELD_TEXT, true},
                                          {SV("rules"), FIELD_LIST, true}};
    reader->simulation->programs = programs;
    if (!check_count(reader, programs, SIMULATION_PROGRAMS_MAX, "programs"))
        return false;
    JSON_EACH (program, programs) {
        const struct cJSON *rules = json_get(program, SV("rules"));
        if (!check_fields(reader, program, "a program", fields, COUNT_OF(fields)) ||
            !check_path(reader, json_get(program, SV("path"))) ||
            !check_count(reader, rules, SIMULATION_RULES_MAX, "rules"))
            return false;
        JSON_EACH (rule, rules) {
            if (!check_rule(reader, rule))
                return false;
        }
    }
    return true;
}

bool simulation_read(const struct manifest *manifest, const struct cJSON *root, struct arena *arena,
                     struct simulation *ret_simulation, struct error *err) {
    static const struct field fields[] = {
        {SV("apiVersion"), FIELD_TEXT, true}, {SV("kind"), FIELD_TEXT, true},
        {SV("metadata"), FIELD_MAP, false},   {SV("roles"), FIELD_MAP, false},
        {SV("tools"), FIELD_LIST, false},     {SV("tables"), FIELD_MAP, false},
        {SV("files"), FIELD_LIST, false},     {SV("folders"), FIELD_LIST, false},
        {SV("programs"), FIELD_LIST, false},
    };
    struct simulation simulation = {.root = root};
    struct reader reader = {
        .manifest = manifest, .arena = arena, .err = err, .simulation = &simulation};
    if (!check_fields(&reader, root, "the document", fields, COUNT_OF(fields)))
        return false;
    const struct cJSON *version = json_get(root, SV("apiVersion"));
    if (!sv_eq(json_text(version), SV("cacheruntime.io/v1")))
        return fail(&reader, version, "apiVersion \"%.*s\"; write cacheruntime.io/v1",
                    SV_ARG(json_text(version)));
    if (!read_roles(&reader, json_get(root, SV("roles"))) ||
        !read_tools(&reader, json_get(root, SV("tools"))) ||
        !read_tables(&reader, json_get(root, SV("tables"))) ||
        !read_files(&reader, json_get(root, SV("files"))) ||
        !read_folders(&reader, json_get(root, SV("folders"))) ||
        !read_programs(&reader, json_get(root, SV("programs"))))
        return false;
    *ret_simulation = simulation;
    return true;
}

bool simulation_is_shared(const struct simulation *simulation, struct sv table) {
    const struct cJSON *declared = json_get(simulation->tables, table);
    return sv_eq(json_string_or(declared, SV("scope"), SV("container")), SV("runtime"));
}
