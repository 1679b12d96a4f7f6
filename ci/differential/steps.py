# SPDX-License-Identifier: Apache-2.0
"""Reads files of requests: README.md beside this file says what may stand in them."""
import base64
import copy
import json
import os
import re

import yaml


class Loader(yaml.CSafeLoader):
    """YAML 1.2's idea of plain scalars: dates and the words yes, no, on, off are strings."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules
            if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for first, rules in yaml.CSafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), "tf")

FILE_KEYS = {"about", "controllers", "define", "requests"}
STEP_KEYS = {"name", "do", "body", "text", "base64", "protobuf", "type", "accept", "headers", "as",
             "save", "until", "watch", "events", "only", "ignore", "order", "silent", "each", "set",
             "unset", "patch", "pad"}
PATCH_TYPES = {"json": "application/json-patch+json", "merge": "application/merge-patch+json",
               "strategic": "application/strategic-merge-patch+json",
               "apply": "application/apply-patch+yaml"}


class BadFile(Exception):
    pass


def load(path):
    """A file's header and its requests, `each` written out."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        tree = yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise BadFile(f"{path}: {error}") from error
    unknown = set(tree) - FILE_KEYS
    if unknown:
        raise BadFile(f"{path}: unknown key {sorted(unknown)[0]}; known: {sorted(FILE_KEYS)}")
    steps, names = [], set()
    for number, written in enumerate(tree["requests"]):
        for step in expand(written):
            step.setdefault("name", f"{number}: {step.get('do', '')}")
            check_step(path, step, names)
            steps.append(step)
    return {"path": path, "stem": os.path.basename(path)[:-len(".yaml")], "text": text,
            "controllers": tree.get("controllers", False), "steps": steps}


def check_step(path, step, names):
    unknown = set(step) - STEP_KEYS
    if unknown:
        raise BadFile(f"{path}: {step['name']}: unknown key {sorted(unknown)[0]}")
    if "do" not in step and "events" not in step:
        raise BadFile(f"{path}: {step['name']}: has neither do nor events")
    if step["name"] in names:
        raise BadFile(f"{path}: the name \"{step['name']}\" occurs twice")
    names.add(step["name"])


def expand(written):
    """One request, or one for each entry of `each`: its base with fields set and unset."""
    if "each" not in written:
        yield finish(copy.deepcopy(written))
        return
    for number, variant in enumerate(written["each"], 1):
        step = copy.deepcopy({key: value for key, value in written.items() if key != "each"})
        for key, value in variant.items():
            if key == "name":
                step["name"] = f"{written['name']}: {value}"
            elif key in ("set", "headers"):
                step[key] = {**step.get(key, {}), **copy.deepcopy(value)}
            else:
                step[key] = copy.deepcopy(value)
        # $n in an object's name makes each one an object of its own.
        yield finish(replace_in_tree(step, lambda text: re.sub(r"\$n\b", str(number), text)))


def finish(step):
    for path, value in step.pop("set", {}).items():
        step["body"] = put(step["body"], parse_path(path), value)
    for path in step.pop("unset", []):
        drop(step["body"], parse_path(path))
    if "patch" in step:
        step["type"] = PATCH_TYPES[step.pop("patch")]
    return step


def parse_path(path):
    """spec.containers[0].name and metadata.labels["a.b/c"] as a list of keys and indexes."""
    parts = []
    for key, index, quoted in re.findall(r'([^.\[\]]+)(?=[.\[]|$)|\[(\d+)\]|\["([^"]+)"\]', path):
        parts.append(int(index) if index else quoted or key)
    return parts


def put(tree, parts, value):
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(first, int):
        tree = tree if isinstance(tree, list) else []
        while len(tree) <= first:
            tree.append({})
        tree[first] = put(tree[first], rest, value)
        return tree
    tree = tree if isinstance(tree, dict) else {}
    tree[first] = put(tree.get(first), rest, value)
    return tree


def drop(tree, parts):
    for part in parts[:-1]:
        tree = tree[part]
    del tree[parts[-1]]


def lookup(tree, parts):
    """The value at a path, or None."""
    for part in parts:
        if isinstance(part, int):
            if not isinstance(tree, list) or part >= len(tree):
                return None
            tree = tree[part]
        elif isinstance(tree, dict):
            tree = tree.get(part)
        else:
            return None
    return tree


def protobuf(fields):
    """A message from a map of field numbers: texts, maps (messages), integers; lists repeat."""
    data = b""
    for number, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, bool) or isinstance(value, int):
                data += varint(number << 3) + varint(int(value) & (2**64 - 1))
                continue
            part = protobuf(value) if isinstance(value, dict) else value.encode()
            data += varint(number << 3 | 2) + varint(len(part)) + part
    return data


def varint(value):
    data = b""
    while value > 127:
        data += bytes([value & 127 | 128])
        value >>= 7
    return data + bytes([value])


def encode_body(step, replace):
    """The bytes to send and their media type; `replace` fills in variables."""
    if "protobuf" in step:
        wrapped = step["protobuf"]
        head = protobuf({1: {1: wrapped["apiVersion"], 2: wrapped["kind"]}})
        message = replace_in_tree(wrapped["message"], replace)
        return b"k8s\0" + head + protobuf({2: message}), "application/vnd.kubernetes.protobuf"
    if "base64" in step:
        return base64.b64decode(step["base64"]), "application/vnd.kubernetes.protobuf"
    if "text" in step:
        return replace(step["text"]).encode().ljust(step.get("pad", 0)), "application/json"
    if "body" in step:
        return json.dumps(replace_in_tree(step["body"], replace)).encode(), "application/json"
    return None, None


def replace_in_tree(tree, replace):
    if isinstance(tree, dict):
        return {replace(key) if isinstance(key, str) else key: replace_in_tree(value, replace)
                for key, value in tree.items()}
    if isinstance(tree, list):
        return [replace_in_tree(value, replace) for value in tree]
    return replace(tree) if isinstance(tree, str) else tree
