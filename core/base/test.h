/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test: unit tests on top of CUnit. One `x_test.c` is one program and one ctest entry:
 *
 *     TEST(what_it_does) { CHECK(1 + 1 == 2); }
 *
 * Tests run in the order of the file. CHECK goes on after a failure, REQUIRE ends the test.
 */
#ifndef CORE_BASE_TEST_H
#define CORE_BASE_TEST_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

void test_register(const char *name, void (*run)(void));
/* Counts the outcome and prints file, line and text of a failure; returns `held`. */
bool test_check(bool held, const char *file, int line, const char *text);
bool test_check_sv(struct sv actual, struct sv expected, const char *file, int line);

#define TEST(name)                                                                                 \
    static void test_##name(void);                                                                 \
    __attribute__((constructor)) static void register_##name(void) {                               \
        test_register(#name, test_##name);                                                         \
    }                                                                                              \
    static void test_##name(void)

#define CHECK(condition) ((void)test_check((condition), __FILE__, __LINE__, #condition))
/* Prints both texts when they differ. */
#define CHECK_SV(actual, expected) ((void)test_check_sv((actual), (expected), __FILE__, __LINE__))
#define REQUIRE(condition)                                                                         \
    if (!test_check((condition), __FILE__, __LINE__, #condition))                                  \
    return

/* Of test data, in `arena`; SV("") where there is no file. At most TEST_FILE_BYTES_MAX. */
enum { TEST_FILE_BYTES_MAX = 16 * 1024 * 1024 };
struct sv test_read_file(struct arena *arena, const char *path);

/* Where the sources are, for test data: TEST_SOURCE_DIR "/core/…". Set by CMake. */
#ifndef TEST_SOURCE_DIR
#define TEST_SOURCE_DIR "."
#endif

#endif
