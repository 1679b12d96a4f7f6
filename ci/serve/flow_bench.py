# SPDX-License-Identifier: Apache-2.0
"""`crctl bench server` measures everything that it names, at small sizes; no figure is judged."""
import json
import subprocess

from harness import check

# Without nginx there is nothing to compare with.
OPTIONAL = {"get_of_nginx", "list_of_nginx"}


def measure(bench, *options):
    command = [bench.crctl, "bench", "server", "--output", "json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    check(done.returncode == 0, f"exit status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def run(bench):
    report = measure(bench, "--divide-sizes", "200", "--seconds", "1")
    check(report["kind"] == "BenchReport", str(report))
    missing = [figure["name"] for figure in report["figures"]
               if "value" not in figure and figure["name"] not in OPTIONAL]
    check(not missing, f"not measured: {missing}")
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
