/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/sv.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { DISTANCE_BYTES_MAX = 64 };

struct sv sv_from(const char *terminated) {
    return terminated ? (struct sv){terminated, strlen(terminated)} : SV("");
}

int sv_compare(struct sv a, struct sv b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    if (order != 0 || a.len == b.len)
        return order;
    return a.len < b.len ? -1 : 1;
}

bool sv_starts_with(struct sv view, struct sv prefix) {
    return view.len >= prefix.len && memcmp(view.ptr, prefix.ptr, prefix.len) == 0;
}

bool sv_ends_with(struct sv view, struct sv suffix) {
    return view.len >= suffix.len &&
           memcmp(view.ptr + view.len - suffix.len, suffix.ptr, suffix.len) == 0;
}

bool sv_contains(struct sv view, struct sv needle) {
    return needle.len == 0 || memmem(view.ptr, view.len, needle.ptr, needle.len) != NULL;
}

bool sv_is_within(struct sv path, struct sv folder) {
    struct sv rest = sv_drop(path, folder.len);
    return folder.len > 0 && sv_starts_with(path, folder) &&
           (rest.len == 0 || rest.ptr[0] == '/' || sv_eq(folder, SV("/")));
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\v' ||
           byte == '\f';
}

struct sv sv_trim(struct sv view) {
    while (view.len > 0 && is_blank(view.ptr[0]))
        view = sv_drop(view, 1);
    while (view.len > 0 && is_blank(view.ptr[view.len - 1]))
        view.len--;
    return view;
}

size_t sv_find(struct sv view, char byte) {
    const char *found = view.len ? memchr(view.ptr, byte, view.len) : NULL;
    return found ? (size_t)(found - view.ptr) : view.len;
}

size_t sv_find_last(struct sv view, char byte) {
    const char *found = view.len ? memrchr(view.ptr, byte, view.len) : NULL;
    return found ? (size_t)(found - view.ptr) : view.len;
}

struct sv sv_cut(struct sv *rest, char separator) {
    size_t at = sv_find(*rest, separator);
    struct sv before = sv_prefix(*rest, at);
    *rest = sv_drop(*rest, at + 1);
    return before;
}

struct sv sv_join(char *space, size_t space_bytes, const struct sv *parts, size_t part_count) {
    assert(space_bytes > 0);
    size_t len = 0;
    for (size_t i = 0; i < part_count; i++) {
        struct sv part = sv_prefix(parts[i], space_bytes - 1 - len);
        memcpy(space + len, part.ptr, part.len);
        len += part.len;
    }
    space[len] = '\0';
    return (struct sv){space, len};
}

static int compare_items(const void *a, const void *b) {
    return sv_compare(*(const struct sv *)a, *(const struct sv *)b);
}

void sv_sort(struct sv *items, size_t count) {
    if (count > 0)
        qsort(items, count, sizeof(*items), compare_items);
}

size_t sv_sort_unique(struct sv *items, size_t count) {
    size_t kept = 0;
    sv_sort(items, count);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !sv_eq(items[kept - 1], items[i]))
            items[kept++] = items[i];
    return kept;
}

size_t sv_index_of(struct sv view, const struct sv *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (sv_eq(view, list[i]))
            return i;
    return count;
}

struct sv sv_from_int64(char space[INT64_TEXT_BYTES], int64_t value) {
    char *end = space + INT64_TEXT_BYTES, *begin = end;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--begin = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--begin = '-';
    return (struct sv){begin, (size_t)(end - begin)};
}

bool sv_to_int64(struct sv view, int64_t *ret_value) {
    bool negative = view.len > 0 && view.ptr[0] == '-';
    struct sv digits = sv_drop(view, negative ? 1 : 0);
    if (digits.len == 0)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        int digit = digits.ptr[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    /* Summed below zero, where there is room for INT64_MIN. */
    if (!negative && __builtin_mul_overflow(value, -1, &value))
        return false;
    *ret_value = value;
    return true;
}

static size_t min3(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

size_t sv_distance(struct sv a, struct sv b) {
    a = sv_prefix(a, DISTANCE_BYTES_MAX);
    b = sv_prefix(b, DISTANCE_BYTES_MAX);
    size_t rows[3][DISTANCE_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t changed = lower(a.ptr[i - 1]) != lower(b.ptr[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + changed);
            bool swapped = i > 1 && j > 1 && lower(a.ptr[i - 1]) == lower(b.ptr[j - 2]) &&
                           lower(a.ptr[i - 2]) == lower(b.ptr[j - 1]);
            if (swapped && two_above[j - 2] + 1 < row[j])
                row[j] = two_above[j - 2] + 1;
        }
    }
    return rows[a.len % 3][b.len];
}

struct sv sv_nearest(struct sv view, const struct sv *list, size_t count) {
    struct sv nearest = SV("");
    /* A third of the letters may be wrong; beyond that a suggestion only confuses. */
    size_t best = view.len / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        size_t distance = sv_distance(view, list[i]);
        if (distance < best) {
            best = distance;
            nearest = list[i];
        }
    }
    return nearest;
}

uint64_t sv_hash(struct sv view) {
    return XXH3_64bits(view.ptr, view.len);
}

uint64_t sv_hash_seeded(struct sv view, uint64_t seed) {
    return XXH3_64bits_withSeed(view.ptr, view.len, seed);
}
