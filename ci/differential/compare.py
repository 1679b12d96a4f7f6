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
    """accepted.yaml: reasons, each with the fields and, by file, the requests that it covers.
    Fields and requests may hold * and ?; without `fields` all of them are meant."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            entries = yaml.safe_load(file) or []
        self.rules, self.used = [], set()
        for number, entry in enumerate(entries, 1):
            if set(entry) - {"fields"} != {"reason", "requests"}:
                raise ValueError(f"{path}: entry {number}: wants reason, requests and maybe fields")
            for name, requests in entry["requests"].items():
                self.rules += [(name, request, entry.get("fields", ["*"]), entry["reason"])
                               for request in requests]

    def covers(self, file, request, field):
        covered = False
        for number, (name, pattern, fields, _) in enumerate(self.rules):
            if file == name and matches(request, pattern) and \
                    any(matches(field, each) for each in fields):
                self.used.add(number)
                covered = True
        return covered

    def unused(self, files):
        """What covered nothing in these files: it is no longer true."""
        return [f"{name}: {request} ({reason})"
                for number, (name, request, _, reason) in enumerate(self.rules)
                if number not in self.used and name in files]


def matches(value, pattern):
    # Brackets are indexes of lists here, and no sets of characters.
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))
