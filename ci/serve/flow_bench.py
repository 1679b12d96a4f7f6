# SPDX-License-Identifier: Apache-2.0
"""`crctl bench server` measures everything that it names, at small sizes; no figure is judged."""
import json
import subprocess

from harness import check

# Without nginx there is nothing to compare with.
OPTIONAL = {"get_of_nginx", "list_of_nginx"}

BESIDE_STOCK = ["start_rss", "get", "get_cpu", "post", "post_p99", "patch", "list", "event_p50"]


def measure(bench, *options):
    command = [bench.crctl, "bench", "server", "--output", "json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    check(done.returncode == 0, f"exit status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def prefers_huge_pages(server):
    with open(f"/proc/{server.pid}/smaps", encoding="utf-8") as file:
        return any(line.startswith("VmFlags:") and " hg " in line for line in file)


def run(bench):
    # Another server of ours stands for a stock one. It has pods that are not the benchmark's.
    other = bench.serve("--no-controllers", crds=False)
    other.api.create("/api/v1/namespaces/default/serviceaccounts",
                     {"metadata": {"name": "default"}})
    other.api.create("/api/v1/namespaces/default/pods", {
        "metadata": {"name": "mine"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    check(not prefers_huge_pages(other), "the server has pauses while huge pages are cleared")
    report = measure(bench, "--divide-sizes", "200", "--seconds", "1",
                     "--stock", bench.path(f"kubeconfig-{bench.count - 1}"),
                     "--watch", f"server={other.pid}")
    check(report["kind"] == "BenchReport", str(report))
    missing = [figure["name"] for figure in report["figures"]
               if "value" not in figure and figure["name"] not in OPTIONAL]
    check(not missing, f"not measured: {missing}")
    missing = [name for name in BESIDE_STOCK
               if not any(figure["name"] == name and figure.get("stock", 0) > 0 and
                          "timesStock" in figure for figure in report["figures"])]
    check(not missing, f"not measured of the other server: {missing}")
    left = other.api.get("/api/v1/pods")["items"]
    check([pod["metadata"]["name"] for pod in left] == ["mine"], str(left)[:200])
    svg = bench.path("curve.svg")
    report = measure(bench, "--curve", "--divide-sizes", "1000", "--svg", svg)
    check([point["unrelatedObjects"] for point in report["points"]] == [0, 1, 10, 100],
          str(report))
    with open(svg, encoding="utf-8") as file:
        text = file.read()
    check(text.count("<polyline") == 6 and text.endswith("</svg>\n"), "the plot is not whole")
    refused = subprocess.run([bench.crctl, "bench", "server", "--svg", svg], capture_output=True,
                             text=True, check=False)
    check(refused.returncode == 2 and "--curve" in refused.stderr, refused.stderr)
