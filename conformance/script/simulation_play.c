/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/simulation_play.h"

#include "conformance/script/simulation.h"
#include "conformance/script/simulation_pattern.h"
#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"

struct capture {
    struct sv name, value;
};

struct player {
    const struct play_call *call;
    struct cJSON *tables;
    struct arena *arena;
    struct capture captures[SIMULATION_ARGS_MAX];
    size_t capture_count;
    struct sv rest;
    const struct cJSON *row; /* inside `each` */
};

/* --- arguments --- */

/* One pattern of an argument: text before and behind at most one name. */
static bool match_argument(struct player *player, struct sv pattern, struct sv argument) {
    struct sv rest = pattern, name = SV("");
    struct pattern_piece piece;
    bool has_name = false, has_text = false;
    struct sv value = argument;
    while (pattern_take(&rest, &piece)) {
        if (piece.type == PATTERN_NAME) {
            name = piece.text;
            has_name = true;
            continue;
        }
        has_text = true;
        if (has_name ? !sv_ends_with(value, piece.text) : !sv_starts_with(value, piece.text))
            return false;
        value = has_name ? sv_prefix(value, value.len - piece.text.len)
                         : sv_drop(value, piece.text.len);
    }
    if (!has_name)
        return value.len == 0;
    if (!has_text && value.len == 0)
        return false;
    player->captures[player->capture_count++] = (struct capture){name, value};
    return true;
}

static struct sv join(struct player *player, struct sv before, const struct sv *args,
                      size_t count) {
    for (size_t i = 0; i < count; i++)
        before = before.len == 0
                     ? args[i]
                     : arena_printf(player->arena, "%.*s %.*s", SV_ARG(before), SV_ARG(args[i]));
    return before;
}

/* The shortest "..." that lets what follows match; there are at most four of them. */
static bool match_arguments(struct player *player, const struct cJSON *pattern,
                            const struct sv *args, size_t count) {
    if (!pattern)
        return count == 0;
    if (!sv_eq(json_text(pattern), SV("...")))
        return count > 0 && match_argument(player, json_text(pattern), args[0]) &&
               match_arguments(player, pattern->next, args + 1, count - 1);
    struct player before = *player;
    for (size_t taken = 0; taken <= count; taken++) {
        player->rest = join(player, before.rest, args, taken);
        if (match_arguments(player, pattern->next, args + taken, count - taken))
            return true;
        *player = before;
    }
    return false;
}

/* --- names --- */

static const struct cJSON *find_row(const struct player *player, struct sv table, struct sv key) {
    JSON_EACH (row, json_get(player->tables, table)) {
        if (sv_eq(json_text(json_at(row, 0)), key))
            return row;
    }
    return NULL;
}

static struct sv value_of(struct player *player, struct sv name) {
    for (size_t i = 0; i < player->capture_count; i++) {
        if (sv_eq(player->captures[i].name, name))
            return player->captures[i].value;
    }
    if (sv_eq(name, SV("rest")))
        return player->rest;
    if (sv_eq(name, SV("program")))
        return player->call->program_name;
    if (sv_eq(name, SV("key")))
        return json_text(json_at(player->row, 0));
    if (sv_eq(name, SV("value")))
        return json_text(json_at(player->row, 1));
    if (sv_starts_with(name, SV("env.")))
        return player->call->get_env(player->call->context, sv_drop(name, 4));
    if (sv_starts_with(name, SV("count.")))
        return arena_printf(player->arena, "%zu",
                            json_count(json_get(player->tables, sv_drop(name, 6))));
    return SV("");
}

/* The inside of a JSON string. */
static struct sv json_escape(struct player *player, struct sv text) {
    struct sv quoted =
        json_write_arena(player->arena, json_string(player->arena, text), JSON_COMPACT);
    return sv_prefix(sv_drop(quoted, 1), quoted.len - 2);
}

/* False when the output is full. */
static bool expand_into(struct player *player, struct buf *out, struct sv pattern) {
    struct pattern_piece piece;
    while (pattern_take(&pattern, &piece)) {
        struct sv text = piece.text;
        if (piece.type == PATTERN_NAME && sv_starts_with(text, SV("json.")))
            text = json_escape(player, value_of(player, sv_drop(text, 5)));
        else if (piece.type == PATTERN_NAME)
            text = value_of(player, text);
        if (!buf_append(out, text))
            return false;
    }
    return true;
}

static struct sv take_text(struct player *player, struct buf *out) {
    struct sv text = arena_copy(player->arena, buf_view(out));
    buf_release(out);
    return text;
}

static struct sv expand(struct player *player, struct sv pattern) {
    struct buf out;
    buf_init(&out, PLAY_OUTPUT_BYTES_MAX);
    (void)!expand_into(player, &out, pattern);
    return take_text(player, &out);
}

static struct sv expand_member(struct player *player, const struct cJSON *map, struct sv key) {
    return expand(player, json_string_or(map, key, SV("")));
}

/* --- conditions --- */

static bool row_holds(struct player *player, const struct cJSON *condition) {
    const struct cJSON *row = find_row(player, json_text(json_get(condition, SV("table"))),
                                       expand_member(player, condition, SV("key")));
    if (!row || !json_get(condition, SV("value")))
        return row != NULL;
    return sv_eq(json_text(json_at(row, 1)), expand_member(player, condition, SV("value")));
}

static bool condition_holds(struct player *player, const struct cJSON *condition) {
    const struct play_call *call = player->call;
    bool holds = false;
    if (json_get(condition, SV("table")))
        holds = row_holds(player, condition);
    else if (json_get(condition, SV("file")))
        holds = call->has_file(call->context, expand_member(player, condition, SV("file")));
    else if (json_get(condition, SV("env")))
        holds = call->get_env(call->context, json_text(json_get(condition, SV("env")))).len > 0;
    else
        holds = sv_eq(expand_member(player, condition, SV("is")),
                      expand_member(player, condition, SV("value")));
    return holds != json_bool_or(condition, SV("not"), false);
}

static bool rule_fits(struct player *player, const struct cJSON *rule) {
    const struct cJSON *args = json_get(rule, SV("args"));
    player->capture_count = 0;
    player->rest = SV("");
    if (!match_arguments(player, args ? args->child : NULL, player->call->args,
                         player->call->arg_count))
        return false;
    JSON_EACH (condition, json_get(rule, SV("when"))) {
        if (!condition_holds(player, condition))
            return false;
    }
    return true;
}

/* --- effects --- */

static void remove_row(struct player *player, struct sv table, struct sv key) {
    struct cJSON *rows = json_get(player->tables, table);
    const struct cJSON *row = find_row(player, table, key);
    if (row)
        json_detach(rows, (struct cJSON *)row);
}

/* A row that exists keeps its place. False when the table is full. */
static bool set_row(struct player *player, struct sv table, struct sv key, struct sv value) {
    struct cJSON *rows = json_ensure_list(player->arena, player->tables, table);
    const struct cJSON *old = find_row(player, table, key);
    if (!old && json_count(rows) >= PLAY_ROWS_MAX)
        return false;
    struct cJSON *row = json_list(player->arena);
    json_append(row, json_string(player->arena, key));
    json_append(row, json_string(player->arena, value));
    if (old)
        json_replace(rows, (struct cJSON *)old, row);
    else
        json_append(rows, row);
    return true;
}

static bool apply_effects(struct player *player, const struct cJSON *rule) {
    JSON_EACH (table, json_get(rule, SV("clear")))
        json_set(player->arena, player->tables, json_text(table), json_list(player->arena));
    JSON_EACH (change, json_get(rule, SV("remove")))
        remove_row(player, json_text(json_get(change, SV("table"))),
                   expand_member(player, change, SV("key")));
    JSON_EACH (change, json_get(rule, SV("set"))) {
        if (!set_row(player, json_text(json_get(change, SV("table"))),
                     expand_member(player, change, SV("key")),
                     expand_member(player, change, SV("value"))))
            return false;
    }
    return true;
}

static void collect_writes(struct player *player, const struct cJSON *rule,
                           struct play_result *result) {
    const struct cJSON *list = json_get(rule, SV("write"));
    struct play_write *writes = ARENA_ARRAY(player->arena, struct play_write, json_count(list) + 1);
    JSON_EACH (write, list)
        writes[result->write_count++] = (struct play_write){
            expand_member(player, write, SV("path")), expand_member(player, write, SV("text"))};
    result->writes = writes;
}

/* --- output --- */

static bool repeat_into(struct player *player, struct buf *out, const struct cJSON *part) {
    const struct cJSON *rows = json_get(player->tables, json_text(json_get(part, SV("each"))));
    if (json_count(rows) == 0)
        return expand_into(player, out, json_string_or(part, SV("empty"), SV("")));
    bool has_room = true;
    JSON_EACH (row, rows) {
        player->row = row;
        if (row != rows->child)
            has_room =
                has_room && expand_into(player, out, json_string_or(part, SV("between"), SV("")));
        has_room = has_room && expand_into(player, out, json_string_or(part, SV("text"), SV("")));
    }
    player->row = NULL;
    return has_room;
}

/* Output past the limit is cut: whoever reads it stops earlier. */
static struct sv render_output(struct player *player, const struct cJSON *output) {
    struct buf out;
    buf_init(&out, PLAY_OUTPUT_BYTES_MAX);
    bool has_room = true;
    if (json_is_string(output)) {
        has_room = expand_into(player, &out, json_text(output));
    } else {
        JSON_EACH (part, output)
            has_room =
                has_room && (json_is_string(part) ? expand_into(player, &out, json_text(part))
                                                  : repeat_into(player, &out, part));
    }
    return take_text(player, &out);
}

static void answer(struct player *player, const struct cJSON *rule, struct play_result *result) {
    result->rule = rule;
    result->exit_code = (int)json_int_or(rule, SV("exit"), 0);
    result->is_serving = json_bool_or(rule, SV("serves"), false);
    result->has_effect = json_count(json_get(rule, SV("set"))) > 0 ||
                         json_count(json_get(rule, SV("remove"))) > 0 ||
                         json_count(json_get(rule, SV("clear"))) > 0;
    if (!api_duration_parse(json_string_or(rule, SV("takes"), SV("")), &result->takes_ms))
        result->takes_ms = SIMULATION_TAKES_DEFAULT_MS;
    /* Output shows the tables as the call leaves them. */
    bool has_room = apply_effects(player, rule);
    result->stdout_bytes = render_output(player, json_get(rule, SV("stdout")));
    result->stderr_bytes = render_output(player, json_get(rule, SV("stderr")));
    collect_writes(player, rule, result);
    if (!has_room) {
        result->exit_code = 1;
        result->stderr_bytes = SV("the simulated table is full\n");
    }
}

void simulation_play(const struct play_call *call, struct cJSON *tables, struct arena *arena,
                     struct play_result *ret_result) {
    struct player player = {.call = call, .tables = tables, .arena = arena, .rest = SV("")};
    struct play_result result = {.stdout_bytes = SV(""), .stderr_bytes = SV("")};
    JSON_EACH (rule, json_get(call->program, SV("rules"))) {
        if (!rule_fits(&player, rule))
            continue;
        answer(&player, rule, &result);
        *ret_result = result;
        return;
    }
    struct sv args = join(&player, SV(""), call->args, call->arg_count);
    result.exit_code = PLAY_EXIT_UNKNOWN;
    result.takes_ms = SIMULATION_TAKES_DEFAULT_MS;
    result.stderr_bytes =
        arena_printf(arena, "%.*s: no rule of the simulation fits the arguments \"%.*s\"\n",
                     SV_ARG(call->program_name), SV_ARG(args));
    *ret_result = result;
}

static struct sv base_name(struct sv path) {
    size_t slash = sv_find_last(path, '/');
    return slash < path.len ? sv_drop(path, slash + 1) : path;
}

const struct cJSON *simulation_program(const struct cJSON *programs, struct sv path) {
    bool has_slash = sv_find(path, '/') < path.len;
    JSON_EACH (program, programs) {
        struct sv declared = json_text(json_get(program, SV("path")));
        if (sv_eq(has_slash ? declared : base_name(declared), path))
            return program;
    }
    return NULL;
}
