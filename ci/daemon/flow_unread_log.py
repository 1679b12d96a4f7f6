# SPDX-License-Identifier: Apache-2.0
"""Nobody reads the log: the controller works on, keeps its lease, and has the lines for later."""
import signal

from harness import (
    FLUID, LEASE, cache_class, check, create_cache, find_port, metrics, probe, wait_bound, wait_for)
from unread import Unread


def renewed(api):
    return (api.get(LEASE) or {}).get("spec", {}).get("renewTime")


def follow(api, daemon):
    find_port(daemon)
    create_cache(api, "fills-the-pipe")
    wait_for("a full pipe", daemon.is_full)
    wait_bound(api, "fills-the-pipe")
    before = renewed(api)
    create_cache(api, "behind-a-full-pipe")
    wait_bound(api, "behind-a-full-pipe")
    wait_for("the lease is renewed", lambda: renewed(api) not in (before, None))
    check(probe(daemon, "/healthz")[0] == 200, "the loop turns")
    check("behind-a-full-pipe" not in daemon.text, "somebody has read the log")
    wait_for("what waited", lambda: "default/behind-a-full-pipe" in daemon.log())
    check(metrics(daemon)["cacheruntime_log_lines_lost_total"] == 0, "lines are lost")
    daemon.process.send_signal(signal.SIGTERM)
    wait_for("the end", lambda: not daemon.is_running())
    check(daemon.process.returncode == 0, "the exit status")


def run(bench):
    server = bench.serve("--nodes", "2")
    server.api.create("/api/v1/namespaces", {"metadata": {"name": "fluid-system"}})
    server.api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    daemon = Unread([bench.controller, "--metrics-addr", "127.0.0.1:0", "--kubeconfig",
                     server.kubeconfig, "--enable-leader-election", "--v=4"])
    try:
        follow(server.api, daemon)
    finally:
        daemon.end()
