/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/base64.h"

#include "core/base/arena.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct sv encode(struct arena *arena, struct sv bytes, const char *alphabet,
                        bool has_padding) {
    char *out = arena_alloc(arena, (bytes.len + 2) / 3 * 4 + 1);
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t group = 0;
        size_t taken = bytes.len - i < 3 ? bytes.len - i : 3;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (k < taken ? (unsigned char)bytes.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            if (k <= taken)
                out[len++] = alphabet[group >> (18 - 6 * k) & 63];
            else if (has_padding)
                out[len++] = '=';
        }
    }
    return (struct sv){out, len};
}

struct sv base64_encode(struct arena *arena, struct sv bytes) {
    return encode(arena, bytes, standard, true);
}

struct sv base64url_encode(struct arena *arena, struct sv bytes) {
    return encode(arena, bytes, url, false);
}

static bool decode(struct arena *arena, struct sv text, const char *alphabet,
                   struct sv *ret_bytes) {
    char *out = arena_alloc(arena, text.len / 4 * 3 + 4);
    size_t len = 0, bits = 0;
    uint32_t held = 0;
    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = text.ptr[i] ? strchr(alphabet, text.ptr[i]) : NULL;
        if (!digit)
            return false;
        held = held << 6 | (uint32_t)(digit - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (char)(held >> bits & 255);
        }
    }
    *ret_bytes = (struct sv){out, len};
    return true;
}

bool base64_decode(struct arena *arena, struct sv text, struct sv *ret_bytes) {
    if (text.len % 4 != 0)
        return false;
    for (int i = 0; i < 2 && sv_ends_with(text, SV("=")); i++)
        text = sv_prefix(text, text.len - 1);
    return decode(arena, text, standard, ret_bytes);
}

bool base64url_decode(struct arena *arena, struct sv text, struct sv *ret_bytes) {
    return decode(arena, text, url, ret_bytes);
}
