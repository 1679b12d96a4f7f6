/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is read as a Simulation can be played without harm. */
#include "conformance/script/simulation.h"

#include "conformance/script/simulation_play.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sv get_env(void *context, struct sv name) {
    (void)context, (void)name;
    return SV("value");
}

static bool has_file(void *context, struct sv path) {
    (void)context;
    return path.len % 2 == 0;
}

static void play_all(const struct simulation *simulation, struct arena *arena) {
    static const struct sv args[] = {SV("mount"), SV("s3://a"), SV("/a"), SV("--k=v")};
    struct cJSON *tables = json_map(arena);
    JSON_EACH (program, simulation->programs) {
        for (size_t count = 0; count <= COUNT_OF(args); count++) {
            struct play_call call = {.program = program,
                                     .program_name = SV("cv"),
                                     .args = args,
                                     .arg_count = count,
                                     .get_env = get_env,
                                     .has_file = has_file};
            struct play_result result;
            simulation_play(&call, tables, arena, &result);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv text = {size ? (const char *)data : "", size};
    struct manifest manifest;
    if (!manifest_parse(arena, SV("sim.yaml"), text, &manifest, &err))
        return 0;
    for (size_t i = 0; i < manifest.documents.count; i++) {
        struct simulation simulation;
        const struct cJSON *root = manifest.documents.roots[i];
        if (root && simulation_read(&manifest, root, arena, &simulation, &err))
            play_all(&simulation, arena);
    }
    return 0;
}
