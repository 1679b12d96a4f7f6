# SPDX-License-Identifier: Apache-2.0
"""crctl plan, explain, render and status of a cluster: what they show, and what they say when the
cluster cannot be read. They write nothing."""
import json
import os
import shutil
import signal
import subprocess

from harness import (
    FLUID, cache_class, check, create_cache, dataset_path, kubeconfig, runtime_path, wait_bound,
    wait_for)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCENARIO = os.path.join(ROOT, "scenarios", "mounts-changed.yaml")
EXAMPLE = os.path.join(ROOT, "classes", "curvine", "example.yaml")
CLASS = os.path.join(ROOT, "classes", "curvine", "class.yaml")


def crctl(bench, *words, **environment):
    return subprocess.run([bench.crctl, *words], text=True, capture_output=True, timeout=60,
                          check=False, env={**os.environ, "KUBECONFIG": "", **environment})


def expect(done, status, *texts, stream="stdout"):
    said = getattr(done, stream)
    for text in texts:
        check(text in said, f"{done.args[1:4]}: no {text!r} in\n{done.stdout}{done.stderr}")
    check(done.returncode == status, f"{done.args[1:4]}: status {done.returncode}\n{done.stderr}")


def versions(api):
    paths = [runtime_path("demo"), dataset_path("demo"), "/api/v1/nodes", "/api/v1/events"]
    return [api.get(path)["metadata"]["resourceVersion"] for path in paths[:2]] + [
        len(api.items(path)) for path in paths[2:]]


def look_before(bench, server):
    """Nothing was done yet, and looking does nothing either."""
    at = ["--kubeconfig", server.kubeconfig]
    before = versions(server.api)
    expect(crctl(bench, "plan", "default/demo", *at), 0, "default/demo\n",
           "apply   statefulsets.apps default/demo-master", "ObjectMissing: Create StatefulSet")
    plan = json.loads(crctl(bench, "plan", "demo", "--output", "json", *at).stdout)
    check(plan["runtime"] == "default/demo" and plan["plan"]["actions"], plan)
    expect(crctl(bench, "explain", "default/demo", *at), 0, "waits at MetadataWritten",
           "what a controller that starts now would do next:")
    expect(crctl(bench, "render", "demo", *at), 0, "kind: StatefulSet", "kind: ConfigMap")
    expect(crctl(bench, "status", *at), 0, "WAITS FOR", "default    demo  demo")
    check(versions(server.api) == before, "looking at a cluster changed it")


def look_by_variable(bench, server):
    """Which cluster is found as kubectl finds it, where a cluster is asked at all."""
    home = bench.path("home")
    os.makedirs(os.path.join(home, ".kube"))
    shutil.copy(server.kubeconfig, os.path.join(home, ".kube", "config"))
    both = f"{bench.path('none')}:{server.kubeconfig}"
    asking = (["status"], ["plan", "default/demo"], ["explain", "default/demo"],
              ["render", "default/demo"], ["uninstall", "--dry-run"])
    for words in asking:
        for where in ({"KUBECONFIG": server.kubeconfig}, {"KUBECONFIG": both}, {"HOME": home}):
            done = crctl(bench, *words, **where)
            check(done.returncode == 0 and done.stdout, f"{words} {where}: {done}")
        expect(crctl(bench, *words, HOME=bench.path("none")), 2, f"crctl {words[0]}: ",
               "neither --kubeconfig nor KUBECONFIG names a cluster: ",
               os.path.join(bench.path("none"), ".kube/config"), stream="stderr")
    expect(crctl(bench, "plan", "classes/nope", HOME=home), 2, "no file is called classes/nope",
           stream="stderr")
    # What reads files or simulates does so whatever the variable says.
    for words in (["plan", CLASS, EXAMPLE], ["render", CLASS, EXAMPLE], ["run", SCENARIO]):
        done = crctl(bench, *words, KUBECONFIG=bench.path("none"))
        check(done.returncode == 0 and done.stdout, done)
    expect(crctl(bench, "run", SCENARIO, "--mode", "cluster", KUBECONFIG=server.kubeconfig), 2,
           "needs --kubeconfig", stream="stderr")


def look_at_odd_texts(bench, server):
    """What a user of the cluster writes does not speak to the terminal of who looks."""
    at = ["--kubeconfig", server.kubeconfig]
    create_cache(server.api, "odd")
    odd = "a\x1b[2J\x07\u009bb\nc"
    server.api.merge(f"{runtime_path('odd')}/status", {"status": {"phase": odd}})
    server.api.merge(runtime_path("odd"), {"spec": {"runtimeClassName": odd}})
    for words in (["status"], ["explain", "default/odd"], ["plan", "default/odd"]):
        done = crctl(bench, *words, *at)
        check(done.returncode == 0 and "a [2J " in done.stdout, done)
        check(not [c for c in done.stdout if c != "\n" and not c.isprintable()], done)
    rows = crctl(bench, "status", *at).stdout.splitlines()
    check(len(rows) == 3 and "a [2J   b c" in rows[2], rows)
    exact = json.loads(crctl(bench, "status", "-o", "json", *at).stdout)
    check(exact[1]["phase"] == odd, exact)
    for path in (runtime_path("odd"), dataset_path("odd")):
        server.api.delete(path)


def look_after(bench, server):
    at = ["--kubeconfig", server.kubeconfig]
    expect(crctl(bench, "explain", "demo", *at), 0, "default/demo waits for nothing\n")
    plan = json.loads(crctl(bench, "plan", "demo", "--output", "json", *at).stdout)["plan"]
    writes = [action for action in plan["actions"] if action["action"] in ("apply", "patch", "delete")]
    check(not writes, f"a bound runtime would be written: {writes}")
    expect(crctl(bench, "status", *at), 0, "1/1     1/1")
    name_rows(bench, at)


def name_rows(bench, at):
    """For scripts, and with kubectl's letters."""
    for letters in (["-A"], ["-n", "default"], ["--namespace=default"]):
        done = crctl(bench, "status", "-o", "name", *letters, *at)
        check((done.returncode, done.stdout) == (0, "default/demo\n"), done)
    check(crctl(bench, "status", "-o", "name", "-n", "elsewhere", *at).stdout == "", "elsewhere")
    rows = json.loads(crctl(bench, "status", "--output", "json", *at).stdout)
    check(len(rows) == 1 and rows[0].pop("age") and rows[0] == {
        "namespace": "default", "name": "demo", "class": "demo", "phase": "Ready", "master": "1/1",
        "worker": "1/1", "client": "0/0", "cached": "0.00B/1.00GiB"}, rows)
    expect(crctl(bench, "status", "-A", "-n", "default", *at), 2, "exclude each other",
           stream="stderr")
    expect(crctl(bench, "status", "-o", "yaml", *at), 2, "text|json|name", stream="stderr")
    # Who has seen enough is no error to be told of.
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([bench.crctl, "status", *at], stdout=writer, stderr=subprocess.PIPE,
                          timeout=60, check=False)
    os.close(writer)
    check((done.returncode, done.stderr) == (3, b""), done)


def change_count(api, since):
    """Events of the runtime's watch from that resource version to now."""
    connection = api.connect()
    connection.request("GET", f"{runtime_path('demo').rsplit('/', 1)[0]}?watch=true&timeoutSeconds=1"
                       f"&resourceVersion={since}", headers={"Authorization": f"Bearer {api.token}"})
    events = connection.getresponse().read().splitlines()
    connection.close()
    return len(events)


def watch(bench, server):
    """-w prints the table again when something changes and not else, and ends with the user's
    Ctrl-C."""
    since = server.api.get(runtime_path("demo"))["metadata"]["resourceVersion"]
    watcher = bench.start("status", [bench.crctl, "status", "-w", "--kubeconfig",
                                     server.kubeconfig])
    wait_for("the first table", lambda: watcher.log().count("WAITS FOR") == 1)
    server.api.merge(runtime_path("demo"), {"spec": {"worker": {"replicas": 2}}})
    wait_for("a table with the second worker", lambda: "2/2" in watcher.log())
    check(watcher.end(signal.SIGINT) == 0, "the status of an interrupted crctl status -w")
    tables, changes = watcher.log().count("WAITS FOR"), change_count(server.api, since)
    check(tables <= 1 + changes, f"{tables} tables of {changes} changes")


def look_in_vain(bench, server):
    at = ["--kubeconfig", server.kubeconfig]
    expect(crctl(bench, "explain", "default/none", *at), 2,
           "there is no CacheRuntime and no Dataset default/none", stream="stderr")
    expect(crctl(bench, "plan", "demo", "--kubeconfig", bench.path("none")), 2, "none",
           stream="stderr")
    expect(crctl(bench, "plan", "demo", "--context", "other", *at), 2, "other", stream="stderr")
    wrong = bench.write("wrong", "clusters: [}")
    expect(crctl(bench, "plan", "demo", "--kubeconfig", wrong), 2, "wrong", stream="stderr")
    stranger = kubeconfig(bench, "stranger", server.api, {"token": "nobody-knows-it"})
    expect(crctl(bench, "plan", "demo", "--kubeconfig", stranger), 3, "Unauthorized",
           stream="stderr")
    expect(crctl(bench, "status", "--kubeconfig", stranger), 3, "Unauthorized", stream="stderr")


def look_without_rights(bench):
    """And at a server without our kinds, and at one that is gone."""
    tokens = bench.write("tokens", "may-nothing,guest,uid-1\n")
    server = bench.serve("--authorization", "rbac", "--token-auth-file", tokens)
    guest = kubeconfig(bench, "guest", server.api, {"token": "may-nothing"})
    expect(crctl(bench, "plan", "demo", "--kubeconfig", guest), 3,
           "cacheruntimes.data.fluid.io is forbidden", stream="stderr")
    expect(crctl(bench, "status", "--kubeconfig", guest), 3, "cannot list", stream="stderr")
    run_in_vain(bench, guest, 3, "cacheruntimes.data.fluid.io is forbidden")
    check(server.end() == 0, "the server's exit status")
    for mode in ("http", "cluster"):
        run_in_vain(bench, server.kubeconfig, 3, "Connection refused",
                    f"kubeconfig {server.kubeconfig}: https://127.0.0.1:", mode=mode)
    expect(crctl(bench, "explain", "demo", "--kubeconfig", server.kubeconfig), 3,
           "crctl explain: https://127.0.0.1:", stream="stderr")
    bare = bench.serve(crds=False)
    for words in (["plan", "demo"], ["status"]):
        expect(crctl(bench, *words, "--kubeconfig", bare.kubeconfig), 2,
               "knows no CacheRuntimes: install the CRDs", stream="stderr")
    run_in_vain(bench, bare.kubeconfig, 2, "knows no CacheRuntimes: install the CRDs")


def run_in_vain(bench, what_fails, status, *texts, mode="cluster"):
    """Sessions in a cluster that cannot be used: one sentence instead of one for each session."""
    for words in (["run", SCENARIO], ["certify", CLASS]):
        done = crctl(bench, *words, "--mode", mode, "--kubeconfig", what_fails)
        expect(done, status, f"crctl {words[0]}: ", *texts, stream="stderr")
        check(not done.stdout and done.stderr.count("\n") == 1, done)


def run(bench):
    server = bench.serve("--nodes", "4")
    server.api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    create_cache(server.api, "demo")
    look_before(bench, server)
    look_by_variable(bench, server)
    look_at_odd_texts(bench, server)
    bench.control(server.kubeconfig)
    wait_bound(server.api, "demo")
    look_after(bench, server)
    watch(bench, server)
    look_in_vain(bench, server)
    look_without_rights(bench)
