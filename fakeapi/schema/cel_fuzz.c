/* SPDX-License-Identifier: Apache-2.0 */
/* "<document>\n<expression>": it compiles or not, and its evaluation ends. */
#include "fakeapi/schema/cel.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv rest = {size ? (const char *)data : "", size};
    struct sv document = sv_cut(&rest, '\n');
    const struct cJSON *self = json_read(arena, document, &err);
    const struct cel_program *program = cel_compile(arena, rest, NULL, false, &err);
    bool value;
    if (program && !cel_evaluate_bool(program, self, self, arena, &value, &err))
        assert(err.message[0] != 0);
    return 0;
}
