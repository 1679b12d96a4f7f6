# SPDX-License-Identifier: Apache-2.0
"""/metrics: the format is Prometheus', the numbers are true, and dashboards and alerts ask for nothing
that is not there."""
import http.client
import json
import os
import re
import socket
import subprocess

from harness import (
    FLUID, cache_class, check, create_cache, metrics, probe, runtime_path, wait_bound, wait_for)

DEPLOY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy")
SAMPLE = re.compile(r'([a-z_]+)(?:\{(?:[a-z_]+="[^"\\\n]*",?)*\})? (\S+)')
# What is promised: upstream's four, those of client-go's work queue and REST client, the process's,
# the election's, and our own.
PROMISED = {
    "counter": ("runtime_setup_error_total runtime_sync_healthcheck_error_total "
                "workqueue_adds_total workqueue_retries_total rest_client_requests_total "
                "process_cpu_seconds_total cacheruntime_api_writes_total"),
    "gauge": ("dataset_ufs_file_num dataset_ufs_total_size workqueue_depth "
              "workqueue_unfinished_work_seconds workqueue_longest_running_processor_seconds "
              "process_start_time_seconds process_resident_memory_bytes process_open_fds "
              "process_max_fds cacheruntime_phase"),
    "histogram": ("workqueue_queue_duration_seconds workqueue_work_duration_seconds "
                  "rest_client_request_duration_seconds cacheruntime_bind_duration_seconds "
                  "cacheruntime_reconcile_duration_seconds cacheruntime_exec_duration_seconds"),
}
# Written by Prometheus itself, or words of its language.
OTHERS = {"absent", "histogram_quantile", "rate", "sum", "max", "by"}
ADDED = {"job", "pod"}  # labels


def families(text):
    """Name -> type, after a check of each line."""
    found, seen, helped, last = {}, set(), set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, words = line.split(" ", 3)
            check(name not in helped and words.endswith("."), f"no help: {line}")
            helped.add(name)
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            check(name not in found, f"{name} begins twice")
            check(name in helped, f"{name} has no help")
            # Prometheus' rules for names.
            check((kind == "counter") == name.endswith("_total"), f"{name} is a {kind}")
            check(kind != "histogram" or name.endswith("_seconds"), f"{name} is a {kind}")
            found[name], last = kind, name
            continue
        if line.startswith("#"):
            continue
        sample = SAMPLE.fullmatch(line)
        check(sample, f"no sample: {line}")
        base = re.sub("_(bucket|sum|count)$", "", sample.group(1))
        check(sample.group(1) in found or found.get(base) == "histogram", f"without a type: {line}")
        check(last in (sample.group(1), base), f"not with its family: {line}")
        series = line.rpartition(" ")[0]
        check(series not in seen, f"twice: {series}")
        seen.add(series)
        float(sample.group(2))
    return found


def expressions():
    """What the dashboard and the alerts ask for."""
    dashboard = subprocess.run([os.path.join(DEPLOY, "dashboards/make")], check=True, text=True,
                               capture_output=True).stdout
    for panel in json.loads(dashboard)["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    rules = subprocess.run([os.path.join(DEPLOY, "render"), "--set=alerts.enabled=true"], check=True,
                           text=True, capture_output=True).stdout
    yield from re.findall(r"^ +expr: (.*)$", rules, re.M)


def asked_for(expression):
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|by \([^)]*\)", "", expression)
    return {re.sub("_(bucket|sum|count)$", "", word)
            for word in re.findall(r"[a-z][a-z_]+", bare)} - OTHERS


def labels_of(text):
    """Family -> labels."""
    found = {}
    for line in text.splitlines():
        sample = re.match(r"([a-z_]+)(?:\{(.*)\})? ", line)
        if sample:
            base = re.sub("_(bucket|sum|count)$", "", sample.group(1))
            for name in {base, sample.group(1)}:
                found.setdefault(name, set()).update(re.findall(r'([a-z_]+)="', sample.group(2) or ""))
    return found


def check_labels(text, exprs):
    """Whatever is selected or grouped by is a label of what is asked for."""
    labels = labels_of(text)
    for expr in exprs:
        for name, matchers in re.findall(r"([a-z_]+)\{([^}]*)\}", expr):
            wanted = set(re.findall(r"([a-z_]+)[=!]", matchers)) - ADDED
            check(name not in labels or wanted <= labels[name], f"{wanted} of {name}: {expr}")
        known = set().union(*(labels.get(name, set()) for name in asked_for(expr)))
        for group in re.findall(r"by \(([^)]*)\)", expr):
            check(set(group.split(", ")) <= known, f"grouped by {group}: {expr}")


def check_outcomes(values, exprs):
    """What a controller without trouble is answered is no failure to the alert that counts those."""
    failing = next(expr for expr in exprs if 'code!~"' in expr)
    fine = re.compile(re.search('code!~"([^"]*)"', failing).group(1))
    codes = {re.search('code="([^"]*)"', name).group(1) for name in values
             if name.startswith("rest_client_requests_total")}
    # Of replicas that are all gone there are no numbers to add up and compare.
    check(any(expr.startswith("absent(leader_election_master_status{") for expr in exprs), "nobody")
    check("101" in codes and all(fine.fullmatch(code) for code in codes), f"{codes}: {failing}")


def ask(daemon, method, path, source="127.0.0.1"):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, 10, (source, 0))
    connection.request(method, path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def odd_questions(daemon):
    for method, path, status, part in [
            ("HEAD", "/healthz", 200, ""), ("POST", "/healthz", 405, "only GET"),
            ("GET", "/", 404, "served here: /healthz"), ("GET", "/debug/plan", 400, "name a runtime"),
            ("GET", "/debug/plan?runtime=one", 400, "name a runtime"),
            ("GET", "/debug/plan?runtime=default/one&output=yaml", 400, "name a runtime"),
            ("GET", "/debug/plan?runtime=default/one&output=json", 200, '"gates"'),
            ("GET", "/debug/plan?runtime=default/%2e%2e/one", 404, "neither a CacheRuntime"),
            ("GET", "/debug/plan?runtime=default/" + 4000 * "x", 404, "neither a CacheRuntime")]:
        answer, text = ask(daemon, method, path)
        check(answer.status == status and part in text, f"{method} {path[:60]}: {answer.status} {text}")
        check(status != 405 or answer.getheader("Allow") == "GET, HEAD", "which methods are allowed")


def many_clients(daemon):
    """Who opens connections without end, and says nothing on them, keeps nobody else out."""
    opened = [socket.create_connection(("127.0.0.1", daemon.port), 10) for _ in range(100)]
    for client in opened:
        try:
            client.sendall(b"GET /heal")
        except OSError:
            pass  # ended already
    check(ask(daemon, "GET", "/healthz", "127.0.0.2")[1] == "ok\n", "the probe of another one")
    for client in opened:
        client.close()


def run(bench):
    server = bench.serve("--nodes", "8")
    api = server.api
    daemon = bench.control(server.kubeconfig)
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    for name in ("one", "two"):
        create_cache(api, name)
        wait_bound(api, name)
    wait_for("both Ready", lambda: metrics(daemon)['cacheruntime_phase{phase="Ready"}'] == 2)
    values = metrics(daemon)
    for name, value in {
            "cacheruntime_bind_duration_seconds_count": 2,
            'cacheruntime_bind_duration_seconds_bucket{le="60"}': 2,
            'cacheruntime_dataset_phase{phase="Bound"}': 2,
            'cacheruntime_exec_failures_total{entry="mountUFS"}': 0,
            'cacheruntime_exec_duration_seconds_count{entry="mountUFS"}': 2,
            'controller_runtime_active_workers{controller="cacheruntime"}': 0}.items():
        check(values.get(name) == value, f"{name} is {values.get(name)}, not {value}")
    check(values['rest_client_requests_total{code="101",host="%s",method="GET"}' % api.host] >= 4,
          "executions are requests")

    found = families(probe(daemon, "/metrics")[1])
    for kind, names in PROMISED.items():
        for name in names.split():
            check(found.get(name) == kind, f"{name} is told as {found.get(name)}, not as {kind}")
    leading = {"leader_election_master_status"}
    exprs = list(expressions())
    check_labels(probe(daemon, "/metrics")[1], exprs)
    check_outcomes(metrics(daemon), exprs)
    asked = set().union(*(asked_for(expression) for expression in exprs))
    check(len(asked) > 15 and not asked - set(found) - leading,
          f"asked for and not told: {asked - set(found) - leading}")

    check(probe(daemon, "/readyz") == (200, "ok\n"), "nothing stands in the way")
    verbose = probe(daemon, "/readyz?verbose")[1].splitlines()
    check(verbose[0] == "ok" and "datasets.data.fluid.io: ok" in verbose and len(verbose) >= 15
          and all(line.endswith("ok") for line in verbose), str(verbose))

    odd_questions(daemon)
    many_clients(daemon)

    # One that goes takes its series with it.
    api.delete(runtime_path("two"))
    wait_for("one runtime fewer", lambda: metrics(daemon)['cacheruntime_phase{phase="Ready"}'] == 1)
