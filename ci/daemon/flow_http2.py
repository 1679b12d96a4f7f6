# SPDX-License-Identifier: Apache-2.0
"""Behind a server that offers HTTP/2 (nginx in front of ours) everything but executions shares few
connections, watches among it, and a restart of that server is survived."""
import os
import shutil
import socket
import subprocess

from certificates import Authority
from harness import (
    FLUID, cache_class, check, create_cache, dataset_path, kubeconfig, metrics, owned_objects,
    wait_bound, wait_for, wait_gone)

CONFIG = """\
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
worker_processes 1; events {{ worker_connections 512; }}
http {{
  log_format asked '$server_protocol $connection $status $request_method $uri';
  access_log {folder}/asked asked;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  map $http_upgrade $hop {{ default upgrade; '' ''; }}
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location / {{
      proxy_pass {url}; proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1h;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $hop;
    }}
  }}
}}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def asked(bench):
    """Protocol, connection, status, verb and path of each request that has ended."""
    if not os.path.exists(bench.path("asked")):
        return []
    with open(bench.path("asked"), encoding="utf-8") as file:
        return [line.split() for line in file]


def begin(bench, nginx, port):
    front = bench.start("nginx", [nginx, "-c", bench.path("nginx.conf"), "-p", bench.folder])

    def listens():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            check(front.is_running(), f"nginx ended:\n{front.log()}")
            return False

    wait_for("nginx", listens)
    return front


def run(bench):
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not nginx or "http_v2" not in subprocess.run(
            [nginx, "-V"], text=True, capture_output=True, check=False).stderr:
        print("  skipped: there is no nginx with HTTP/2")
        return
    server = bench.serve("--nodes", "8")
    api, port = server.api, free_port()
    authority = Authority(bench, "front")
    certificate, key = authority.issue("nginx", "/CN=front", server=True)
    bench.write("nginx.conf", CONFIG.format(folder=bench.folder, port=port, url=api.url,
                                            certificate=certificate, key=key))
    front = begin(bench, nginx, port)
    config = kubeconfig(bench, "front", api, {"token": api.token},
                        "certificate-authority: front.crt")
    with open(config, encoding="utf-8") as file:
        text = file.read().replace(api.url, f"https://127.0.0.1:{port}")
    daemon = bench.control(bench.write("front", text))
    api.create(f"{FLUID}/cacheruntimeclasses", cache_class())
    for name in ("one", "two"):
        create_cache(api, name)
    for name in ("one", "two"):
        wait_bound(api, name)
    wait_for("executions", lambda: any(line[2] == "101" for line in asked(bench)))
    seen = asked(bench)
    check({line[0] for line in seen if not line[4].endswith("/exec")} == {"HTTP/2.0"},
          "requests without HTTP/2")
    check({line[0] for line in seen if line[2] == "101"} == {"HTTP/1.1"}, "executions")
    connections = {line[1] for line in seen if line[0] == "HTTP/2.0"}
    check(len(connections) <= 8, f"{len(connections)} connections")
    check(metrics(daemon)["process_open_fds"] < 40, "many descriptors")

    front.end()
    wait_for("the loss is told", lambda: "watching " in daemon.log())
    begin(bench, nginx, port)
    create_cache(api, "three")
    wait_bound(api, "three")
    for name in ("one", "two", "three"):
        api.delete(dataset_path(name))
        wait_gone(api, name)
    wait_for("everything gone", lambda: not owned_objects(api))
    check(daemon.end() == 0, "the exit status")
