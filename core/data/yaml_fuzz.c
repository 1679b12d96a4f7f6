/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is read must be written as YAML and read back as the same tree. */
#include "core/data/yaml.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct yaml_documents documents, again;
    if (!yaml_read(arena, (struct sv){size ? (const char *)data : "", size}, &documents, &err))
        return 0;
    for (size_t i = 0; i < documents.count; i++) {
        if (!documents.roots[i])
            continue;
        struct buf text;
        buf_init(&text, YAML_BYTES_MAX);
        if (yaml_write(&text, documents.roots[i])) {
            bool held = yaml_read(arena, buf_view(&text), &again, &err);
            assert(held && again.count == 1 && json_equal(again.roots[0], documents.roots[i]));
        }
        buf_release(&text);
    }
    return 0;
}
