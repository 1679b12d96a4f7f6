# SPDX-License-Identifier: Apache-2.0
"""Compares recorded answers with given ones, and knows which differences are accepted."""
import fnmatch
import json

import yaml

ABSENT = "(absent)"


def differences(theirs, ours, path=""):
    """(field, theirs, ours) for each leaf that differs."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in list(theirs) + [key for key in ours if key not in theirs]:
            yield from differences(theirs.get(key, ABSENT), ours.get(key, ABSENT),
                                   f"{path}.{key}" if path else key)
    elif isinstance(theirs, list) and isinstance(ours, list):
        for index in range(max(len(theirs), len(ours))):
            yield from differences(theirs[index] if index < len(theirs) else ABSENT,
                                   ours[index] if index < len(ours) else ABSENT,
                                   f"{path}[{index}]")
    elif theirs != ours or isinstance(theirs, bool) != isinstance(ours, bool):
        yield path, theirs, ours


def shown(value):
    text = value if value == ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 600 else text[:600] + "…"


class Accepted:
    """The entries of accepted.yaml: a file, a request and a field, each with * and ?."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.entries = yaml.safe_load(file) or []
        self.used = set()
        for number, entry in enumerate(self.entries):
            if set(entry) != {"file", "request", "field", "reason"}:
                raise ValueError(f"{path}: entry {number + 1}: wants file, request, field, reason")

    def covers(self, file, request, field):
        covered = False
        for number, entry in enumerate(self.entries):
            values = (file, request, field)
            patterns = (entry["file"], entry["request"], entry["field"])
            if all(matches(value, pattern) for value, pattern in zip(values, patterns)):
                self.used.add(number)
                covered = True
        return covered

    def unused(self, files):
        """Entries for these files that covered nothing: they are no longer true."""
        return [entry for number, entry in enumerate(self.entries) if number not in self.used
                and any(fnmatch.fnmatchcase(file, entry["file"]) for file in files)]


def matches(value, pattern):
    # Brackets are indexes of lists here, and no sets of characters.
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))
