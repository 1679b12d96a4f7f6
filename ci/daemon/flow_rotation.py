# SPDX-License-Identifier: Apache-2.0
"""Certificates that are replaced while the controller runs: its own, the authority it trusts, the
kubeconfig itself; and sessions of TLS that are resumed without forgetting who asked."""
import os
import shutil
import socket
import ssl

from certificates import Authority
from harness import (
    CONFIG, FLUID, cache_class, check, create_cache, fast_clock, probe, wait_bound, wait_for)

ADMINISTRATOR = "/O=system:masters/CN=administrator"


def serve(bench, authority, client_authority, port=0, days=2):
    certificate, key = authority.issue("server", "/CN=server", server=True, days=days)
    server = bench.serve("--nodes", "6", "--port", str(port), "--authorization", "rbac",
                         "--tls-cert-file", certificate, "--tls-private-key-file", key,
                         "--client-ca-file", client_authority.certificate, "--data",
                         bench.path("state"), authority=authority)
    return server


def use(bench, pair):
    """Puts a certificate and its key where the kubeconfig says."""
    for source, name in zip(pair, ("client.crt", "client.key")):
        shutil.copy(source, bench.path(name + ".new"))
        os.replace(bench.path(name + ".new"), bench.path(name))


def write_config(bench, url, client="client.crt"):
    return bench.write("rotated", CONFIG.format(
        url=url, trust="certificate-authority: trusted.crt",
        user=f"{{client-certificate: {client}, client-key: client.key}}"))


def who_asks(api, context, session=None):
    """Whom the server sees, and the session for next time."""
    host, port = api.host.split(":")
    with context.wrap_socket(socket.create_connection((host, int(port)), 10),
                             server_hostname=host, session=session) as connection:
        body = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
        connection.sendall(
            b"POST /apis/authentication.k8s.io/v1/selfsubjectreviews HTTP/1.1\r\nHost: x\r\n"
            b"Connection: close\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer.decode(), connection.session_reused, connection.session


def resumed_sessions(api, authority, pair):
    context = ssl.create_default_context(cafile=authority.certificate)
    context.load_cert_chain(*pair)
    answer, reused, session = who_asks(api, context)
    check('"administrator"' in answer and not reused, answer)
    answer, reused, _ = who_asks(api, context, session)
    check(reused, "the server does not resume sessions")
    check('"administrator"' in answer, f"a resumed session has another user: {answer}")


def run(bench):
    servers, others, clients = (Authority(bench, name) for name in ("first", "second", "clients"))
    administrator = clients.issue("administrator", ADMINISTRATOR)
    stranger = others.issue("stranger", ADMINISTRATOR)
    server = serve(bench, servers, clients)
    api = server.api
    resumed_sessions(api, servers, administrator)
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())

    # A certificate that the server does not know, then one that it does.
    shutil.copy(servers.certificate, bench.path("trusted.crt"))
    use(bench, stranger)
    daemon = bench.control(write_config(bench, api.url), ready=False,
                           environment=fast_clock(15))
    wait_for("the refusal in /readyz", lambda: "nauthorized" in probe(daemon, "/readyz")[1])
    use(bench, administrator)
    wait_for("the new certificate works", lambda: probe(daemon, "/readyz")[0] == 200)
    check("a new credential is used" in daemon.log(), daemon.log())
    create_cache(api, "one")
    wait_bound(api, "one")

    # The server comes back with a certificate of another authority.
    port = int(api.host.split(":")[1])
    server.end()
    server = serve(bench, others, clients, port)
    wait_for("the unknown authority is told", lambda: "certificate" in probe(daemon, "/readyz")[1])
    shutil.copy(others.certificate, bench.path("trusted.crt"))
    create_cache(server.api, "two")
    wait_bound(server.api, "two")

    # It expires, and is renewed.
    server.end()
    server = serve(bench, others, clients, port, days=-1)
    wait_for("the expired certificate is told", lambda: "expired" in probe(daemon, "/readyz")[1])
    check(daemon.is_running(), "the controller ended")
    server.end()
    # Meanwhile the kubeconfig names other files, and one of them is not there yet.
    write_config(bench, api.url, "later.crt")
    server = serve(bench, others, clients, port)
    wait_for("the missing file is told", lambda: "later.crt" in daemon.log())
    shutil.copy(administrator[0], bench.path("later.crt"))
    wait_for("ready again", lambda: probe(daemon, "/readyz")[0] == 200)
    with open(administrator[1], encoding="utf-8") as file:
        check(file.read().splitlines()[1] not in daemon.log(), "a key is in the log")
    check(daemon.end() == 0, "the exit status")
