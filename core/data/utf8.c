/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/utf8.h"

size_t utf8_sequence_bytes(struct sv bytes) {
    /* First byte, and the range of the second: RFC 3629, section 4. */
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, len;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *byte = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < COUNT_OF(forms) && bytes.len > 0; i++) {
        if (byte[0] < forms[i].first_min || byte[0] > forms[i].first_max)
            continue;
        if (bytes.len < forms[i].len)
            return 0;
        if (forms[i].len > 1 && (byte[1] < forms[i].second_min || byte[1] > forms[i].second_max))
            return 0;
        for (size_t k = 2; k < forms[i].len; k++)
            if (byte[k] < 0x80 || byte[k] > 0xbf)
                return 0;
        return forms[i].len;
    }
    return 0;
}

size_t utf8_encode(uint32_t code, char *out) {
    unsigned char *byte = (unsigned char *)out;
    if (code < 0x80) {
        byte[0] = (unsigned char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--) {
        byte[i] = (unsigned char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    byte[0] = (unsigned char)(marks[len] | code);
    return len;
}

size_t utf8_valid_bytes(struct sv bytes) {
    size_t at = 0;
    while (at < bytes.len) {
        size_t len = utf8_sequence_bytes(sv_drop(bytes, at));
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

bool utf8_is_printable_ascii(struct sv text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return true;
}
