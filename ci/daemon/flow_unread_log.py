# SPDX-License-Identifier: Apache-2.0
"""Nobody reads the log: the controller works on, keeps its lease, and has the lines for later."""
import fcntl
import os
import select
import signal
import subprocess

from harness import (
    FLUID, LEASE, cache_class, check, create_cache, find_port, metrics, probe, wait_bound, wait_for)

F_SETPIPE_SZ = 1031  # fcntl has its name since Python 3.10


class Unread:
    """A controller whose log is a small pipe that is read when we say so."""

    def __init__(self, bench, kubeconfig):
        self.text = ""
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        fcntl.fcntl(self.writing, F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen(
            [bench.controller, "--metrics-addr", "127.0.0.1:0", "--kubeconfig", kubeconfig,
             "--enable-leader-election", "--v=4"], stderr=self.writing)

    def log(self):
        try:
            self.text += os.read(self.reading, 65536).decode()
        except BlockingIOError:
            pass
        return self.text

    def is_full(self):
        poll = select.poll()
        poll.register(self.writing, select.POLLOUT)
        return not poll.poll(0)

    def is_running(self):
        return self.process.poll() is None

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.reading)
        os.close(self.writing)


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
    daemon = Unread(bench, server.kubeconfig)
    try:
        follow(server.api, daemon)
    finally:
        daemon.end()
