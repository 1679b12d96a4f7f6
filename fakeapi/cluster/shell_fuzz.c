/* SPDX-License-Identifier: Apache-2.0 */
/* Any script ends, within the bounds of memory, output and disk. */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/cluster/shell_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct shell_disk disk = {.arena = arena_new()};
    struct shell_job job = {
        .arena = arena,
        .disk = &disk,
        .environment = map_new(),
        .pod = json_read(arena, SV("{\"metadata\":{\"name\":\"p\"}}"), &err),
        .memory_bytes_max = 4 * 1024 * 1024,
    };
    struct buf output, errors;
    buf_init(&output, 1024 * 1024);
    buf_init(&errors, 1024 * 1024);
    shell_put(&disk, &(struct shell_file){SV("/tmp"), true, 0755, SV("")});
    struct shell_io io = {SV("some\ninput\n"), &output, &errors};
    int status = shell_script(&job, (struct sv){size ? (const char *)data : "", size}, &io);
    assert(status >= 0 && status <= 255);
    assert(disk.files.count <= SHELL_FILES_MAX);
    buf_release(&output);
    buf_release(&errors);
    map_free(job.environment);
    vec_release(&disk.files);
    arena_free(disk.arena);
    return 0;
}
