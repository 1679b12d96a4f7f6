/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/image.h"

#include "core/base/mem.h"
#include "core/base/test.h"

static const char constant[] = "constant";

TEST(literals_are_part_of_the_program) {
    CHECK(image_has_text(SV("metadata")));
    CHECK(image_has_text(SV("")));
    CHECK(image_has_text((struct sv){constant, strlen(constant)}));
}

TEST(a_piece_of_a_literal_is_no_text_of_its_own) {
    CHECK(!image_has_text(sv_prefix(SV("metadata"), 4)));
    CHECK(image_has_text(sv_drop(SV("f:metadata"), 2)));
}

TEST(what_can_change_is_none) {
    static char changing[] = "changing";
    char on_the_stack[] = "stack";
    char *on_the_heap = mem_copy_text(SV("heap"));
    CHECK(!image_has(changing));
    CHECK(!image_has(on_the_stack));
    CHECK(!image_has(on_the_heap));
    mem_free(on_the_heap);
}
