/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario.h"

#include "conformance/check.h"
#include "conformance/features.h"
#include "conformance/scenario/scenario_matrix.h"
#include "conformance/session_sim.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

enum { WITHIN_MS_DEFAULT = 300 * 1000, NODES_MAX = 1000 };

struct decoder {
    struct arena *arena;
    const struct scenario_files *files;
    struct scenario *scenario;
    struct error *err;
};

static int64_t duration_or(const struct cJSON *map, struct sv key, int64_t fallback) {
    int64_t duration_ms;
    return duration_parse(json_string_or(map, key, SV("")), &duration_ms) ? duration_ms : fallback;
}

/* Sets the message; `item` is where it happened. */
#define FAIL(decoder, item, ...)                                                                   \
    shape_fail((decoder)->scenario->manifest, (item), (decoder)->err, __VA_ARGS__)

/* --- objects --- */

static bool add_object(struct decoder *decoder, struct scenario_objects *objects,
                       const struct cJSON *object, const struct cJSON *at) {
    if (!json_is_map(object) || !resource_of_object(object) || object_name(object).len == 0)
        return FAIL(decoder, at,
                    "an object needs apiVersion, kind (\"%.*s\" of \"%.*s\" is not "
                    "known here) and metadata.name",
                    SV_ARG(json_string_or(object, SV("kind"), SV(""))),
                    SV_ARG(json_string_or(object, SV("apiVersion"), SV(""))));
    if (objects->count == SCENARIO_OBJECTS_MAX)
        return FAIL(decoder, at, "more than %d objects", SCENARIO_OBJECTS_MAX);
    objects->places[objects->count] = at;
    objects->items[objects->count++] = object;
    struct scenario *scenario = decoder->scenario;
    if (!scenario->dataset.resource && resource_of_object(object) == &RESOURCE_DATASETS) {
        struct sv namespace_name = object_namespace(object);
        scenario->dataset = (struct object_ref){
            &RESOURCE_DATASETS, namespace_name.len > 0 ? namespace_name : SV("default"),
            object_name(object)};
    }
    return true;
}

static struct sv folder_of(struct sv path) {
    size_t slash = sv_find_last(path, '/');
    return slash < path.len ? sv_prefix(path, slash + 1) : SV("");
}

/* Of a file that stands beside the scenario. */
static struct sv path_beside(struct decoder *decoder, struct sv name) {
    return arena_printf(decoder->arena, "%.*s%.*s",
                        SV_ARG(folder_of(decoder->scenario->manifest->path)), SV_ARG(name));
}

static bool add_file(struct decoder *decoder, struct scenario_objects *objects,
                     const struct cJSON *at) {
    struct sv path = path_beside(decoder, json_text(at));
    struct sv text;
    struct error inner = {0};
    struct manifest *manifest = ARENA_NEW(decoder->arena, struct manifest);
    if (!decoder->files->read(decoder->files->context, decoder->arena, path, &text, &inner) ||
        !manifest_parse(decoder->arena, path, text, manifest, &inner))
        return FAIL(decoder, at, "%s", inner.message);
    for (size_t i = 0; i < manifest->documents.count; i++)
        if (manifest->documents.roots[i] &&
            !add_object(decoder, objects, manifest->documents.roots[i], at))
            return false;
    return true;
}

static struct scenario_objects no_objects(struct decoder *decoder) {
    return (struct scenario_objects){
        .items = ARENA_ARRAY(decoder->arena, const struct cJSON *, SCENARIO_OBJECTS_MAX),
        .places = ARENA_ARRAY(decoder->arena, const struct cJSON *, SCENARIO_OBJECTS_MAX),
    };
}

/* {file: name} or an object. */
static bool add_objects(struct decoder *decoder, struct scenario_objects *objects,
                        const struct cJSON *tree) {
    const struct cJSON *file = json_get(tree, SV("file"));
    if (!file)
        return add_object(decoder, objects, tree, tree);
    if (json_count(tree) != 1 || !json_is_string(file))
        return FAIL(decoder, tree, "write {file: NAME} alone, or an object");
    return add_file(decoder, objects, file);
}

static bool decode_objects(struct decoder *decoder) {
    struct scenario *scenario = decoder->scenario;
    const struct cJSON *list = json_get(scenario->tree, SV("objects"));
    scenario->objects = no_objects(decoder);
    if (list && !json_is_list(list))
        return FAIL(decoder, list, "\"objects\" must be a list, not %s", json_type_name(list));
    JSON_EACH (item, list) {
        if (!add_objects(decoder, &scenario->objects, item))
            return false;
    }
    return true;
}

/* --- patterns and faults --- */

static struct sv agent_of(struct sv by) {
    if (sv_eq(by, SV("controller")))
        return SESSION_CONTROLLER_AGENT;
    return sv_eq(by, SV("user")) ? SESSION_USER_AGENT : by;
}

struct request_pattern scenario_pattern(const struct cJSON *tree) {
    return (struct request_pattern){
        .by = agent_of(json_string_or(tree, SV("by"), SV(""))),
        .verb = json_string_or(tree, SV("verb"), SV("")),
        .plural = json_string_or(tree, SV("resource"), SV("")),
        .namespace_name = json_string_or(tree, SV("namespace"), SV("")),
        .name = json_string_or(tree, SV("name"), SV("")),
        .subresource = json_string_or(tree, SV("subresource"), SV("")),
    };
}

static bool check_fault(struct decoder *decoder, const struct cJSON *tree,
                        const struct fault *fault) {
    bool needs_delay = fault->kind == FAULT_API_SLOW || fault->kind == FAULT_WATCH_DELAY;
    if (fault->kind == FAULT_API_STATUS && (fault->http_status < 400 || fault->http_status > 599))
        return FAIL(decoder, tree, "api.status needs a \"code\" from 400 to 599");
    if (needs_delay && fault->delay_ms <= 0)
        return FAIL(decoder, tree, "%.*s needs a \"delay\"", SV_ARG(fault_kind_names[fault->kind]));
    if (fault->nth > 0 && fault->every > 0)
        return FAIL(decoder, tree, "a fault has \"nth\" or \"every\", not both");
    return true;
}

static bool decode_fault(struct decoder *decoder, const struct cJSON *tree) {
    struct scenario *scenario = decoder->scenario;
    if (scenario->fault_count == FAULTS_MAX)
        return FAIL(decoder, tree, "more than %d faults", FAULTS_MAX);
    const struct cJSON *at = json_get(tree, SV("at"));
    const struct cJSON *request = json_get(at, SV("request"));
    struct fault *fault = &scenario->faults[scenario->fault_count++];
    size_t kind = sv_index_of(json_find_string(tree, "kind"), fault_kind_names, FAULT_KIND_COUNT);
    assert(kind < FAULT_KIND_COUNT);
    *fault = (struct fault){
        .id = json_find_string(tree, "id"),
        .kind = (enum fault_kind)kind,
        .after_ms = duration_or(at, SV("time"), 0),
        .step = json_string_or(at, SV("step"), SV("")),
        .for_ms = duration_or(tree, SV("for"), 0),
        .has_request = request != NULL,
        .request = scenario_pattern(request),
        .nth = (uint64_t)json_int_or(request, SV("nth"), 0),
        .every = (uint64_t)json_int_or(request, SV("every"), 0),
        .count = (uint64_t)json_int_or(tree, SV("count"), 0),
        .is_before = sv_eq(json_string_or(request, SV("phase"), SV("")), SV("before")),
        .http_status = (int)json_int_or(tree, SV("code"), 0),
        .retry_after_s = duration_or(tree, SV("retryAfter"), 0) / 1000,
        .delay_ms = duration_or(tree, SV("delay"), 0),
    };
    /* A fault is the controller's unless it says whose. */
    if (fault->request.by.len == 0)
        fault->request.by = SESSION_CONTROLLER_AGENT;
    return check_fault(decoder, tree, fault);
}

static bool decode_faults(struct decoder *decoder) {
    decoder->scenario->faults = ARENA_ARRAY(decoder->arena, struct fault, FAULTS_MAX);
    JSON_EACH (tree, json_get(decoder->scenario->tree, SV("faults"))) {
        if (!decode_fault(decoder, tree))
            return false;
    }
    return true;
}

/* --- steps --- */

static bool decode_step(struct decoder *decoder, const struct cJSON *tree) {
    struct scenario *scenario = decoder->scenario;
    if (scenario->step_count == SCENARIO_STEPS_MAX)
        return FAIL(decoder, tree, "more than %d steps", SCENARIO_STEPS_MAX);
    struct scenario_step *step = &scenario->steps[scenario->step_count];
    const struct cJSON *action = json_get(tree, SV("do"));
    *step = (struct scenario_step){
        .tree = tree,
        .name = json_find_string(tree, "name"),
        .action = action ? action->child : NULL,
        .refused = json_get(tree, SV("refused")),
        .within_ms = duration_or(tree, SV("within"), WITHIN_MS_DEFAULT),
        .settles = json_bool_or(tree, SV("settle"), false),
    };
    for (size_t i = 0; i < scenario->step_count; i++)
        if (sv_eq(scenario->steps[i].name, step->name))
            return FAIL(decoder, json_get(tree, SV("name")), "a second step \"%.*s\"",
                        SV_ARG(step->name));
    scenario->step_count++;
    if (!step->action || !sv_eq(json_key(step->action), SV("apply")))
        return true;
    step->applied = no_objects(decoder);
    return add_objects(decoder, &step->applied, step->action);
}

static bool decode_steps(struct decoder *decoder) {
    struct scenario *scenario = decoder->scenario;
    scenario->steps = ARENA_ARRAY(decoder->arena, struct scenario_step, SCENARIO_STEPS_MAX);
    JSON_EACH (tree, json_get(scenario->tree, SV("steps"))) {
        if (!decode_step(decoder, tree))
            return false;
    }
    if (scenario->step_count == 0)
        return FAIL(decoder, scenario->tree, "a scenario needs at least one step");
    return true;
}

static bool check_step_name(struct decoder *decoder, const struct cJSON *name) {
    struct scenario *scenario = decoder->scenario;
    struct sv names[SCENARIO_STEPS_MAX];
    for (size_t i = 0; i < scenario->step_count; i++)
        names[i] = scenario->steps[i].name;
    if (!name || sv_index_of(json_text(name), names, scenario->step_count) < scenario->step_count)
        return true;
    struct sv nearest = sv_nearest(json_text(name), names, scenario->step_count);
    return FAIL(decoder, name, "there is no step \"%.*s\"" SV_MEANT, SV_ARG(json_text(name)),
                SV_MEANT_ARG(nearest));
}

/* --- what needs more than its shape --- */

static bool check_steps_of(struct decoder *decoder, const struct cJSON *rule) {
    return check_step_name(decoder, json_get(rule, SV("from"))) &&
           check_step_name(decoder, json_get(rule, SV("to")));
}

/* Executions are traced by their entry, not as requests: a rule that looks for one as a request
 * would hold whatever happens. */
static bool check_is_traced(struct decoder *decoder, const struct cJSON *request) {
    const struct cJSON *verb = json_get(request, SV("verb"));
    return !sv_eq(json_text(verb), SV("exec")) ||
           FAIL(decoder, verb,
                "executions are no requests here: write {exec: {entry: NAME}} under "
                "\"count\" or \"order\"");
}

static bool check_rules(struct decoder *decoder, const struct cJSON *rules, bool allows_requests) {
    JSON_EACH (rule, rules) {
        const struct cJSON *state = json_get(rule, SV("state"));
        const struct cJSON *request = json_get(rule, SV("request"));
        if (!state == !request)
            return FAIL(decoder, rule, "a rule has either \"state\" or \"request\"");
        if (request && !allows_requests)
            return FAIL(decoder, rule,
                        "\"always\" takes states; write requests under \"never\", "
                        "\"count\" or \"order\"");
        if (!check_is_traced(decoder, request) || !check_steps_of(decoder, rule))
            return false;
    }
    return true;
}

static bool check_counts(struct decoder *decoder, const struct cJSON *counts) {
    JSON_EACH (count, counts) {
        if (!json_get(count, SV("request")) == !json_get(count, SV("exec")))
            return FAIL(decoder, count, "a count has either \"request\" or \"exec\"");
        if (!json_get(count, SV("eq")) && !json_get(count, SV("le")) && !json_get(count, SV("ge")))
            return FAIL(decoder, count, "a count needs \"eq\", \"le\" or \"ge\"");
        if (!check_is_traced(decoder, json_get(count, SV("request"))) ||
            !check_steps_of(decoder, count))
            return false;
    }
    return true;
}

static bool check_writes(struct decoder *decoder) {
    JSON_EACH (rule, decoder->scenario->writes) {
        if (!check_steps_of(decoder, rule) || !check_counts(decoder, json_get(rule, SV("are"))))
            return false;
    }
    return true;
}

/* Ids of the catalogue that the scenario gives evidence for. */
static bool check_ids(struct decoder *decoder) {
    JSON_EACH (id, json_get(decoder->scenario->tree, SV("checks"))) {
        if (!catalogue_find(json_text(id)))
            return FAIL(decoder, id, "there is no check \"%.*s\"; crctl checks lists them",
                        SV_ARG(json_text(id)));
    }
    return true;
}

static bool check_lengths(struct decoder *decoder) {
    const struct scenario *scenario = decoder->scenario;
    if (json_count(scenario->always) + json_count(scenario->never) > SCENARIO_RULES_MAX)
        return FAIL(decoder, scenario->tree, "more than %d rules in \"always\" and \"never\"",
                    SCENARIO_RULES_MAX);
    if (json_count(scenario->scripts) > SCENARIO_SCRIPTS_MAX)
        return FAIL(decoder, scenario->scripts, "more than %d scripts", SCENARIO_SCRIPTS_MAX);
    return true;
}

static bool check_rest(struct decoder *decoder) {
    struct scenario *scenario = decoder->scenario;
    if (scenario->node_count > NODES_MAX)
        return FAIL(decoder, json_find(scenario->tree, "world.nodes"), "more than %d nodes",
                    NODES_MAX);
    JSON_EACH (fault, json_get(scenario->tree, SV("faults"))) {
        if (!check_step_name(decoder, json_find(fault, "at.step")))
            return false;
    }
    const struct cJSON *sweep_from = json_find(scenario->tree, "explore.from");
    if (!check_step_name(decoder, sweep_from))
        return false;
    for (size_t i = 0; i < scenario->step_count; i++) {
        if (sv_eq(json_text(sweep_from), scenario->steps[i].name))
            scenario->sweep_step = i;
        JSON_EACH (expectation, json_get(scenario->steps[i].tree, SV("expect"))) {
            if (!json_bool_or(expectation, SV("settled"), true))
                return FAIL(decoder, expectation,
                            "\"settled\" can only be true; leave it out to expect nothing");
            if (json_get(expectation, SV("phase")) && !scenario->dataset.resource)
                return FAIL(decoder, expectation,
                            "\"phase\" speaks of the scenario's first Dataset, and there is none");
        }
    }
    return check_rules(decoder, scenario->always, false) &&
           check_rules(decoder, scenario->never, true) && check_counts(decoder, scenario->count) &&
           check_writes(decoder) && check_lengths(decoder) && check_ids(decoder);
}

static bool check_head(struct decoder *decoder) {
    static const struct {
        struct sv key, value;
    } head[] = {{{"apiVersion", 10}, {"cacheruntime.io/v1", 18}}, {{"kind", 4}, {"Scenario", 8}}};
    for (size_t i = 0; i < COUNT_OF(head); i++) {
        const struct cJSON *item = json_get(decoder->scenario->tree, head[i].key);
        if (!sv_eq(json_text(item), head[i].value))
            return FAIL(decoder, item ? item : decoder->scenario->tree,
                        "a scenario has %.*s: %.*s, not \"%.*s\"", SV_ARG(head[i].key),
                        SV_ARG(head[i].value), SV_ARG(json_text(item)));
    }
    return true;
}

static void decode_scalars(struct decoder *decoder) {
    struct scenario *scenario = decoder->scenario;
    struct sv golden = json_find_string(scenario->tree, "golden");
    const struct cJSON *tree = scenario->tree;
    const struct cJSON *world = json_get(tree, SV("world"));
    const struct cJSON *kubelet = json_get(world, SV("kubelet"));
    scenario->id = json_find_string(tree, "id");
    scenario->title = json_find_string(tree, "title");
    scenario->node_count = (size_t)json_int_or(world, SV("nodes"), 0);
    scenario->image_pull_ms = duration_or(kubelet, SV("imagePull"), -1);
    scenario->pod_start_ms = duration_or(kubelet, SV("podStart"), -1);
    scenario->config_map_lag_ms = duration_or(kubelet, SV("configMapLag"), -1);
    scenario->scripts = json_get(tree, SV("scripts"));
    scenario->always = json_get(tree, SV("always"));
    scenario->never = json_get(tree, SV("never"));
    scenario->order = json_get(tree, SV("order"));
    scenario->count = json_get(tree, SV("count"));
    scenario->writes = json_get(tree, SV("writes"));
    scenario->budgets = json_get(tree, SV("budgets"));
    scenario->golden = golden.len > 0 ? path_beside(decoder, golden) : SV("");
    scenario->sweeps_crashes = json_find(tree, "explore.sweep") != NULL;
    scenario->sweep_runs_max = (size_t)json_find_int(tree, "explore.maxRuns", 0);
}

/* --- what it requires --- */

/* Classes, datasets and runtimes of the scenario, by their kind. */
struct gathered {
    const struct cJSON **items;
    size_t count;
};

static void gather(const struct resource *kind, const struct scenario_objects *objects,
                   struct gathered *gathered) {
    for (size_t i = 0; i < objects->count; i++)
        if (resource_of_object(objects->items[i]) == kind)
            gathered->items[gathered->count++] = objects->items[i];
}

static struct gathered gather_all(struct decoder *decoder, const struct resource *kind) {
    const struct scenario *scenario = decoder->scenario;
    size_t count = scenario->objects.count;
    for (size_t i = 0; i < scenario->step_count; i++)
        count += scenario->steps[i].applied.count;
    struct gathered gathered = {.items =
                                    ARENA_ARRAY(decoder->arena, const struct cJSON *, count + 1)};
    gather(kind, &scenario->objects, &gathered);
    for (size_t i = 0; i < scenario->step_count; i++)
        gather(kind, &scenario->steps[i].applied, &gathered);
    return gathered;
}

static bool is_claimed(const struct gathered *classes, struct feature_source source,
                       struct sv name) {
    for (size_t i = 0; i < classes->count; i++) {
        source.runtime_class = classes->items[i];
        for (size_t row = 0; row < feature_count(); row++)
            if (sv_eq(feature_name(row), name) && feature_claim(row, &source))
                return true;
    }
    return false;
}

static bool check_feature_name(struct decoder *decoder, const struct cJSON *item, struct sv name) {
    struct sv *names = ARENA_ARRAY(decoder->arena, struct sv, feature_count());
    for (size_t row = 0; row < feature_count(); row++)
        names[row] = feature_name(row);
    if (sv_index_of(name, names, feature_count()) < feature_count())
        return true;
    struct sv nearest = sv_nearest(name, names, feature_count());
    return FAIL(decoder, item, "unknown feature \"%.*s\"" SV_MEANT, SV_ARG(name),
                SV_MEANT_ARG(nearest));
}

/* "ufs" must be claimed by the objects of the scenario, "!ufs" must not. */
static bool decode_requires(struct decoder *decoder) {
    struct gathered classes = gather_all(decoder, &RESOURCE_CACHE_RUNTIME_CLASSES);
    struct gathered datasets = gather_all(decoder, &RESOURCE_DATASETS);
    struct gathered runtimes = gather_all(decoder, &RESOURCE_CACHE_RUNTIMES);
    struct feature_source source = {.datasets = datasets.items,
                                    .dataset_count = datasets.count,
                                    .runtimes = runtimes.items,
                                    .runtime_count = runtimes.count};
    struct scenario *scenario = decoder->scenario;
    scenario->unmet = SV("");
    JSON_EACH (item, json_find(scenario->tree, "requires.features")) {
        bool is_wanted = !sv_starts_with(json_text(item), SV("!"));
        struct sv name = sv_drop(json_text(item), is_wanted ? 0 : 1);
        if (!check_feature_name(decoder, item, name))
            return false;
        if (scenario->unmet.len == 0 && is_claimed(&classes, source, name) != is_wanted)
            scenario->unmet = arena_printf(decoder->arena, "its class %s the feature %.*s",
                                           is_wanted ? "has not" : "has", SV_ARG(name));
    }
    return true;
}

/* --- the file --- */

static bool parse(struct arena *arena, struct sv path, struct sv text,
                  struct manifest *ret_manifest, struct error *err) {
    if (text.len > SCENARIO_BYTES_MAX)
        return error_set(err, ERROR_TOO_LARGE, "%.*s: larger than %d bytes", SV_ARG(path),
                         SCENARIO_BYTES_MAX);
    if (!manifest_parse(arena, path, text, ret_manifest, err))
        return false;
    const struct yaml_documents *documents = &ret_manifest->documents;
    if (documents->count != 1 || !documents->roots[0])
        return error_set(err, ERROR_INVALID,
                         "%.*s:1:1: a scenario is one document, this file has %zu", SV_ARG(path),
                         documents->count);
    for (size_t i = 0; i < documents->remark_count; i++) {
        const struct yaml_remark *remark = &documents->remarks[i];
        if (remark->type == YAML_DUPLICATE_KEY)
            return error_set(err, ERROR_INVALID, "%.*s:%u:%u: \"%.*s\" is given twice",
                             SV_ARG(path), remark->position.line, remark->position.column,
                             SV_ARG(remark->path));
    }
    return true;
}

bool scenario_read_case(struct arena *arena, struct sv path, struct sv text, size_t index,
                        const struct scenario_files *files, struct scenario *ret_scenario,
                        size_t *ret_count, struct error *err) {
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    struct sv suffix;
    if (!parse(arena, path, text, manifest, err))
        return false;
    struct scenario scenario = {.manifest = manifest, .tree = manifest->documents.roots[0]};
    struct decoder decoder = {arena, files, &scenario, err};
    if (!json_is_map(scenario.tree))
        return FAIL(&decoder, scenario.tree, "a scenario is a map, this is %s",
                    json_type_name(scenario.tree));
    if (!scenario_matrix_expand(manifest, manifest->documents.roots[0], index, &suffix, ret_count,
                                err) ||
        !check_head(&decoder) || !shape_check(manifest, scenario.tree, &scenario_shape, err))
        return false;
    decode_scalars(&decoder);
    scenario.id = arena_printf(arena, "%.*s%.*s", SV_ARG(scenario.id), SV_ARG(suffix));
    if (!decode_objects(&decoder) || !decode_faults(&decoder) || !decode_steps(&decoder) ||
        !decode_requires(&decoder) || !check_rest(&decoder))
        return false;
    *ret_scenario = scenario;
    return true;
}

bool scenario_read(struct arena *arena, struct sv path, struct sv text,
                   const struct scenario_files *files, struct scenario *ret_scenario,
                   struct error *err) {
    size_t count;
    return scenario_read_case(arena, path, text, 0, files, ret_scenario, &count, err);
}
