/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base: the few macros that every file uses, and the rules the compiler enforces.
 *
 * MUST_CHECK marks a function whose result must be read. AUTO(x) declares a local handle
 * that x_free() releases at the end of its scope; DEFINE_AUTO(x) makes x usable with it.
 */
#ifndef CORE_BASE_BASE_H
#define CORE_BASE_BASE_H

#ifdef NDEBUG
#error "assertions stay on in every build: do not define NDEBUG"
#endif

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_index)                                                     \
    __attribute__((format(printf, format_index, first_index)))

/* A handle may be there for its effect alone, which clang calls unused. */
#define AUTO(name) __attribute__((cleanup(name##_auto_free), unused)) struct name *
#define DEFINE_AUTO(name)                                                                          \
    static inline void name##_auto_free(struct name **handle) {                                    \
        name##_free(*handle);                                                                      \
    }

/* Unbounded or locale-dependent functions do not compile; see buf.h and sv.h for what to use.
 * The headers that declare them come first, so that only uses are hit. */
#define BANNED(function) sorry_##function##_is_a_banned_function
#undef strcpy
#define strcpy(...) BANNED(strcpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef strtok
#define strtok(...) BANNED(strtok)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef strtol
#define strtol(...) BANNED(strtol)
#undef strtoul
#define strtoul(...) BANNED(strtoul)

#endif
