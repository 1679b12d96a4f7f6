/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/alike.h"

#include "core/base/arena.h"
#include "core/base/mem.h"

#include <lz4.h>

/* A text that keeps more than this part of itself resembles none of the sample yet. */
enum { UNLIKE_PART = 3 };

/* Before the bytes of each result. */
struct head {
    uint32_t text_bytes;
    uint32_t is_packed; /* else the text itself follows */
};

struct alike {
    /* Filled from its end on, so that what was packed by the younger part is still told by it:
     * LZ4 counts backwards from the end. */
    char sample[ALIKE_SAMPLE_BYTES_MAX];
    size_t sample_bytes;
    bool is_loaded;
    LZ4_stream_t loaded; /* with the sample: packing begins with a copy of it */
};

struct alike *alike_new(void) {
    return mem_alloc(sizeof(struct alike));
}

void alike_free(struct alike *alike) {
    mem_free(alike);
}

static const char *sample_of(const struct alike *alike) {
    return alike->sample + ALIKE_SAMPLE_BYTES_MAX - alike->sample_bytes;
}

static void add_to_sample(struct alike *alike, struct sv text) {
    if (text.len > ALIKE_SAMPLE_BYTES_MAX - alike->sample_bytes)
        return;
    alike->sample_bytes += text.len;
    memcpy((char *)sample_of(alike), text.ptr, text.len);
    alike->is_loaded = false;
}

static void load_sample(struct alike *alike) {
    LZ4_initStream(&alike->loaded, sizeof(alike->loaded));
    LZ4_loadDict(&alike->loaded, sample_of(alike), (int)alike->sample_bytes);
    alike->is_loaded = true;
}

/* The bytes written to `space`; 0 when they would not be fewer than the text's. */
static size_t pack(struct alike *alike, struct sv text, char *space) {
    if (text.len == 0 || text.len > ALIKE_TEXT_BYTES_MAX)
        return 0;
    if (!alike->is_loaded)
        load_sample(alike);
    LZ4_stream_t stream = alike->loaded;
    int bytes =
        LZ4_compress_fast_continue(&stream, text.ptr, space, (int)text.len, (int)text.len - 1, 1);
    return bytes > 0 ? (size_t)bytes : 0;
}

/* A block of just the size: a shortened one would leave a hole behind each of many small texts. */
static struct sv keep(struct head head, struct sv bytes) {
    char *block = mem_grow(NULL, sizeof(head) + bytes.len);
    memcpy(block, &head, sizeof(head));
    memcpy(block + sizeof(head), bytes.ptr, bytes.len);
    return (struct sv){block, sizeof(head) + bytes.len};
}

struct sv alike_pack(struct alike *alike, struct sv text) {
    assert(text.len <= UINT32_MAX);
    char *space = mem_grow(NULL, text.len);
    size_t bytes = pack(alike, text, space);
    if (bytes == 0 || bytes > text.len / UNLIKE_PART)
        add_to_sample(alike, text);
    struct head head = {.text_bytes = (uint32_t)text.len, .is_packed = bytes > 0};
    struct sv packed = keep(head, bytes > 0 ? (struct sv){space, bytes} : text);
    mem_free(space);
    return packed;
}

struct sv alike_unpack(const struct alike *alike, struct sv packed, struct arena *arena) {
    struct head head;
    assert(packed.len >= sizeof(head));
    memcpy(&head, packed.ptr, sizeof(head));
    struct sv rest = sv_drop(packed, sizeof(head));
    if (!head.is_packed)
        return arena_copy(arena, rest);
    char *text = arena_reserve(arena, head.text_bytes + 1);
    int bytes = LZ4_decompress_safe_usingDict(rest.ptr, text, (int)rest.len, (int)head.text_bytes,
                                              sample_of(alike), (int)alike->sample_bytes);
    assert(bytes == (int)head.text_bytes);
    text[head.text_bytes] = '\0';
    return (struct sv){text, head.text_bytes};
}
