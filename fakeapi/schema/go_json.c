/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/go_json.h"

#include "core/base/arena.h"

struct scanner {
    struct arena *arena;
    struct sv text;
    size_t at;
    size_t depth;
    bool is_object[GO_JSON_DEPTH_MAX];
    struct sv fault; /* "" while there is none */
};

static bool fail_at_end(struct scanner *scanner) {
    scanner->fault = SV("unexpected end of JSON input");
    return false;
}

/* A byte as Go quotes it. */
static struct sv quoted(struct arena *arena, unsigned char byte) {
    static const struct {
        unsigned char byte;
        const char *text;
    } named[] = {{'\'', "\\'"}, {'\\', "\\\\"}, {'\a', "\\a"}, {'\b', "\\b"}, {'\f', "\\f"},
                 {'\n', "\\n"}, {'\r', "\\r"},  {'\t', "\\t"}, {'\v', "\\v"}};
    for (size_t i = 0; i < COUNT_OF(named); i++)
        if (named[i].byte == byte)
            return arena_printf(arena, "'%s'", named[i].text);
    if (byte < 0x20 || byte == 0x7f)
        return arena_printf(arena, "'\\x%02x'", byte);
    /* Go takes the byte for a code point. */
    if ((byte >= 0x80 && byte < 0xa1) || byte == 0xad) /* what does not print */
        return arena_printf(arena, "'\\u%04x'", byte);
    if (byte >= 0x80)
        return arena_printf(arena, "'%c%c'", 0xc0 | byte >> 6, 0x80 | (byte & 0x3f));
    return arena_printf(arena, "'%c'", byte);
}

/* The byte here does not belong there. */
static bool fail(struct scanner *scanner, const char *context) {
    if (scanner->at == scanner->text.len)
        return fail_at_end(scanner);
    scanner->fault = arena_printf(
        scanner->arena, "invalid character %.*s %s",
        SV_ARG(quoted(scanner->arena, (unsigned char)scanner->text.ptr[scanner->at])), context);
    return false;
}

/* '\0' at the end, which no JSON has outside of strings. */
static char peek(const struct scanner *scanner) {
    return scanner->at < scanner->text.len ? scanner->text.ptr[scanner->at] : '\0';
}

static void skip_blanks(struct scanner *scanner) {
    while (scanner->at < scanner->text.len && strchr(" \t\r\n", scanner->text.ptr[scanner->at]) &&
           scanner->text.ptr[scanner->at] != '\0')
        scanner->at++;
}

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

/* --- values without parts --- */

static bool scan_escape(struct scanner *scanner) {
    char byte = peek(scanner);
    if (byte == '\0' || !strchr("bfnrt\\/\"u", byte))
        return fail(scanner, "in string escape code");
    scanner->at++;
    for (int i = 0; byte == 'u' && i < 4; i++, scanner->at++)
        if (hex_digit(peek(scanner)) < 0)
            return fail(scanner, "in \\u hexadecimal character escape");
    return true;
}

/* From behind the opening quote to behind the closing one. */
static bool scan_string(struct scanner *scanner) {
    while (scanner->at < scanner->text.len) {
        unsigned char byte = (unsigned char)scanner->text.ptr[scanner->at];
        if (byte < 0x20)
            return fail(scanner, "in string literal");
        scanner->at++;
        if (byte == '"')
            return true;
        if (byte == '\\' && !scan_escape(scanner))
            return false;
    }
    return fail_at_end(scanner);
}

static bool scan_digits(struct scanner *scanner, const char *context) {
    if (!is_digit(peek(scanner)))
        return fail(scanner, context);
    while (is_digit(peek(scanner)))
        scanner->at++;
    return true;
}

static bool scan_number(struct scanner *scanner) {
    if (peek(scanner) == '-')
        scanner->at++;
    if (peek(scanner) == '0')
        scanner->at++;
    else if (!scan_digits(scanner, "in numeric literal"))
        return false;
    if (peek(scanner) == '.') {
        scanner->at++;
        if (!scan_digits(scanner, "after decimal point in numeric literal"))
            return false;
    }
    if (peek(scanner) != 'e' && peek(scanner) != 'E')
        return true;
    scanner->at++;
    if (peek(scanner) == '+' || peek(scanner) == '-')
        scanner->at++;
    return scan_digits(scanner, "in exponent of numeric literal");
}

static bool scan_word(struct scanner *scanner, const char *word) {
    for (const char *next = word; *next; next++, scanner->at++)
        if (peek(scanner) != *next)
            return fail(
                scanner,
                arena_printf(scanner->arena, "in literal %s (expecting '%c')", word, *next).ptr);
    return true;
}

/* --- maps and lists --- */

static bool scan_key(struct scanner *scanner) {
    if (peek(scanner) != '"')
        return fail(scanner, "looking for beginning of object key string");
    scanner->at++;
    if (!scan_string(scanner))
        return false;
    skip_blanks(scanner);
    if (peek(scanner) != ':')
        return fail(scanner, "after object key");
    scanner->at++;
    return true;
}

/* Enters a map or a list; `ret_is_done` when it is empty, and left again. */
static bool open_part(struct scanner *scanner, bool is_object, bool *ret_is_done) {
    if (scanner->depth == GO_JSON_DEPTH_MAX) {
        scanner->fault = SV("exceeded max depth");
        return false;
    }
    scanner->at++;
    skip_blanks(scanner);
    *ret_is_done = peek(scanner) == (is_object ? '}' : ']');
    if (*ret_is_done) {
        scanner->at++;
        return true;
    }
    scanner->is_object[scanner->depth++] = is_object;
    return !is_object || scan_key(scanner);
}

/* Up to the next value: false with `ret_is_done` at the end of the document. */
static bool close_parts(struct scanner *scanner, bool *ret_is_done) {
    while (scanner->depth > 0) {
        bool is_object = scanner->is_object[scanner->depth - 1];
        skip_blanks(scanner);
        if (peek(scanner) == ',') {
            scanner->at++;
            skip_blanks(scanner);
            return !is_object || scan_key(scanner);
        }
        if (peek(scanner) != (is_object ? '}' : ']'))
            return fail(scanner, is_object ? "after object key:value pair" : "after array element");
        scanner->at++;
        scanner->depth--;
    }
    skip_blanks(scanner);
    *ret_is_done = scanner->at == scanner->text.len;
    return *ret_is_done || fail(scanner, "after top-level value");
}

/* One value up to its end, or up to its first part. */
static bool scan_value(struct scanner *scanner, bool *ret_is_whole) {
    skip_blanks(scanner);
    char byte = peek(scanner);
    *ret_is_whole = true;
    switch (byte) {
    case '{':
    case '[':
        return open_part(scanner, byte == '{', ret_is_whole);
    case '"':
        scanner->at++;
        return scan_string(scanner);
    case 't':
        return scan_word(scanner, "true");
    case 'f':
        return scan_word(scanner, "false");
    case 'n':
        return scan_word(scanner, "null");
    default:
        return byte == '-' || is_digit(byte) ? scan_number(scanner)
                                             : fail(scanner, "looking for beginning of value");
    }
}

bool go_json_fault(struct arena *arena, struct sv text, struct sv *ret_fault) {
    struct scanner *scanner = ARENA_NEW(arena, struct scanner);
    *scanner = (struct scanner){.arena = arena, .text = text, .fault = SV("")};
    bool is_done = false, is_whole, holds = true;
    while (holds && !is_done) {
        holds = scan_value(scanner, &is_whole);
        if (holds && is_whole)
            holds = close_parts(scanner, &is_done);
    }
    if (!holds)
        *ret_fault = scanner->fault;
    return !holds;
}
