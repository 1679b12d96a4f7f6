/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"

#include "core/base/arena.h"

#include <CUnit/Basic.h>
#include <stdio.h>

enum { TESTS_MAX = 512 };

static struct {
    const char *name;
    void (*run)(void);
} tests[TESTS_MAX];
static size_t test_count;

void test_register(const char *name, void (*run)(void)) {
    assert(test_count < TESTS_MAX);
    tests[test_count].name = name;
    tests[test_count].run = run;
    test_count++;
}

bool test_check(bool held, const char *file, int line, const char *text) {
    CU_assertImplementation(held, (unsigned)line, text, file, "", CU_FALSE);
    return held;
}

bool test_check_sv(struct sv actual, struct sv expected, const char *file, int line) {
    bool held = sv_eq(actual, expected);
    if (!held)
        printf("\n%s:%d: expected: %.*s\n%s:%d: actual:   %.*s\n", file, line, SV_ARG(expected),
               file, line, SV_ARG(actual));
    return test_check(held, file, line, "texts are equal");
}

struct sv test_read_file(struct arena *arena, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return SV("");
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    assert(size >= 0 && size <= TEST_FILE_BYTES_MAX);
    rewind(file);
    char *bytes = arena_alloc(arena, (size_t)size + 1);
    size_t len = fread(bytes, 1, (size_t)size, file);
    fclose(file);
    assert(len == (size_t)size);
    return (struct sv){bytes, len};
}

int main(int argc, char **argv) {
    const char *only = argc > 1 ? argv[1] : NULL;
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 3;
    CU_pSuite suite = CU_add_suite(argv[0], NULL, NULL);
    for (size_t i = 0; i < test_count; i++)
        if (!only || strcmp(only, tests[i].name) == 0)
            CU_add_test(suite, tests[i].name, tests[i].run);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    unsigned asserts = CU_get_number_of_asserts();
    CU_cleanup_registry();
    /* A program that checks nothing proves nothing. */
    return failures == 0 && asserts > 0 ? 0 : 1;
}
