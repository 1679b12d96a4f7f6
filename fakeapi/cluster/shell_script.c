/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts of the shell: words, operators, pipelines. */
#include "core/base/arena.h"
#include "core/base/map.h"
#include "fakeapi/cluster/shell_parts.h"

enum { WORD_BYTES_MAX = 1024 * 1024, PIPE_BYTES_MAX = SHELL_OUTPUT_BYTES_MAX };

enum token_type { TOKEN_WORD, TOKEN_OPERATOR, TOKEN_END, TOKEN_BROKEN };

struct reader {
    struct shell_job *job;
    struct sv rest;
    int status; /* of the last command: $? */
    enum token_type type;
    struct sv text;
};

static bool is_name_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_';
}

/* --- tokens --- */

/* "$NAME", "${NAME}", "$?" at the front of the rest; anything else is a plain "$". */
static bool expand_variable(struct reader *reader, struct buf *word) {
    struct sv rest = sv_drop(reader->rest, 1);
    bool has_brace = sv_starts_with(rest, SV("{"));
    rest = sv_drop(rest, has_brace ? 1 : 0);
    if (sv_starts_with(rest, SV("?"))) {
        reader->rest = sv_drop(rest, 1 + (has_brace ? 1 : 0));
        return buf_printf(word, "%d", reader->status);
    }
    size_t len = 0;
    while (len < rest.len && is_name_byte(rest.ptr[len]))
        len++;
    if (len == 0) {
        reader->rest = sv_drop(reader->rest, 1);
        return buf_append_byte(word, '$');
    }
    const struct sv *value = map_get(reader->job->environment, sv_prefix(rest, len));
    rest = sv_drop(rest, len);
    reader->rest = sv_drop(rest, has_brace && sv_starts_with(rest, SV("}")) ? 1 : 0);
    return !value || buf_append(word, *value);
}

static bool take_single_quoted(struct reader *reader, struct buf *word) {
    struct sv rest = sv_drop(reader->rest, 1);
    size_t end = sv_find(rest, '\'');
    if (end == rest.len)
        return false;
    reader->rest = sv_drop(rest, end + 1);
    return buf_append(word, sv_prefix(rest, end));
}

static bool take_double_quoted(struct reader *reader, struct buf *word) {
    reader->rest = sv_drop(reader->rest, 1);
    while (reader->rest.len > 0) {
        char byte = reader->rest.ptr[0];
        if (byte == '"') {
            reader->rest = sv_drop(reader->rest, 1);
            return true;
        }
        if (byte == '$') {
            if (!expand_variable(reader, word))
                return false;
            continue;
        }
        bool is_escaped = byte == '\\' && reader->rest.len > 1 &&
                          strchr("\"\\$`", reader->rest.ptr[1]) && reader->rest.ptr[1] != '\0';
        if (!buf_append_byte(word, is_escaped ? reader->rest.ptr[1] : byte))
            return false;
        reader->rest = sv_drop(reader->rest, is_escaped ? 2 : 1);
    }
    return false;
}

static bool is_word_end(char byte) {
    return byte != '\0' && strchr(" \t\n;&|<>", byte) != NULL;
}

static bool take_piece(struct reader *reader, struct buf *word) {
    char byte = reader->rest.ptr[0];
    if (byte == '\'')
        return take_single_quoted(reader, word);
    if (byte == '"')
        return take_double_quoted(reader, word);
    if (byte == '$')
        return expand_variable(reader, word);
    if (byte == '\\' && reader->rest.len > 1) {
        byte = reader->rest.ptr[1];
        reader->rest = sv_drop(reader->rest, 1);
    }
    reader->rest = sv_drop(reader->rest, 1);
    return byte != '`' && byte != '(' && byte != ')' && buf_append_byte(word, byte);
}

static void take_word(struct reader *reader) {
    struct buf word;
    buf_init(&word, WORD_BYTES_MAX);
    reader->type = TOKEN_WORD;
    while (reader->rest.len > 0 && !is_word_end(reader->rest.ptr[0]) && reader->type == TOKEN_WORD)
        if (!take_piece(reader, &word))
            reader->type = TOKEN_BROKEN;
    reader->text = arena_copy(reader->job->arena, buf_view(&word));
    buf_release(&word);
}

static void next_token(struct reader *reader) {
    static const struct sv operators[] = {{"&&", 2}, {"||", 2},   {">>", 2},  {"2>&1", 4},
                                          {"2>", 2}, {"1>&2", 4}, {">&2", 3}, {";", 1},
                                          {"|", 1},  {">", 1},    {"<", 1},   {"\n", 1}};
    while (reader->rest.len > 0 && (reader->rest.ptr[0] == ' ' || reader->rest.ptr[0] == '\t'))
        reader->rest = sv_drop(reader->rest, 1);
    if (sv_starts_with(reader->rest, SV("#")))
        reader->rest = sv_drop(reader->rest, sv_find(reader->rest, '\n'));
    reader->type = TOKEN_END;
    if (reader->rest.len == 0)
        return;
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (!sv_starts_with(reader->rest, operators[i]))
            continue;
        reader->type = TOKEN_OPERATOR;
        reader->text = sv_eq(operators[i], SV("\n")) ? SV(";") : operators[i];
        reader->rest = sv_drop(reader->rest, operators[i].len);
        return;
    }
    take_word(reader);
    /* What is neither an operator nor the start of a word ("&") would be read for ever. */
    if (reader->type == TOKEN_WORD && reader->text.len == 0 && reader->rest.len > 0 &&
        is_word_end(reader->rest.ptr[0]) && reader->rest.ptr[0] == '&')
        reader->type = TOKEN_BROKEN;
}

/* --- commands --- */

struct simple {
    VEC(struct sv) words; /* released by run_pipeline() */
    struct sv input_path, output_path;
    bool appends, has_input, has_output, drops_errors, joins_errors, to_errors;
};

static bool take_redirection(struct reader *reader, struct simple *simple) {
    struct sv name = reader->text;
    if (sv_eq(name, SV("2>&1")) || sv_eq(name, SV("1>&2")) || sv_eq(name, SV(">&2"))) {
        simple->joins_errors |= sv_eq(name, SV("2>&1"));
        simple->to_errors |= !sv_eq(name, SV("2>&1"));
        next_token(reader);
        return true;
    }
    next_token(reader);
    if (reader->type != TOKEN_WORD)
        return false;
    struct sv path = shell_path(reader->job->arena, reader->text);
    if (sv_eq(name, SV("<"))) {
        simple->has_input = true;
        simple->input_path = path;
    } else if (sv_eq(name, SV("2>"))) {
        simple->drops_errors = true;
    } else {
        simple->has_output = true;
        simple->appends = sv_eq(name, SV(">>"));
        simple->output_path = path;
    }
    next_token(reader);
    return true;
}

static bool is_redirection(const struct reader *reader) {
    static const struct sv names[] = {{">", 1},    {">>", 2},   {"<", 1},  {"2>", 2},
                                      {"2>&1", 4}, {"1>&2", 4}, {">&2", 3}};
    return reader->type == TOKEN_OPERATOR &&
           sv_index_of(reader->text, names, COUNT_OF(names)) < COUNT_OF(names);
}

static bool read_simple(struct reader *reader, struct simple *ret_simple) {
    while (reader->type == TOKEN_WORD || is_redirection(reader)) {
        if (is_redirection(reader)) {
            if (!take_redirection(reader, ret_simple))
                return false;
            continue;
        }
        if (ret_simple->words.count == SHELL_WORDS_MAX)
            return false;
        vec_push(&ret_simple->words, reader->text);
        next_token(reader);
    }
    return reader->type != TOKEN_BROKEN;
}

static int complain(const struct shell_io *io, struct sv what, const char *why) {
    bool fits = buf_printf(io->errors, "sh: %.*s: %s\n", SV_ARG(what), why);
    return fits ? 1 : 1;
}

static bool write_file(struct shell_job *job, const struct simple *simple, struct sv bytes) {
    if (sv_eq(simple->output_path, SV("/dev/null")))
        return true;
    const struct shell_file *old = shell_find(job->disk, simple->output_path);
    if (simple->appends && old)
        bytes = arena_printf(job->arena, "%.*s%.*s", SV_ARG(old->bytes), SV_ARG(bytes));
    return shell_put(job->disk, &(struct shell_file){simple->output_path, false, 0644, bytes});
}

/* NAME=VALUE in front of nothing sets a variable. */
static bool is_assignment(struct shell_job *job, struct sv word) {
    struct sv value = word, name = sv_cut(&value, '=');
    bool is_name = name.len > 0 && name.len < word.len;
    for (size_t i = 0; i < name.len; i++)
        is_name = is_name && is_name_byte(name.ptr[i]);
    if (!is_name)
        return false;
    struct sv *copy = ARENA_NEW(job->arena, struct sv);
    *copy = value;
    map_put(job->environment, name, copy);
    return true;
}

static int run_simple(struct shell_job *job, const struct simple *simple,
                      const struct shell_io *io) {
    struct shell_io own = *io;
    if (simple->has_input) {
        const struct shell_file *file = shell_find(job->disk, simple->input_path);
        if (!file)
            return complain(io, simple->input_path, "No such file or directory");
        own.input = file->bytes;
    }
    if (simple->words.count == 1 && is_assignment(job, simple->words.items[0]))
        return 0;
    struct buf output, dropped;
    buf_init(&output, PIPE_BYTES_MAX);
    buf_init(&dropped, PIPE_BYTES_MAX);
    own.output = simple->has_output ? &output : simple->to_errors ? io->errors : io->output;
    own.errors = simple->drops_errors ? &dropped : simple->joins_errors ? own.output : io->errors;
    int status = simple->words.count > 0
                     ? shell_command(job, simple->words.items, simple->words.count, &own)
                     : 0;
    if (simple->has_output && !write_file(job, simple, buf_view(&output)))
        status = complain(io, simple->output_path, "No space left on device");
    buf_release(&output);
    buf_release(&dropped);
    return status;
}

/* One command of a pipeline; its output becomes `input` when another one follows. */
static void run_part(struct reader *reader, const struct simple *simple, bool has_more,
                     struct sv *input, const struct shell_io *io) {
    struct buf output;
    buf_init(&output, PIPE_BYTES_MAX);
    struct shell_io own = {*input, has_more ? &output : io->output, io->errors};
    reader->status = run_simple(reader->job, simple, &own);
    *input = arena_copy(reader->job->arena, buf_view(&output));
    buf_release(&output);
}

/* a | b | c: each one's output is the next one's input. */
static bool run_pipeline(struct reader *reader, bool is_skipped, const struct shell_io *io) {
    struct sv input = io->input;
    for (bool has_more = true; has_more;) {
        struct simple simple = {0};
        bool is_read = read_simple(reader, &simple);
        has_more = reader->type == TOKEN_OPERATOR && sv_eq(reader->text, SV("|"));
        if (is_read && !is_skipped)
            run_part(reader, &simple, has_more, &input, io);
        vec_release(&simple.words);
        if (!is_read)
            return false;
        if (has_more)
            next_token(reader);
    }
    return true;
}

/* Scripts that run scripts, and variables that double: both end here. */
static bool is_exhausted(const struct shell_job *job) {
    return job->depth >= SHELL_DEPTH_MAX || arena_used_bytes(job->arena) > job->memory_bytes_max;
}

static int run_script(struct shell_job *job, struct sv script, const struct shell_io *io) {
    struct reader reader = {.job = job, .rest = script};
    bool is_skipped = false;
    next_token(&reader);
    while (reader.type != TOKEN_END && !job->is_exiting) {
        if (is_exhausted(job)) {
            job->is_exiting = true;
            return complain(io, SV("script"), "needs more memory than a simulated shell has");
        }
        bool is_read = run_pipeline(&reader, is_skipped, io) && reader.type != TOKEN_WORD;
        if (!is_read) {
            job->is_beyond = true;
            complain(io, sv_prefix(reader.rest, 32), "this syntax is not simulated");
            return SHELL_SYNTAX;
        }
        if (reader.type != TOKEN_OPERATOR)
            break;
        is_skipped = (sv_eq(reader.text, SV("&&")) && reader.status != 0) ||
                     (sv_eq(reader.text, SV("||")) && reader.status == 0);
        next_token(&reader);
    }
    return reader.status;
}

int shell_script(struct shell_job *job, struct sv script, const struct shell_io *io) {
    job->depth++;
    int status = run_script(job, script, io);
    job->depth--;
    return status;
}
