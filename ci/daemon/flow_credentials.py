# SPDX-License-Identifier: Apache-2.0
"""Who we are: a token file that is replaced, a plugin whose tokens expire, a server that comes
later, kinds that come later, a permission that is missing."""
import json
import os
import stat

from harness import (
    FLUID, cache_class, check, create_cache, kubeconfig, probe, wait_bound, wait_for)

def token_file(bench, api):
    bench.write("token", "wrong\n")
    daemon = bench.control(kubeconfig(bench, "with-file", api, {"tokenFile": "token"}), ready=False)
    wait_for("the refusal in /readyz",
             lambda: "Unauthorized" in probe(daemon, "/readyz")[1])
    bench.write("token", api.token + "\n")
    # A refusal makes it read the file again, long before the minute is over.
    wait_for("the new token works", lambda: probe(daemon, "/readyz")[0] == 200)
    check(api.token not in daemon.log() and "wrong" not in daemon.log(), "a token is in the log")
    daemon.end()


def plugin(bench, api):
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"token": api.token, "expirationTimestamp": "2020-01-01T00:00:00Z"}}
    script = bench.write("get-token", f"""#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >> "$(dirname "$0")/asked"
[ "$1" = login ] && [ "$MODE" = test ] || exit 1
cat <<'END'
{json.dumps(credential)}
END
""")
    os.chmod(script, stat.S_IRWXU)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./get-token",
                     "args": ["login"], "env": [{"name": "MODE", "value": "test"}],
                     "provideClusterInfo": True, "interactiveMode": "Never"}}
    daemon = bench.control(kubeconfig(bench, "with-plugin", api, user))

    def asked():
        with open(bench.path("asked"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    check(asked()[0]["spec"]["cluster"]["server"] == api.url, f"what the plugin is told: {asked()}")
    wait_for("an expired token is asked for again", lambda: len(asked()) >= 2)
    check(api.token not in daemon.log(), "a token is in the log")
    daemon.end()


def certificates(bench, api):
    user = {"token": api.token}
    daemon = bench.control(
        kubeconfig(bench, "untrusting", api, user, "insecure-skip-tls-verify: false"), ready=False)
    wait_for("the certificate is refused",
             lambda: "certificate" in probe(daemon, "/readyz")[1])
    check(daemon.is_running(), "it waits for a better certificate")
    daemon.end()
    daemon = bench.control(
        kubeconfig(bench, "other-name", api, user,
                   'certificate-authority: ca.crt, tls-server-name: kubernetes.default'),
        ready=False)
    wait_for("the server's other name, or that it has none",
             lambda: probe(daemon, "/readyz")[0] == 200
             or "kubernetes.default" in probe(daemon, "/readyz")[1])
    daemon.end()
    daemon = bench.control(
        kubeconfig(bench, "trusting", api, user, "insecure-skip-tls-verify: true"))
    check("is not verified" in daemon.log(), "trusting anybody is worth a warning")
    daemon.end()


def missing_kinds(bench):
    server = bench.serve("--nodes", "3", crds=False)
    daemon = bench.control(server.kubeconfig, ready=False)
    wait_for("the missing kinds in /readyz",
             lambda: all(f"{kind}.data.fluid.io: " in probe(daemon, "/readyz")[1]
                         for kind in ("cacheruntimes", "datasets", "cacheruntimeclasses")))
    check(probe(daemon, "/healthz")[0] == 200, "a process that waits is alive")
    bench.create_crds(server.api)
    wait_for("the kinds are found", lambda: probe(daemon, "/readyz")[0] == 200)
    server.api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    create_cache(server.api, "late")
    wait_bound(server.api, "late")


def run(bench):
    server = bench.serve("--nodes", "3")
    token_file(bench, server.api)
    plugin(bench, server.api)
    certificates(bench, server.api)
    server.end()
    missing_kinds(bench)
