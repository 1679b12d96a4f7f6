/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: decoded or refused; what was decoded can be encoded and decoded again. */
#include "fakeapi/schema/protobuf.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { BODY_BYTES_MAX = 16 * 1024 * 1024 };
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *tree, *again;
    if (!protobuf_decode((struct sv){(const char *)data, size}, arena, &tree, &err))
        return 0;
    struct buf buf;
    buf_init(&buf, BODY_BYTES_MAX);
    bool held = protobuf_encode(tree, &buf, &err);
    /* An inlined RawExtension may not be what it was, but it is something. */
    if (held && !protobuf_decode(buf_view(&buf), arena, &again, &err))
        assert(err.message[0] != 0);
    buf_release(&buf);
    return 0;
}
