# SPDX-License-Identifier: Apache-2.0
"""crctl serve without nodes, and nodes of crctl nodes: what is asked of containers goes to where
their Node says that its kubelet is, and what is wrong there is told as kube-apiserver tells it."""
import base64
import json
import os
import shutil
import socket
import ssl
import subprocess

from certificates import Authority
from flow_exec import WebSocket
from harness import check, wait_for

PODS = "/api/v1/namespaces/default/pods"
MAIN = {"name": "main", "image": "i:1", "command": ["sh", "-c", "echo one; echo two; sleep 1000"],
        "ports": [{"containerPort": 8080}]}


def start_nodes(bench, server):
    ready = bench.path("nodes-ready")
    nodes = bench.start("nodes", [
        bench.crctl, "nodes", "--kubeconfig", server.kubeconfig, "--nodes", "2", "--scheduler",
        "--controllers", "--image-pull-ms", "0", "--pod-start-ms", "0", "--ready-file", ready])
    wait_for("the nodes", lambda: os.path.exists(ready) or not nodes.is_running())
    check(nodes.is_running(), f"crctl nodes ended:\n{nodes.log()}")
    return nodes


def create_pod(api, name, **more):
    api.create(PODS, {"metadata": {"name": name},
                      "spec": {"terminationGracePeriodSeconds": 0, "containers": [MAIN], **more}})
    if "nodeName" not in more:
        wait_for(f"pod {name} to run", lambda: (api.get(f"{PODS}/{name}") or {}).get(
            "status", {}).get("phase") == "Running")


def run_in(api, pod, query):
    """What a command printed, and how it ended."""
    channel = WebSocket(api, f"{PODS}/{pod}/exec?{query}&stdout=true&stderr=true")
    output, status = b"", None
    while status is None:
        _, payload = channel.message()
        if payload[:1] == b"\1":
            output += payload[1:]
        if payload[:1] == b"\3" and len(payload) > 1:
            status = json.loads(payload[1:])
    channel.socket.close()
    return output.decode(), status["status"]


def logs(api):
    log = f"{PODS}/a/log"
    wait_for("the log", lambda: api.request("GET", log) == (200, "one\ntwo\n"))
    check(api.request("GET", f"{log}?tailLines=1") == (200, "two\n"), "the last line of the log")
    status, answer = api.request("GET", f"{log}?container=none")
    check(status == 400 and "container none is not valid for pod a" in answer["message"], answer)
    status, answer = api.request("GET", f"{log}?previous=true")
    check(status == 400 and "previous terminated container" in answer["message"], answer)


def commands(api):
    check(run_in(api, "a", "command=echo&command=true") == ("true\n", "Success"), "echo true")
    check(run_in(api, "b", "container=main&command=false") == ("", "Failure"), "false")
    status, answer = api.request("GET", f"{PODS}/a/exec?command=true")
    check(status == 400 and "Upgrade request required" in answer["message"], answer)


def with_kubectl(bench, server):
    """Over SPDY, and SPDY within WebSockets, whichever this kubectl speaks."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        print("  skipped: port-forward and attach, there is no kubectl")
        return
    at = [kubectl, "--kubeconfig", server.kubeconfig]
    done = subprocess.run([*at, "exec", "-i", "a", "--", "cat"], input="from here", text=True,
                          capture_output=True, timeout=60, check=False)
    check(done.stdout == "from here" and done.returncode == 0, f"kubectl exec: {done}")
    forward = bench.start("port-forward", [*at, "port-forward", "pod/b", ":8080"])
    line = wait_for("the forwarded port",
                    lambda: "Forwarding from 127.0.0.1:" in forward.log() and forward.log())
    port = int(line.split("127.0.0.1:")[1].split()[0])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := client.recv(4096):
            answer += piece
    check(b"200 OK" in answer and b"b" in answer, f"the pod's answer: {answer}")
    forward.end()
    attach = bench.start("attach", [*at, "attach", "a"])
    wait_for("what was printed", lambda: "one\ntwo" in attach.log())
    attach.end()


def create_node(api, name, port):
    api.create("/api/v1/nodes", {"metadata": {"name": name}, "status": {
        "addresses": [{"type": "ExternalIP", "address": "192.0.2.1"},
                      {"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}})


def nobody_there(api):
    """A kubelet that is told of and does not listen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    create_node(api, "dead", port)
    create_pod(api, "lost", nodeName="dead")
    refused = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    url = f"https://127.0.0.1:{port}/containerLogs/default/lost/main"
    status, answer = api.request("GET", f"{PODS}/lost/log")
    check(status == 500 and answer["message"] == f'Get "{url}": {refused}', answer)
    check("reason" not in answer, answer)
    connection = api.connect()
    connection.request("POST", f"{PODS}/lost/exec?command=true&stdout=true", headers={
        "Authorization": f"Bearer {api.token}", "Connection": "Upgrade", "Upgrade": "SPDY/3.1",
        "X-Stream-Protocol-Version": "v4.channel.k8s.io"})
    answer = connection.getresponse()
    text = json.loads(answer.read())
    check(answer.status == 500 and text["message"] == f"error dialing backend: {refused}", text)


def log_in_is_kept(bench, api):
    """Whoever plays a kubelet learns no token, in whichever way the client showed it."""
    authority = Authority(bench, "spy")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("spy-server", "/CN=spy", server=True))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        create_node(api, "spy", listener.getsockname()[1])
        create_pod(api, "watched", nodeName="spy")
        bearer = base64.urlsafe_b64encode(api.token.encode()).decode().rstrip("=")
        offers = f"base64url.bearer.authorization.k8s.io.{bearer}, v5.channel.k8s.io"
        client = api.connect()
        client.request("GET", f"{PODS}/watched/exec?command=true&stdout=true", headers={
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": offers,
            "Cookie": "a=b"})
        with context.wrap_socket(listener.accept()[0], server_side=True) as spied:
            head = b""
            while b"\r\n\r\n" not in head:
                head += spied.recv(4096)
            spied.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            answer = client.getresponse()
            check((answer.status, answer.read()) == (403, b"no"), "the kubelet's answer")
    text = head.decode()
    check(text.startswith("GET /exec/default/watched/main?command=true&output=1 HTTP/1.1"), text)
    check("sec-websocket-protocol: v5.channel.k8s.io\r\n" in text.lower(), text)
    for word in (bearer, api.token, "authorization", "cookie", "x-remote"):
        check(word.lower() not in text.lower(), f"{word} reaches the kubelet:\n{text}")


def run(bench):
    server = bench.serve("--no-controllers", crds=False)
    api = server.api
    nodes = start_nodes(bench, server)
    wait_for("the pods' account", lambda: api.get(
        "/api/v1/namespaces/default/serviceaccounts/default"))
    for name in ("a", "b"):
        create_pod(api, name)
    logs(api)
    commands(api)
    with_kubectl(bench, server)
    nobody_there(api)
    log_in_is_kept(bench, api)
    check(nodes.end() == 0 and server.end() == 0, "exit status")
