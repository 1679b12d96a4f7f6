/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/generate.h"

#include "conformance/explore/generate_parts.h"
#include "conformance/explore/generated_worlds.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "core/data/yaml.h"

/* --- a whole scenario --- */

static struct cJSON *parse(struct arena *arena, struct sv text) {
    struct yaml_documents documents;
    struct error err = {0};
    bool is_read = yaml_read(arena, text, &documents, &err);
    if (!is_read)
        fprintf(stderr, "generate: %s\n%.*s\n", err.message, SV_ARG(text));
    assert(is_read && documents.count == 1);
    return documents.roots[0];
}

/* Pods that compete for nodes end as who asked first has it, which a fault may change, be they two
 * runtimes' or old and new ones of a Deployment. A rollout that a pod without a node stops ends
 * where it was when that pod was asked for. Then there are enough nodes for all. */
static const struct generated_world *world_of(const struct generator *generator, bool has_faults) {
    bool have_rivals =
        generator->has_two || !generator->worker_is_plain || generator->is_scaled_beyond;
    return &generated_worlds[have_rivals && has_faults];
}

void generate_scenario(struct arena *arena, struct case_id id, struct generated *ret_generated) {
    struct generator generator = {.arena = arena, .removed = id.removed, .steps = SV("")};
    rng_init_named(&generator.rng, id.seed,
                   arena_printf(arena, "case %llu", (unsigned long long)id.number));
    struct sv objects = generate_objects(&generator);
    struct sv scripts = generate_scripts(&generator);
    struct sv steps = generate_steps(&generator);
    struct sv faults = generate_faults(&generator);
    const struct generated_world *world = world_of(&generator, faults.len > 0);
    struct sv name = case_id_text(id, arena);
    struct sv text = arena_printf(
        arena,
        "{apiVersion: cacheruntime.io/v1, kind: Scenario, id: SCN-GEN-%03llu,\n"
        " title: 'generated, --replay %.*s', world: {nodes: %zu, kubelet: {configMapLag:"
        " %llds}},\n"
        " objects: [%.*s],\n scripts: [%.*s],\n faults: [%.*s],\n steps: [%.*s]}",
        (unsigned long long)(id.number % 1000), SV_ARG(name), world->node_count,
        (long long)(world->config_map_lag_ms / 1000), SV_ARG(objects), SV_ARG(scripts),
        SV_ARG(faults), SV_ARG(steps));
    *ret_generated = (struct generated){parse(arena, text), generator.part_count};
}

/* --- names of cases --- */

struct sv case_id_text(struct case_id id, struct arena *arena) {
    struct sv text = arena_printf(arena, "%llu:%llu", (unsigned long long)id.seed,
                                  (unsigned long long)id.number);
    if (id.removed == 0)
        return text;
    return arena_printf(arena, "%.*s:%llx", SV_ARG(text), (unsigned long long)id.removed);
}

static bool parse_number(struct sv text, uint64_t *ret_value) {
    int64_t value;
    if (!sv_to_int64(text, &value) || value < 0)
        return false;
    *ret_value = (uint64_t)value;
    return true;
}

static bool parse_hexadecimal(struct sv text, uint64_t *ret_value) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *ret_value = value;
    return text.len <= 16;
}

bool case_id_parse(struct sv text, struct case_id *ret_id) {
    struct sv seed = sv_cut(&text, ':'), number = sv_cut(&text, ':');
    struct case_id id = {0};
    if (!parse_number(seed, &id.seed) || !parse_number(number, &id.number) ||
        !parse_hexadecimal(text, &id.removed))
        return false;
    *ret_id = id;
    return true;
}
