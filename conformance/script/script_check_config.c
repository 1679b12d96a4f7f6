/* SPDX-License-Identifier: Apache-2.0 */
/* CONF-001 to -007: what scripts make of runtime.json, whatever it says and wherever it is. */
#include "conformance/script/script_context.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "core/reconcile/names.h"

#define MOVED_PATH SV("/certify/moved/here.json")

/* --- the same facts in another form --- */

/* Members in reverse order, deep. */
static struct cJSON *reversed(struct arena *arena, const struct cJSON *item) {
    if (!json_is_map(item) && !json_is_list(item))
        return json_copy(arena, item);
    struct cJSON *copy = json_is_map(item) ? json_map(arena) : json_list(arena);
    size_t count = json_count(item);
    const struct cJSON **members = ARENA_ARRAY(arena, const struct cJSON *, count + 1);
    size_t i = 0;
    JSON_EACH (member, item)
        members[i++] = member;
    for (i = 0; i < count; i++) {
        const struct cJSON *member = members[json_is_map(item) ? count - 1 - i : i];
        if (json_is_map(item))
            json_set(arena, copy, json_key(member), reversed(arena, member));
        else
            json_append(copy, reversed(arena, member));
    }
    return copy;
}

static void add_unknown(struct arena *arena, struct cJSON *item) {
    if (json_is_map(item)) {
        struct cJSON *extra = json_map(arena);
        json_set_string(arena, extra, SV("mountPoint"), SV("certify://unknown"));
        json_append(json_ensure_list(arena, extra, SV("mounts")), json_bool(arena, true));
        json_set(arena, item, SV("certifyUnknownKey"), extra);
    }
}

/* Where later versions may add keys: everywhere but in the user's own options. */
static void add_unknown_keys(struct arena *arena, struct cJSON *root) {
    static const struct sv parts[] = {SV("master"), SV("worker"), SV("client")};
    add_unknown(arena, root);
    JSON_EACH (mount, json_get(root, SV("mounts")))
        add_unknown(arena, mount);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        add_unknown(arena, json_get(root, parts[i]));
        JSON_EACH (level, json_get(json_get(root, parts[i]), SV("tieredStoreLevels")))
            add_unknown(arena, level);
    }
}

struct form {
    bool is_moved, is_reordered, has_unknown_keys;
};

/* What the scripts do with the sample's facts in that form; "" when it cannot be read. */
static struct sv perform_form(struct script_context *context, const struct form *form) {
    struct arena *arena = context->arena;
    struct error err = {0};
    struct cJSON *root = json_read(arena, context->base.rendering.runtime_json, &err);
    assert(root != NULL);
    if (form->has_unknown_keys)
        add_unknown_keys(arena, root);
    if (form->is_reordered)
        root = reversed(arena, root);
    struct sv text = json_write_arena(arena, root, form->is_reordered ? JSON_PRETTY : JSON_GO_HTML);
    struct script_stage stage = context->base;
    struct script_rendering rendering = script_with_json(&context->base.rendering, text, arena);
    stage_init(&stage, &rendering);
    stage.moved_config_path = form->is_moved ? MOVED_PATH : SV("");
    struct sv performed = script_perform(context, &stage);
    return script_replace(arena, performed, MOVED_PATH, SV(RUNTIME_CONFIG_PATH "/runtime.json"));
}

/* All three forms at once hold in one run what would take three; they are told apart on failure. */
static bool holds_in_all_forms(struct script_context *context) {
    static const struct form all = {true, true, true};
    return sv_eq(perform_form(context, &all), context->base_signature);
}

static void check_form(struct script_context *context, struct form form, const char *what) {
    if (holds_in_all_forms(context))
        return;
    struct sv performed = perform_form(context, &form);
    if (!sv_eq(performed, context->base_signature))
        script_fail(context, ROLE_COUNT, context->subject->runtime_class,
                    "with %s, the scripts do something else: %.*s", what,
                    SV_ARG(script_difference(context->arena, context->base_signature, performed)));
}

/* CONF-001 also carries what is wrong with a start before anything is varied. */
static void check_001(struct script_context *context) {
    bool has_start = false;
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        const struct script_outcome *start = &context->base.starts[role];
        has_start = has_start || context->base.has_started[role];
        if (context->base.has_started[role] && !script_succeeded(start))
            script_fail(context, role, script_start_item(context, role),
                        "the start of %.*s with the sample %.*s: %.*s", SV_ARG(role_text(role)),
                        SV_ARG(context->sample->name),
                        SV_ARG(script_describe(start, context->arena)));
    }
    if (!script_is_clean(context))
        return;
    if (!has_start && !context->mount_entry) {
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE,
                    "containers run the image's own commands, and there is no mountUFS to run");
        return;
    }
    check_form(context, (struct form){.is_moved = true},
               "runtime.json elsewhere and $FLUID_RUNTIME_CONFIG_PATH saying so");
}

static void check_004_values(struct script_context *context);

static void check_004(struct script_context *context) {
    check_form(context, (struct form){.is_reordered = true},
               "the keys of runtime.json in another order and over several lines");
    check_004_values(context);
}

static void check_005(struct script_context *context) {
    check_form(context, (struct form){.has_unknown_keys = true},
               "keys in runtime.json that later versions may add");
}

/* --- CONF-004: values that only a JSON parser reads --- */

static void check_004_values(struct script_context *context) {
    struct cJSON *dataset = script_copy_dataset(context);
    if (!script_mounts_well(context) || !script_first_mount(dataset) || script_lists_many(context))
        return;
    script_set_mounts(context, dataset, SCRIPT_SPECIAL_PATHS);
    script_set_paths(context, dataset, script_special_paths, SCRIPT_SPECIAL_PATHS);
    struct script_stage stage;
    struct script_outcome outcome;
    struct sv why;
    if (!script_vary(context, dataset, context->sample->runtime, &stage, &why) ||
        !script_mount(context, &stage, &outcome) ||
        script_lists_wanted(context, dataset, &outcome, &why))
        return;
    script_fail(context, context->mount_role, context->mount_entry,
                "mountUFS with the paths /a&b<c>, /]}é and /plain: %.*s", SV_ARG(why));
}

/* --- CONF-002: changed facts arrive --- */

/* Another value of the same kind: a number stays one, true becomes false. */
static struct sv other_value(struct arena *arena, struct sv value) {
    int64_t number;
    if (sv_to_int64(value, &number) && number >= 0 && number < INT64_MAX)
        return arena_printf(arena, "%lld", (long long)number + 1);
    if (sv_eq(value, SV("true")))
        return SV("false");
    if (sv_eq(value, SV("false")))
        return SV("true");
    return arena_printf(arena, "%.*s-certify", SV_ARG(value));
}

/* Something in runtime.json that the scripts are to pass on. */
struct fact {
    enum role first;  /* where it most likely shows: ROLE_COUNT is mountUFS */
    const char *what; /* the map of an option, or what a text is */
    struct sv key;    /* of an option; "" for a text that stands in the pods, too */
    struct sv from, to;
};
struct facts {
    VEC(struct fact);
};

static struct script_rendering replace_text(struct arena *arena,
                                            const struct script_rendering *rendering,
                                            struct sv from, struct sv to) {
    struct error err = {0};
    struct sv text = script_replace(arena, rendering->runtime_json, from, to);
    struct script_rendering replaced = script_with_json(rendering, text, arena);
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (!replaced.pods[role])
            continue;
        struct sv pod = json_write_arena(arena, replaced.pods[role], JSON_COMPACT);
        replaced.pods[role] = json_read(arena, script_replace(arena, pod, from, to), &err);
        assert(replaced.pods[role] != NULL);
    }
    return replaced;
}

/* A stage with one member of runtime.json set to another text. */
static struct script_stage stage_set(struct script_context *context, const char *map, struct sv key,
                                     struct sv value) {
    struct arena *arena = context->arena;
    struct error err = {0};
    struct cJSON *root = json_read(arena, context->base.rendering.runtime_json, &err);
    struct cJSON *item = json_find(root, map);
    assert(item != NULL);
    json_set_string(arena, item, key, value);
    struct script_stage stage = context->base;
    struct script_rendering rendering =
        script_with_json(&stage.rendering, json_write_arena(arena, root, JSON_GO_HTML), arena);
    stage_init(&stage, &rendering);
    return stage;
}

static struct script_stage stage_changed(struct script_context *context, const struct fact *fact) {
    if (fact->key.len > 0)
        return stage_set(context, fact->what, fact->key, fact->to);
    struct script_stage stage = context->base;
    struct script_rendering rendering =
        replace_text(context->arena, &stage.rendering, fact->from, fact->to);
    stage_init(&stage, &rendering);
    return stage;
}

static void check_fact(struct script_context *context, const struct fact *fact) {
    enum role role = fact->first < ROLE_COUNT ? fact->first : context->mount_role;
    struct script_stage stage = stage_changed(context, fact);
    if (script_differs(context, &stage, fact->first))
        return;
    const struct cJSON *item = script_start_item(context, role);
    if (fact->key.len > 0)
        script_fail(context, role, item,
                    "%s.%.*s was changed from \"%.*s\" to \"%.*s\", and the scripts do what they "
                    "did before",
                    fact->what, SV_ARG(fact->key), SV_ARG(fact->from), SV_ARG(fact->to));
    else
        script_fail(context, role, item,
                    "%s \"%.*s\" was changed to \"%.*s\", and the scripts do what they did before",
                    fact->what, SV_ARG(fact->from), SV_ARG(fact->to));
}

/* What the scripts do when all facts are others. */
static struct sv perform_changed(struct script_context *context, const struct facts *facts) {
    struct script_stage stage = context->base;
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        struct script_context changed = *context;
        changed.base = stage;
        stage = stage_changed(&changed, fact);
        stage.err = &context->err;
    }
    return script_perform(context, &stage);
}

/* The fact's new text is seen, was not there before, and is no part of another one's. */
static bool has_arrived(const struct script_context *context, const struct facts *facts,
                        const struct fact *fact, struct sv performed) {
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *other = &facts->items[i];
        if (other != fact && sv_contains(other->to, fact->to))
            return false;
    }
    return sv_contains(performed, fact->to) && !sv_contains(context->base_signature, fact->to);
}

/* One turn shows most facts; what it does not show is changed by itself. */
static void check_facts(struct script_context *context, const struct facts *facts) {
    struct sv performed = facts->count > 1 ? perform_changed(context, facts) : SV("");
    for (size_t i = 0; i < facts->count; i++) {
        if (!has_arrived(context, facts, &facts->items[i], performed))
            check_fact(context, &facts->items[i]);
    }
}

/* Roles whose start is not seen may read what the others do not. */
static bool sees_everything(const struct script_context *context) {
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (context->base.rendering.pods[role] && !context->base.has_started[role])
            return false;
    }
    return true;
}

static const char *const option_maps[] = {"master.options", "worker.options", "client.options"};

static void find_options(struct script_context *context, enum role first, const char *map,
                         const struct cJSON *options, struct facts *facts) {
    JSON_EACH (option, options) {
        struct sv value = json_text(option);
        struct fact fact = {first, map, json_key(option), value,
                            other_value(context->arena, value)};
        vec_push(facts, fact);
    }
}

static void find_text(struct script_context *context, enum role first, const char *what,
                      struct sv from, struct sv to, struct facts *facts) {
    struct fact fact = {first, what, SV(""), from, to};
    if (from.len > 0 && sv_contains(context->base.rendering.runtime_json, from))
        vec_push(facts, fact);
}

/* Of the first mount. Where mountUFS fails anyway, EXEC-003 says so. */
static void find_mount_facts(struct script_context *context, const struct cJSON *mount,
                             struct facts *facts) {
    enum role first = context->mount_entry ? ROLE_COUNT : ROLE_CLIENT;
    if (!mount || (context->mount_entry && !script_mounts_well(context)))
        return;
    find_options(context, first, "mounts.0.options", json_get(mount, SV("options")), facts);
    struct sv point = json_string_or(mount, SV("mountPoint"), SV(""));
    find_text(context, first, "mountPoint", point,
              arena_printf(context->arena, "%.*s-certify", SV_ARG(point)), facts);
}

static void check_002(struct script_context *context) {
    if (!sees_everything(context)) {
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE,
                    "a container runs the image's own command, which may read runtime.json");
        return;
    }
    struct error err = {0};
    const struct cJSON *root =
        json_read(context->arena, context->base.rendering.runtime_json, &err);
    struct facts facts = {0};
    for (size_t i = 0; i < ROLE_COUNT; i++)
        find_options(context, (enum role)i, option_maps[i], json_find(root, option_maps[i]),
                     &facts);
    find_mount_facts(context, json_find(root, "mounts.0"), &facts);
    if (context->base.rendering.pods[ROLE_CLIENT])
        find_text(context, ROLE_CLIENT, "targetPath", json_find_string(root, "targetPath"),
                  SV("/certify-mnt/elsewhere"), &facts);
    if (context->base.rendering.pods[ROLE_MASTER])
        find_text(context, ROLE_CLIENT, "the master's service",
                  json_find_string(root, "master.service.name"), SV("svc-certify-master"), &facts);
    check_facts(context, &facts);
    vec_release(&facts);
}

/* --- CONF-003: what is omitted when it is empty --- */

/* How a start or mountUFS fails with these objects: the role, what fails, and how. SV("") when all
 * goes well, or when the controller makes no pods of them. */
struct omission {
    enum role role;
    const struct cJSON *item;
    struct sv what, how;
};

static struct omission try_variant(struct script_context *context, const struct cJSON *dataset,
                                   const struct cJSON *runtime, enum role only) {
    struct script_stage stage;
    struct script_outcome outcome;
    struct sv why;
    struct omission omission = {.how = SV("")};
    if (!script_vary(context, dataset, runtime, &stage, &why))
        return omission;
    if (only < ROLE_COUNT)
        stage_start(&stage, only);
    else
        stage_start_all(&stage);
    if (!stage_is_good(&stage, &omission.role)) {
        omission.item = script_start_item(context, omission.role);
        omission.what =
            arena_printf(context->arena, "the start of %.*s", SV_ARG(role_text(omission.role)));
        omission.how = script_describe(&stage.starts[omission.role], context->arena);
    } else if (only == ROLE_COUNT && script_mounts_well(context) &&
               stage_entry(&stage, context->mount_role, context->mount_entry, true, &outcome) &&
               !script_succeeded(&outcome)) {
        omission = (struct omission){context->mount_role, context->mount_entry, SV("mountUFS"),
                                     script_describe(&outcome, context->arena)};
    }
    return omission;
}

static void check_variant(struct script_context *context, const struct cJSON *dataset,
                          const struct cJSON *runtime, const char *without) {
    struct omission omission = try_variant(context, dataset, runtime, ROLE_COUNT);
    if (omission.how.len > 0)
        script_fail(context, omission.role, omission.item, "%.*s without %s: %.*s",
                    SV_ARG(omission.what), without, SV_ARG(omission.how));
}

static struct cJSON *bare_runtime(struct script_context *context) {
    static const struct sv roles[] = {SV("master"), SV("worker"), SV("client")};
    struct cJSON *runtime = script_copy_runtime(context);
    struct cJSON *spec = json_ensure_map(context->arena, runtime, SV("spec"));
    json_remove(spec, SV("options"));
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        struct cJSON *part = json_get(spec, roles[i]);
        json_remove(part, SV("options"));
        json_remove(part, SV("replicas"));
        JSON_EACH (level, json_find(part, "tieredStore.levels")) {
            json_remove(level, SV("high"));
            json_remove(level, SV("low"));
        }
    }
    return runtime;
}

static struct cJSON *without_client(struct script_context *context, const struct cJSON *runtime) {
    struct cJSON *copy = json_copy(context->arena, runtime);
    struct cJSON *spec = json_ensure_map(context->arena, copy, SV("spec"));
    json_set_bool(context->arena, json_ensure_map(context->arena, spec, SV("client")),
                  SV("disabled"), true);
    return copy;
}

static struct cJSON *without_mounts(struct script_context *context) {
    struct cJSON *copy = script_copy_dataset(context);
    json_remove(json_get(copy, SV("spec")), SV("mounts"));
    return copy;
}

/* What may be missing in the sample: a client only where something else is left. */
struct omissions {
    bool has_mounts, has_client;
};

/* All of it at once, for a role that goes first for itself. */
static bool starts_without_all(struct script_context *context, struct omissions omissions) {
    const struct cJSON *dataset =
        omissions.has_mounts ? without_mounts(context) : context->sample->dataset;
    const struct cJSON *bare = bare_runtime(context);
    if (!omissions.has_client)
        return try_variant(context, dataset, bare, ROLE_COUNT).how.len == 0;
    return try_variant(context, dataset, bare, ROLE_CLIENT).how.len == 0 &&
           try_variant(context, dataset, without_client(context, bare), ROLE_COUNT).how.len == 0;
}

/* Everything that may be missing is, at once; only where that fails it is told apart. */
static void check_003(struct script_context *context) {
    const struct sample *sample = context->sample;
    const struct cJSON *const *pods = context->base.rendering.pods;
    struct omissions omissions = {
        .has_mounts = script_mounts_well(context),
        .has_client = pods[ROLE_CLIENT] && (pods[ROLE_MASTER] || pods[ROLE_WORKER]),
    };
    if (starts_without_all(context, omissions))
        return;
    check_variant(context, sample->dataset, bare_runtime(context),
                  "options, replicas and water marks in the runtime");
    if (omissions.has_mounts)
        check_variant(context, without_mounts(context), sample->runtime, "mounts in the dataset");
    if (omissions.has_client)
        check_variant(context, sample->dataset, without_client(context, sample->runtime),
                      "a client");
    if (script_is_clean(context))
        check_variant(context, without_mounts(context), bare_runtime(context),
                      "options in the runtime and mounts in the dataset");
}

/* --- CONF-006: names --- */

struct naming {
    struct sv name, namespace_name;
};

static bool perform_named(struct script_context *context, struct naming naming,
                          struct sv *ret_performed, struct sv *ret_why) {
    struct arena *arena = context->arena;
    struct cJSON *objects[] = {script_copy_dataset(context), script_copy_runtime(context)};
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        struct cJSON *metadata = json_ensure_map(arena, objects[i], SV("metadata"));
        json_set_string(arena, metadata, SV("name"), naming.name);
        json_set_string(arena, metadata, SV("namespace"), naming.namespace_name);
    }
    struct script_stage stage;
    if (!script_vary(context, objects[0], objects[1], &stage, ret_why))
        return false;
    *ret_performed = script_perform(context, &stage);
    return true;
}

static struct sv renamed(struct arena *arena, struct sv text, struct naming from,
                         struct naming to) {
    text = script_replace(arena, text, from.name, to.name);
    return script_replace(arena, text, from.namespace_name, to.namespace_name);
}

/* No text but the name looks like these, so that each can be told from the rest. */
static void check_006(struct script_context *context) {
    static const struct naming usual = {SV("qzshort"), SV("qzplace")};
    static const struct naming unusual = {SV("q7-a-name-of-forty-characters-certify-zz"),
                                          SV("q7-another-namespace")};
    static const struct naming marks = {SV("{name}"), SV("{namespace}")};
    struct arena *arena = context->arena;
    struct naming own = {object_name(context->sample->dataset),
                         context->base.rendering.namespace_name};
    struct sv before, after, why;
    bool is_possible = perform_named(context, unusual, &after, &why);
    /* What the sample showed already is a usual name, too. */
    if (is_possible && sv_eq(renamed(arena, after, unusual, own), context->base_signature))
        return;
    if (!is_possible || !perform_named(context, usual, &before, &why)) {
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE,
                    "the controller makes no pods under another name: %.*s", SV_ARG(why));
        return;
    }
    before = renamed(arena, before, usual, marks);
    after = renamed(arena, after, unusual, marks);
    if (!sv_eq(before, after))
        script_fail(context, ROLE_COUNT, context->subject->runtime_class,
                    "under a name of 40 characters in another namespace the scripts do something "
                    "else: %.*s",
                    SV_ARG(script_difference(arena, before, after)));
}

/* --- CONF-007: strings stay strings --- */

static void check_text(struct script_context *context, enum role role, const char *map,
                       const struct cJSON *option) {
    static const struct sv texts[] = {SV("00417"), SV("4e17")};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct script_stage stage = stage_set(context, map, json_key(option), texts[i]);
        stage_start(&stage, role);
        if (!stage.has_started[role] || !script_succeeded(&stage.starts[role]))
            continue; /* a script may refuse the text; it must not make another of it */
        if (!sv_contains(stage_signature(&stage.starts[role], context->arena), texts[i]))
            script_fail(context, role, script_start_item(context, role),
                        "%s.%.*s is \"%.*s\", and what arrives is another text", map,
                        SV_ARG(json_key(option)), SV_ARG(texts[i]))
                ->expected = texts[i];
    }
}

static void check_007(struct script_context *context) {
    struct error err = {0};
    const struct cJSON *root =
        json_read(context->arena, context->base.rendering.runtime_json, &err);
    bool has_option = false;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        JSON_EACH (option, json_find(root, option_maps[i])) {
            has_option = true;
            /* What does not show as it is, is not copied but understood. */
            if (context->base.has_started[i] && json_text(option).len > 0 &&
                sv_contains(context->base_start_signatures[i], json_text(option)))
                check_text(context, (enum role)i, option_maps[i], option);
        }
    }
    if (!has_option)
        script_skip(context, CHECK_STATE_SKIP_UNSUPPORTED, "class and sample have no options");
}

static const struct script_check checks[] = {
    {SV("CONF-001"), check_001, false}, {SV("CONF-002"), check_002, true},
    {SV("CONF-003"), check_003, true},  {SV("CONF-004"), check_004, true},
    {SV("CONF-005"), check_005, true},  {SV("CONF-006"), check_006, true},
    {SV("CONF-007"), check_007, true},
};
SCRIPT_CHECKS(script_config_checks, checks);
