/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sv: a sized view of bytes that somebody else owns. `ptr` is never NULL and the bytes are
 * not terminated; the empty view is SV(""). Pure; nothing here allocates.
 */
#ifndef CORE_BASE_SV_H
#define CORE_BASE_SV_H

#include "core/base/base.h"

struct sv {
    const char *ptr;
    size_t len;
};

#define SV(literal) ((struct sv){"" literal, sizeof(literal) - 1})
/* For printf: printf("%.*s", SV_ARG(view)). Evaluates `view` twice: no call that does work, and
 * never one that comes back here. */
#define SV_ARG(view) (int)(view).len, (view).ptr

/* NULL becomes the empty view. */
struct sv sv_from(const char *terminated);

static inline bool sv_eq(struct sv a, struct sv b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}
/* Bytewise order; a prefix comes first. Negative, 0 or positive like memcmp(). */
int sv_compare(struct sv a, struct sv b);
static inline bool sv_is_empty(struct sv view) {
    return view.len == 0;
}
bool sv_starts_with(struct sv view, struct sv prefix);
bool sv_ends_with(struct sv view, struct sv suffix);
bool sv_contains(struct sv view, struct sv needle);
/* Of paths without a slash at their end: `path` is `folder` or lies below it. "/" holds every one
 * that begins with it, SV("") none. */
bool sv_is_within(struct sv path, struct sv folder);

/* The first `len` bytes, and what is left after them; both clamp. */
static inline struct sv sv_prefix(struct sv view, size_t len) {
    return (struct sv){view.ptr, len < view.len ? len : view.len};
}
static inline struct sv sv_drop(struct sv view, size_t len) {
    size_t dropped = len < view.len ? len : view.len;
    return (struct sv){view.ptr + dropped, view.len - dropped};
}
struct sv sv_trim(struct sv view);

/* Cuts `*rest` at the first `separator`: returns what stands before it and leaves what stands
 * after it. Without a separator returns everything and leaves an empty view. */
struct sv sv_cut(struct sv *rest, char separator);
/* Position of the first `byte`, or view.len. */
size_t sv_find(struct sv view, char byte);
/* Position of the last `byte`, or view.len. */
size_t sv_find_last(struct sv view, char byte);

/* Writes the parts one behind the other into `space`, terminated; what does not fit is cut. */
struct sv sv_join(char *space, size_t space_bytes, const struct sv *parts, size_t part_count);

/* In bytewise order. `items` may be NULL when there are none. */
void sv_sort(struct sv *items, size_t count);
/* The same, each once: returns how many are left. */
size_t sv_sort_unique(struct sv *items, size_t count);
/* Index of `view` in `list`, or `count`. */
size_t sv_index_of(struct sv view, const struct sv *list, size_t count);

/* The number in decimal digits, which stand in `space`. */
enum { INT64_TEXT_BYTES = 20 };
struct sv sv_from_int64(char space[INT64_TEXT_BYTES], int64_t value);

/* The whole view as a decimal int64; false on anything else, overflow included. */
bool sv_to_int64(struct sv view, int64_t *ret_value);

/* What a hexadecimal digit of either case stands for; -1 for any other byte. */
static inline int hex_digit(char byte) {
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* Edit distance with insertions, deletions, substitutions and swaps; capped at 64 bytes. */
size_t sv_distance(struct sv a, struct sv b);
/* The entry of `list` nearest to `view` when it is near enough to suggest, else SV(""). */
struct sv sv_nearest(struct sv view, const struct sv *list, size_t count);
/* Suggests it behind the sentence that says what is wrong, or nothing when it is "":
 * "unknown field \"%.*s\"" SV_MEANT, SV_ARG(name), SV_MEANT_ARG(nearest). */
#define SV_MEANT "%s%.*s%s"
#define SV_MEANT_ARG(nearest)                                                                      \
    (nearest).len > 0 ? "; did you mean \"" : "", SV_ARG(nearest), (nearest).len > 0 ? "\"?" : ""

/* Seedless 64-bit hash (XXH3): equal on every machine and in every run. */
uint64_t sv_hash(struct sv view);
/* The same for a table whose keys somebody else chooses: who does not know the seed cannot choose
 * many that fall together. */
uint64_t sv_hash_seeded(struct sv view, uint64_t seed);

#endif
