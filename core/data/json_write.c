/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of json.h. */
#include "core/data/json.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/utf8.h"

/* Most objects take no more. */
enum { TEXT_BYTES_USUAL = 4096 };

/* U+2028 and U+2029, which encoding/json escapes because JavaScript takes them for newlines. */
static bool is_line_separator(struct sv bytes) {
    return bytes.len >= 3 && memcmp(bytes.ptr, "\xe2\x80", 2) == 0 &&
           ((unsigned char)bytes.ptr[2] == 0xa8 || (unsigned char)bytes.ptr[2] == 0xa9);
}

/* --- eight bytes at a time --- */

enum { WORD_BYTES = sizeof(uint64_t) };

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Not 0 when a byte of `word` is below `limit`, which is 128 at most. */
static uint64_t any_below(uint64_t word, unsigned char limit) {
    return (word - EACH_BYTE(limit)) & ~word & EACH_BYTE(0x80);
}

static uint64_t any_is(uint64_t word, unsigned char byte) {
    return any_below(word ^ EACH_BYTE(byte), 1);
}

/* Not 0 when one of the bytes needs an escape. */
static uint64_t any_special(uint64_t word, enum json_style style) {
    uint64_t found = any_below(word, 0x20) | any_is(word, '"') | any_is(word, '\\');
    if (style == JSON_GO_HTML)
        found |=
            any_is(word, '<') | any_is(word, '>') | any_is(word, '&') | (word & EACH_BYTE(0x80));
    return found;
}

static uint64_t load_word(const char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Of 4 to 7 bytes: the first four and the last four. */
static uint64_t load_few(const char *bytes, size_t len) {
    uint32_t first, last;
    memcpy(&first, bytes, sizeof(first));
    memcpy(&last, bytes + len - sizeof(last), sizeof(last));
    return first | (uint64_t)last << 32;
}

/* How many bytes at the front are plain, seen by words. Behind them the text ends, or one that is
 * not comes soon, or the text is too short to tell. */
static size_t plain_words(struct sv text, enum json_style style) {
    size_t at = 0;
    while (at + WORD_BYTES <= text.len && any_special(load_word(text.ptr + at), style) == 0)
        at += WORD_BYTES;
    size_t left = text.len - at;
    /* The last word may overlap the one before. */
    bool ends =
        left < WORD_BYTES &&
        ((at > 0 && any_special(load_word(text.ptr + text.len - WORD_BYTES), style) == 0) ||
         (at == 0 && left >= WORD_BYTES / 2 && any_special(load_few(text.ptr, left), style) == 0));
    return ends ? text.len : at;
}

/* How many bytes at the front need no escape. */
static size_t plain_bytes(struct sv text, enum json_style style) {
    size_t at = plain_words(text, style);
    for (; at < text.len; at++) {
        unsigned char byte = (unsigned char)text.ptr[at];
        if (byte < 0x20 || byte == '"' || byte == '\\')
            break;
        if (style == JSON_GO_HTML && (byte == '<' || byte == '>' || byte == '&' || byte >= 0x80))
            break;
    }
    return at;
}

/* Writes the one character at the front, escaped where it must be; tells its length. */
static bool write_special(struct buf *buf, struct sv text, size_t *ret_len) {
    unsigned char byte = (unsigned char)text.ptr[0];
    *ret_len = 1;
    switch (byte) {
    case '"':
        return buf_append(buf, SV("\\\""));
    case '\\':
        return buf_append(buf, SV("\\\\"));
    case '\n':
        return buf_append(buf, SV("\\n"));
    case '\r':
        return buf_append(buf, SV("\\r"));
    case '\t':
        return buf_append(buf, SV("\\t"));
    case '\b':
        return buf_append(buf, SV("\\b"));
    case '\f':
        return buf_append(buf, SV("\\f"));
    }
    if (byte < 0x80)
        return buf_printf(buf, "\\u%04x", byte);
    *ret_len = utf8_sequence_bytes(text);
    if (*ret_len == 0) {
        *ret_len = 1;
        return buf_append(buf, SV("\\ufffd"));
    }
    if (is_line_separator(text))
        return buf_printf(buf, "\\u202%c", (unsigned char)text.ptr[2] == 0xa8 ? '8' : '9');
    return buf_append(buf, sv_prefix(text, *ret_len));
}

/* A text without escapes, and what stands around it. */
static bool write_plain(struct buf *buf, struct sv lead, struct sv text, struct sv tail) {
    char *end = buf_extend(buf, lead.len + text.len + 2 + tail.len);
    if (!end)
        return false;
    for (size_t i = 0; i < lead.len; i++)
        *end++ = lead.ptr[i];
    *end++ = '"';
    memcpy(end, text.ptr, text.len);
    end += text.len;
    *end++ = '"';
    for (size_t i = 0; i < tail.len; i++)
        *end++ = tail.ptr[i];
    return true;
}

static bool write_escaped(struct buf *buf, struct sv text, enum json_style style) {
    if (!buf_append_byte(buf, '"'))
        return false;
    while (text.len > 0) {
        size_t len = plain_bytes(text, style);
        if (len > 0 && !buf_append(buf, sv_prefix(text, len)))
            return false;
        text = sv_drop(text, len);
        if (text.len > 0) {
            if (!write_special(buf, text, &len))
                return false;
            text = sv_drop(text, len);
        }
    }
    return buf_append_byte(buf, '"');
}

bool json_write_string(struct buf *buf, struct sv text, enum json_style style) {
    return plain_bytes(text, style) == text.len ? write_plain(buf, SV(""), text, SV(""))
                                                : write_escaped(buf, text, style);
}

static bool write_key(struct buf *buf, struct sv lead, struct sv key, enum json_style style) {
    struct sv colon = style == JSON_PRETTY ? SV(": ") : SV(":");
    return plain_bytes(key, style) == key.len
               ? write_plain(buf, lead, key, colon)
               : buf_append(buf, lead) && write_escaped(buf, key, style) && buf_append(buf, colon);
}

static bool write_newline(struct buf *buf, enum json_style style, size_t depth) {
    if (style != JSON_PRETTY)
        return true;
    if (!buf_append_byte(buf, '\n'))
        return false;
    for (size_t i = 0; i < depth; i++)
        if (!buf_append(buf, SV("  ")))
            return false;
    return true;
}

static bool write_item(struct buf *buf, const struct cJSON *item, enum json_style style,
                       size_t depth);

static bool write_children(struct buf *buf, const struct cJSON *parent, enum json_style style,
                           size_t depth) {
    bool is_map = json_is_map(parent);
    if (!buf_append_byte(buf, is_map ? '{' : '['))
        return false;
    JSON_EACH (item, parent) {
        struct sv lead = item != parent->child ? SV(",") : SV("");
        if (style == JSON_PRETTY || !is_map) {
            if (!buf_append(buf, lead) || !write_newline(buf, style, depth + 1))
                return false;
            lead = SV("");
        }
        if (is_map && !write_key(buf, lead, json_key(item), style))
            return false;
        if (!write_item(buf, item, style, depth + 1))
            return false;
    }
    if (parent->child && !write_newline(buf, style, depth))
        return false;
    return buf_append_byte(buf, is_map ? '}' : ']');
}

static bool write_item(struct buf *buf, const struct cJSON *item, enum json_style style,
                       size_t depth) {
    if (json_is_map(item) || json_is_list(item))
        return write_children(buf, item, style, depth);
    if (json_is_string(item))
        return json_write_string(buf, json_text(item), style);
    if (json_is_number(item))
        return buf_append(buf, json_text(item));
    if (json_is_bool(item))
        return buf_append(buf, json_is_true(item) ? SV("true") : SV("false"));
    return buf_append(buf, SV("null"));
}

bool json_write(struct buf *buf, const struct cJSON *item, enum json_style style) {
    return write_item(buf, item, style, 0);
}

struct sv json_write_arena(struct arena *arena, const struct cJSON *item, enum json_style style) {
    struct buf buf;
    buf_init(&buf, SIZE_MAX / 4);
    bool fits = buf_reserve(&buf, TEXT_BYTES_USUAL) && json_write(&buf, item, style);
    assert(fits);
    struct sv text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}
