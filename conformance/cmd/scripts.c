/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/scripts.h"

#include "conformance/cmd/input.h"
#include "conformance/script/plain_engine.h"
#include "conformance/sandbox/sandbox.h"
#include "core/base/error.h"
#include "core/data/json.h"

bool scripts_open(struct scripts *scripts, const struct subject *subject, bool is_static,
                  struct arena *arena, struct error *err) {
    if (!subject->simulation)
        return true;
    if (!simulation_read(subject->simulation_manifest, subject->simulation, arena,
                         &scripts->simulation, err))
        return false;
    if (is_static)
        return true;
    scripts->has_simulation = true;
    scripts->sandbox = sandbox_new(&scripts->simulation, &scripts->unavailable);
    if (!scripts->sandbox && scripts->unavailable.code == ERROR_NOT_FOUND)
        return error_set(err, ERROR_UNAVAILABLE, "%s", scripts->unavailable.message);
    if (scripts->sandbox)
        scripts->runner = sandbox_runner(scripts->sandbox);
    scripts->engine = script_engine_new(&scripts->simulation, scripts_runner(scripts));
    return true;
}

static bool add_class(struct scripts *scripts, const struct manifest *manifest,
                      const struct cJSON *class, struct error *err) {
    if (scripts->class_count == SCRIPTS_CLASSES_MAX)
        return error_set(err, ERROR_TOO_LARGE, "%.*s: holds more than %d classes",
                         SV_ARG(manifest->path), SCRIPTS_CLASSES_MAX);
    scripts->classes[scripts->class_count++] =
        (struct subject){.class_manifest = manifest, .runtime_class = class};
    return true;
}

/* A scenario applies its classes at first or in a step. */
static bool add_classes_below(struct scripts *scripts, const struct manifest *manifest,
                              const struct cJSON *tree, struct error *err) {
    if (sv_eq(json_string_or(tree, SV("kind"), SV("")), SV("CacheRuntimeClass")))
        return add_class(scripts, manifest, tree, err);
    JSON_EACH (child, tree)
        if ((json_is_map(child) || json_is_list(child)) &&
            !add_classes_below(scripts, manifest, child, err))
            return false;
    return true;
}

static bool take_documents(struct scripts *scripts, const struct manifest *manifest,
                           struct subject *simulated, struct error *err) {
    for (size_t i = 0; i < manifest->documents.count; i++) {
        const struct cJSON *root = manifest->documents.roots[i];
        struct sv kind = json_string_or(root, SV("kind"), SV(""));
        bool is_scenario = sv_eq(kind, SV("Scenario"));
        if ((is_scenario || sv_eq(kind, SV("CacheRuntimeClass"))) &&
            !add_classes_below(scripts, manifest, root, err))
            return false;
        if (!sv_eq(kind, SV("Simulation")))
            continue;
        simulated->simulation = root;
        simulated->simulation_manifest = manifest;
    }
    return simulated->simulation || scripts->class_count > 0 ||
           error_set(err, ERROR_INVALID,
                     "%.*s: holds no object of kind Simulation and no CacheRuntimeClass",
                     SV_ARG(manifest->path));
}

bool scripts_open_file(struct scripts *scripts, struct sv path, struct arena *arena,
                       struct error *err) {
    struct subject simulated = {0};
    struct manifest *manifest;
    return path.len == 0 || (input_manifests(arena, &path, 1, &manifest, err) &&
                             take_documents(scripts, manifest, &simulated, err) &&
                             scripts_open(scripts, &simulated, false, arena, err));
}

size_t scripts_file_engines(const struct scripts *scripts,
                            struct engine ret_engines[SCRIPTS_FILE_ENGINES_MAX]) {
    size_t count = 0;
    if (scripts->engine)
        ret_engines[count++] = script_engine_of(scripts->engine);
    for (size_t i = 0; i < scripts->class_count; i++)
        ret_engines[count++] = plain_engine_of(&scripts->classes[i]);
    return count;
}

void scripts_release(struct scripts *scripts) {
    script_engine_free(scripts->engine);
    sandbox_free(scripts->sandbox);
}

const struct simulation *scripts_simulation(const struct scripts *scripts) {
    return scripts->has_simulation ? &scripts->simulation : NULL;
}

const struct script_runner *scripts_runner(const struct scripts *scripts) {
    return scripts->sandbox ? &scripts->runner : NULL;
}

struct script_engine *scripts_engine_new(const struct scripts *scripts) {
    return scripts->engine ? script_engine_new(&scripts->simulation, scripts_runner(scripts))
                           : NULL;
}

size_t scripts_engines(const struct scripts *scripts, const struct subject *subject,
                       struct script_engine *engine,
                       struct engine ret_engines[SCRIPTS_ENGINES_MAX]) {
    size_t count = 0;
    if (engine)
        ret_engines[count++] = script_engine_of(engine);
    if (!scripts->sandbox)
        ret_engines[count++] = plain_engine_of(subject);
    return count;
}
