# SPDX-License-Identifier: Apache-2.0
"""Makes answers of two servers comparable.

What a server chooses (uids, resourceVersions, times, addresses, ports, suffixes) is replaced by a
word; a value that returns gets the same word, so that answers still say which things are equal.
Values that stand in the file of requests were chosen by the client, and stay.
"""
import base64
import json
import re

import yaml

UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
GO_LAYOUT = "2006-01-02T15:04:05"  # how Go spells a format of time in its errors
ADDRESS = re.compile(r"\b10\.\d+\.\d+\.\d+\b")
JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
GENERATED = re.compile(r"[bcdfghjklmnpqrstvwxz2456789]{5}")
SUFFIX = re.compile(rf"(kube-api-access)-{GENERATED.pattern}\b")
AGE = re.compile(r"^(<invalid>|\d+[smhd](\d+[smhd])?)$")
REVISION = re.compile(
    r"((?:resource version|resourceVersion|ResourceVersion|current|record)[^\w]{1,6})\d+")
LARGE_NUMBER = re.compile(r"\d{3,}")
GO_DIFF = re.compile(r"\n(@@|  ).*", re.DOTALL)
NODE_PORTS = range(30000, 32768)


class Normaliser:
    """One for each run of a file: a value that returns gets the word that it got first."""

    def __init__(self, text, names):
        self.text, self.names = text, names
        self.seen, self.counts, self.request = {}, {}, ""

    def word(self, kind, value):
        """A value is named after the request whose answer showed it first, so that one answer
        that differs does not change the words of those after it."""
        known = self.seen.setdefault(kind, {})
        if value not in known:
            count = self.counts[kind] = self.counts.get(kind, 0) + 1
            number = "" if count == 1 else f" {count}"
            known[value] = f"<{kind}{number} of {self.request}>"
        return known[value]

    def begin(self, request):
        self.request, self.counts = request, {}

    def answer(self, answer, step):
        """What is recorded of an answer."""
        result = {"code": answer.status}
        for header in ("Content-Type", "Retry-After", "ETag", "Vary"):
            value = answer.headers.get(header)
            if value is not None:
                result[header] = "present" if header == "ETag" else value
        warnings = answer.headers.get_all("Warning") if answer.headers else None
        if warnings:
            result["Warning"] = [self.string(text) for text in warnings]
        result["body"] = self.body(answer, step)
        return result

    def body(self, answer, step):
        if answer.body.startswith(b"k8s\0"):
            return self.tree(wire(answer.body[4:]))
        tree = answer.json()
        if tree is None and "yaml" in answer.headers.get("Content-Type", ""):
            tree = yaml.load(answer.body, yaml.CBaseLoader)
        if tree is None:
            return self.string(answer.body.decode("utf-8", "replace"))
        if step.get("order"):
            return key_order(tree)
        return self.tree(tree)

    def event(self, line):
        try:
            return self.tree(json.loads(line))
        except ValueError:
            return self.string(line.decode("utf-8", "replace"))

    def tree(self, tree, key=""):
        if isinstance(tree, dict):
            return self.object(tree)
        if isinstance(tree, list):
            return [self.tree(value, key) for value in tree]
        if isinstance(tree, str):
            return self.string(tree)
        if key in ("nodePort", "healthCheckNodePort") and tree in NODE_PORTS:
            return tree if str(tree) in self.text else self.word("port", tree)
        return tree

    def object(self, tree):
        result = {}
        self.learn_generated_name(tree.get("metadata"))
        for key, value in tree.items():
            if key == "managedFields" and isinstance(value, list):
                result[key] = sorted((self.tree(entry) for entry in value), key=entry_order)
            elif key == "causes" and isinstance(value, list):
                result[key] = causes_in_order([self.tree(cause) for cause in value])
            elif key == "resourceVersion" and isinstance(value, str):
                result[key] = self.revision(tree, value)
            elif key == "continue" and isinstance(value, str) and value:
                result[key] = self.continue_token(value)
            elif key == "cells" and isinstance(value, list):
                result[key] = ["<age>" if isinstance(cell, str) and AGE.match(cell)
                               else self.tree(cell) for cell in value]
            else:
                result[self.string(key)] = self.tree(value, key)
        return result

    def learn_generated_name(self, metadata):
        if not isinstance(metadata, dict):
            return
        prefix, name = metadata.get("generateName"), metadata.get("name")
        if isinstance(prefix, str) and isinstance(name, str) and prefix and \
                GENERATED.fullmatch(name, len(prefix[:58])) and name.startswith(prefix[:58]):
            self.names[name] = prefix + "<suffix>"

    def was_sent(self, revision):
        """As a revision: other numbers of the file equal one of the server's by chance."""
        return re.search(rf"resourceVersion\W{{1,4}}{re.escape(revision)}(?!\w)", self.text) is not None

    def revision(self, metadata, value):
        """Objects' versions are told apart; a list has the server's, which others move too."""
        if not value or value == "0":
            return value
        if not ({"name", "uid", "namespace"} & metadata.keys()):
            return "<revision>"
        return value if self.was_sent(value) else self.word("revision", value)

    def continue_token(self, token):
        try:
            tree = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            tree["rv"] = "<revision>" if tree.get("rv", 0) > 0 else tree.get("rv")
            # Pages from a cache and from disk differ in the prefix; clients must not look.
            tree["start"] = tree.get("start", "").rsplit("/", 1)[-1]
            return self.tree(tree)
        except (ValueError, AttributeError):
            return self.string(token)

    def string(self, text):
        if not isinstance(text, str):
            return text
        for name, word in self.names.items():
            text = text.replace(name, word)
        text = JWT.sub("<token>", text)
        text = UID.sub(lambda match: self.word("uid", match.group()), text)
        for pattern, word in ((MICRO_TIME, "<micro time>"), (TIME, "<time>")):
            text = pattern.sub(lambda match, word=word: match.group()
                               if match.group() in self.text or
                               match.group().startswith(GO_LAYOUT) else word, text)
        text = ADDRESS.sub(lambda match: match.group() if match.group() in self.text
                           else self.word("address", match.group()), text)
        text = SUFFIX.sub(r"\1-<suffix>", text)
        text = REVISION.sub(lambda match: match.group()
                            if self.was_sent(match.group()[len(match.group(1)):])
                            else match.group(1) + "<revision>", text)
        # Some refusals end with what changed, as a dump of Go's structs.
        return GO_DIFF.sub("", text) if "Forbidden" in text else text


def entry_order(entry):
    """Entries of managedFields go by time, which has seconds: who was first is chance."""
    return (entry.get("operation", ""), entry.get("manager", ""), entry.get("subresource", ""),
            json.dumps(entry.get("fieldsV1"), sort_keys=True))


def causes_in_order(causes):
    """Conflicts of apply come in the order of a hash table."""
    if all(isinstance(cause, dict) and cause.get("reason") == "FieldManagerConflict"
           for cause in causes):
        return sorted(causes, key=lambda cause: json.dumps(cause, sort_keys=True))
    return causes


def key_order(tree):
    """The keys in the order in which they were written, as a text."""
    if isinstance(tree, dict):
        return "{" + ", ".join(key + key_order(value) for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(key_order(value) for value in tree) + "]"
    return ""


def wire(data):
    """A protobuf message without its schema, or the bytes when they are none."""
    fields, at = {}, 0
    try:
        while at < len(data):
            tag, at = read_varint(data, at)
            if tag & 7 == 0:
                value, at = read_varint(data, at)
                # Seconds since 1970 of our years: a time.
                value = "<time>" if 1_600_000_000 < value < 2_600_000_000 else value
            elif tag & 7 == 2:
                length, at = read_varint(data, at)
                part, at = data[at:at + length], at + length
                if len(part) != length:
                    raise ValueError
                value = text_or_message(part)
            else:
                raise ValueError
            if tag >> 3 == 0:
                raise ValueError
            fields.setdefault(str(tag >> 3), []).append(value)
    except (ValueError, IndexError):
        return data.hex()
    return fields


def text_or_message(part):
    try:
        text = part.decode()
        if text.isprintable():
            # Nothing says which field is a resourceVersion.
            return "<revision>" if LARGE_NUMBER.fullmatch(text) else text
    except UnicodeDecodeError:
        pass
    return wire(part)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("varint of more than ten bytes")
