/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/audit_log.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"
#include "core/data/json.h"

#include <stdlib.h>
#include <unistd.h>

TEST(a_large_file_is_put_aside) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    char folder[] = "/tmp/audit-log-XXXXXX";
    REQUIRE(mkdtemp(folder) != NULL);
    struct sv path = arena_printf(arena, "%s/log", folder);
    struct sv aside = arena_printf(arena, "%s/log.1", folder);
    for (int run = 0; run < 2; run++) { /* a second server appends */
        AUTO(audit_log) log = audit_log_open(path, 20, log_none(), &err);
        REQUIRE(log != NULL);
        for (int i = 0; i < 2; i++)
            audit_log_write(log,
                            json_read(arena, arena_printf(arena, "{\"n\":%d}", run * 2 + i), &err));
        if (run == 0)
            CHECK_SV(test_read_file(arena, path.ptr), SV("{\"n\":0}\n{\"n\":1}\n"));
    }
    CHECK_SV(test_read_file(arena, path.ptr), SV("{\"n\":2}\n{\"n\":3}\n"));
    CHECK_SV(test_read_file(arena, aside.ptr), SV("{\"n\":0}\n{\"n\":1}\n"));
    unlink(path.ptr);
    unlink(aside.ptr);
    CHECK(rmdir(folder) == 0);
}

TEST(a_file_that_cannot_be_written_is_named) {
    struct error err = {0};
    AUTO(audit_log) log = audit_log_open(SV("/nowhere/at/all"), 0, log_none(), &err);
    CHECK(!log);
    CHECK_SV(sv_from(err.message),
             SV("cannot write the audit log /nowhere/at/all: No such file or directory"));
}
