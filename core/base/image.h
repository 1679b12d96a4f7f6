/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image: texts that are part of the program. A literal outlives every tree and never changes, so
 * that whoever would keep a copy of one may as well refer to it.
 */
#ifndef CORE_BASE_IMAGE_H
#define CORE_BASE_IMAGE_H

#include "core/base/base.h"
#include "core/base/sv.h"

/* Set by the linker: between them stands what is loaded to be read only. */
extern const char __executable_start[], __data_start[];

/* Whether `address` is one of a constant of the program. */
static inline bool image_has(const char *address) {
    return (uintptr_t)address - (uintptr_t)__executable_start <
           (uintptr_t)__data_start - (uintptr_t)__executable_start;
}

/* Whether `text` is a whole literal, with the NUL behind it: a piece of one has to be copied where
 * a NUL is expected. */
static inline bool image_has_text(struct sv text) {
    return image_has(text.ptr) && text.ptr[text.len] == '\0';
}

#endif
