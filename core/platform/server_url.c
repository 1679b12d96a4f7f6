/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/server_url.h"

#include "core/base/arena.h"

#include <curl/curl.h>

/* SV("") when the URL has no such part. */
static struct sv part_of(CURLU *url, CURLUPart part, struct arena *arena) {
    char *text = NULL;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
        return SV("");
    struct sv copy = arena_copy(arena, sv_from(text));
    curl_free(text);
    return copy;
}

static const char *unlike_a_server(CURLU *url, struct arena *arena) {
    /* It would be in every message about the server. */
    if (part_of(url, CURLUPART_USER, arena).len > 0 ||
        part_of(url, CURLUPART_PASSWORD, arena).len > 0)
        return "must hold no login; name a user of the kubeconfig, or a token";
    if (part_of(url, CURLUPART_QUERY, arena).len > 0 ||
        part_of(url, CURLUPART_FRAGMENT, arena).len > 0)
        return "must end with the host or a path: requests are put behind it";
    return NULL;
}

static const char *unlike_a_proxy(CURLU *url, struct arena *arena) {
    static const struct sv schemes[] = {{"http", 4}, {"https", 5}, {"socks5", 6}, {"socks5h", 7}};
    struct sv scheme = part_of(url, CURLUPART_SCHEME, arena);
    return sv_index_of(scheme, schemes, COUNT_OF(schemes)) < COUNT_OF(schemes)
               ? NULL
               : "must begin with http://, https://, socks5:// or socks5h://";
}

static const char *problem(struct arena *arena, struct sv text,
                           const char *(*judge)(CURLU *url, struct arena *arena)) {
    CURLU *url = curl_url();
    CURLUcode code =
        curl_url_set(url, CURLUPART_URL, arena_copy(arena, text).ptr, CURLU_NON_SUPPORT_SCHEME);
    const char *answer = code == CURLUE_OK
                             ? judge(url, arena)
                             : arena_printf(arena, "is no URL: %s", curl_url_strerror(code)).ptr;
    curl_url_cleanup(url);
    return answer;
}

const char *server_url_problem(struct arena *arena, struct sv url) {
    if (!sv_starts_with(url, SV("https://")) && !sv_starts_with(url, SV("http://")))
        return "must begin with https:// (or http://)";
    return problem(arena, url, unlike_a_server);
}

const char *proxy_url_problem(struct arena *arena, struct sv url) {
    return problem(arena, url, unlike_a_proxy);
}
