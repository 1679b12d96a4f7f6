/* SPDX-License-Identifier: Apache-2.0 */
/* Names and keys that others derive too: fluid-contract.md §2.9, §3.5, §5.4. */
#include "core/reconcile/names.h"

#include "core/base/arena.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "core/reconcile/snapshot.h"

#define LONG_NAMESPACE "a-namespace-with-a-long-name"

static void derive(struct arena *arena, const char *namespace_name, const char *name,
                   const struct cJSON *dataset, const struct cJSON *runtime,
                   struct names *ret_names) {
    static const struct reconcile_options options = {.mount_root = {"/runtime-mnt", 12}};
    struct snapshot snapshot = {.namespace_name = sv_from(namespace_name),
                                .name = sv_from(name),
                                .dataset = dataset,
                                .runtime = runtime,
                                .options = &options};
    names_init(ret_names, &snapshot, arena);
}

TEST(short_names_are_readable) {
    AUTO(arena) arena = arena_new();
    struct names names;
    derive(arena, "default", "demo", NULL, NULL, &names);
    const struct {
        struct sv actual, expected;
    } cases[] = {
        {names.config_map, SV("fluid-runtime-config-demo")},
        {names.volume, SV("default-demo")},
        {names.claim, SV("demo")},
        {names.mount_path, SV("/runtime-mnt/cache/default/demo/cache-fuse")},
        {names.dataset_id, SV("default-demo")},
        {names.exclusive, SV("default_demo")},
        {names.common_label, SV("fluid.io/s-default-demo")},
        {names.runtime_label, SV("fluid.io/s-cache-default-demo")},
        {names.fuse_label, SV("fluid.io/f-default-demo")},
        {names.memory_label, SV("fluid.io/s-h-cache-m-default-demo")},
        {names.disk_label, SV("fluid.io/s-h-cache-d-default-demo")},
        {names.total_label, SV("fluid.io/s-h-cache-t-default-demo")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        CHECK_SV(cases[i].actual, cases[i].expected);
}

/* A key is readable while prefix and text together are shorter than 63 bytes. */
TEST(long_keys_carry_the_uid) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct names names;
    const struct cJSON *dataset = json_read(arena, SV("{\"metadata\":{\"uid\":\"u-1\"}}"), &err);
    const struct cJSON *runtime =
        json_read(arena,
                  SV("{\"metadata\":{\"ownerReferences\":[{\"kind\":\"Dataset\",\"name\":\"other\","
                     "\"uid\":\"u-8\"},{\"kind\":\"Other\",\"name\":\"a-runtime-with-a-name-too\","
                     "\"uid\":\"u-9\"},{\"kind\":\"Dataset\",\"name\":"
                     "\"a-runtime-with-a-name-too\",\"uid\":\"u-2\"}]}}"),
                  &err);
    derive(arena, LONG_NAMESPACE, "a-runtime-with-a-name-too", dataset, NULL, &names);
    CHECK_SV(names.dataset_id, SV(LONG_NAMESPACE "-a-runtime-with-a-name-too"));
    CHECK_SV(names.common_label, SV("fluid.io/s-u-1"));
    CHECK_SV(names.volume, SV(LONG_NAMESPACE "-a-runtime-with-a-name-too"));
    /* The owner reference outlives the dataset. */
    derive(arena, LONG_NAMESPACE, "a-runtime-with-a-name-too", NULL, runtime, &names);
    CHECK_SV(names.runtime_label, SV("fluid.io/s-cache-u-2"));
    derive(arena, LONG_NAMESPACE, "a-runtime-with-a-name-too", NULL, NULL, &names);
    CHECK_SV(names.common_label, SV("fluid.io/s-" LONG_NAMESPACE "-a-runtime-with-a-name-too"));
}

/* Upstream and the CSI plugin derive the same keys: a byte makes the difference for all of them. */
TEST(keys_turn_to_the_uid_at_63_bytes) {
    static const struct {
        size_t bytes; /* of the namespace, for a runtime "r" */
        const char *common_label, *exclusive;
    } cases[] = {
        /* "fluid.io/s-", the namespace, "-r" */
        {49, "fluid.io/s-nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn-r",
         "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_r"},
        {50, "fluid.io/s-u-1", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_r"},
        {60, "fluid.io/s-u-1", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_r"},
        {61, "fluid.io/s-u-1", "u-1"},
    };
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *dataset = json_read(arena, SV("{\"metadata\":{\"uid\":\"u-1\"}}"), &err);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char namespace_name[64] = {0};
        memset(namespace_name, 'n', cases[i].bytes);
        struct names names;
        derive(arena, namespace_name, "r", dataset, NULL, &names);
        CHECK_SV(names.common_label, sv_from(cases[i].common_label));
        CHECK_SV(names.exclusive, sv_from(cases[i].exclusive));
    }
}

TEST(volume_names_fit_into_63_bytes) {
    static const struct {
        const char *secret, *volume;
    } cases[] = {
        {"sec", "cache-mnt-secret-sec"},
        {"a234567890123456789012345678901234567890123456",
         "cache-mnt-secret-a234567890123456789012345678901234567890123456"},
        /* 38 bytes of the name, and the first 8 digits of its SHA-256 */
        {"a2345678901234567890123456789012345678901234567",
         "cache-mnt-secret-a2345678901234567890123456789012345678"
         "78caafb0"},
        /* A Secret may have dots in its name, a volume may not. */
        {"my.secret", "cache-mnt-secret-my-secretba2d73fb"},
        {"my-secret", "cache-mnt-secret-my-secret"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        CHECK_SV(names_secret_volume(arena, sv_from(cases[i].secret)), sv_from(cases[i].volume));
    struct sv name = SV("a23456789012345678901234567890123456789012345");
    struct sv config = names_volume(arena, "fluid-runtime-", name, "-config");
    CHECK(config.len <= 63 && names_is_dns_label(config));
    struct sv other = names_volume(arena, "fluid-runtime-", sv_prefix(name, 44), "-config");
    CHECK(!sv_eq(config, other));
    CHECK_SV(names_volume(arena, "fluid-runtime-", SV("demo"), "-config"),
             SV("fluid-runtime-demo-config"));
    struct sv longest = sv_prefix(name, 42);
    CHECK(names_volume(arena, "fluid-runtime-", longest, "-config").len == 63);
    CHECK_SV(names_volume(arena, "fluid-runtime-", longest, "-config"),
             SV("fluid-runtime-a23456789012345678901234567890123456789012-config"));
    CHECK_SV(names_volume(arena, "fluid-extra-", SV("demo-tools.v2"), ""),
             SV("fluid-extra-demo-tools-v2-fdc4b605"));
}

TEST(names_of_objects_and_of_files) {
    static const struct {
        const char *name;
        bool is_subdomain, is_file;
    } cases[] = {
        {"a", true, true},     {"1a.b-c", true, true}, {"A", false, true},    {"a_b", false, true},
        {"-a", false, true},   {"a-", false, true},    {"a.", false, true},   {".a", false, true},
        {"a..b", false, true}, {"", false, false},     {".", false, false},   {"..", false, false},
        {"..a", false, false}, {"a/b", false, false},  {"a b", false, false}, {"a.-b", false, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK(names_is_dns_subdomain(sv_from(cases[i].name)) == cases[i].is_subdomain);
        CHECK(names_is_file_name(sv_from(cases[i].name)) == cases[i].is_file);
    }
    char text[256] = {0};
    memset(text, 'a', 254);
    CHECK(!names_is_dns_subdomain((struct sv){text, 254}));
    CHECK(names_is_dns_subdomain((struct sv){text, 253}));
    CHECK(!names_is_file_name((struct sv){text, 254}) &&
          names_is_file_name((struct sv){text, 253}));
}
