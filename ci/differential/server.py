# SPDX-License-Identifier: Apache-2.0
"""A client of one API server, with the log-in of a kubeconfig, that judges nothing.

Answers come back as they are: status, headers, body. Watches are read by a thread each, so that
a file of requests can write while it watches.
"""
import base64
import http.client
import json
import queue
import ssl
import tempfile
import threading
import urllib.parse

import yaml

ANSWER_SECONDS = 60  # of a machine that has other things to do
EVENT_SECONDS = 30
ATTEMPTS = 5
NO_ANSWER = 0


class Failed(Exception):
    """The environment is at fault, and not the answer of a server."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        """The body as a tree, or None when it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Server:
    def __init__(self, kubeconfig):
        with open(kubeconfig, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.host = urllib.parse.urlsplit(cluster["server"]).netloc
        self.token = user.get("token")
        self.context = ssl.create_default_context()
        if "certificate-authority-data" in cluster:
            ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
            self.context.load_verify_locations(cadata=ca)
        elif "certificate-authority" in cluster:
            self.context.load_verify_locations(cluster["certificate-authority"])
        else:
            self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.log_in_by_certificate(user)
        self.connection = None

    def log_in_by_certificate(self, user):
        if "client-certificate" in user:
            self.context.load_cert_chain(user["client-certificate"], user["client-key"])
        elif "client-certificate-data" in user:
            with tempfile.NamedTemporaryFile() as pem:
                for part in ("client-certificate-data", "client-key-data"):
                    pem.write(base64.b64decode(user[part]) + b"\n")
                pem.flush()
                self.context.load_cert_chain(pem.name)

    def connect(self):
        return http.client.HTTPSConnection(self.host, context=self.context,
                                           timeout=ANSWER_SECONDS)

    def headers(self, own):
        headers = {"Accept": "application/json", "User-Agent": "differential/1.0"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        headers.update(own)
        return {name: value for name, value in headers.items() if value is not None}

    def ask(self, method, path, headers=None, body=None):
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.connection = self.connection or self.connect()
                self.connection.request(method, path, body, self.headers(headers or {}))
                answer = self.connection.getresponse()
                return Answer(answer.status, answer.headers, answer.read())
            except TimeoutError as error:
                # Whether the request took effect is unknown: to send it again could do it twice.
                raise Failed(f"{method} {path}: no answer in {ANSWER_SECONDS} s") from error
            except (http.client.HTTPException, OSError) as error:
                # A server may close a connection after a refusal, and before it has read all.
                self.connection = None
                if attempt == ATTEMPTS and isinstance(error, http.client.RemoteDisconnected):
                    # Every time: it is what the server makes of this request (it panics).
                    return Answer(NO_ANSWER, {}, b"")
                if attempt == ATTEMPTS:
                    raise Failed(f"{method} {path}: {error!r}") from error
        return None

    def watch(self, path, headers=None):
        return Watch(self.connect(), path, self.headers(headers or {}))


class Watch:
    """One open watch. take(n) waits for so many events; more than these are left waiting."""

    def __init__(self, connection, path, headers):
        self.connection, self.events = connection, queue.Queue()
        connection.request("GET", path, headers=headers)
        self.response = connection.getresponse()
        self.status, self.headers = self.response.status, self.response.headers
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.response:
                self.events.put(line)
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass  # closed by take()
        self.events.put(None)

    def take(self, count, seconds=EVENT_SECONDS):
        """The next `count` events, fewer when the stream ends or nothing comes any more."""
        lines = []
        while len(lines) < count:
            try:
                line = self.events.get(timeout=seconds)
            except queue.Empty:
                break
            if line is None:
                break
            lines.append(line)
        return lines

    def rest(self):
        """All lines until the server ends it."""
        return iter(lambda: self.events.get(timeout=EVENT_SECONDS), None)

    def close(self):
        try:
            self.connection.sock and self.connection.sock.shutdown(2)
        except OSError:
            pass
        self.connection.close()
