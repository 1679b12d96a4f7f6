/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_shape: what a scenario file may contain, as tables, and the check of a tree against
 * them: unknown fields, wrong types and missing fields become one line with the position and the
 * nearest known name. What has passed the check may be read without looking twice.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_SHAPE_H
#define CONFORMANCE_SCENARIO_SCENARIO_SHAPE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;
struct error;
struct manifest;
struct shape;

enum shape_type {
    SHAPE_ANY,
    SHAPE_TEXT,
    SHAPE_COUNT, /* an integer from 0 */
    SHAPE_BOOLEAN,
    SHAPE_DURATION, /* "90s", "1m30s", "500ms" */
    SHAPE_REF,      /* "dataset/demo" or "dataset/namespace/demo" */
    SHAPE_CHOICE,   /* one of `choices` */
    SHAPE_AGENT,    /* who sends a request: a text, but none that is nearly one of `choices` */
    SHAPE_RESOURCE, /* a plural, or a pattern of some; likewise with those of Kubernetes */
    SHAPE_MAP,      /* of `shape` */
    SHAPE_TREE,     /* a map of anything */
    SHAPE_LIST,     /* of `shape` */
    SHAPE_LIST_OR_MAP,
    SHAPE_TEXTS,  /* a list of texts */
    SHAPE_CHAINS, /* a list of lists of `shape` */
};

struct shape_field {
    struct sv name;
    enum shape_type type;
    const struct shape *shape;
    const struct sv *choices;
    size_t choice_count;
    bool is_required;
};

struct shape {
    const char *what; /* "a step" */
    const struct shape_field *fields;
    size_t field_count;
    bool has_one_field; /* the map is a choice: exactly one of the fields */
};

/* The whole file. */
extern const struct shape scenario_shape;

/* Checks `root` of the manifest. ERROR_INVALID: "path:line:column: unknown field "x" …". */
MUST_CHECK bool shape_check(const struct manifest *manifest, const struct cJSON *root,
                            const struct shape *shape, struct error *err);
/* Sets `err` with the position of `item`; returns false. */
bool shape_fail(const struct manifest *manifest, const struct cJSON *item, struct error *err,
                const char *format, ...) PRINTF_LIKE(4, 5);

/* False when the text is no duration. */
MUST_CHECK bool duration_parse(struct sv text, int64_t *ret_ms);

struct resource;
struct object_ref {
    const struct resource *resource;
    struct sv namespace_name; /* "default" when the ref does not say */
    struct sv name;
};
/* By plural, kind or kubectl's short name, in any case. False when the kind is unknown or there is
 * no name; `ret_nearest` is then a kind to suggest, or SV(""). */
MUST_CHECK bool object_ref_parse(struct sv text, struct object_ref *ret_ref,
                                 struct sv *ret_nearest);

#endif
