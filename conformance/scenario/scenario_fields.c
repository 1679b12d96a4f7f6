/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a scenario file: certification.md §2.2. */
#include "conformance/scenario/scenario_shape.h"

#include "fakeapi/fault/request_pattern.h"
#include "fakeapi/fault/schedule.h"

#define NAMED(text)                                                                                \
    { "" text, sizeof(text) - 1 }
#define FIELD(text, kind)                                                                          \
    { .name = NAMED(text), .type = SHAPE_##kind }
#define REQUIRED(text, kind)                                                                       \
    { .name = NAMED(text), .type = SHAPE_##kind, .is_required = true }
#define OF(text, kind, of)                                                                         \
    { .name = NAMED(text), .type = SHAPE_##kind, .shape = &(of) }
#define REQUIRED_OF(text, kind, of)                                                                \
    { .name = NAMED(text), .type = SHAPE_##kind, .shape = &(of), .is_required = true }
#define CHOICE(text, list, required)                                                               \
    {                                                                                              \
        .name = NAMED(text), .type = SHAPE_CHOICE, .choices = (list),                              \
        .choice_count = COUNT_OF(list), .is_required = (required)                                  \
    }
#define AGENT                                                                                      \
    {                                                                                              \
        .name = NAMED("by"), .type = SHAPE_AGENT, .choices = agents,                               \
        .choice_count = COUNT_OF(agents)                                                           \
    }
#define SHAPE(name, description, one)                                                              \
    static const struct shape name = {.what = (description),                                       \
                                      .fields = name##_fields,                                     \
                                      .field_count = COUNT_OF(name##_fields),                      \
                                      .has_one_field = (one)}

#define X(verb) NAMED(verb),
static const struct sv verbs[] = {REQUEST_PATTERN_VERBS(X)};
#undef X
static const struct sv agents[] = {NAMED("controller"), NAMED("user")};
static const struct sv roles[] = {NAMED("master"), NAMED("worker"), NAMED("client")};
static const struct sv entries[] = {NAMED("mountUFS"), NAMED("checkRuntimeReady"),
                                    NAMED("reportSummary"), NAMED("cleanCache")};
#define X(name, text) NAMED(text),
static const struct sv fault_kinds[] = {FAULT_KINDS(X)};
#undef X
static const struct sv modes[] = {NAMED("sim"), NAMED("http"), NAMED("cluster")};
static const struct sv phases[] = {NAMED("before"), NAMED("after")};
static const struct sv sweeps[] = {NAMED("crash")};

/* --- world and objects --- */

static const struct shape_field kubelet_fields[] = {
    FIELD("imagePull", DURATION), FIELD("podStart", DURATION), FIELD("configMapLag", DURATION)};
SHAPE(kubelet, "kubelet", false);
static const struct shape_field world_fields[] = {FIELD("nodes", COUNT),
                                                  OF("kubelet", MAP, kubelet)};
SHAPE(world, "world", false);
static const struct shape_field requires_fields[] = {
    FIELD("features", TEXTS),
    {.name = NAMED("modes"),
     .type = SHAPE_TEXTS,
     .choices = modes,
     .choice_count = COUNT_OF(modes)},
};
SHAPE(requires, "requires", false);

/* --- scripts --- */

static const struct shape_field behaviour_fields[] = {
    FIELD("ok", ANY),      FIELD("exit", COUNT), FIELD("stdout", TEXT),
    FIELD("bytes", COUNT), FIELD("lost", ANY),   FIELD("hang", DURATION)};
SHAPE(behaviour, "a behaviour", true);
static const struct shape_field script_fields[] = {CHOICE("role", roles, false),
                                                   CHOICE("entry", entries, true),
                                                   REQUIRED_OF("do", LIST_OR_MAP, behaviour)};
SHAPE(script, "a script", false);

/* --- patterns and faults --- */

static const struct shape_field request_fields[] = {AGENT,
                                                    CHOICE("verb", verbs, false),
                                                    FIELD("resource", RESOURCE),
                                                    FIELD("namespace", TEXT),
                                                    FIELD("name", TEXT),
                                                    FIELD("subresource", TEXT),
                                                    FIELD("match", TREE)};
SHAPE(request, "a request", false);
static const struct shape_field exec_fields[] = {CHOICE("role", roles, false),
                                                 CHOICE("entry", entries, false)};
SHAPE(exec, "an exec", false);
static const struct shape_field struck_fields[] = {AGENT,
                                                   CHOICE("verb", verbs, false),
                                                   FIELD("resource", RESOURCE),
                                                   FIELD("namespace", TEXT),
                                                   FIELD("name", TEXT),
                                                   FIELD("subresource", TEXT),
                                                   FIELD("nth", COUNT),
                                                   FIELD("every", COUNT),
                                                   CHOICE("phase", phases, false)};
SHAPE(struck, "a request", false);
static const struct shape_field trigger_fields[] = {OF("request", MAP, struck),
                                                    FIELD("time", DURATION), FIELD("step", TEXT)};
SHAPE(trigger, "a trigger", false);
static const struct shape_field fault_fields[] = {
    REQUIRED("id", TEXT),          CHOICE("kind", fault_kinds, true),
    OF("at", MAP, trigger),        FIELD("for", DURATION),
    FIELD("count", COUNT),         FIELD("code", COUNT),
    FIELD("retryAfter", DURATION), FIELD("delay", DURATION)};
SHAPE(fault, "a fault", false);

/* --- steps --- */

static const struct shape_field patch_fields[] = {REQUIRED("ref", REF), REQUIRED("merge", TREE),
                                                  FIELD("subresource", TEXT)};
SHAPE(patch, "patch", false);
static const struct shape_field scale_fields[] = {REQUIRED("ref", REF),
                                                  REQUIRED("replicas", COUNT)};
SHAPE(scale, "scale", false);
static const struct shape_field pod_fields[] = {REQUIRED("ref", REF), FIELD("container", TEXT)};
SHAPE(pod, "restart-pod", false);
static const struct shape_field action_fields[] = {
    FIELD("apply", TREE),        OF("patch", MAP, patch),          FIELD("delete", REF),
    OF("scale", MAP, scale),     FIELD("restart-controller", ANY), FIELD("kill-pod", REF),
    OF("restart-pod", MAP, pod), FIELD("stop-node", TEXT),         FIELD("start-node", TEXT),
    FIELD("advance", DURATION)};
SHAPE(action, "an action", true);

static const struct shape_field state_fields[] = {REQUIRED("ref", REF), REQUIRED("match", ANY)};
SHAPE(state, "a state", false);
static const struct shape_field condition_fields[] = {REQUIRED("ref", REF), REQUIRED("type", TEXT),
                                                      FIELD("status", TEXT), FIELD("reason", TEXT)};
SHAPE(condition, "a condition", false);
static const struct shape_field event_fields[] = {REQUIRED("reason", TEXT), FIELD("regarding", REF),
                                                  FIELD("type", TEXT), FIELD("count", COUNT)};
SHAPE(event, "an event", false);
static const struct sv dataset_phases[] = {SV("NotBound"), SV("Bound"), SV("Updating"),
                                           SV("Failed"), SV("DataMigrating")};
static const struct shape_field expectation_fields[] = {
    OF("eventually", MAP, state),           FIELD("absent", REF),
    OF("condition", MAP, condition),        OF("event", MAP, event),
    CHOICE("phase", dataset_phases, false), FIELD("settled", BOOLEAN)};
SHAPE(expectation, "an expectation", true);
static const struct shape_field step_fields[] = {
    REQUIRED("name", TEXT),          OF("do", MAP, action),     FIELD("refused", TEXT),
    OF("expect", LIST, expectation), FIELD("within", DURATION), FIELD("settle", BOOLEAN)};
SHAPE(step, "a step", false);

/* --- over the whole run --- */

static const struct shape_field rule_fields[] = {
    OF("state", MAP, state), OF("request", MAP, request), FIELD("from", TEXT), FIELD("to", TEXT)};
SHAPE(rule, "a rule", false);
static const struct shape_field link_fields[] = {OF("request", MAP, request),
                                                 OF("exec", MAP, exec)};
SHAPE(link, "a link of a chain", true);
static const struct shape_field count_fields[] = {
    OF("request", MAP, request), OF("exec", MAP, exec), FIELD("eq", COUNT), FIELD("le", COUNT),
    FIELD("ge", COUNT),          FIELD("from", TEXT),   FIELD("to", TEXT)};
SHAPE(count, "a count", false);
static const struct shape_field writes_fields[] = {FIELD("by", TEXT), FIELD("from", TEXT),
                                                   FIELD("to", TEXT), OF("are", LIST, count)};
SHAPE(writes, "a list of writes", false);
static const struct shape_field budgets_fields[] = {
    FIELD("requests", COUNT), FIELD("writes", COUNT), FIELD("writesSteady", COUNT),
    FIELD("execs", COUNT), FIELD("timeToBound", DURATION)};
SHAPE(budgets, "budgets", false);
static const struct shape_field explore_fields[] = {CHOICE("sweep", sweeps, true),
                                                    FIELD("maxRuns", COUNT), FIELD("from", TEXT)};
SHAPE(explore, "explore", false);

static const struct shape_field scenario_fields[] = {
    REQUIRED("apiVersion", TEXT),  REQUIRED("kind", TEXT),
    REQUIRED("id", TEXT),          REQUIRED("title", TEXT),
    FIELD("tags", TEXTS),          FIELD("since", TEXT),
    FIELD("fixes", TEXT),          FIELD("checks", TEXTS),
    OF("requires", MAP, requires), OF("world", MAP, world),
    FIELD("vars", TREE),           FIELD("matrix", TREE),
    FIELD("objects", ANY),         OF("scripts", LIST, script),
    OF("faults", LIST, fault),     REQUIRED_OF("steps", LIST, step),
    OF("always", LIST, rule),      OF("never", LIST, rule),
    OF("order", CHAINS, link),     OF("count", LIST, count),
    OF("writes", LIST, writes),    OF("budgets", MAP, budgets),
    FIELD("golden", TEXT),         OF("explore", MAP, explore)};

const struct shape scenario_shape = {
    .what = "a scenario", .fields = scenario_fields, .field_count = COUNT_OF(scenario_fields)};
