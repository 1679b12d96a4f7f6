/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_parts: what the files that generate scenarios share: chance, and parts that can be
 * taken out. Of one call's arguments at most one may draw or be a part, since a compiler chooses
 * in which order they are evaluated. Private to conformance/explore/generate*.c.
 */
#ifndef CONFORMANCE_EXPLORE_GENERATE_PARTS_H
#define CONFORMANCE_EXPLORE_GENERATE_PARTS_H

#include "conformance/explore/generate.h"
#include "core/base/arena.h"
#include "core/base/rng.h"

enum component_bit { HAS_MASTER = 1, HAS_WORKER = 2, HAS_CLIENT = 4 };

struct generator {
    struct arena *arena;
    struct rng rng;
    uint64_t removed;
    size_t part_count;
    /* What was drawn so far, on which later draws depend. Parts that are removed count too. */
    unsigned components; /* enum component_bit */
    bool has_two;        /* a second runtime of the same class */
    const char *other;   /* its namespace and name */
    const char *rival;   /* a third one, whose generated names are those of the second; or NULL */
    bool has_reader;     /* an application that uses the volume */
    bool worker_is_plain, master_is_plain; /* StatefulSets, whose pods have known names */
    bool worker_is_on_each_node;           /* a DaemonSet, which has no number of replicas */
    bool worker_rolls;                     /* its update strategy fits any kind of workload */
    bool is_scaled_beyond;                 /* more workers than the smaller world has nodes */
    struct sv of_class;                    /* the class as an item of a flow sequence */
    struct sv keys;                        /* the Secret that datasets may name, as an item too */
    struct sv steps;                       /* names of steps, blank behind each */
    size_t step_count;
};

bool generate_chance(struct generator *generator, uint64_t percent);
struct sv generate_pick(struct generator *generator, const char *const *from, size_t count);
#define PICK(generator, ...)                                                                       \
    generate_pick((generator), (const char *const[]){__VA_ARGS__},                                 \
                  COUNT_OF(((const char *const[]){__VA_ARGS__})))
/* `text` as one part: SV("") when it is removed. */
struct sv generate_part(struct generator *generator, struct sv text);
/* A part that is there in so many of 100 cases. */
struct sv generate_maybe(struct generator *generator, uint64_t percent, struct sv text);

/* Items of flow sequences, each with a comma behind it. */
struct sv generate_objects(struct generator *generator); /* generate_objects.c */
struct sv generate_scripts(struct generator *generator); /* generate_objects.c */
struct sv generate_steps(struct generator *generator);   /* generate_steps.c */
struct sv generate_faults(struct generator *generator);  /* generate_faults.c */

#endif
