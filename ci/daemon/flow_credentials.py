# SPDX-License-Identifier: Apache-2.0
"""Who we are: a token file that is replaced, a plugin whose tokens expire, certificates, contexts, a
proxy on the way."""
import base64
import http.server
import json
import os
import select
import shutil
import socket
import ssl
import stat
import subprocess
import threading

from harness import (
    FLUID, cache_class, check, create_cache, fast_clock, find_port, kubeconfig, metrics, probe,
    runtime_path, wait_bound, wait_for)

def token_file(bench, api):
    bench.write("token", "wrong\n")
    daemon = bench.control(kubeconfig(bench, "with-file", api, {"tokenFile": "token"}), ready=False,
                           environment=fast_clock(10))
    wait_for("the refusal in /readyz",
             lambda: "Unauthorized" in probe(daemon, "/readyz")[1])
    bench.write("token", api.token + "\n")
    # A refusal makes it read the file again, long before the minute is over.
    wait_for("the new token works", lambda: probe(daemon, "/readyz")[0] == 200)
    check(api.token not in daemon.log() and "wrong" not in daemon.log(), "a token is in the log")
    daemon.end()


def plugin(bench, api):
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"token": api.token, "expirationTimestamp": "2020-01-01T00:00:00Z"}}
    script = bench.write("get-token", f"""#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >> "$(dirname "$0")/asked"
ls -l /proc/$$/fd >> "$(dirname "$0")/inherited"
[ "$1" = login ] && [ "$MODE" = test ] || exit 1
cat <<'END'
{json.dumps(credential)}
END
""")
    os.chmod(script, stat.S_IRWXU)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./get-token",
                     "args": ["login"], "env": [{"name": "MODE", "value": "test"}],
                     "provideClusterInfo": True, "interactiveMode": "Never"}}
    # What the kubeconfig says of a variable is what the plugin sees.
    trust = ('certificate-authority: ca.crt, extensions: [{name: other, extension: {a: b}}, '
             '{name: client.authentication.k8s.io/exec, extension: {audience: here}}]')
    daemon = bench.control(kubeconfig(bench, "with-plugin", api, user, trust),
                           environment={"MODE": "other", **fast_clock(10)})

    def asked():
        with open(bench.path("asked"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    told = asked()[0]["spec"]["cluster"]
    check(told["server"] == api.url and told["config"] == {"audience": "here"}, f"the plugin: {told}")
    wait_for("an expired token is asked for again", lambda: len(asked()) >= 2)
    with open(bench.path("inherited"), encoding="utf-8") as file:
        held = file.read()
    check("socket:" not in held, f"the plugin holds connections of the controller: {held}")
    check(api.token not in daemon.log(), "a token is in the log")
    daemon.end()


def private_memory(bench, api):
    """What belongs to root, though the process does not, goes into no core dump, and its environment
    to nobody of the same user. All works without it: certificates, and what metrics look at."""
    user = 65532
    os.chmod(bench.folder, 0o755)
    controller = shutil.copy(bench.controller, bench.path("controller"))
    config = kubeconfig(bench, "private", api, {"token": api.token})
    options = ["--metrics-addr", "127.0.0.1:0", "--kubeconfig", config]

    def owner(process):
        return os.stat(f"/proc/{process.pid}/environ").st_uid

    become = ["setpriv", f"--reuid={user}", "--clear-groups"] if os.getuid() == 0 else []
    control = bench.start("sleep", [*become, "sleep", "1000"])
    wait_for("another user", lambda: owner(control) == (user if become else os.getuid()))
    daemon = bench.start("controller", [*become, controller, *options])
    find_port(daemon)
    wait_for("readiness", lambda: probe(daemon, "/readyz")[0] == 200)
    check(owner(daemon) != owner(control), "its memory would be dumped")
    seen = metrics(daemon)
    check(seen["process_open_fds"] > 3 and seen["process_resident_memory_bytes"] > 0, str(seen))
    check(daemon.end() == 0, "the exit status")
    control.end()


def printed(token="secret-token", version="v1", kind="ExecCredential", **status):
    """A line of shell that prints a credential."""
    credential = {"apiVersion": f"client.authentication.k8s.io/{version}", "kind": kind,
                  "status": {"token": token, **status}}
    return f"cat <<'END'\n{json.dumps(credential)}\nEND"


# What a plugin does, and what is said of it.
BAD_PLUGINS = [
    ("exit 3", "ended with status 3"),
    ("kill -9 $$", "was ended by signal 9"),
    ("echo secret-token", "printed no ExecCredential"),
    (printed(kind="Secret"), "printed no ExecCredential"),
    (printed(token=""), "printed neither status.token nor a client certificate"),
    (printed(version="v1beta1"), "another apiVersion than client.authentication.k8s.io/v1"),
    (printed(token="secret-token\nX-Remote-User: admin"), "printed a token with a space or a line break"),
    (printed(expirationTimestamp="tomorrow"), "status.expirationTimestamp is no RFC 3339 time"),
    ("yes secret-token", "printed more than 1048576 bytes"),
    (printed(clientCertificateData="-----BEGIN"),
     "printed status.clientCertificateData without status.clientKeyData"),
    (printed(clientKeyData="secret-key"), "printed status.clientKeyData without status.client"),
    (printed(clientCertificateData="secret-certificate", clientKeyData="secret-key"),
     "printed a status.clientCertificateData that holds no PEM block"),
    ("exec sleep 1000", "did not end within 60 s"),
]


def write_plugin(bench, script):
    path = bench.write("plugin", f"#!/bin/sh\n{script}\n")
    os.chmod(path, stat.S_IRWXU)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin",
                     "interactiveMode": "Never"}}


def bad_plugins(bench, api):
    """At the start each of them ends it; later the credential of before is used on."""
    for script, message in BAD_PLUGINS:
        config = kubeconfig(bench, "bad-plugin", api, write_plugin(bench, script))
        result = subprocess.run([bench.controller, "--kubeconfig", config, "--metrics-addr=0"],
                                text=True, capture_output=True, timeout=60, check=False,
                                env={**os.environ, **fast_clock(60)})
        check(result.returncode == 2 and message in result.stderr, f"{script}: {result}")
        check("secret-" not in result.stderr, f"{script}: {result.stderr}")
    expired = printed(token=api.token, expirationTimestamp="2020-01-01T00:00:00Z")
    daemon = bench.control(kubeconfig(bench, "bad-plugin", api, write_plugin(bench, expired)),
                           environment=fast_clock(60))
    write_plugin(bench, "exit 3")
    wait_for("the failure is told",
             lambda: "the old credential is used on: credential plugin" in daemon.log())
    check(probe(daemon, "/readyz")[0] == 200, "the old token does not work any more")
    daemon.end()


def vanished_file(bench, api):
    token = bench.write("vanishing", api.token)
    daemon = bench.control(kubeconfig(bench, "vanishes", api, {"tokenFile": "vanishing"}),
                           environment=fast_clock(60))
    os.remove(token)
    wait_for("the missing file is told", lambda: "vanishing: No such file" in daemon.log())
    check(probe(daemon, "/readyz")[0] == 200, "the token of before does not work any more")
    bench.write("vanishing", "half of a\ntoken")
    wait_for("the half file is told", lambda: "a line break inside of its token" in daemon.log())
    check("half of a" not in daemon.log() and api.token not in daemon.log(), "a token is in the log")
    daemon.end()


class Tunnel(http.server.BaseHTTPRequestHandler):
    """A proxy that only knows CONNECT."""
    targets = []

    def do_CONNECT(self):  # pylint: disable=invalid-name
        Tunnel.targets.append(self.path)
        host, port = self.path.split(":")
        self.send_response(200)
        self.end_headers()
        with socket.create_connection((host, int(port))) as server:
            ends = {self.connection: server, server: self.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    try:
                        data = end.recv(65536)
                    except OSError:
                        data = b""
                    if not data:
                        return
                    ends[end].sendall(data)

    def log_message(self, *_):
        pass


def proxy(bench, api):
    """Everything, execs among it, goes through the kubeconfig's proxy, whatever NO_PROXY says of
    those of the environment."""
    tunnel = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tunnel)
    threading.Thread(target=tunnel.serve_forever, daemon=True).start()
    trust = (f'certificate-authority: ca.crt, '
             f'proxy-url: "http://127.0.0.1:{tunnel.server_port}"')
    bench.write("ca.crt", api.ca)
    daemon = bench.control(kubeconfig(bench, "proxied", api, {"token": api.token}, trust),
                           environment={"NO_PROXY": "127.0.0.0/8"})
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    create_cache(api, "proxied")
    wait_bound(api, "proxied")
    check(len(Tunnel.targets) > 10 and set(Tunnel.targets) == {api.host}, str(Tunnel.targets))
    daemon.end()
    for no_proxy, is_used in [("example.org", True), ("127.0.0.0/8,example.org", False)]:
        Tunnel.targets.clear()
        bench.control(kubeconfig(bench, "plain", api, {"token": api.token}), environment={
            "HTTPS_PROXY": f"http://127.0.0.1:{tunnel.server_port}", "NO_PROXY": no_proxy}).end()
        check(bool(Tunnel.targets) == is_used, f"NO_PROXY={no_proxy}: {Tunnel.targets}")
    tunnel.shutdown()


class PasswordFront(threading.Thread):
    """Stands before the API server, which knows no passwords: takes one, and says who it is by a
    token. Each connection carries one request, or one WebSocket."""

    def __init__(self, api, password):
        super().__init__(daemon=True)
        self.api, self.password = api, password
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.refused = self.upgraded = 0
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(65536)
            if not more:
                return
            head += more
        head, _, body = head.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        wanted = "Authorization: Basic " + base64.b64encode(self.password.encode()).decode()
        if wanted not in lines:
            self.refused += 1
            client.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            client.close()
            return
        lines[lines.index(wanted)] = f"Authorization: Bearer {self.api.token}"
        if "Connection: Upgrade" in lines:
            self.upgraded += 1
        else:
            lines.append("Connection: close")
        host, port = self.api.host.split(":")
        server = self.api.context.wrap_socket(socket.create_connection((host, int(port))),
                                              server_hostname=host)
        server.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        for ends in [(client, server), (server, client)]:
            threading.Thread(target=self.pump, args=ends, daemon=True).start()

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            if not isinstance(source, ssl.SSLSocket):
                return
            target.close()


def password(bench, api):
    """Requests and executions say it, and one that is changed in the kubeconfig is followed."""
    front = PasswordFront(api, "me:a secret:word")

    config = kubeconfig(bench, "password", api, {"username": "me", "password": "a secret:word"},
                        "disable-compression: false")
    with open(config, encoding="utf-8") as file:
        text = file.read().replace(api.url, front.url)
    bench.write("password", text)
    daemon = bench.control(config, environment=fast_clock(10))
    create_cache(api, "by-password")
    wait_bound(api, "by-password")
    check(front.upgraded >= 3 and front.refused == 0, f"{front.upgraded}, {front.refused}")
    bench.write("password", text.replace("a secret:word", "another"))
    wait_for("the wrong password is used", lambda: front.refused > 0)
    daemon.end()
    check("secret:word" not in daemon.log(), "a password is in the log")


def acting_as_another(bench):
    """The token is an administrator's; what is permitted is what the other user may."""
    server = bench.serve("--nodes", "2", "--authorization", "rbac")
    api = server.api
    user = {"token": api.token, "as": "somebody", "as-groups": ["operators"]}
    daemon = bench.control(kubeconfig(bench, "acting", api, user), ready=False)
    wait_for("that somebody may not watch",
             lambda: 'User "somebody" cannot watch resource "datasets"' in probe(daemon, "/readyz")[1])
    rights = "/apis/rbac.authorization.k8s.io/v1"
    others = ["configmaps", "services", "persistentvolumes", "persistentvolumeclaims", "pods", "nodes",
              "events", "namespaces"]
    api.create(f"{rights}/clusterroles", {
        "metadata": {"name": "all-but-exec"},
        "rules": [{"apiGroups": [""], "resources": others, "verbs": ["*"]},
                  {"apiGroups": ["apps", "apps.kruise.io", "workload.fluid.io", "data.fluid.io",
                                 "coordination.k8s.io", "apiextensions.k8s.io"],
                   "resources": ["*"], "verbs": ["*"]}]})
    api.create(f"{rights}/clusterrolebindings", {
        "metadata": {"name": "operators"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "all-but-exec"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "operators"}]})
    wait_for("the group's rights are used", lambda: probe(daemon, "/readyz")[0] == 200)
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    create_cache(api, "acting")
    wait_for("that somebody may not run commands", lambda: any(
        'User "somebody" cannot' in row["message"] and "pods/exec" in row["message"]
        for row in (api.get(runtime_path("acting")) or {}).get("status", {}).get("conditions", [])))
    daemon.end()


class Refusal(http.server.BaseHTTPRequestHandler):
    """A proxy that wants to know who asks."""

    def do_CONNECT(self):  # pylint: disable=invalid-name
        self.send_error(407, "Proxy Authentication Required")

    def log_message(self, *_):
        pass


def refusing_proxies(bench, api):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for port, message in [(server.server_port, "407"),
                              (closed.getsockname()[1], "Connection refused")]:
            trust = (f'certificate-authority: ca.crt, '
                     f'proxy-url: "http://me:secret-word@127.0.0.1:{port}"')
            daemon = bench.control(kubeconfig(bench, "refused", api, {"token": api.token}, trust),
                                   ready=False)
            wait_for(f"{message} in /readyz", lambda: message in probe(daemon, "/readyz")[1])
            daemon.end()
            check("secret-word" not in daemon.log(), "the proxy's login is in the log")
            check(f"by the proxy 127.0.0.1:{port}, as the kubeconfig says" in daemon.log(),
                  "which proxy is on the way")
    server.shutdown()


def contexts(bench, api):
    """--context chooses; without it the current one, which is wrong here."""
    text = json.dumps({"current-context": "a", "contexts": [
        {"name": "a", "context": {"cluster": "none", "user": "good"}},
        {"name": "b", "context": {"cluster": "good", "user": "good"}}],
        "clusters": [{"name": "good", "cluster": {"server": api.url,
                                                  "certificate-authority": "ca.crt"}}],
        "users": [{"name": "good", "user": {"token": api.token}}]})
    config = bench.write("contexts", text)
    result = subprocess.run([bench.controller, "--kubeconfig", config], text=True,
                            capture_output=True, timeout=30, check=False)
    check(result.returncode == 2 and 'contexts[0].context.cluster is "none"' in result.stderr,
          result.stderr)
    bench.control(config, "--context=b").end()


def certificates(bench, api):
    user = {"token": api.token}
    daemon = bench.control(
        kubeconfig(bench, "untrusting", api, user, "insecure-skip-tls-verify: false"), ready=False)
    wait_for("the certificate is refused",
             lambda: "certificate" in probe(daemon, "/readyz")[1])
    check(daemon.is_running(), "it waits for a better certificate")
    daemon.end()
    daemon = bench.control(
        kubeconfig(bench, "other-name", api, user,
                   'certificate-authority: ca.crt, tls-server-name: elsewhere.example'),
        ready=False)
    wait_for("that the server has another name",
             lambda: "target host name 'elsewhere.example'" in probe(daemon, "/readyz")[1])
    daemon.end()
    daemon = bench.control(
        kubeconfig(bench, "trusting", api, user, "insecure-skip-tls-verify: true"))
    check("is not verified" in daemon.log(), "trusting anybody is worth a warning")
    daemon.end()


def run(bench):
    server = bench.serve("--nodes", "3")
    token_file(bench, server.api)
    vanished_file(bench, server.api)
    private_memory(bench, server.api)
    plugin(bench, server.api)
    bad_plugins(bench, server.api)
    certificates(bench, server.api)
    contexts(bench, server.api)
    proxy(bench, server.api)
    refusing_proxies(bench, server.api)
    password(bench, server.api)
    server.end()
    acting_as_another(bench)
