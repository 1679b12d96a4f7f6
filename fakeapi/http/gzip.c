/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/gzip.h"

#include "core/base/mem.h"

#include <zlib.h>

enum {
    WINDOW_BITS = 15 + 16, /* with a gzip header */
    MEMORY_LEVEL = 8,      /* the library's default */
    LEVEL = 1,
    OUTPUT_BYTES = 16 * 1024,
};

struct gzip {
    z_stream stream;
    struct buf body;
};

struct gzip *gzip_new(size_t bytes_max) {
    struct gzip *gzip = mem_alloc(sizeof(*gzip));
    buf_init(&gzip->body, bytes_max);
    if (deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) == Z_OK)
        return gzip;
    mem_free(gzip);
    return NULL;
}

void gzip_free(struct gzip *gzip) {
    if (!gzip)
        return;
    deflateEnd(&gzip->stream);
    buf_release(&gzip->body);
    mem_free(gzip);
}

/* Until the library has taken everything and given what it wants to. */
static bool run(struct gzip *gzip, struct sv bytes, int flush) {
    z_stream *stream = &gzip->stream;
    int code = Z_OK;
    assert(bytes.len <= UINT32_MAX);
    stream->next_in = (Bytef *)(uintptr_t)bytes.ptr;
    stream->avail_in = (uInt)bytes.len;
    do {
        char output[OUTPUT_BYTES];
        stream->next_out = (Bytef *)output;
        stream->avail_out = OUTPUT_BYTES;
        code = deflate(stream, flush);
        assert(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR);
        if (!buf_append(&gzip->body, (struct sv){output, OUTPUT_BYTES - stream->avail_out}))
            return false;
    } while (stream->avail_out == 0);
    return flush != Z_FINISH || code == Z_STREAM_END;
}

bool gzip_add(struct gzip *gzip, struct sv bytes) {
    return run(gzip, bytes, Z_NO_FLUSH);
}

bool gzip_end(struct gzip *gzip, struct buf *ret_body) {
    if (!run(gzip, SV(""), Z_FINISH))
        return false;
    *ret_body = gzip->body;
    buf_init(&gzip->body, ret_body->bytes_max);
    return true;
}
