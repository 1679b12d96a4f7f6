/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/error.h"

#include "core/base/test.h"

TEST(context_goes_in_front_and_the_code_stays) {
    struct error err = {0};
    CHECK(!error_set(&err, ERROR_NOT_FOUND, "no %s", "key"));
    CHECK(!error_wrap(&err, "file %d", 7));
    CHECK(!error_wrap(&err, "loading"));
    CHECK_SV(sv_from(err.message), SV("loading: file 7: no key"));
    CHECK(err.code == ERROR_NOT_FOUND);
    CHECK_SV(sv_from(error_code_text(err.code)), SV("not found"));
}

TEST(messages_that_are_too_long_are_cut) {
    char text[3 * ERROR_MESSAGE_BYTES_MAX];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct error err = {0};
    error_set(&err, ERROR_INVALID, "%s", text);
    CHECK(strlen(err.message) == ERROR_MESSAGE_BYTES_MAX - 1);
    error_wrap(&err, "%s", text);
    CHECK(strlen(err.message) == ERROR_MESSAGE_BYTES_MAX - 1);
    error_wrap(&err, "who");
    CHECK(sv_starts_with(sv_from(err.message), SV("who: xxx")));
}
