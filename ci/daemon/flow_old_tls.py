# SPDX-License-Identifier: Apache-2.0
"""A server that knows no TLS from 1.2 on is refused by the controller, wherever it runs: here with
settings of its TLS library that allow such a server, as another client shows that has them, too."""
import socket
import ssl
import threading

from certificates import Authority
from harness import CONFIG, check, probe, wait_for

LIBRARY = """\
openssl_conf = all
[all]
ssl_conf = tls
[tls]
system_default = old
[old]
MinProtocol = TLSv1
CipherString = DEFAULT@SECLEVEL=0
"""


class OldServer:
    """TLS 1.1 and nothing newer; what it notes is the version of each handshake that succeeds."""

    def __init__(self, certificate, key):
        self.versions, self.failures = [], []
        self.context = old_context(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            raw, _ = self.listener.accept()
            try:
                with self.context.wrap_socket(raw, server_side=True) as connection:
                    self.versions.append(connection.version())
            except (ssl.SSLError, OSError) as error:
                self.failures.append(str(error))


def old_context(role):
    context = ssl.SSLContext(role)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    return context


def run(bench):
    authority = Authority(bench, "old")
    server = OldServer(*authority.issue("old-server", "/CN=old", server=True))
    client = old_context(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(authority.certificate)
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        client.wrap_socket(raw, server_hostname="127.0.0.1").close()
    wait_for("another client to be served", lambda: server.versions == ["TLSv1.1"])

    text = CONFIG.format(url=f"https://127.0.0.1:{server.port}", user='{"token": "t"}',
                         trust="certificate-authority: old.crt")
    library = bench.write("openssl.cnf", LIBRARY)
    daemon = bench.control(bench.write("config", text), ready=False,
                           environment={"OPENSSL_CONF": library})
    wait_for("the refusal is told", lambda: "protocol version" in daemon.log())
    check(probe(daemon, "/readyz")[0] != 200, "ready without a server")
    check(len(server.failures) > 0 and server.versions == ["TLSv1.1"],
          f"the controller's handshakes: {server.versions} {server.failures}")
    daemon.end()
