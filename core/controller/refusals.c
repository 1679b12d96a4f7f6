/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/refusals.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/mem.h"

struct refusals {
    struct log *log;
    struct map *told; /* "patch services in a" -> itself */
};

struct refusals *refusals_new(struct log *log) {
    struct refusals *refusals = mem_alloc(sizeof(*refusals));
    *refusals = (struct refusals){.log = log, .told = map_new()};
    return refusals;
}

void refusals_free(struct refusals *refusals) {
    if (!refusals)
        return;
    map_free(refusals->told);
    mem_free(refusals);
}

static struct sv what_of(struct arena *arena, const struct permission *permission) {
    struct sv subresource = permission->subresource, space = permission->namespace_name;
    return arena_printf(arena, "%.*s %.*s%s%.*s%s%.*s", SV_ARG(permission->verb),
                        SV_ARG(permission->plural), subresource.len ? "/" : "", SV_ARG(subresource),
                        space.len ? " in " : "", SV_ARG(space));
}

static void tell(struct refusals *refusals, struct sv what, const char *message) {
    if (map_has(refusals->told, what))
        return;
    if (map_count(refusals->told) >= REFUSALS_MAX)
        map_remove_oldest(refusals->told);
    map_put(refusals->told, what, refusals);
    log_line(refusals->log, LOG_WARNING,
             "may not %.*s: %s (told once until it works; the conditions of all that wait for it "
             "say so)",
             SV_ARG(what), message);
}

bool refusals_note(struct refusals *refusals, const struct permission *permission,
                   const struct error *err) {
    bool is_forbidden = err->code == ERROR_FORBIDDEN;
    if (!is_forbidden && (err->code != ERROR_NONE || map_count(refusals->told) == 0))
        return false;
    AUTO(arena) arena = arena_new();
    struct sv what = what_of(arena, permission);
    if (is_forbidden)
        tell(refusals, what, err->message);
    else if (map_remove(refusals->told, what))
        log_line(refusals->log, LOG_INFO, "may %.*s again", SV_ARG(what));
    return is_forbidden;
}
