# SPDX-License-Identifier: Apache-2.0
"""How a node joins: with a bootstrap token it asks for a certificate, gets it without anybody's
doing, and logs in with it; another name it does not get."""
import base64
import ssl
import subprocess

from harness import Api, check, wait_for

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
NODE = "/O=system:nodes/CN=system:node:joined"


def signing_request(bench, name, subject, signer="kube-apiserver-client-kubelet"):
    key, file = bench.path(f"{name}.key"), bench.path(f"{name}.csr")
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-subj", subject,
                    "-out", file], check=True, capture_output=True)
    with open(file, "rb") as text:
        request = base64.b64encode(text.read()).decode()
    return key, {"metadata": {"name": name},
                 "spec": {"signerName": f"kubernetes.io/{signer}", "request": request,
                          "usages": ["digital signature", "client auth"]}}


def bind(api, name, role, group):
    group_kind = "rbac.authorization.k8s.io"
    api.create(BINDINGS, {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group_kind, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group_kind, "kind": "Group", "name": group}]})


def joins(bench, api, node, kubeconfig):
    key, request = signing_request(bench, "joins", NODE)
    node.create(REQUESTS, request)
    signed = wait_for("a certificate", lambda: (
        api.get(f"{REQUESTS}/joins")["status"].get("certificate")))
    condition = api.get(f"{REQUESTS}/joins")["status"]["conditions"][0]
    check(condition["reason"] == "AutoApproved", str(condition))
    certificate = bench.write("joins.pem", base64.b64decode(signed).decode())
    joined = Api(kubeconfig)
    joined.context.load_cert_chain(certificate, key)
    joined.context.minimum_version = ssl.TLSVersion.TLSv1_2
    connection = joined.connect()
    connection.request("POST", WHO_AM_I, "{}", {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read().decode()
    check(answer.status == 201 and '"username":"system:node:joined"' in body, body)
    check('"system:nodes"' in body, body)


def asks_for_too_much(bench, api, node):
    _, request = signing_request(bench, "masters", "/O=system:masters/CN=me",
                                 "kube-apiserver-client")
    status, body = node.request("POST", REQUESTS, request)
    check(status == 403 and "system:masters group is not allowed" in body["message"], str(body))
    request["spec"]["request"] = base64.b64encode(b"nonsense").decode()
    status, body = node.request("POST", REQUESTS, request)
    check(status == 422 and "PEM block type must be" in body["message"], str(body))
    status, body = node.request("PATCH", f"{REQUESTS}/joins/approval", {"status": {"conditions": [
        {"type": "Approved", "status": "True"}]}}, "application/merge-patch+json")
    check(status == 403, str(body))
    status, body = api.request("PATCH", f"{REQUESTS}/joins/status", {"status": {"conditions": []}},
                               "application/merge-patch+json")
    check(status == 422 and "may not remove a condition" in body["message"], str(body))


def run(bench):
    tokens = bench.write("tokens", 'boot,system:bootstrap:abc,1,"system:bootstrappers"\n')
    server = bench.serve("--authorization", "rbac", "--token-auth-file", tokens, crds=False)
    api = server.api
    node = Api(server.kubeconfig)
    node.token = "boot"
    bind(api, "bootstrap", "system:node-bootstrapper", "system:bootstrappers")
    bind(api, "approve", "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
         "system:bootstrappers")
    joins(bench, api, node, server.kubeconfig)
    asks_for_too_much(bench, api, node)
