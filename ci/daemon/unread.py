# SPDX-License-Identifier: Apache-2.0
"""A process whose log nobody reads until it is asked for."""
import fcntl
import os
import select
import subprocess

F_SETPIPE_SZ = 1031  # fcntl has its name since Python 3.10


class Unread:
    """Its standard error is a small pipe that is read when we say so."""

    def __init__(self, command):
        self.text = ""
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        fcntl.fcntl(self.writing, F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen(command, stderr=self.writing)

    def log(self):
        try:
            self.text += os.read(self.reading, 65536).decode()
        except BlockingIOError:
            pass
        return self.text

    def is_full(self):
        poll = select.poll()
        poll.register(self.writing, select.POLLOUT)
        return not poll.poll(0)

    def is_running(self):
        return self.process.poll() is None

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.reading)
        os.close(self.writing)
