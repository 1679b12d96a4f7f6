/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/client_config.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"

#include <unistd.h>

#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://api:6443'}}]\n"
#define CONTEXT                                                                                    \
    "contexts: [{name: x, context: {cluster: c, user: u, namespace: ns}}]\ncurrent-context: x\n"
#define USER "users: [{name: u, user: {token: secret}}]\n"
/* As short as a certificate can be, and its beginning. */
#define PEM "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
#define PEM_BASE64                                                                                 \
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1B"                                                     \
    "QT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
#define CUT_PEM_BASE64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"
#define CLUSTER_WITH(fields)                                                                       \
    CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://a', " fields "}}]\n"
#define USER_WITH(fields) CLUSTER CONTEXT "users: [{name: u, user: {" fields "}}]\n"
#define EXEC_WITH(fields)                                                                          \
    USER_WITH("exec: {apiVersion: client.authentication.k8s.io/v1, command: c, " fields "}")

static struct sv folder(void) {
    static char path[] = "/tmp/client-config-XXXXXX";
    static bool is_made;
    if (!is_made && !mkdtemp(path))
        abort();
    is_made = true;
    return sv_from(path);
}

static struct sv write_file(struct arena *arena, const char *name, struct sv content) {
    struct sv path = arena_printf(arena, "%.*s/%s", SV_ARG(folder()), name);
    FILE *file = fopen(path.ptr, "w");
    if (!file || fwrite(content.ptr, 1, content.len, file) != content.len || fclose(file) != 0)
        abort();
    return path;
}

static bool read_text(struct arena *arena, const char *text, struct client_config *config,
                      struct error *err) {
    return client_config_read(arena, write_file(arena, "config", sv_from(text)), SV(""), config,
                              err);
}

/* Each breaks one thing; what is wrong, where, and often what to do. */
static const struct {
    const char *text, *message; /* behind "kubeconfig FILE" */
} mistakes[] = {
    {"- 1\n", ": must be one document, a map with clusters, users and contexts"},
    {"a: [\n", ":2:1: did not find expected node content"},
    {CLUSTER USER, ": current-context is missing; name one of contexts"},
    {CLUSTER USER "current-context: other\n",
     ": current-context is \"other\", but contexts has no entry of that name"},
    {CONTEXT USER,
     ": contexts[0].context.cluster is \"c\", but clusters has no entry of that name"},
    {CLUSTER CONTEXT, ": contexts[0].context.user is \"u\", but users has no entry of that name"},
    {CONTEXT USER "clusters: [{name: c, cluster: {}}]\n",
     ": clusters[0].cluster.server is missing: the URL of the API server"},
    {CONTEXT USER "clusters: [{name: c, cluster: {server: 'api:6443'}}]\n",
     ": clusters[0].cluster.server must begin with https:// (or http://)"},
    {CONTEXT USER "clusters:\n- name: c\n  cluster:\n    server: https://a\n"
                  "    certificate-authority-data: '***'\n",
     ":8: clusters[0].cluster.certificate-authority-data is not base64"},
    {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://a', "
                  "certificate-authority-data: aGFsbG8=}}]\n",
     "certificate-authority-data holds no PEM block"},
    {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://a', "
                  "certificate-authority: gone.pem}}]\n",
     "certificate-authority names a file: cannot read "},
    {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://a', "
                  "insecure-skip-tls-verify: 'yes'}}]\n",
     "insecure-skip-tls-verify must be true or false"},
    {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://a', "
                  "insecure-skip-tls-verify: true, certificate-authority-data: " PEM_BASE64 "}}]\n",
     "exclude each other; remove one"},
    {CLUSTER CONTEXT "users: [{name: u, user: {token: 123}}]\n",
     "users[0].user.token must be a text; put it in quotes"},
    {CLUSTER CONTEXT "users: [{name: u, user: {client-certificate-data: " PEM_BASE64 "}}]\n",
     "users[0].user.client-key is missing: a client certificate and its key go together"},
    {USER_WITH("as: 1"), ": users[0].user.as must be a text; put it in quotes"},
    {USER_WITH("as: \"secret\\nX-Other: secret\""), ": users[0].user.as holds a line break"},
    {USER_WITH("as-groups: [a]"), ": users[0].user.as-groups goes with as, the name of whom"},
    {USER_WITH("as: '', as-uid: a"), ": users[0].user.as-uid goes with as, the name of whom"},
    {USER_WITH("as: a, as-groups: a"), ": users[0].user.as-groups must be a list"},
    {USER_WITH("as: a, as-groups: [[a]]"), ": users[0].user.as-groups must be a text; put it in"},
    {USER_WITH("as: a, as-user-extra: [a]"), ": users[0].user.as-user-extra must be a map of"},
    {USER_WITH("as: a, as-user-extra: {a: b}"), ": users[0].user.as-user-extra must be a list"},
    {USER_WITH("auth-provider: {name: gcp}"), ": users[0].user.auth-provider is not supported"},
    {EXEC_WITH("interactiveMode: never"),
     ": users[0].user.exec.interactiveMode must be Never, IfAvailable or Always"},
    {USER_WITH("client-certificate-data: " PEM_BASE64 ", client-key: encrypted"),
     ": users[0].user.client-key holds a key that is encrypted, and there is nobody to ask"},
    {CLUSTER CONTEXT "users: [{name: u, user: {exec: {command: get-token}}}]\n",
     "users[0].user.exec.apiVersion must be client.authentication.k8s.io/v1 or"},
    {CLUSTER CONTEXT
     "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1}}}]\n",
     "users[0].user.exec.command is missing"},
    {CLUSTER CONTEXT "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, "
                     "command: c, interactiveMode: Always}}}]\n",
     "interactiveMode is Always, but nobody sits in front of this process"},
    {"apiVersion: v1\nkind: Pod\n" CLUSTER CONTEXT USER,
     ":2: kind is \"Pod\", but a kubeconfig's is Config"},
    {"apiVersion: v2\n" CLUSTER CONTEXT USER, ":1: apiVersion is \"v2\", but a kubeconfig's is v1"},
    {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://a:66000'}}]\n",
     ": clusters[0].cluster.server is no URL: "},
    {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://a b'}}]\n",
     ": clusters[0].cluster.server is no URL: "},
    {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://me:secret@a'}}]\n",
     ": clusters[0].cluster.server must hold no login; name a user of the kubeconfig, or a token"},
    {CONTEXT USER "clusters: [{name: c, cluster: {server: 'https://a/?b=c'}}]\n",
     ": clusters[0].cluster.server must end with the host or a path: "},
    {CLUSTER_WITH("proxy-url: 'gopher://me:secret@p'"),
     ": clusters[0].cluster.proxy-url must begin with http://, https://, socks5:// or socks5h://"},
    {CLUSTER_WITH("proxy-url: 'p:1'"), ": clusters[0].cluster.proxy-url "},
    {CLUSTER_WITH("certificate-authority-data: " CUT_PEM_BASE64),
     ": clusters[0].cluster.certificate-authority-data holds a PEM block that is cut off"},
    {CLUSTER_WITH("certificate-authority: empty"),
     ": clusters[0].cluster.certificate-authority holds no PEM block"},
    {USER_WITH("client-certificate-data: " PEM_BASE64 ", client-key: empty"),
     ": users[0].user.client-key holds no PEM block"},
    {USER_WITH("token: \"secret\\nX-Other: secret\""),
     ": users[0].user.token holds a space or a line break, which no token does"},
    {EXEC_WITH("args: secret"), ": users[0].user.exec.args must be a list"},
    {EXEC_WITH("args: [1]"), ": users[0].user.exec.args must be a list of texts; put them in"},
    {EXEC_WITH("args: [{name: a}]"), ": users[0].user.exec.args must be a list of texts"},
    {EXEC_WITH("env: {a: b}"), ": users[0].user.exec.env must be a list"},
    {EXEC_WITH("env: [{value: secret}]"), ": users[0].user.exec.env must be a list of maps with"},
    {EXEC_WITH("env: [{name: 'a=b', value: secret}]"), ".exec.env must be a list of maps with"},
    {EXEC_WITH("env: [{name: A, value: 1}]"), ".exec.env must be a list of maps with the texts"},
};

TEST(says_what_is_wrong_and_where) {
    AUTO(arena) files = arena_new();
    write_file(files, "empty", SV(""));
    write_file(
        files, "encrypted",
        SV("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"));
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        AUTO(arena) arena = arena_new();
        struct client_config config;
        struct error err = {0};
        CHECK(!read_text(arena, mistakes[i].text, &config, &err));
        if (!test_check(sv_contains(sv_from(err.message), sv_from(mistakes[i].message)), __FILE__,
                        __LINE__, mistakes[i].message))
            printf("  message: %s\n", err.message);
        CHECK(sv_contains(sv_from(err.message), SV("/config")));
        CHECK(!sv_contains(sv_from(err.message), SV("secret")));
    }
}

TEST(names_a_file_that_is_not_there) {
    AUTO(arena) arena = arena_new();
    struct client_config config;
    struct error err = {0};
    CHECK(!client_config_read(arena, SV("/nowhere/config"), SV(""), &config, &err));
    CHECK_SV(sv_from(err.message),
             SV("kubeconfig: cannot read /nowhere/config: No such file or directory"));
}

TEST(reads_cluster_user_and_context) {
    AUTO(arena) arena = arena_new();
    struct client_config config;
    struct error err = {0};
    REQUIRE(read_text(arena,
                      CONTEXT "clusters: [{name: c, cluster: {server: 'https://api:6443/', "
                              "proxy-url: 'http://proxy:3128', tls-server-name: kubernetes, "
                              "certificate-authority-data: " PEM_BASE64 "}}]\n"
                              "users: [{name: u, user: {tokenFile: token, username: a, "
                              "password: b}}]\n",
                      &config, &err));
    CHECK_SV(config.server, SV("https://api:6443"));
    CHECK_SV(config.proxy_url, SV("http://proxy:3128"));
    CHECK_SV(config.tls_server_name, SV("kubernetes"));
    CHECK_SV(config.ca_certificate, SV(PEM));
    CHECK_SV(config.namespace_name, SV("ns"));
    CHECK_SV(config.username, SV("a"));
    /* Relative to the file that names it. */
    CHECK_SV(config.token_file, arena_printf(arena, "%.*s/token", SV_ARG(folder())));
}

/* As client-go's headers are; what is not given, or nothing, has none. */
static const struct {
    const char *user, *lines;
} impersonations[] = {
    {"token: t", ""},
    {"as: ''", ""},
    {"as: system:serviceaccount:a:b", "Impersonate-User: system:serviceaccount:a:b\r\n"},
    {"as: a, as-uid: '7', as-groups: [g, system:masters]",
     "Impersonate-User: a\r\nImpersonate-Uid: 7\r\n"
     "Impersonate-Group: g\r\nImpersonate-Group: system:masters\r\n"},
    {"as: a, as-groups: null, as-user-extra: {scopes: [a, b], 'example.org/100% é': [z]}",
     "Impersonate-User: a\r\nImpersonate-Extra-scopes: a\r\nImpersonate-Extra-scopes: b\r\n"
     "Impersonate-Extra-example.org%2F100%25%20%C3%A9: z\r\n"},
};

TEST(reads_whom_to_act_as) {
    for (size_t i = 0; i < COUNT_OF(impersonations); i++) {
        AUTO(arena) arena = arena_new();
        struct client_config config;
        struct error err = {0};
        struct sv text = arena_printf(arena, CLUSTER CONTEXT "users: [{name: u, user: {%s}}]\n",
                                      impersonations[i].user);
        REQUIRE(read_text(arena, text.ptr, &config, &err));
        CHECK_SV(config.impersonation, sv_from(impersonations[i].lines));
    }
}

TEST(refuses_more_than_a_header_holds) {
    AUTO(arena) arena = arena_new();
    struct client_config config;
    struct error err = {0};
    char *name = ARENA_ARRAY(arena, char, IMPERSONATION_BYTES_MAX + 1);
    memset(name, 'a', IMPERSONATION_BYTES_MAX);
    struct sv text =
        arena_printf(arena, CLUSTER CONTEXT "users: [{name: u, user: {as: %s}}]\n", name);
    CHECK(!read_text(arena, text.ptr, &config, &err));
    CHECK(sv_contains(sv_from(err.message), SV("too long")));
}

TEST(reads_a_plugin) {
    AUTO(arena) arena = arena_new();
    struct client_config config;
    struct error err = {0};
    REQUIRE(read_text(arena,
                      CLUSTER CONTEXT
                      "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1,"
                      "command: ./get, args: [a, b], env: [{name: NAME, value: v}], "
                      "provideClusterInfo: true, interactiveMode: Never}}}]\n",
                      &config, &err));
    CHECK_SV(config.plugin.command, arena_printf(arena, "%.*s/./get", SV_ARG(folder())));
    CHECK(config.plugin.arg_count == 2 && config.plugin.variable_count == 1);
    CHECK_SV(config.plugin.args[1], SV("b"));
    CHECK_SV(config.plugin.variables[0], SV("NAME=v"));
    CHECK(config.plugin.wants_cluster_info);
}

TEST(merges_files_and_the_first_wins) {
    AUTO(arena) arena = arena_new();
    struct client_config config;
    struct error err = {0};
    struct sv first = write_file(
        arena, "first", SV("contexts: [{name: other, context: {cluster: c, user: u}}]\n" USER));
    struct sv second = write_file(arena, "second",
                                  SV(CLUSTER CONTEXT "users: [{name: u, user: {token: other}}]\n"));
    struct sv paths =
        arena_printf(arena, "/nowhere/config:%.*s:%.*s", SV_ARG(first), SV_ARG(second));
    REQUIRE(client_config_read(arena, paths, SV(""), &config, &err));
    CHECK_SV(config.token, SV("secret"));
    CHECK_SV(config.namespace_name, SV("ns"));
    REQUIRE(client_config_read(arena, paths, SV("other"), &config, &err));
    CHECK_SV(config.namespace_name, SV(""));
}

TEST(reads_what_a_pod_finds) {
    AUTO(arena) arena = arena_new();
    struct client_config config;
    struct error err = {0};
    CHECK(
        !client_config_in_cluster(arena, SV("10.0.0.1"), SV("443"), SV("/nowhere"), &config, &err));
    CHECK(sv_contains(sv_from(err.message), SV("cannot read /nowhere/ca.crt")));
    CHECK(!client_config_in_cluster(arena, SV(""), SV(""), folder(), &config, &err));
    write_file(arena, "ca.crt", SV("pem"));
    write_file(arena, "token", SV("t"));
    write_file(arena, "namespace", SV("fluid-system\n"));
    REQUIRE(client_config_in_cluster(arena, SV("fd00::1"), SV("443"), folder(), &config, &err));
    CHECK_SV(config.server, SV("https://[fd00::1]:443"));
    CHECK_SV(config.namespace_name, SV("fluid-system"));
    CHECK(config.token_file.len > 0 && config.token.len == 0);
}
