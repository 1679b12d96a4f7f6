/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of yaml.h: block style, as kubectl prints. */
#include "core/data/yaml.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"
#include "core/data/yaml_scalar.h"

static bool write_value(struct buf *buf, const struct cJSON *item, size_t indent);

static bool write_indent(struct buf *buf, size_t indent) {
    for (size_t i = 0; i < indent; i++)
        if (!buf_append_byte(buf, ' '))
            return false;
    return true;
}

/* Whether a reader takes the bare text for this very text and for nothing else. */
static bool may_stand_bare(struct sv text) {
    if (text.len == 0 || strchr("-?:,[]{}#&*!|>'\"%@` ", text.ptr[0]) ||
        text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == ':' ||
        sv_starts_with(text, SV("..."))) /* ends a document */
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool ends_key = byte == ':' && i + 1 < text.len && text.ptr[i + 1] == ' ';
        bool is_comment = byte == '#' && text.ptr[i - 1] == ' ';
        if (byte < 0x20 || byte == 0x7f || byte >= 0x80 || ends_key || is_comment)
            return false;
    }
    AUTO(arena) arena = arena_new();
    return yaml_scalar_resolve(text, arena).kind == YAML_SCALAR_STRING;
}

/* What YAML takes for line breaks besides the newline, and the mark that it drops. */
static const struct {
    struct sv bytes, escape;
} odd_breaks[] = {
    {SV("\xc2\x85"), SV("\\u0085")},
    {SV("\xe2\x80\xa8"), SV("\\u2028")},
    {SV("\xe2\x80\xa9"), SV("\\u2029")},
    {SV("\xef\xbb\xbf"), SV("\\ufeff")},
};

/* The one that the text begins with, or COUNT_OF(odd_breaks). */
static size_t odd_break_at(struct sv text) {
    size_t i = 0;
    while (i < COUNT_OF(odd_breaks) && !sv_starts_with(text, odd_breaks[i].bytes))
        i++;
    return i;
}

static bool has_odd_break(struct sv text) {
    for (size_t i = 0; i < text.len; i++)
        if (odd_break_at(sv_drop(text, i)) < COUNT_OF(odd_breaks))
            return true;
    return false;
}

/* In double quotes, which a YAML reader takes as JSON's but for the odd line breaks. */
static bool write_quoted(struct buf *buf, struct sv text) {
    if (!has_odd_break(text))
        return json_write_string(buf, text, JSON_COMPACT);
    AUTO(arena) arena = arena_new();
    struct sv quoted = json_write_arena(arena, json_string(arena, text), JSON_COMPACT);
    bool fits = true;
    while (quoted.len > 0 && fits) {
        size_t odd = odd_break_at(quoted);
        bool is_plain = odd == COUNT_OF(odd_breaks);
        fits = is_plain ? buf_append_byte(buf, quoted.ptr[0])
                        : buf_append(buf, odd_breaks[odd].escape);
        quoted = sv_drop(quoted, is_plain ? 1 : odd_breaks[odd].bytes.len);
    }
    return fits;
}

/* A text of several lines that a literal block gives back byte for byte. A document that is
 * nothing but a text has no indent to tell its lines by. */
static bool may_be_block(struct sv text, size_t indent) {
    if (indent == 0 || has_odd_break(text) || sv_find(text, '\n') == text.len ||
        !sv_ends_with(text, SV("\n")) || sv_ends_with(text, SV("\n\n")) || text.ptr[0] == ' ' ||
        text.ptr[0] == '\n')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

static bool write_block(struct buf *buf, struct sv text, size_t indent) {
    if (!buf_append_byte(buf, '|'))
        return false;
    while (text.len > 0) {
        struct sv line = sv_cut(&text, '\n');
        if (!buf_append_byte(buf, '\n') || (line.len > 0 && !write_indent(buf, indent)) ||
            !buf_append(buf, line))
            return false;
    }
    return true;
}

static bool write_text(struct buf *buf, struct sv text, size_t indent) {
    if (may_stand_bare(text))
        return buf_append(buf, text);
    if (may_be_block(text, indent))
        return write_block(buf, text, indent);
    return write_quoted(buf, text);
}

/* A key stands on one line. */
static bool write_key(struct buf *buf, struct sv key) {
    return may_stand_bare(key) ? buf_append(buf, key) : write_quoted(buf, key);
}

static bool is_empty(const struct cJSON *item) {
    return !item->child;
}

static bool is_inline(const struct cJSON *item) {
    return !(json_is_map(item) || json_is_list(item)) || is_empty(item);
}

static bool write_map(struct buf *buf, const struct cJSON *map, size_t indent) {
    JSON_EACH (member, map) {
        if (member != map->child && !(buf_append_byte(buf, '\n') && write_indent(buf, indent)))
            return false;
        if (!write_key(buf, json_key(member)) || !buf_append_byte(buf, ':'))
            return false;
        /* Lists stand under their key without a further indent, as kubectl writes them. */
        size_t deeper = json_is_list(member) ? indent : indent + 2;
        bool begins = is_inline(member) ? buf_append_byte(buf, ' ')
                                        : buf_append_byte(buf, '\n') && write_indent(buf, deeper);
        if (!begins || !write_value(buf, member, is_inline(member) ? indent + 2 : deeper))
            return false;
    }
    return true;
}

static bool write_list(struct buf *buf, const struct cJSON *list, size_t indent) {
    JSON_EACH (item, list) {
        if (item != list->child && !(buf_append_byte(buf, '\n') && write_indent(buf, indent)))
            return false;
        if (!buf_append(buf, SV("- ")) || !write_value(buf, item, indent + 2))
            return false;
    }
    return true;
}

static bool write_value(struct buf *buf, const struct cJSON *item, size_t indent) {
    if (json_is_map(item))
        return is_empty(item) ? buf_append(buf, SV("{}")) : write_map(buf, item, indent);
    if (json_is_list(item))
        return is_empty(item) ? buf_append(buf, SV("[]")) : write_list(buf, item, indent);
    if (json_is_string(item))
        return write_text(buf, json_text(item), indent);
    return json_write(buf, item, JSON_COMPACT);
}

bool yaml_write(struct buf *buf, const struct cJSON *root) {
    return write_value(buf, root, 0) && buf_append_byte(buf, '\n');
}
