/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/buf.h"

#include "core/base/test.h"

TEST(refuses_what_goes_past_the_maximum_and_keeps_the_rest) {
    struct buf buf;
    buf_init(&buf, 5);
    CHECK(buf_append(&buf, SV("abc")));
    CHECK(!buf_append(&buf, SV("def")));
    CHECK(buf_append(&buf, SV("de")));
    CHECK_SV(buf_view(&buf), SV("abcde"));
    CHECK(!buf_append_byte(&buf, 'x'));
    buf_consume(&buf, 2);
    CHECK(buf_append(&buf, SV("fg")));
    CHECK_SV(buf_view(&buf), SV("cdefg"));
    buf_release(&buf);
}

TEST(holds_a_stream_that_is_consumed_as_it_comes) {
    struct buf buf;
    buf_init(&buf, 1024);
    for (int i = 0; i < 10000; i++) {
        CHECK(buf_printf(&buf, "%08d", i));
        if (i >= 100) {
            char expected[9];
            snprintf(expected, sizeof(expected), "%08d", i - 100);
            CHECK_SV(sv_prefix(buf_view(&buf), 8), sv_from(expected));
            buf_consume(&buf, 8);
        }
    }
    CHECK(buf.capacity <= 4096);
    buf_release(&buf);
}
