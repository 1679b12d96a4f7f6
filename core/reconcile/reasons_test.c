/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/conditions.md has a word on every reason that the code gives: every text in two or more
 * capitalised words that stands in a source of this folder must be found there, unless it is
 * Kubernetes' own.
 */
#include "core/base/arena.h"
#include "core/base/test.h"

#include <dirent.h>

static const char *const others[] = {
    /* kinds and fields */
    "DeleteOptions",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CacheRuntime",
    "CacheRuntimeClass",
    "StatefulSet",
    "DaemonSet",
    "AdvancedStatefulSet",
    /* values */
    "ClusterIP",
    "DirectoryOrCreate",
    "NoExecute",
    "OnDelete",
    "OnFailure",
    "ReadOnlyMany",
    "ReadWriteOncePod",
    "RollingUpdate",
    "CreatedBy",
    "InPlaceIfPossible",
    /* what kubelets and schedulers say */
    "ContainerCreating",
    "PodInitializing",
    "PodScheduled",
    /* units */
    "KiB",
    "MiB",
    "GiB",
    "TiB",
    "PiB",
    "EiB",
};

static bool is_upper(char byte) {
    return byte >= 'A' && byte <= 'Z';
}

/* "PodsNotReady", but not "Ready", "READY" or "not ready". */
static bool is_reason(struct sv text) {
    size_t capitals = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_letter = is_upper(text.ptr[i]) || (text.ptr[i] >= 'a' && text.ptr[i] <= 'z');
        if (!is_letter || (i > 0 && is_upper(text.ptr[i]) && is_upper(text.ptr[i - 1])))
            return false;
        capitals += is_upper(text.ptr[i]);
    }
    return text.len > 0 && is_upper(text.ptr[0]) && capitals >= 2;
}

static bool is_others(struct sv text) {
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (sv_eq(text, sv_from(others[i])))
            return true;
    return false;
}

static size_t check_source(struct sv source, struct sv docs) {
    size_t count = 0;
    while (source.len > 0) {
        sv_cut(&source, '"');
        struct sv text = sv_cut(&source, '"');
        if (!is_reason(text) || is_others(text))
            continue;
        count++;
        if (!sv_contains(docs, text))
            CHECK_SV(text, SV("a reason that docs/conditions.md explains"));
    }
    return count;
}

TEST(every_reason_is_explained) {
    AUTO(arena) arena = arena_new();
    struct sv docs = test_read_file(arena, TEST_SOURCE_DIR "/docs/conditions.md");
    DIR *folder = opendir(TEST_SOURCE_DIR "/core/reconcile");
    REQUIRE(folder != NULL);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct sv name = sv_from(entry->d_name);
        if (!sv_ends_with(name, SV(".c")) || sv_ends_with(name, SV("_test.c")))
            continue;
        struct sv path =
            arena_printf(arena, "%s/core/reconcile/%s", TEST_SOURCE_DIR, entry->d_name);
        count += check_source(test_read_file(arena, path.ptr), docs);
    }
    closedir(folder);
    CHECK(count > 50);
}
