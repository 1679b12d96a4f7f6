/* SPDX-License-Identifier: Apache-2.0 */
/* The strict reader of json.h: RFC 8259, UTF-8 checked, number text kept, depth limited. */
#include "core/data/json.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/sv.h"
#include "core/data/json_index.h"
#include "core/data/json_node.h"
#include "core/data/utf8.h"

struct reader {
    struct arena *arena;
    const char *begin, *at, *end;
    struct error *err;
    bool last_wins;
    struct sv duplicates; /* their paths, one a line */
    size_t duplicate_count;
    const struct json_omission *omission; /* NULL: nothing is left out */
    bool leaves_out_bulk;                 /* within a value that is asked about */
    struct sv path[JSON_DEPTH_MAX];
    size_t depth;
};

static bool fail(struct reader *reader, enum error_code code, const char *what) {
    size_t line = 1;
    const char *line_start = reader->begin;
    for (const char *byte = reader->begin; byte < reader->at; byte++)
        if (*byte == '\n') {
            line++;
            line_start = byte + 1;
        }
    return error_set(reader->err, code, "line %zu column %zu: %s", line,
                     (size_t)(reader->at - line_start) + 1, what);
}

static bool invalid(struct reader *reader, const char *what) {
    return fail(reader, ERROR_INVALID, what);
}

static void skip_blanks(struct reader *reader) {
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\t' || *reader->at == '\r'))
        reader->at++;
}

static int peek(const struct reader *reader) {
    return reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

static bool is_digit(int byte) {
    return byte >= '0' && byte <= '9';
}

static void skip_digits(struct reader *reader) {
    while (is_digit(peek(reader)))
        reader->at++;
}

static bool read_number(struct reader *reader, struct cJSON *node) {
    const char *start = reader->at;
    if (peek(reader) == '-')
        reader->at++;
    if (!is_digit(peek(reader)))
        return invalid(reader, "a digit was expected");
    if (peek(reader) == '0')
        reader->at++;
    else
        skip_digits(reader);
    if (is_digit(peek(reader)))
        return invalid(reader, "a number must not start with 0");
    if (peek(reader) == '.') {
        reader->at++;
        if (!is_digit(peek(reader)))
            return invalid(reader, "a digit was expected after the decimal point");
        skip_digits(reader);
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        reader->at++;
        if (peek(reader) == '+' || peek(reader) == '-')
            reader->at++;
        if (!is_digit(peek(reader)))
            return invalid(reader, "a digit was expected in the exponent");
        skip_digits(reader);
    }
    json_node_set_number(reader->arena, node, (struct sv){start, (size_t)(reader->at - start)});
    return true;
}

static bool read_hex4(struct reader *reader, uint32_t *ret_value) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = reader->at < reader->end ? hex_digit(*reader->at) : -1;
        if (digit < 0)
            return invalid(reader, "four hexadecimal digits were expected");
        value = value * 16 + (uint32_t)digit;
        reader->at++;
    }
    *ret_value = value;
    return true;
}

/* After "\u". A surrogate must come as a pair; alone it is no character. */
static bool read_unicode_escape(struct reader *reader, char **out) {
    uint32_t code, low;
    if (!read_hex4(reader, &code))
        return false;
    if (code >= 0xdc00 && code <= 0xdfff)
        return invalid(reader, "a low surrogate without its high one");
    if (code >= 0xd800 && code <= 0xdbff) {
        if (reader->end - reader->at < 2 || reader->at[0] != '\\' || reader->at[1] != 'u')
            return invalid(reader, "a high surrogate without its low one");
        reader->at += 2;
        if (!read_hex4(reader, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return invalid(reader, "a high surrogate without its low one");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *out += utf8_encode(code, *out);
    return true;
}

static bool read_escape(struct reader *reader, char **out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    reader->at++;
    int byte = peek(reader);
    if (byte == 'u') {
        reader->at++;
        return read_unicode_escape(reader, out);
    }
    const char *known = byte > 0 ? strchr(from, byte) : NULL;
    if (!known)
        return invalid(reader, "unknown escape in a string");
    *(*out)++ = to[known - from];
    reader->at++;
    return true;
}

/* Bytes that stand for themselves: no quote, backslash, control character or part of a longer
 * UTF-8 sequence. Most strings hold nothing else, so eight are looked at together: a byte's high
 * bit is set in the sum when the byte is one of the exceptions, and may be set in those behind it.
 * So the lowest one tells, which is the first byte's on the machines that we build for. */
static const char *skip_plain(const char *at, const char *end) {
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
        uint64_t odd = word | (word - ones * 0x20) | ((quote - ones) & ~quote) |
                       ((backslash - ones) & ~backslash);
        if (odd & high)
            return at + __builtin_ctzll(odd & high) / 8;
        at += 8;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' &&
           *at != '\\')
        at++;
    return at;
}

/* The closing quote of the string that goes on here, or NULL. */
static const char *find_string_end(const struct reader *reader, const char *at) {
    for (const char *byte = at; byte < reader->end; byte++) {
        if (*byte == '"')
            return byte;
        if (*byte == '\\')
            byte++;
    }
    return NULL;
}

/* Every escape is longer than what it stands for, so the text between the quotes bounds the
 * result. */
static bool read_odd_string(struct reader *reader, const char *end, struct sv *ret_text) {
    char *text = arena_alloc(reader->arena, (size_t)(end - reader->at) + 1);
    char *out = text;
    while (reader->at < end) {
        const char *plain_end = skip_plain(reader->at, end);
        size_t len = (size_t)(plain_end - reader->at);
        if (len == 0 && (unsigned char)*reader->at < 0x20)
            return invalid(reader, "a control character in a string must be escaped");
        if (len == 0 && *reader->at == '\\') {
            if (!read_escape(reader, &out))
                return false;
            continue;
        }
        if (len == 0)
            len = utf8_sequence_bytes((struct sv){reader->at, (size_t)(end - reader->at)});
        if (len == 0)
            return invalid(reader, "bytes that are not UTF-8");
        memcpy(out, reader->at, len);
        out += len;
        reader->at += len;
    }
    *ret_text = (struct sv){text, (size_t)(out - text)};
    return true;
}

/* From the opening quote on. */
static bool read_string(struct reader *reader, struct sv *ret_text) {
    reader->at++;
    const char *end = skip_plain(reader->at, reader->end);
    bool is_plain = end < reader->end && *end == '"';
    if (!is_plain)
        end = find_string_end(reader, end);
    if (!end)
        return invalid(reader, "a string without its closing quote");
    if (is_plain)
        *ret_text = arena_copy(reader->arena, (struct sv){reader->at, (size_t)(end - reader->at)});
    else if (!read_odd_string(reader, end, ret_text))
        return false;
    reader->at = end + 1;
    return true;
}

static bool read_value(struct reader *reader, struct cJSON *node);

static struct sv path_text(const struct reader *reader, struct sv last) {
    struct sv path = SV("");
    for (size_t i = 0; i + 1 < reader->depth; i++)
        if (reader->path[i].len > 0)
            path = arena_printf(reader->arena, "%.*s%.*s.", SV_ARG(path), SV_ARG(reader->path[i]));
    return arena_printf(reader->arena, "%.*s%.*s", SV_ARG(path), SV_ARG(last));
}

/* With an omission. */
static bool is_left_out(const struct reader *reader, struct sv key) {
    const struct json_omission *omission = reader->omission;
    if (reader->leaves_out_bulk)
        return sv_eq(key, omission->bulk);
    return reader->depth >= 2 && sv_eq(key, omission->key) &&
           sv_eq(reader->path[reader->depth - 2], omission->parent);
}

/* The closing quote of the string that begins here, or NULL. */
static const char *string_end(const struct reader *reader, const char *quote) {
    const char *end = skip_plain(quote + 1, reader->end);
    return end < reader->end && *end == '"' ? end : find_string_end(reader, end);
}

/* From the opening bracket to behind the closing one. */
static bool pass_over(struct reader *reader) {
    const char *at = reader->at;
    size_t depth = 0;
    do {
        reader->at = at;
        if (at == reader->end)
            return invalid(reader, "the text ends within a value");
        if (*at == '"')
            at = string_end(reader, at);
        else if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        if (!at)
            return invalid(reader, "a string without its closing quote");
        at++;
    } while (depth > 0);
    reader->at = at;
    return true;
}

/* Which is left out, unless it is needed. False when it cannot be read. */
static bool leave_out(struct reader *reader, bool *ret_is_needed) {
    const char *at = reader->at;
    struct cJSON value = {0};
    *ret_is_needed = false;
    if (reader->leaves_out_bulk || !reader->omission->is_needed)
        return pass_over(reader);
    reader->leaves_out_bulk = true;
    bool held = read_value(reader, &value);
    reader->leaves_out_bulk = false;
    *ret_is_needed = held && reader->omission->is_needed(&value);
    if (*ret_is_needed)
        reader->at = at;
    return held;
}

static void add_duplicate(struct reader *reader, struct sv key) {
    if (reader->duplicate_count++ >= JSON_DUPLICATES_MAX)
        return;
    struct sv path = path_text(reader, key);
    reader->duplicates = reader->duplicates.len > 0
                             ? ARENA_JOIN(reader->arena, reader->duplicates, SV("\n"), path)
                             : path;
}

static bool read_member(struct reader *reader, struct json_index *members) {
    skip_blanks(reader);
    if (peek(reader) != '"')
        return invalid(reader, "a key in quotes was expected");
    const char *key_at = reader->at;
    struct sv key;
    if (!read_string(reader, &key))
        return false;
    if (memchr(key.ptr, '\0', key.len))
        return invalid(reader, "a key must not hold a NUL");
    struct cJSON *member = json_index_get(members, key);
    if (member && !reader->last_wins) {
        reader->at = key_at;
        return error_set(reader->err, ERROR_INVALID, "duplicate key \"%.*s\"",
                         SV_ARG(path_text(reader, key)));
    }
    if (member)
        add_duplicate(reader, key);
    skip_blanks(reader);
    if (peek(reader) != ':')
        return invalid(reader, "a colon was expected after a key");
    reader->at++;
    reader->path[reader->depth - 1] = key;
    if (reader->omission && is_left_out(reader, key)) {
        bool is_needed = true;
        skip_blanks(reader);
        if ((peek(reader) == '{' || peek(reader) == '[') && !leave_out(reader, &is_needed))
            return false;
        if (!is_needed)
            return true;
    }
    if (member) {
        struct cJSON *next = member->next, *prev = member->prev;
        struct cJSON fresh = {.next = next, .prev = prev};
        json_node_take_key(&fresh, member);
        *member = fresh;
        return read_value(reader, member);
    }
    member = json_node_new(reader->arena);
    json_node_set_key(member, key);
    if (!read_value(reader, member))
        return false;
    json_index_append(members, member);
    return true;
}

/* Reads "x, x, x<close>" after the opening bracket. */
static bool read_items(struct reader *reader, struct cJSON *parent, struct json_index *members) {
    char close = members ? '}' : ']';
    reader->at++;
    skip_blanks(reader);
    if (peek(reader) == close) {
        reader->at++;
        return true;
    }
    for (;;) {
        if (members) {
            if (!read_member(reader, members))
                return false;
        } else {
            struct cJSON *item = json_node_new(reader->arena);
            if (!read_value(reader, item))
                return false;
            json_node_append(parent, item);
        }
        skip_blanks(reader);
        if (peek(reader) != ',' && peek(reader) != close)
            return invalid(reader,
                           members ? "a comma or } was expected" : "a comma or ] was expected");
        if (*reader->at++ == close)
            return true;
    }
}

static bool read_container(struct reader *reader, struct cJSON *node) {
    if (reader->depth == JSON_DEPTH_MAX)
        return fail(reader, ERROR_TOO_LARGE, "nested deeper than 64 levels");
    struct json_index members = {.arena = reader->arena, .map = node};
    bool is_map = *reader->at == '{';
    node->type = is_map ? cJSON_Object | JSON_KEYS_KNOWN : cJSON_Array;
    reader->path[reader->depth++] = SV("");
    bool held = read_items(reader, node, is_map ? &members : NULL);
    reader->depth--;
    return held;
}

static bool read_word(struct reader *reader, struct cJSON *node) {
    static const struct {
        struct sv word;
        int type;
    } words[] = {{SV("true"), cJSON_True}, {SV("false"), cJSON_False}, {SV("null"), cJSON_NULL}};
    struct sv rest = {reader->at, (size_t)(reader->end - reader->at)};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (sv_starts_with(rest, words[i].word)) {
            node->type = words[i].type;
            reader->at += words[i].word.len;
            return true;
        }
    }
    return invalid(reader, rest.len == 0 ? "the text ends where a value was expected"
                                         : "a value was expected");
}

static bool read_value(struct reader *reader, struct cJSON *node) {
    skip_blanks(reader);
    int byte = peek(reader);
    if (byte == '{' || byte == '[')
        return read_container(reader, node);
    if (byte == '"') {
        struct sv text;
        if (!read_string(reader, &text))
            return false;
        json_node_set_string(node, text);
        return true;
    }
    if (byte == '-' || is_digit(byte))
        return read_number(reader, node);
    return read_word(reader, node);
}

/* All of `text`, for a reader that knows what it shall do with it. */
static struct cJSON *read_document(struct reader *reader, struct sv text) {
    reader->begin = reader->at = text.ptr;
    reader->end = text.ptr + text.len;
    if (text.len > JSON_BYTES_MAX) {
        error_set(reader->err, ERROR_TOO_LARGE, "%zu bytes of JSON, limit is %d", text.len,
                  JSON_BYTES_MAX);
        return NULL;
    }
    struct cJSON *root = json_node_new(reader->arena);
    if (!read_value(reader, root))
        return NULL;
    skip_blanks(reader);
    if (reader->at != reader->end) {
        invalid(reader, "unexpected text after the value");
        return NULL;
    }
    return root;
}

struct cJSON *json_read(struct arena *arena, struct sv text, struct error *err) {
    return read_document(&(struct reader){.arena = arena, .err = err}, text);
}

struct cJSON *json_read_without(struct arena *arena, struct sv text,
                                const struct json_omission *omission, struct error *err) {
    return read_document(&(struct reader){.arena = arena, .err = err, .omission = omission}, text);
}

struct cJSON *json_read_last_wins(struct arena *arena, struct sv text, struct sv *ret_duplicates,
                                  struct error *err) {
    struct reader reader = {.arena = arena, .err = err, .last_wins = true, .duplicates = SV("")};
    struct cJSON *root = read_document(&reader, text);
    if (root)
        *ret_duplicates = reader.duplicates;
    return root;
}

/* --- glances --- */

struct glance {
    struct reader reader;
    struct json_glimpse *glimpses;
    size_t count, needed;
};

static bool has_seen_enough(const struct glance *glance) {
    for (size_t i = 0; i < glance->needed; i++)
        if (!glance->glimpses[i].text.ptr)
            return false;
    return true;
}

/* The text between the quotes; false unless it stands for itself. */
static bool glance_string(struct reader *reader, struct sv *ret_text) {
    if (peek(reader) != '"')
        return false;
    const char *start = reader->at + 1, *end = skip_plain(start, reader->end);
    if (end == reader->end || *end != '"')
        return false;
    *ret_text = (struct sv){start, (size_t)(end - start)};
    reader->at = end + 1;
    return true;
}

static bool pass_over_any(struct reader *reader) {
    int byte = peek(reader);
    if (byte == '{' || byte == '[' || byte == '"')
        return pass_over(reader);
    while (peek(reader) >= 0 && !memchr(",]}", *reader->at, 3))
        reader->at++;
    return true;
}

static bool glance_map(struct glance *glance, const struct sv *paths);

/* What is left of each path goes behind `key`; a path that is not on the way has no bytes at all.
 */
static bool glance_value(struct glance *glance, const struct sv *paths, struct sv key) {
    struct reader *reader = &glance->reader;
    struct sv rests[JSON_GLIMPSES_MAX];
    bool is_on_way = false;
    for (size_t i = 0; i < glance->count; i++) {
        struct sv rest = paths[i];
        bool goes_on = rest.len > 0 && sv_eq(sv_cut(&rest, '.'), key);
        rests[i] = goes_on ? rest : (struct sv){NULL, 0};
        is_on_way = is_on_way || goes_on;
    }
    if (is_on_way && peek(reader) == '{')
        return glance_map(glance, rests);
    struct sv text;
    if (!is_on_way || peek(reader) != '"')
        return pass_over_any(reader);
    if (!glance_string(reader, &text))
        return false;
    for (size_t i = 0; i < glance->count; i++)
        if (rests[i].ptr && rests[i].len == 0)
            glance->glimpses[i].text = text;
    return true;
}

/* From the opening bracket on, to behind the closing one or until enough is seen. */
static bool glance_map(struct glance *glance, const struct sv *paths) {
    struct reader *reader = &glance->reader;
    do {
        struct sv key;
        reader->at++;
        skip_blanks(reader);
        if (!glance_string(reader, &key))
            return false;
        skip_blanks(reader);
        if (peek(reader) != ':')
            return false;
        reader->at++;
        skip_blanks(reader);
        if (!glance_value(glance, paths, key))
            return false;
        if (has_seen_enough(glance))
            return true;
        skip_blanks(reader);
    } while (peek(reader) == ',');
    bool is_closed = peek(reader) == '}';
    reader->at += is_closed;
    return is_closed;
}

bool json_glance(struct sv text, struct json_glimpse *glimpses, size_t count, size_t needed) {
    struct error unused = {0};
    struct sv paths[JSON_GLIMPSES_MAX];
    struct glance glance = {
        .reader = {.begin = text.ptr, .at = text.ptr, .end = text.ptr + text.len, .err = &unused},
        .glimpses = glimpses,
        .count = count,
        .needed = needed,
    };
    assert(count <= JSON_GLIMPSES_MAX);
    for (size_t i = 0; i < count; i++) {
        paths[i] = glimpses[i].path;
        glimpses[i].text = (struct sv){NULL, 0};
    }
    skip_blanks(&glance.reader);
    bool is_seen =
        peek(&glance.reader) == '{' && glance_map(&glance, paths) && has_seen_enough(&glance);
    for (size_t i = 0; i < count; i++)
        if (!glimpses[i].text.ptr)
            glimpses[i].text = SV("");
    return is_seen;
}
