/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/node_turns.h"

#include "core/base/map.h"
#include "core/base/mem.h"

struct line {
    bool is_writing;
    struct map *keys; /* that wait, in order */
};

struct node_turns {
    struct map *lines; /* node -> struct line; none is idle and empty */
};

struct node_turns *node_turns_new(void) {
    struct node_turns *turns = mem_alloc(sizeof(*turns));
    turns->lines = map_new();
    return turns;
}

static void line_free(struct line *line) {
    map_free(line->keys);
    mem_free(line);
}

void node_turns_free(struct node_turns *turns) {
    if (!turns)
        return;
    size_t cursor = 0;
    void *line;
    while (map_next(turns->lines, &cursor, NULL, &line))
        line_free(line);
    map_free(turns->lines);
    mem_free(turns);
}

bool node_turns_begin(struct node_turns *turns, struct sv node, struct sv key) {
    struct line *line = map_get(turns->lines, node);
    if (!line) {
        line = mem_alloc(sizeof(*line));
        line->keys = map_new();
        map_put(turns->lines, node, line);
    }
    if (line->is_writing) {
        map_put(line->keys, key, line);
        return false;
    }
    map_remove(line->keys, key);
    line->is_writing = true;
    return true;
}

bool node_turns_end(struct node_turns *turns, struct sv node, char *space, struct sv *ret_key) {
    struct line *line = map_get(turns->lines, node);
    size_t cursor = 0;
    struct sv key;
    assert(line && line->is_writing);
    line->is_writing = false;
    if (!map_next(line->keys, &cursor, &key, NULL)) {
        line_free(map_remove(turns->lines, node));
        return false;
    }
    *ret_key = sv_join(space, NODE_TURNS_KEY_BYTES_MAX, &key, 1);
    map_remove(line->keys, *ret_key);
    return true;
}
