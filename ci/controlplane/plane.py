# SPDX-License-Identifier: Apache-2.0
"""A stock control plane for the programs beside this module: started, looked at, ended."""
import glob
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "daemon"))

from harness import FLUID, Api, Bench, Failed, wait_for  # noqa: E402

SKIPPED = 77  # exit status: Go is not installed, or the modules cannot be had
PROCESSES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
START_SECONDS_MAX = 1800  # the first time it is built
END_SECONDS_MAX = 60
POLL_SECONDS = 0.05
# Garbage collection learns of new CRDs half a minute later at most.
DISCOVERY_SECONDS = 45
SETTLE_SECONDS_MAX = 120
BUSY_SHARE = 0.2  # of one processor
TICKS = os.sysconf("SC_CLK_TCK")


class Skipped(Exception):
    """No control plane can be had here; the text says why."""


def end_in_order():
    """Whoever is told to end leaves no process and no folder behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return sum(int(word) for word in file.read().rpartition(")")[2].split()[11:13]) / TICKS


def machine_seconds():
    """Of all processors since the start: not idle, and in all. What the host of a virtual machine
    took for others is not idle."""
    with open("/proc/stat", encoding="utf-8") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    idle, waits_for_disk = ticks[3:5]
    return (sum(ticks) - idle - waits_for_disk) / TICKS, sum(ticks) / TICKS


class Plane:
    """With controllers and scheduler, in `folder`, which is the caller's; it ends with the caller
    at the latest."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.began = time.monotonic()
        self.log_path = f"{folder.rstrip('/')}.log"
        command = ["setpriv", "--pdeathsig", "TERM", os.path.join(HERE, "run"), folder,
                   "--controllers", *options]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)
        self.wait_ready()

    def wait_ready(self):
        end = time.monotonic() + START_SECONDS_MAX
        while not os.path.exists(self.path("ready")):
            if self.process.poll() == SKIPPED:
                raise Skipped(self.log().strip())
            if self.process.poll() is not None:
                raise Failed(f"the control plane ended:\n{self.log()}")
            if time.monotonic() > end:
                self.end()
                raise Failed(f"no control plane within {START_SECONDS_MAX} s:\n{self.log()}")
            time.sleep(POLL_SECONDS)

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def kubeconfig(self):
        return self.path("kubeconfig")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def pid(self, name):
        with open(self.path(f"{name}.pid"), encoding="utf-8") as file:
            return int(file.read())

    def cpu_seconds(self):
        return {name: cpu_seconds(self.pid(name)) for name in PROCESSES}

    def install_crds(self, crctl, controller):
        """Ours, and waits until they are served."""
        bench, api = Bench(crctl, controller), Api(self.kubeconfig)
        bench.create_crds(api)
        for plural in ("cacheruntimeclasses", "cacheruntimes", "datasets"):
            wait_for(f"{plural} to be served",
                     lambda plural=plural: api.get(f"{FLUID}/{plural}"))
        shutil.rmtree(bench.folder)

    def settle(self):
        """Whatever its processes do after a start, and when CRDs are new, is no part of what is
        measured."""
        end = time.monotonic() + SETTLE_SECONDS_MAX
        time.sleep(DISCOVERY_SECONDS)
        before = sum(self.cpu_seconds().values())
        while time.monotonic() < end:
            time.sleep(1)
            now = sum(self.cpu_seconds().values())
            if now - before < BUSY_SHARE:
                return
            before = now

    def restart_server(self):
        """Kills the API server, and returns when another one serves the same data."""
        os.remove(self.path("ready"))
        self.process.send_signal(signal.SIGUSR1)
        self.wait_ready()

    def end(self):
        """Its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def logs(self, line_count=40):
        """The last lines of each process, for those who look for what went wrong."""
        texts = []
        for path in sorted(glob.glob(self.path("*.log"))):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()[-line_count:]
            texts.append(f"--- {os.path.basename(path)}\n" + "\n".join(lines))
        return "\n".join(texts)
