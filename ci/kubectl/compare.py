# SPDX-License-Identifier: Apache-2.0
"""Compares what kubectl prints against `crctl serve` with what it printed against a stock server.

commands/NAME is a list of kubectl's arguments, one command a line; outputs/NAME is what a stock
server's answers made of them; accepted.yaml says which differences are meant, and why. README.md
has more. Exit status 0: no differences, 1: there are some, 3: a server did not start.
"""
import argparse
import difflib
import itertools
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).parent
COMMAND_SECONDS_MAX = 20
START_SECONDS_MAX = 20

# What a server chooses. The order matters: a time has digits that look like other things.
GENERATED = "[bcdfghjklmnpqrstvwxz2456789]"
MASKS = [
    (re.compile(r"/\S+/(LIVE|MERGED)-\d+"), r"/\1"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+-]\d{4}( \w+)?)"), "<time>"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "<time>"),
    (re.compile(r"(resourceVersion\"?:|Resource Version:)(\s*)\"?\d+\"?"), r"\1\2<revision>"),
    (re.compile(r"((pod-template-hash|controller-revision-hash|kubernetes.io/hash)\"?[:=] ?)\S+"), r"\1<hash>"),
    (re.compile(r"sim://[0-9a-f]{16}"), "<container>"),
    (re.compile(r"https://127\.0\.0\.1:\d+"), "<server>"),
    (re.compile(r"(?<![\d.])(10\.\d+\.\d+\.\d+|127\.0\.0\.1)(?![\d.])"), "<address>"),
    (re.compile(rf"-{GENERATED}{{8,10}}(-{GENERATED}{{5}})?(?![\w-])"), "-<suffix>"),
    (re.compile(rf"-{GENERATED}{{5}}(?![\w-])"), "-<suffix>"),
    (re.compile(r"(?<![\w.-])(<invalid>|(\d+[ywdhms]){1,3})(?![\w.])"), "<age>"),
    (re.compile(r"(?<![\w:-])(kubernetes-)?admin(?![\w-])"), "<user>"),
]
# Columns are as wide as their longest cell, which is one of those above.
GAP = re.compile(r"(?<=\S) {2,}(?=\S)")
# What is said on the way depends on when somebody looks.
PASSING = re.compile(r"^(Waiting for |waiting for |Warning: (deleting Pods|ignoring) )|\d+ out of \d+ new pods have been updated|"
                     # The nodes are ours beside a stock server, too, and keep these to themselves.
                     r"^ +(Normal|Warning) .* kubelet ")
# kubectl does it in no particular order.
UNORDERED = ("drain ",)
# Events of one second come in any order, and are counted when they are told again.
EVENT = re.compile(r"^ +(Normal|Warning) ")
REPEATED = re.compile(r"^( +(?:Normal|Warning) .*)<age> \(x\d+ over <age>\)")


def in_order(lines):
    """The same lines, each run of events sorted."""
    for is_event, run_of in itertools.groupby(lines, key=lambda line: bool(EVENT.match(line))):
        yield from sorted(set(run_of)) if is_event else run_of


def masked(text):
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    lines = [GAP.sub("  ", line.rstrip()) for line in text.splitlines()]
    lines = [REPEATED.sub(r"\1<age>", line) for line in lines if line and not PASSING.search(line)]
    return list(in_order(lines))


def commands(name):
    """The commands of a file, and the options of the server that they are for."""
    options, found = [], []
    for line in (HERE / "commands" / name).read_text().splitlines():
        if line.startswith("# serve "):
            options = shlex.split(line)[2:]
        elif line and not line.startswith("#"):
            found.append(line)
    return options, found


def run(kubectl, kubeconfig, command):
    environment = dict(os.environ, KUBECONFIG=str(kubeconfig), HOME=str(kubeconfig.parent), TZ="UTC")
    try:
        done = subprocess.run(
            [kubectl, *shlex.split(command)], cwd=HERE / "fixtures", env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS_MAX, text=True, errors="replace", check=False)
    except subprocess.TimeoutExpired:
        return [f"(no end within {COMMAND_SECONDS_MAX} s)"]
    lines = masked(done.stdout)
    if command.startswith(UNORDERED):
        lines = sorted(set(lines))
    return lines + ([f"(exit status {done.returncode})"] if done.returncode else [])


def run_all(kubectl, kubeconfig, listed):
    return [(command, run(kubectl, kubeconfig, command)) for command in listed]


class Server:
    """`crctl serve` with the options that a file of commands asks for."""

    def __init__(self, crctl, options):
        self.scratch = tempfile.TemporaryDirectory()
        self.kubeconfig = pathlib.Path(self.scratch.name) / "kubeconfig"
        self.ready = pathlib.Path(self.scratch.name) / "ready"
        self.process = subprocess.Popen(
            [crctl, "serve", "--kubeconfig-out", self.kubeconfig, "--ready-file", self.ready, *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                print("ci/kubectl/compare.py: crctl serve did not start", file=sys.stderr)
                sys.exit(3)
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.scratch.cleanup()


def write_outputs(name, outputs):
    with open(HERE / "outputs" / name, "w", encoding="utf-8") as file:
        for command, lines in outputs:
            file.write("".join(f"{line}\n" for line in [f"$ {command}", *lines, ""]))


def read_outputs(name):
    outputs = []
    for line in (HERE / "outputs" / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("$ "):
            outputs.append((line[2:], []))
        elif line:
            outputs[-1][1].append(line)
    return outputs


class Accepted:
    """Lines that may differ. An entry that covers no difference is a mistake."""

    def __init__(self, name):
        entries = yaml.safe_load((HERE / "accepted.yaml").read_text()) or []
        self.rules = [(re.compile(entry["line"]), command)
                      for entry in entries for command in entry["commands"].get(name, [])]
        self.used = set()

    def without(self, command, recorded, now):
        """Both outputs without the lines that an entry names, if they differ there."""
        for rule in self.rules:
            if rule[1] != command:
                continue
            left = [[line for line in lines if not rule[0].search(line)] for lines in (recorded, now)]
            dropped = [[line for line in lines if rule[0].search(line)] for lines in (recorded, now)]
            if dropped[0] != dropped[1]:
                self.used.add(rule)
                recorded, now = left
        return recorded, now

    def unused(self):
        return [rule for rule in self.rules if rule not in self.used]


def compare(name, outputs):
    recorded, accepted, failed = read_outputs(name), Accepted(name), 0
    if [command for command, _ in recorded] != [command for command, _ in outputs]:
        print(f"outputs/{name} is of other commands than commands/{name}: record it anew")
        return 1
    for (command, before), (_, now) in zip(recorded, outputs):
        before, now = accepted.without(command, before, now)
        if before != now:
            failed += 1
            print(f"{name}: kubectl {command}")
            for line in list(difflib.unified_diff(before, now, lineterm="", n=0))[2:]:
                if not line.startswith("@@"):
                    print(f"    {line}")
    for pattern, command in accepted.unused():
        failed += 1
        print(f"accepted.yaml: {name}: {command}: no line that differs matches {pattern.pattern}")
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubectl", required=True)
    parser.add_argument("--crctl", help="compare with `crctl serve`")
    parser.add_argument("--record", metavar="KUBECONFIG", type=pathlib.Path,
                        help="write outputs anew from this stock server, which is fresh")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    failed = count = 0
    for name in options.files or sorted(path.name for path in (HERE / "commands").iterdir()):
        serve, listed = commands(name)
        count += len(listed)
        if options.record:
            write_outputs(name, run_all(options.kubectl, options.record.resolve(), listed))
            continue
        with Server(options.crctl, serve) as server:
            failed += compare(name, run_all(options.kubectl, server.kubeconfig, listed))
    print(f"ci/kubectl/compare.py: {count} commands, {failed} print other than against a stock server")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
