/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_rules: tables of what a server takes in each field, and the walk over an object by them.
 * The first problem is told; a field that no table knows makes the verdict unsure.
 */
#ifndef CORE_RECONCILE_FIELD_RULES_H
#define CORE_RECONCILE_FIELD_RULES_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/reconcile/object_rules.h"

struct arena;
struct cJSON;
struct quantity;

/* The way to what is judged, from the end. */
struct place {
    const struct place *parent;
    struct sv key;
    size_t index; /* in a list, where `key` is SV("") */
};

struct judge {
    struct arena *arena;
    enum object_verdict verdict;
    struct sv problem;
};

enum { PORT_MAX = 65535 };

/* What an item must be. */
enum kind {
    KIND_TEXT,
    KIND_FILLED,     /* a text that is not empty */
    KIND_TRIMMED,    /* likewise, and not surrounded by spaces */
    KIND_LABEL_NAME, /* as containers are called */
    KIND_SUBDOMAIN,  /* as objects are called */
    KIND_PORT_NAME,
    KIND_LABEL_KEY,
    KIND_WORD,   /* one of `words` */
    KIND_NUMBER, /* an integer from `min` to `max` */
    KIND_TARGET, /* a port by number or name */
    KIND_SHARE,  /* so many, or a percentage */
    KIND_FLAG,
    KIND_TEXTS, /* a list of them; with `words`, each one of these */
    KIND_LABELS,
    KIND_ANNOTATIONS,
    KIND_DATA, /* of a config map */
    KIND_QUANTITY,
    KIND_QUANTITIES,
    KIND_MAP,  /* of `below` */
    KIND_MAPS, /* a list of these */
    KIND_OURS, /* nobody else has a say in it */
};

struct rule {
    const char *key;
    enum kind kind;
    const struct rule *below; /* ends at a NULL key */
    const char *words;
    int64_t min, max;
    bool is_required;
    /* Of KIND_MAPS: two items differ in this member; a port, in this one or its protocol. */
    const char *unique, *port;
    void (*also)(struct judge *judge, const struct place *place, const struct cJSON *item);
};

/* Judges the members of `map`, and all below. */
void judge_map(struct judge *judge, const struct place *place, const struct cJSON *map,
               const struct rule *rules);
/* `what` goes on after the way to `place`, as in "is missing". */
void judge_refuse(struct judge *judge, const struct place *place, struct sv what);
void judge_be_unsure(struct judge *judge);

/* Of each item whether a later one has that port for the same protocol. */
const bool *field_repeated_ports(struct judge *judge, const struct cJSON *list, const char *key);

/* `words` are separated by "|". */
bool field_is_one_of(struct sv text, const char *words);
/* Letters, digits, "_", "-" and ".", and no digit first. */
bool field_is_plain_name(struct sv text);
bool field_is_label_key(struct sv text);
bool field_is_label_value(struct sv text);
/* False: it is none. */
MUST_CHECK bool field_quantity(const struct cJSON *item, struct quantity *ret_quantity);

#endif
