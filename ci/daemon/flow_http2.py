# SPDX-License-Identifier: Apache-2.0
"""Behind a server that offers HTTP/2 everything but executions shares few connections, watches
among it. What HTTP/2 adds to the ways in which a request fails is survived: streams that are
refused, reset, or left out of a connection that goes away, before or after they took effect; and a
server that no longer offers it."""
from certificates import Authority
from harness import (
    FLUID, cache_class, check, create_cache, dataset_path, kubeconfig, metrics, no_writes_for,
    owned_objects, wait_bound, wait_for, wait_gone)

try:
    from http2 import CUT, GO_AWAY, LEAVE_OUT, LOSE, REFUSE, Http2Front
    HAS_HTTP2 = True
except ImportError:
    HAS_HTTP2 = False

SETS = "/apis/apps/v1/namespaces/default/statefulsets"
# One cache is made under each of these: what happens to the request that makes its workers.
FAULTS = HAS_HTTP2 and {"refused": REFUSE, "left-out": LEAVE_OUT, "goes-away": GO_AWAY,
                        "lost": LOSE, "cut": CUT}


def begin(bench):
    server = bench.serve("--nodes", "16")
    authority = Authority(bench, "front")
    certificate, key = authority.issue("front-server", "/CN=front", server=True)
    front = Http2Front(server.api.url, server.api.context, certificate, key)
    config = kubeconfig(bench, "front", server.api, {"token": server.api.token},
                        "certificate-authority: front.crt")
    with open(config, encoding="utf-8") as file:
        text = file.read().replace(server.api.url, f"https://127.0.0.1:{front.port}")
    daemon = bench.control(bench.write("front", text))
    server.api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    return server.api, front, daemon


def is_exec(row):
    return "/exec?" in row[3]


def check_shared(front, daemon):
    """Few connections carry everything, executions apart, which no HTTP/2 can carry."""
    check({row[1] for row in front.asked if not is_exec(row)} == {"h2"},
          f"requests without HTTP/2: {[row for row in front.asked if row[1] != 'h2']}")
    check({row[1] for row in front.asked if is_exec(row)} == {"http/1.1"}, "executions")
    connections = {row[0] for row in front.asked if row[1] == "h2"}
    check(len(connections) <= 8, f"{len(connections)} connections")
    # Eleven collections are watched, beside what is asked meanwhile.
    check(front.streams_max >= 11, f"{front.streams_max} streams at most on a connection")
    check(metrics(daemon)["process_open_fds"] < 40, "many descriptors")


def make_under(api, front, name, fault):
    """A write meets the fault, and what it was for is there once, as without it."""
    seen = len(front.asked)
    front.arm(fault, "PATCH", f"{SETS}/{name}-worker?")
    create_cache(api, name)
    wait_bound(api, name)
    check(front.met and front.met[-1][0] == fault, f"{name}: its writes did not meet: {fault}")
    tries = [row for row in front.asked[seen:] if row[3].startswith(f"{SETS}/{name}-worker?")]
    # What took effect is found by looking, not by writing again.
    count = 2 if fault in (REFUSE, LEAVE_OUT) else 1
    check(len(tries) == count, f"{name}: {len(tries)} writes: {tries}")
    for part in ("master", "worker"):
        made = api.get(f"{SETS}/{name}-{part}")
        check(made and made["metadata"]["generation"] == 1, f"{name}-{part}: {made}")


def lose_watches(api, front):
    """A watch each is refused, left out and reset while others stand: the cache goes on."""
    for fault in (REFUSE, LEAVE_OUT, LOSE):
        front.arm(fault, "GET", "watch=")
    front.cut_all()
    wait_for("every watch to have met its fault", lambda: not front.faults)
    create_cache(api, "after-watches")
    wait_bound(api, "after-watches")


def go_away(api, front):
    """In the middle of watches: what is new goes elsewhere at once, and nothing fails by it."""
    old = set(front.connections)
    seen = len(front.asked)
    front.go_away()
    create_cache(api, "elsewhere")
    wait_bound(api, "elsewhere", seconds=20)
    new = {row[0] for row in front.asked[seen:] if row[1] == "h2"}
    check(new - old, f"{new} of {old}: no new connection although all were told to end")


def run(bench):
    if not HAS_HTTP2:
        print("  skipped: Python has no module h2 (python3-h2)")
        return
    api, front, daemon = begin(bench)
    create_cache(api, "plain")
    wait_bound(api, "plain")
    check_shared(front, daemon)
    go_away(api, front)
    for name, fault in FAULTS.items():
        make_under(api, front, name, fault)
    lose_watches(api, front)

    front.offer("http/1.1")
    front.cut_all()
    seen = len(front.asked)
    create_cache(api, "without")
    wait_bound(api, "without")
    check({row[1] for row in front.asked[seen:]} == {"http/1.1"}, "HTTP/2 that is not offered")
    front.offer("h2", "http/1.1")
    front.cut_all()
    names = ["plain", "elsewhere", *FAULTS, "after-watches", "without"]
    for name in names:
        api.delete(dataset_path(name))
    for name in names:
        wait_gone(api, name)
    wait_for("everything gone", lambda: not owned_objects(api))
    wait_for("no label of a cache is left at a node", lambda: not any(
        "fluid" in key for node in api.items("/api/v1/nodes") for key in node["metadata"]["labels"]))
    check(no_writes_for(daemon, 1), "the controller goes on writing")
    check(daemon.end() == 0, "the exit status")
