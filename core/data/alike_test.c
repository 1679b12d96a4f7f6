/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/alike.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/test.h"

enum { TEXTS = 100 };

/* As objects of one kind are: some members in common, and names and numbers of their own. */
static struct sv object_text(struct arena *arena, size_t number) {
    static const char common[] =
        "\"apiVersion\":\"v1\",\"kind\":\"Service\",\"spec\":{\"clusterIP\":\"None\","
        "\"clusterIPs\":[\"None\"],\"internalTrafficPolicy\":\"Cluster\",\"ipFamilies\":[\"IPv4\"],"
        "\"ipFamilyPolicy\":\"SingleStack\",\"sessionAffinity\":\"None\",\"type\":\"ClusterIP\","
        "\"publishNotReadyAddresses\":true},\"status\":{\"loadBalancer\":{}}";
    return arena_printf(arena, "{\"metadata\":{\"name\":\"svc-%zu\",\"uid\":\"%zu\"},%s}", number,
                        number * 7919, common);
}

TEST(texts_that_are_alike_take_a_fraction) {
    AUTO(arena) arena = arena_new();
    AUTO(alike) alike = alike_new();
    struct sv texts[TEXTS], packed[TEXTS];
    size_t text_bytes = 0, packed_bytes = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        texts[i] = object_text(arena, i);
        packed[i] = alike_pack(alike, texts[i]);
        text_bytes += texts[i].len;
        packed_bytes += packed[i].len;
    }
    CHECK(packed_bytes * 5 < text_bytes);
    for (size_t i = 0; i < TEXTS; i++) {
        CHECK_SV(alike_unpack(alike, packed[i], arena), texts[i]);
        mem_free((char *)packed[i].ptr);
    }
}

/* Whatever comes, in whatever order and however much of it, comes back. */
TEST(texts_of_every_size_and_kind_come_back) {
    static const struct {
        size_t bytes;
        int letters; /* of the alphabet: 1 is all the same */
    } cases[] = {{0, 1},   {1, 1},     {7, 3},       {300, 1},    {300, 26},  {5000, 2},
                 {70, 26}, {9000, 26}, {200000, 26}, {200000, 3}, {8192, 26}, {3000, 2}};
    AUTO(arena) arena = arena_new();
    AUTO(alike) alike = alike_new();
    struct rng rng;
    struct sv texts[COUNT_OF(cases)], packed[COUNT_OF(cases)];
    rng_init_named(&rng, 1, SV("alike"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *text = arena_alloc(arena, cases[i].bytes + 1);
        for (size_t at = 0; at < cases[i].bytes; at++)
            text[at] = (char)('a' + rng_below(&rng, (uint64_t)cases[i].letters));
        texts[i] = (struct sv){text, cases[i].bytes};
        packed[i] = alike_pack(alike, texts[i]);
        CHECK(packed[i].len > 0 && packed[i].len <= texts[i].len + 8);
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK_SV(alike_unpack(alike, packed[i], arena), texts[i]);
        mem_free((char *)packed[i].ptr);
    }
}
