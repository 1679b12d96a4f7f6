# SPDX-License-Identifier: Apache-2.0
"""Nobody reads what crctl serve and crctl nodes log: they serve on, and have the lines for later."""
import os
import signal

from harness import Api, check, wait_for
from unread import Unread

UNSUPPORTED = "/api/v1/nodes/none/proxy"  # each request for it is a line of the log
LINES = 300  # several times what the pipe holds
NODES = 100


def end(process):
    process.process.send_signal(signal.SIGTERM)
    wait_for("the end", lambda: not process.is_running())
    check(process.process.returncode == 0, f"the exit status: {process.process.returncode}")


def fill_a_server(bench):
    kubeconfig, ready = bench.path("unread-kubeconfig"), bench.path("unread-ready")
    server = Unread([bench.crctl, "serve", "--no-controllers", "--kubeconfig-out", kubeconfig,
                     "--ready-file", ready])
    try:
        wait_for("the server's ready file", lambda: os.path.exists(ready))
        api = Api(kubeconfig)
        for _ in range(LINES):
            check(api.request("POST", UNSUPPORTED, {})[0] == 501, "it is supported by now")
        check(server.is_full(), "the log does not fill a small pipe")
        # What waits goes in the turns of the loop.
        wait_for("what waited", lambda: api.get("/version")
                 and server.log().count("not supported") == LINES)
        end(server)
    finally:
        server.end()


def fill_nodes(bench):
    """Nodes of somebody else's with the names of ours are a line each."""
    server, ready = bench.serve("--nodes", str(NODES), crds=False), bench.path("nodes-ready")
    nodes = Unread([bench.crctl, "nodes", "--kubeconfig", server.kubeconfig, "--nodes",
                    str(NODES), "--ready-file", ready])
    try:
        wait_for("all nodes to be refused", lambda: os.path.exists(ready))
        check(nodes.is_full(), "the log does not fill a small pipe")
        wait_for("what waited", lambda: "node-1 exists without" in nodes.log())
        end(nodes)
    finally:
        nodes.end()


def run(bench):
    fill_a_server(bench)
    fill_nodes(bench)
