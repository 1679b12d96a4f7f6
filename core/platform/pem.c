/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/pem.h"

#include "core/base/arena.h"
#include "core/data/base64.h"

#define BEGIN SV("-----BEGIN ")
#define END SV("-----END ")
#define DASHES SV("-----")

enum { DER_SEQUENCE = 0x30 };

/* The rest behind `mark`, or false. */
static bool skip_to(struct sv *text, struct sv mark) {
    const char *found = memmem(text->ptr, text->len, mark.ptr, mark.len);
    if (!found)
        return false;
    *text = sv_drop(*text, (size_t)(found - text->ptr) + mark.len);
    return true;
}

static struct sv without_spaces(struct arena *arena, struct sv text) {
    char *kept = ARENA_ARRAY(arena, char, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] > ' ')
            kept[len++] = text.ptr[i];
    return (struct sv){kept, len};
}

/* By its label, or by lines such as "Proc-Type: 4,ENCRYPTED" in front. The TLS library would ask
 * for the password where somebody sits, and fail where nobody does. */
static bool is_encrypted(struct sv label, struct sv body) {
    return sv_starts_with(label, SV("ENCRYPTED ")) || sv_contains(body, SV("ENCRYPTED"));
}

static bool has_content(struct sv label, struct sv body) {
    AUTO(arena) arena = arena_new();
    struct sv bytes;
    if (!base64_decode(arena, without_spaces(arena, body), &bytes) || bytes.len == 0)
        return false;
    return !sv_eq(label, SV("CERTIFICATE")) || (unsigned char)bytes.ptr[0] == DER_SEQUENCE;
}

const char *pem_problem(struct sv text) {
    struct sv rest = text;
    if (!skip_to(&rest, BEGIN))
        return "holds no PEM block (-----BEGIN …)";
    do {
        struct sv label = rest, body, end;
        if (!skip_to(&rest, DASHES))
            return "holds a PEM block that is cut off";
        label.len = (size_t)(rest.ptr - label.ptr) - DASHES.len;
        body = rest;
        if (!skip_to(&rest, END))
            return "holds a PEM block that is cut off";
        body.len = (size_t)(rest.ptr - body.ptr) - END.len;
        end = sv_prefix(rest, label.len);
        if (!sv_eq(end, label))
            return "holds a PEM block whose end does not fit its beginning";
        if (is_encrypted(label, body))
            return "holds a key that is encrypted, and there is nobody to ask for its password";
        if (!has_content(label, body))
            return "holds a PEM block whose content is damaged";
    } while (skip_to(&rest, BEGIN));
    return NULL;
}
