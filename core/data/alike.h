/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alike: texts that resemble each other, such as the objects of one kind, kept in a fraction of
 * their bytes. The first ones are what the others are told by: each of those is kept as what it
 * has in common with them and what it has not (LZ4 with a dictionary). Pure; the same texts in the
 * same order give the same bytes.
 */
#ifndef CORE_DATA_ALIKE_H
#define CORE_DATA_ALIKE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct alike; /* opaque */
struct arena;

enum {
    /* Of the texts that others are told by: a few states of an object of usual size. */
    ALIKE_SAMPLE_BYTES_MAX = 8 * 1024,
    /* A longer text is kept as it is. */
    ALIKE_TEXT_BYTES_MAX = 16 * 1024 * 1024,
};

struct alike *alike_new(void);
/* Accepts NULL. Nothing that was packed with it can be read any more. */
void alike_free(struct alike *alike);
DEFINE_AUTO(alike)

/* `text` in a block of the caller's, who gives it to mem_free(). Never empty. */
struct sv alike_pack(struct alike *alike, struct sv text);
/* The text that alike_pack() was given, in `arena`. `packed` must be its result. */
struct sv alike_unpack(const struct alike *alike, struct sv packed, struct arena *arena);

#endif
