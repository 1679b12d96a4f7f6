# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with a control plane while caches are made: its API server is killed, and the
leader of two controllers is. After each the same objects as ever, nothing twice, nothing left."""
import re
import signal

from harness import (
    Failed, check, create_cache, dataset_path, metrics, no_writes_for, owned_objects, phase, runtime_path,
    wait_bound, wait_for)

CACHES = 4
REST_SECONDS = 3
LEADS = 'leader_election_master_status{name="cache.data.fluid.io"}'
ELECTION = [
    "--enable-leader-election", "--leader-election-lease-duration=3s",
    "--leader-election-renew-deadline=2s", "--leader-election-retry-period=500ms",
    "--leader-election-namespace", "default"]
# Generated, or the same only by chance.
RANDOM_LABELS = {"controller-revision-hash", "pod-template-generation"}


def shape(api, name):
    """What there is of a cache, without its name and what is random."""
    found = {}
    for key, (labels, replicas, data) in owned_objects(api).items():
        if re.search(rf"\b{name}\b", key):
            labels = {k: v for k, v in labels.items() if k not in RANDOM_LABELS}
            found[key.replace(name, "NAME")] = repr((labels, replicas, data)).replace(name, "NAME")
    return found


def begin(api, names):
    """Caches in the middle of their making."""
    for name in names:
        create_cache(api, name)
    wait_for("some work", lambda: any(shape(api, name) for name in names))
    unbound = [name for name in names if phase(api, name) != "Bound"]
    check(unbound, "all caches were Bound before anything could happen")
    print(f"{len(unbound)} of {len(names)} caches are not Bound yet", flush=True)


def finish(api, names, expected):
    """All of them become what an undisturbed one is."""
    for name in names:
        wait_bound(api, name)
        try:
            wait_for(f"{name} to be as if nothing had happened",
                     lambda name=name: shape(api, name) == expected)
        except Failed as failure:
            other = sorted(set(expected.items()) ^ set(shape(api, name).items()))
            raise Failed(f"{failure}; what differs: {other}") from None


def remove(api, names):
    for name in names:
        api.delete(runtime_path(name))
        api.delete(dataset_path(name))
    for name in names:
        wait_for(f"everything of {name} to go", lambda name=name: not (
            api.get(runtime_path(name)) or api.get(dataset_path(name)) or shape(api, name)))


def names_of(word):
    return [f"{word}-{number}" for number in range(CACHES)]


def calm_shape(api, daemon):
    """Of a cache that nothing happens to."""
    create_cache(api, "calm")
    wait_bound(api, "calm")
    check(no_writes_for(daemon, REST_SECONDS), "the controller goes on writing")
    found = shape(api, "calm")
    remove(api, ["calm"])
    return found


def server_killed(plane, api, daemon, expected):
    names = names_of("outage")
    begin(api, names)
    plane.restart_server()
    finish(api, names, expected)
    check(no_writes_for(daemon, REST_SECONDS), "the controller goes on writing")
    remove(api, names)


def leader_killed(bench, plane, api, expected):
    """And a standby takes over, which did nothing before."""
    names = names_of("takeover")
    leader = bench.control(plane.kubeconfig, *ELECTION)
    wait_for("a leader", lambda: metrics(leader)[LEADS] == 1)
    standby = bench.control(plane.kubeconfig, *ELECTION)
    begin(api, names)
    check(metrics(standby)[LEADS] == 0, "both lead")
    leader.end(signal.SIGKILL)
    finish(api, names, expected)
    check(metrics(standby)[LEADS] == 1, "nobody leads")
    check(no_writes_for(standby, REST_SECONDS), "the controller goes on writing")
    remove(api, names)
    check(standby.end() == 0, "the standby's exit status")
