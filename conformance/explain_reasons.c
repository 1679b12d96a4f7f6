/* SPDX-License-Identifier: Apache-2.0 */
/* What docs/conditions.md says of each reason, to the letter: explain_test.c compares the two. */
#include "conformance/explain.h"

/* Rows are as long as their sentences. */
/* clang-format off */
#define ROW(reason, text) {{"" reason, sizeof(reason) - 1}, {"" text, sizeof(text) - 1}}
static const struct {
    struct sv reason, text;
} rows[] = {
    ROW("ClassNotFound", "the class that `spec.runtimeClassName` names does not exist. Create it, or correct the name; the runtime goes on by itself. A runtime that served before goes on serving: its pods are judged by their workloads, `Synced` gives the reason, and mounts that an edit asks for wait, while the Dataset stays `Bound` with those it had. Mounts that went with a container cannot be made again without the class: after 30 seconds the Dataset is `Failed` with this reason, until the class is back. A pause does the same."),
    ROW("DatasetNotFound", "there is no Dataset of the runtime's name in its namespace. Create it."),
    ROW("DatasetDeleting", "the Dataset is being deleted and was never bound to this runtime. Make it again, or delete the runtime."),
    ROW("MetadataMissing", "finalizers, owner reference and labels are being written. Passes in moments."),
    ROW("NameNotReadYet", "the controller asks the API server who has a name before it writes it. Passes in moments."),
    ROW("ObjectsPending", "config maps, services, workloads or the volume are being written. Passes in moments."),
    ROW("WriteRefused", "the API server refuses an object that the controller writes, or has not taken it three times in a row; the message names the object and gives the server's words: a quota, an admission policy or webhook, missing permissions, a template that Kubernetes finds invalid. `Synced` gives this reason too, and for a runtime that serves it alone. Correct what the message names; the controller tries again by itself, ever more rarely, at most five minutes apart, and at once after an edit."),
    ROW("ObjectTerminating", "an object that must be replaced is not gone yet. A finalizer on it may keep it."),
    ROW("PodsNotReady", "how many pods are ready of those that are asked for."),
    ROW("PodsReady", "how many pods are ready of those that are asked for."),
    ROW("PodUnschedulable", "no node takes a pod; the message is the scheduler's. Add nodes, or relax selectors, placement (`Exclusive` allows one worker of any Dataset a node) or resources."),
    ROW("PodNotStarting", "a container cannot start or keeps ending: an image that cannot be pulled, a crash, or a Secret of the Dataset that does not exist. The message names pod, container and, for Secrets, their names; the controller never reads Secrets itself."),
    ROW("NoReadyPod", "an execution entry has no pod that could run it."),
    ROW("CheckRunning", "checkRuntimeReady has not ended yet; it passed."),
    ROW("CheckPassed", "checkRuntimeReady has not ended yet; it passed."),
    ROW("CheckFailed", "checkRuntimeReady ended with another exit status than 0, could not be run, or took too long. Its output is in the message. It is tried again, ever more rarely, at most five minutes apart."),
    ROW("MountRunning", "mountUFS has not ended yet."),
    ROW("MountFailed", "mountUFS failed, or its answer does not name exactly the wanted paths. A script that reads `runtime.json` from a file sees an edit only when kubelet has refreshed the file (about a minute): let the entry read it from standard input."),
    ROW("Mounted", "all mounts are served; there is no pod yet that could mount, and none is needed until an application uses the volume."),
    ROW("WaitingForPod", "all mounts are served; there is no pod yet that could mount, and none is needed until an application uses the volume."),
    ROW("VolumeTerminating", "volume and claim are being removed."),
    ROW("ClaimPending", "the claim that applications mount is not bound to its volume yet, or was deleted; a pod that uses it starts once it is. The Dataset is Bound meanwhile. Passes in moments, or within the 15 s in which the cluster looks at all claims; else ask why the claim is not bound."),
    ROW("VolumeInUse", "a pod still uses the claim, so the runtime or the volume cannot go. The message names it; end it."),
    ROW("ReportRunning", "the first reportSummary is waited for before binding; a failure of it does not hold the binding up."),
    ROW("Binding", "the Dataset's status is being written."),
    ROW("NodesDiffer", "labels of nodes are being written."),
    ROW("PodsTerminating", "pods are not gone yet."),
    ROW("Deleting", "the runtime is being deleted; its objects go one after the other."),
    ROW("DatasetInUse", "the Dataset cannot go while a pod uses its volume or another Dataset refers to it."),
    ROW("Paused", "the annotation `cacheruntime.fluid.io/paused: \"true\"` keeps everything but the status from being written. The last verdict of checkRuntimeReady stands meanwhile. Remove it."),
    ROW("WaitsForRollout", "the class changed and the pods of this runtime keep what they have until its turn comes; see the class's status."),
    ROW("NoTopology", "the class declares nothing that could run, or the runtime disables all of it, or a template has no container."),
    ROW("NoComponent", "the class declares nothing that could run, or the runtime disables all of it, or a template has no container."),
    ROW("NoContainer", "the class declares nothing that could run, or the runtime disables all of it, or a template has no container."),
    ROW("WrongType", "a field has another type than it must have; the message names both."),
    ROW("LimitExceeded", "something is larger than the limit in the message."),
    ROW("NameTooLong", "the runtime's name, or a service's derived from it, is longer than names of generated objects allow (45 bytes for a runtime)."),
    ROW("DuplicateName", "two services or two config maps of the class have one name, or one has a name that the controller uses."),
    ROW("InvalidName",
        "a service or a config map of the class, a key of its data, or the Secret or key of an "
        "encrypt option has a name that Kubernetes does not take."),
    ROW("InvalidObject", "an object that class, runtime and Dataset ask for is one that the API server refuses: a port 0, two ports or volumes of one name, an environment variable without a name, a request above its limit, a client that mounts without being privileged, an access mode that there is none of. The message names the object, the place in it and what must be there. Nothing of a runtime that was not bound yet is made. Of one that serves the API server says it itself (`WriteRefused`), and the rest stays as it was; its volume does not go for one that would be refused."),
    ROW("UnknownWorkloadType", "`workloadType` is none that the controller knows."),
    ROW("UnknownUpdateStrategy", "a Deployment has no `OnDelete`."),
    ROW("ReplicasOfDaemonSet", "a DaemonSet has a pod on every node; `replicas` means nothing there."),
    ROW("ClassNotInterchangeable",
        "the runtime names another class than before, and that one has other components or runs "
        "them by other kinds of workloads. Nothing is changed: name the former class again, or "
        "make a new runtime for the other one."),
    ROW("EntryWithoutCommand", "an execution entry has neither a command nor a script."),
    ROW("UnknownConfigMap", "an entry or a dependency names a config map that `extraResources.configMaps` does not declare, or a key that it does not hold."),
    ROW("UnknownScript", "an entry or a dependency names a config map that `extraResources.configMaps` does not declare, or a key that it does not hold."),
    ROW("UnknownVolume", "a volume mount names a volume that neither the runtime nor the class has."),
    ROW("InvalidTieredStore", "a level has two media, fewer quotas than paths, a quota that is no quantity above zero, or a host path that leads elsewhere or is not allowed by `--host-path-prefixes`."),
    ROW("InvalidPath",
        "a mount's path holds `..`, or two mounts of the Dataset have one path; or a hostPath volume of "
        "the runtime is not allowed by `--host-path-prefixes`; or two "
        "`volumeMounts` of a component have one path, or one lies where the controller mounts something of its own: `runtime.json` in "
        "`/etc/fluid/config`, secrets, scripts, levels of the tiered store (`/dev/shm` where one is "
        "in memory), and for a client the cache itself; a config map that "
        "the class mounts has a path, and another one."),
    ROW("SecretIncomplete", "an encrypt option lacks the name or the key of its Secret."),
    ROW("ReferenceDataset", "a mount of `dataset://` is for a ThinRuntime."),
    ROW("DatasetBoundElsewhere", "another runtime serves the Dataset. Delete one of the two."),
    ROW("KeyConflict", "another runtime derives the same names (`a-b`/`c` and `a`/`b-c`). The message names it; it keeps them, nothing of it is touched. Rename one."),
    ROW("ForeignObject", "an object of somebody else has a name that is needed. Nothing of it is changed, and nothing else is made of a runtime that was not bound yet. Delete or rename it."),
    ROW("OtherController", "upstream's controller still runs and makes an AdvancedStatefulSet again that was taken over. Stop it, then delete the object with orphaned pods."),
    ROW("NotStalled", "the reason of `Stalled` while it is False."),
    ROW("Serving", "the cache serves."),
    ROW("ComponentDown", "the master has no ready majority, or no worker is ready, for 30 seconds (10 minutes while a rollout replaces pods). The Dataset is `Failed` until enough pods are back; then mounts are checked and it is `Bound` again by itself."),
    ROW("HealthCheckFailed", "checkRuntimeReady failed as many times in a row as `failureThreshold` says. The runtime is not ready from then on, and its Dataset is `Failed` when that lasts for 30 seconds (10 minutes while a rollout replaces pods). It is asked again every 10 seconds; the first success ends it."),
    ROW("ReportFailed", "reportSummary failed or printed no JSON object of strings. The last values stay. One that failed is tried again, ever more rarely, at most five minutes apart; one that printed something else is due as always."),
    ROW("FieldNotKept", "the API server, a webhook or an older schema drops or changes a field on every write. The controller stops writing it until the object or the wish changes; the message names the field."),
    ROW("LabelOverruled", "a label that the class's template or `podMetadata` asks for is one that the controller needs for itself, with another value: `cacheruntime.fluid.io/name` and `cacheruntime.fluid.io/component-name`, and of workers `fluid.io/dataset` and `fluid.io/dataset-placement`. Pods get the controller's, as upstream does it without a word; all else is as asked. The message names both values. Take the label out. Of a CacheRuntime or Dataset that came with another `fluid.io/dataset-id` an event tells, since that label is overwritten."),
    ROW("ImmutableFieldChanged", "a field changed that Kubernetes never changes. Workloads and services are made again; for volume and claim see `VolumeOutdated`."),
    ROW("VolumeDeleted", "somebody deleted volume or claim, which stay while a pod uses the claim. Both are made again once none does; what is mounted is served meanwhile."),
    ROW("ClientDisabled", "the client was disabled, and a pod still uses the claim. Volume and claim go when none does."),
    ROW("VolumeCurrent", "volume and claim are as asked."),
    ROW("Progressing", "the reasons of `Reconciling`."),
    ROW("Settled", "the reasons of `Reconciling`."),
};
#undef ROW
/* clang-format on */

struct sv explain_reason(struct sv reason) {
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (sv_eq(rows[i].reason, reason))
            return rows[i].text;
    return SV("");
}
