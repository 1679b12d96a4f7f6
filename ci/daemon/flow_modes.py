# SPDX-License-Identifier: Apache-2.0
"""crctl run in modes http and cluster: what it leaves behind (nothing), and what it says when the
cluster refuses, is gone in the middle, or the user interrupts. crctl serve --sim."""
import json
import os
import re
import shutil
import signal
import subprocess

from harness import (
    FLUID, cache_class, check, dataset, kubeconfig, probe, runtime, wait_bound, wait_for)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLASSES = f"{FLUID}/cacheruntimeclasses"


def scenario(name, steps):
    return json.dumps({
        "apiVersion": "cacheruntime.io/v1", "kind": "Scenario", "id": "SCN-MOD-001",
        "title": "a cache somewhere",
        "objects": [cache_class(name), dataset("demo"), runtime("demo", name)], "steps": steps})


BOUND = {"name": "bound", "expect": [{"phase": "Bound"}]}
NEVER = {"name": "never", "expect": [{"phase": "Failed"}]}


def crctl(bench, *words, program=None, path=None):
    environment = {**os.environ, "TMPDIR": bench.path("tmp"), "PATH": path or os.environ["PATH"]}
    return subprocess.run([program or bench.crctl, *words], text=True, capture_output=True,
                          timeout=300, check=False, env=environment)


def expect(done, status, *texts):
    said = done.stdout + done.stderr
    for text in texts:
        check(text in said, f"no {text!r} in\n{said}")
    check(done.returncode == status, f"status {done.returncode}, not {status}\n{said}")


def names(api, path):
    return sorted(item["metadata"]["name"] for item in api.items(path))


def left_behind(bench, api):
    """What a run made and did not remove, on the machine and in the cluster."""
    return (os.listdir(bench.path("tmp"))
            + [name for name in names(api, "/api/v1/namespaces") if name.startswith("crctl-")]
            + [name for name in names(api, CLASSES) if name.startswith("mode")]
            + names(api, "/api/v1/persistentvolumes"))


def run_to_the_end(bench, server):
    file = bench.write("bound.yaml", scenario("mode", [BOUND]))
    at = ["--mode", "cluster", "--kubeconfig", server.kubeconfig]
    expect(crctl(bench, "run", file, *at), 0, "1 passed", "mode cluster, https://127.0.0.1:",
           "Kubernetes v1.", "controller: started by crctl")
    check(not left_behind(bench, server.api), f"left: {left_behind(bench, server.api)}")

    lease = ["--enable-leader-election", "--leader-election-namespace", "fluid-system"]
    server.api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                             "metadata": {"name": "fluid-system"}})
    daemon = bench.control(server.kubeconfig, *lease)
    wait_for("a leader", lambda: "begins to work" in daemon.log())
    done = crctl(bench, "run", file, *at, "--output", "json")
    report = json.loads(done.stdout)
    check(report["mode"] == "cluster" and report["state"] == "pass", report)
    check("controller: the cluster's own, " in report["where"], report["where"])
    check(probe(daemon, "/healthz")[0] == 200, "the cluster's controller is gone")
    check(daemon.end() == 0 and not left_behind(bench, server.api), "left behind")


def refuse(bench, server):
    at = ["--mode", "cluster", "--kubeconfig", server.kubeconfig]
    file = bench.write("bound.yaml", scenario("mode", [BOUND]))
    expect(crctl(bench, "run", file, "--mode", "cluster"), 2, "needs --kubeconfig")
    expect(crctl(bench, "run", file, "--kubeconfig", server.kubeconfig), 2, "--mode cluster")
    expect(crctl(bench, "run", file, "--mode", "cluster", "--kubeconfig", bench.path("none")), 2,
           "none")
    stranger = kubeconfig(bench, "stranger", server.api, {"token": "nobody-knows-it"})
    expect(crctl(bench, "run", file, "--mode", "cluster", "--kubeconfig", stranger), 3,
           "Unauthorized")
    expect(crctl(bench, "run", file, "--mode", "http", "--controller", bench.path("none")), 2,
           "--controller")

    # A class of somebody else keeps its name and what it says, and is in nobody's way.
    server.api.create(CLASSES, {**cache_class("taken"), "fileSystemType": "theirs"})
    taken = bench.write("taken.yaml", scenario("taken", [BOUND]))
    expect(crctl(bench, "run", taken, *at), 0, "1 passed")
    check(server.api.get(f"{CLASSES}/taken")["fileSystemType"] == "theirs", "it was overwritten")
    # What hurts others is not done.
    nodes = bench.write("nodes.yaml", scenario(
        "mode", [BOUND, {"name": "hurt", "do": {"delete": "node/node-1"}}]))
    expect(crctl(bench, "run", nodes, *at), 4, "skip", 'Node "node-1" is not ours to change')
    check(not left_behind(bench, server.api), f"left: {left_behind(bench, server.api)}")


def miss_a_controller(bench, server):
    """Where none runs and none can be started, that is told once and at first."""
    lonely = shutil.copy(bench.crctl, bench.path("crctl"))
    files = [bench.write(f"{name}.yaml", scenario(name, [BOUND])) for name in ("mode", "mode-two")]
    at = ["--mode", "cluster", "--kubeconfig", server.kubeconfig]
    klass = bench.write("class.yaml", json.dumps(cache_class("mode")))
    for words in (["run", *files], ["certify", klass]):
        done = crctl(bench, *words, *at, program=lonely, path="/usr/bin:/bin")
        expect(done, 3, "no controller runs in the cluster", "--controller")
        check((done.stdout + done.stderr).count("\n") == 1, f"more than a sentence:\n{done}")
    check(not left_behind(bench, server.api), f"left: {left_behind(bench, server.api)}")


def open_watches(api):
    """How many watches the server has."""
    _, text = api.request("GET", "/metrics")
    lines = [line for line in text.splitlines() if 'requests{verb="WATCH"}' in line]
    return int(lines[0].split()[-1])


def interrupt(bench, server):
    """Ctrl-C takes everything along, wherever it was."""
    file = bench.write("never.yaml", scenario("mode", [BOUND, NEVER]))
    run = bench.start("run", [bench.crctl, "run", file, "--mode", "cluster", "--kubeconfig",
                              server.kubeconfig], {"TMPDIR": bench.path("tmp")})
    wait_for("a bound Dataset", lambda: [
        item for item in server.api.items(f"{FLUID}/datasets")
        if item.get("status", {}).get("phase") == "Bound"])
    # One for each kind that either watches, crctl ten and its controller some more.
    check(10 < open_watches(server.api) <= 30, f"{open_watches(server.api)} watches")
    check(run.end(signal.SIGINT, 120) == 3, f"status of the interrupted run\n{run.log()}")
    check("interrupted" in run.log(), run.log())
    check(not left_behind(bench, server.api), f"left: {left_behind(bench, server.api)}")

    run = bench.start("run", [bench.crctl, "run", file, "--mode", "http"],
                      {"TMPDIR": bench.path("tmp")})
    children = f"/proc/{run.pid}/task/{run.pid}/children"
    wait_for("the controller's process", lambda: open(children, encoding="utf-8").read().split())
    child = open(children, encoding="utf-8").read().split()[0]
    check(run.end(signal.SIGINT) == 3 and "interrupted" in run.log(), run.log())
    check(not os.path.exists(f"/proc/{child}"), "the controller outlives crctl")
    check(not os.listdir(bench.path("tmp")), f"left: {os.listdir(bench.path('tmp'))}")


def lose(bench):
    """Killed and gone: nothing is left of crctl's own, and a lost server is told as such."""
    file = bench.write("never.yaml", scenario("mode", [BOUND, NEVER]))
    run = bench.start("run", [bench.crctl, "run", file, "--mode", "http"],
                      {"TMPDIR": bench.path("tmp")})
    children = f"/proc/{run.pid}/task/{run.pid}/children"
    wait_for("the controller's process", lambda: open(children, encoding="utf-8").read().split())
    os.kill(int(open(children, encoding="utf-8").read().split()[0]), signal.SIGKILL)
    check(run.process.wait(60) == 3, run.log())
    check("the controller ended by itself (signal 9)" in run.log(), run.log())
    check(not os.listdir(bench.path("tmp")), f"left: {os.listdir(bench.path('tmp'))}")

    server = bench.serve("--nodes", "4")
    run = bench.start("run", [bench.crctl, "run", file, "--mode", "cluster", "--kubeconfig",
                              server.kubeconfig], {"TMPDIR": bench.path("tmp")})
    # The runtime is the last that is applied.
    wait_for("a runtime", lambda: server.api.items(f"{FLUID}/cacheruntimes"))
    namespace = server.api.items(f"{FLUID}/cacheruntimes")[0]["metadata"]["namespace"]
    server.end(signal.SIGKILL)
    check(run.process.wait(120) == 3, run.log())
    check("the API server does not answer any more" in run.log(), run.log())
    check(re.search(f"left behind at https://.*: namespace {namespace} ", run.log()), run.log())
    check(not os.listdir(bench.path("tmp")), f"left: {os.listdir(bench.path('tmp'))}")


def play(bench):
    """A vendor's simulation behind crctl serve: the class's own scripts bind its sample."""
    classes = os.path.join(ROOT, "classes", "curvine")
    os.makedirs(bench.path("load"))
    for name in ("class.yaml", "example.yaml"):
        os.symlink(os.path.join(classes, name), bench.path(f"load/{name}"))
    server = bench.serve("--nodes", "4", "--load", bench.path("load"), "--sim",
                         os.path.join(classes, "sim.yaml"))
    bench.control(server.kubeconfig)
    name = server.api.items(f"{FLUID}/datasets")[0]["metadata"]["name"]
    wait_bound(server.api, name)
    expect(crctl(bench, "serve", "--sim", os.path.join(classes, "example.yaml")), 2,
           "holds no object of kind Simulation and no CacheRuntimeClass")
    expect(crctl(bench, "serve", "--no-controllers", "--sim", "sim.yaml"), 2, "--sim needs nodes")


def run(bench):
    os.makedirs(bench.path("tmp"))
    server = bench.serve("--nodes", "4")
    refuse(bench, server)
    miss_a_controller(bench, server)
    run_to_the_end(bench, server)
    interrupt(bench, server)
    lose(bench)
    play(bench)
