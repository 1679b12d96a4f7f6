# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by openssl."""
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """Signs certificates; its own is at `certificate`."""

    def __init__(self, bench, name):
        self.bench = bench
        self.key, self.certificate = bench.path(f"{name}.key"), bench.path(f"{name}.crt")
        self.make_key(self.key)
        openssl("req", "-x509", "-key", self.key, "-subj", f"/CN={name}", "-days", "2", "-out",
                self.certificate)

    @staticmethod
    def make_key(path):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)

    def issue(self, name, subject, server=False, days=2):
        """Paths of a certificate and its key; negative days: it has expired."""
        key, certificate = self.bench.path(f"{name}.key"), self.bench.path(f"{name}.crt")
        request = self.bench.path(f"{name}.csr")
        self.make_key(key)
        openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
        extensions = self.bench.write(
            f"{name}.ext", "subjectAltName=IP:127.0.0.1\n" if server else "basicConstraints=CA:FALSE\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-extfile", extensions, "-days", str(days), "-out", certificate)
        return certificate, key
