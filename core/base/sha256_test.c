/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/sha256.h"

#include "core/base/test.h"

/* The examples of FIPS 180-4: none, one block, and one that needs a second for its length. */
static const struct {
    const char *text, *hex;
} cases[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

TEST(digests_the_examples_of_the_standard) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char hex[SHA256_HEX_BYTES + 1];
        sha256_hex(sv_from(cases[i].text), hex);
        CHECK_SV(sv_from(hex), sv_from(cases[i].hex));
    }
}
