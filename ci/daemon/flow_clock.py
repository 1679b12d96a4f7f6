# SPDX-License-Identifier: Apache-2.0
"""The wall clock is set forward and back by hours, as after a boot with a wrong clock: the lease is
kept, nothing is written for it, and what happens in intervals goes on, with the new time."""
import datetime
import os
import shutil
import subprocess
import time

from harness import (
    FLUID, LEASE, cache_class, check, create_cache, metrics, no_writes_for, probe,
    wait_bound, wait_for)

HERE = os.path.dirname(os.path.abspath(__file__))
SUMMARIES = 'cacheruntime_exec_duration_seconds_count{entry="reportSummary"}'
HOUR_S = 3600


def build_clock(bench):
    """The library that sets one process's clock; None without a compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if not compiler:
        return None
    library = bench.path("step_clock.so")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library,
                    os.path.join(HERE, "step_clock.c")], check=True)
    return library


class Clock:
    def __init__(self, bench):
        self.file = bench.write("step", "0\n")

    def set(self, seconds):
        """Read at any moment, so it is replaced as a whole."""
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            file.write(f"{seconds}\n")
        os.rename(self.file + ".new", self.file)


def spec(api):
    return (api.get(LEASE) or {}).get("spec", {})


def renewed_s(api):
    text = spec(api)["renewTime"].replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(text).timestamp()


def writes(daemon):
    return sum(value for name, value in metrics(daemon).items()
               if name.startswith("cacheruntime_api_writes_total"))


def summaries(daemon):
    """How often the cache was asked for one; begins at zero when the controller begins again."""
    return metrics(daemon).get(SUMMARIES, 0)


def goes_on(daemon):
    """True when something that happens in intervals has happened again."""
    seen = summaries(daemon)
    return wait_for("the next summary", lambda: summaries(daemon) not in (0, seen))


def keep_through(api, daemon, clock, step_s, expected_s):
    """Sets the clock; `expected_s` is what the lease's time must then be near to."""
    before = spec(api)
    written = writes(daemon)
    clock.set(step_s)
    wait_for(f"the lease is renewed with a clock set to {step_s} s",
             lambda: abs(renewed_s(api) - expected_s()) < 600)
    goes_on(daemon)
    check(no_writes_for(daemon, 2), "the controller goes on writing")
    wait_for("the controller's readiness", lambda: probe(daemon, "/readyz")[0] == 200)
    now = spec(api)
    for field in ("holderIdentity", "leaseTransitions", "acquireTime"):
        check(before[field] == now[field], f"{field}: {before[field]} became {now[field]}")
    check(writes(daemon) == written, f"{writes(daemon) - written} writes for a step of time")
    check("lost the lease" not in daemon.log(), "the lease was lost")


def run(bench):
    library = build_clock(bench)
    if not library:
        print("clock: skipped, no C compiler to build the clock with")
        return
    server = bench.serve("--nodes", "6")
    api = server.api
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                      "metadata": {"name": "fluid-system"}})
    asked_often = cache_class()
    asked_often["topology"]["master"]["executionEntries"]["reportSummary"]["periodSeconds"] = 1
    api.create(f"{FLUID}/cacheruntimeclasses", asked_often)
    clock = Clock(bench)
    preload = {"LD_PRELOAD": library, "STEP_CLOCK_FILE": clock.file,
               "ASAN_OPTIONS": "verify_asan_link_order=0"}
    daemon = bench.control(server.kubeconfig, "--enable-leader-election", environment=preload)
    create_cache(api, "one")
    wait_bound(api, "one")
    check(no_writes_for(daemon, 2), "the controller goes on writing")
    for step_s in (2 * HOUR_S, -3 * HOUR_S, 0):
        keep_through(api, daemon, clock, step_s, lambda s=step_s: time.time() + s)
    check(daemon.log().count("the system's clock was set ") == 3, "each step is told once")
    create_cache(api, "two")
    wait_bound(api, "two")
    check(daemon.end() == 0, "the exit status")
