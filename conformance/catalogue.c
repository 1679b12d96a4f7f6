/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue: one row for each check that this tool executes, in the order of reports. Ids
 * and slugs are stable; an id is never used for something else.
 */
#include "conformance/check.h"

#define L OBSERVED_BY_LINT
#define S OBSERVED_BY_SIM
#define X OBSERVED_BY_SANDBOX

/* Rows are as long as their sentences. */
/* clang-format off */
static const struct check checks[] = {
#define ROW(id, slug, category, level, observed_by, title, remediation)                            \
    {SV(id), SV(slug), SV(category), CHECK_##level, (observed_by), SV("1.0"), SV(title), SV(remediation)},

/* schema */
ROW("SCH-001", "schema-valid", "schema", MUST, L, "Class and samples have the required fields, the right types and allowed values.", "Write the field with the type and one of the values that the API accepts.")
ROW("SCH-002", "no-unknown-field", "schema", MUST, L, "No field is unknown to the API at any depth; the API server would drop it silently.", "Rename the field to the one that the API has, or remove it.")
ROW("SCH-003", "no-yaml-surprise", "schema", MUST, L, "No key is written twice, options are strings, and no plain scalar is read as something else.", "Put the value in quotes; keep one of two equal keys.")
ROW("SCH-004", "template-metadata", "schema", SHOULD, L, "Nothing is expected from template.metadata that the API drops.", "Move labels and annotations to podMetadata of the CacheRuntime, and remove the rest.")
ROW("SCH-005", "pod-template-valid", "schema", MUST, L, "Pod templates pass the validation of pods, which the class's schema does not do.", "Change the pod template so that a pod made from it would be accepted.")
ROW("SCH-006", "names-and-sizes", "schema", MUST, L, "Names and keys are legal; the class is at most 256 KiB and each ConfigMap below 1 MiB.", "Use lower-case DNS names, and move large content into the image.")
ROW("SCH-007", "round-trip", "schema", SHOULD, S, "What is sent to the API server is what it stores.", "Remove or rename the fields that the API server dropped or changed.")
/* topology */
ROW("TOPO-001", "has-component", "topology", MUST, L, "The class declares at least one component.", "Declare topology.master, topology.worker or topology.client with a pod template.")
ROW("TOPO-002", "supported-shape", "topology", MUST, L, "The combination of components is one that the target supports.", "Choose a combination that the target supports, or certify for --target cacheruntime.")
ROW("TOPO-003", "undeclared-components", "topology", MUST, L, "Samples give nothing for components that the class does not declare, and disable them where the target needs it.", "Set spec.<component>.disabled: true in the samples.")
ROW("TOPO-004", "disabled-components", "topology", SHOULD, S, "With a declared component disabled the runtime binds or says clearly why not.", "Let the other components start without it.")
ROW("TOPO-005", "entries-where-read", "topology", MUST, L, "Execution entries stand on components where the target reads them.", "Move the entry to the component that serves it.")
ROW("TOPO-006", "clientless-access", "topology", SHOULD, L, "A class without a client says how applications reach the cache.", "Add the annotation cacheruntime.io/access with the address that applications use.")
ROW("TOPO-007", "declares-vendor-and-version", "topology", SHOULD, L, "Vendor and version of the class are declared by label or annotation.", "Add the annotations cacheruntime.io/vendor and cacheruntime.io/version.")
/* workload */
ROW("WORK-001", "first-container", "workload", MUST, L, "The first container is the cache process: only this one is configured.", "List the cache process first and sidecars after it.")
ROW("WORK-002", "other-containers", "workload", MUST, L, "Containers behind the first do not need the configuration, which only the first gets.", "Do the work in the first container or the first init container.")
ROW("WORK-003", "fixed-image", "workload", SHOULD, L, "Images have a fixed tag or digest.", "Name a released version instead of no tag or latest.")
ROW("WORK-004", "image-override", "workload", SHOULD, L, "Overriding the image changes everything that must change with it.", "Make the init container independent of the version: the override changes the first container only.")
ROW("WORK-005", "resources", "workload", SHOULD, L, "Requests and limits are set.", "Set resources.requests and resources.limits in the template.")
ROW("WORK-006", "environment-names", "workload", MUST, L, "No variable FLUID_* is redefined and no name is given twice.", "Rename the variable; those named FLUID_* are set by the framework.")
ROW("WORK-007", "variables-resolve", "workload", MUST, L, "Each $(VAR) in command, args and env is defined before it is used.", "Define the variable in env above its use, or write $$(VAR) for the text itself.")
ROW("WORK-008", "host-ports", "workload", MUST, L, "With the host's network, DNS works and ports can be changed.", "Set dnsPolicy: ClusterFirstWithHostNet and make each port an option.")
ROW("WORK-009", "schedulable", "workload", SHOULD, L, "Nothing in the template contradicts the placement of workers.", "Leave placement to the Dataset's nodeAffinity and the runtime's nodeSelector.")
ROW("WORK-010", "workload-type", "workload", MUST, L, "The workload kind is supported and fits replicas and update strategy.", "Use StatefulSet, DaemonSet or Deployment of apps/v1; a DaemonSet has no replicas, a Deployment no OnDelete.")
/* service */
ROW("SVC-001", "service-declared", "service", MUST, L, "A component that uses its service name declares a service.", "Add service: {headless: {}} or services to the component.")
ROW("SVC-002", "no-service-variables", "service", SHOULD, L, "Nothing relies on ports of a service that has none.", "Take host names from runtime.json and ports from options, or declare services with ports.")
ROW("SVC-004", "no-cluster-domain", "service", SHOULD, L, "No cluster domain is written out.", "Use the short name <pod>.<service>, which the search list completes.")
ROW("SVC-005", "service-ports", "service", MUST, L, "Declared services have distinct names and ports that the containers offer.", "Name each port, and let targetPort be a port of the template.")
/* volume */
ROW("VOL-001", "config-maps-defined", "volume", MUST, L, "Each dependency ConfigMap is defined in extraResources.", "Define the ConfigMap in extraResources.configMaps, or correct its name.")
ROW("VOL-002", "no-foreign-object", "volume", MUST, L, "Templates name no ConfigMap, Secret, claim or service account that nobody provides.", "Bring the ConfigMap in extraResources, and let users add the rest in the CacheRuntime.")
ROW("VOL-003", "no-path-twice", "volume", MUST, L, "No two mounts share a path, those of the framework included.", "Choose another mountPath.")
ROW("VOL-004", "no-volume-twice", "volume", MUST, L, "No volume is mounted twice where the target keeps one mount for each volume.", "Use a volume of its own for each mount.")
ROW("VOL-005", "config-map-names", "volume", SHOULD, L, "Names of extra ConfigMaps carry the class's name: they are made in users' namespaces.", "Put the class's name in front of the ConfigMap's.")
/* hardening */
ROW("HARD-001", "servers-unprivileged", "hardening", SHOULD, L, "Master and worker are not privileged and add no capability.", "Remove the privilege, which only a FUSE client needs.")
ROW("HARD-002", "client-privileged", "hardening", MUST, L, "A FUSE client is privileged, since mounts propagate from privileged containers only.", "Set securityContext.privileged: true in the client's first container.")
ROW("HARD-003", "restricted", "hardening", SHOULD, L, "Master and worker run as a user other than root, without privilege escalation and capabilities.", "Set runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities.drop: [ALL] and seccompProfile.type: RuntimeDefault.")
ROW("HARD-004", "no-token", "hardening", SHOULD, L, "No service account token is mounted where it is not used.", "Set automountServiceAccountToken: false.")
ROW("HARD-006", "no-recursive-delete", "hardening", MUST, L, "No script deletes below the target path, where a live mount would lose data.", "Unmount first, and remove empty folders with rmdir.")
ROW("HARD-007", "no-download", "hardening", SHOULD, L, "Scripts install nothing and leave the system's files alone.", "Put what is needed into the image.")
/* secrets */
ROW("SEC-001", "no-credential", "secrets", MUST, L, "Class and samples hold no credential.", "Take it from a Secret through encryptOptions of the Dataset.")
ROW("SEC-002", "secret-mounted", "secrets", MUST, L, "A component whose scripts read encryptOptions has the Secrets mounted.", "Set dependencies.secretMount: {enabled: true} on the component.")
/* readiness */
ROW("RDY-001", "master-readiness", "readiness", MUST, L, "A master with mountUFS has a readiness probe: the entry runs right after readiness.", "Add a readinessProbe that fails until mounts can be made.")
ROW("RDY-002", "worker-readiness", "readiness", SHOULD, L, "Workers have a readiness probe.", "Add a readinessProbe that succeeds when the worker is registered and serves.")
ROW("RDY-003", "client-readiness", "readiness", SHOULD, L, "A FUSE client's readiness probe looks at the mount.", "Add a readinessProbe that runs stat or mountpoint on $FLUID_RUNTIME_MOUNT_PATH.")
ROW("RDY-004", "probe-timing", "readiness", SHOULD, L, "Readiness is asked early, and a slow start is not killed by the liveness probe.", "Keep initialDelaySeconds at 10 or less and cover slow starts by a startupProbe.")
ROW("RDY-005", "liveness-differs", "readiness", SHOULD, L, "Liveness asks something else than readiness, and probes name ports that exist.", "Let liveness ask the process only, not the store behind it.")
/* execution */
ROW("EXEC-001", "command-guard", "execution", MUST, L, "Commands of entries pass the target's guard.", "Put the logic into a script in the image and call it by its path.")
ROW("EXEC-002", "program-exists", "execution", MUST, L | X, "The program of an entry exists in the first container and is executable.", "Use the script form of the entry, or call a program of the image by its path.")
ROW("EXEC-013", "script-exists", "execution", MUST, L, "A script entry names a ConfigMap of extraResources and a key in it.", "Define the key in extraResources.configMaps, or correct the reference.")
ROW("EXEC-014", "entry-limits", "execution", MUST, L, "Each entry has a command or a script within the limits.", "Give either command or script, at most 64 arguments and 32 KiB, and a timeout of at most 3600 s.")
/* portability */
ROW("PORT-001", "name-length", "portability", MUST, L, "Names of the samples are short enough for every name derived from them.", "Choose a shorter name, or shorten names of services and ConfigMaps in the class.")
ROW("PORT-002", "samples-valid", "portability", MUST, L, "Samples use this class.", "Set spec.runtimeClassName of the sample to the class's name, and give a Dataset of the same name.")
ROW("PORT-003", "needs-declared", "portability", SHOULD, L, "What the class needs from nodes is declared.", "Name it in the annotation cacheruntime.io/requires.")
ROW("PORT-005", "two-runtimes", "portability", MUST, S, "Two runtimes of the class coexist in one namespace and in two.", "Remove what two runtimes would share: host ports and fixed paths on the host.")
/* data operations */
ROW("DOP-001", "dataload-runnable", "data-operations", MUST, L, "The DataLoad entry has a command or args, and an image.", "Give image and command of the DataLoad entry.")
ROW("DOP-006", "operations-supported", "data-operations", SHOULD, L, "Data operations are ones that the target honours, each given once.", "Remove the entry.")
/* upgrades */
ROW("UPG-001", "changes-announced", "portability", SHOULD, L, "What a new version of the class does to the runtimes of the one before it is announced by its version.", "Change the label or annotation that ends in /version, or leave names, data and templates as they were.")
/* deletion, static side */
ROW("DEL-002", "client-unmounts", "deletion", MUST, L, "A FUSE client unmounts when it stops.", "Add lifecycle.preStop that unmounts the target path; a trap set before exec is never reached.")
ROW("DEL-003", "prestop-uses-environment", "deletion", MUST, L, "preStop takes the target path from the environment.", "Write sh -c 'umount -l \"$FLUID_RUNTIME_MOUNT_PATH\" || true'.")
/* lifecycle, in simulation */
ROW("BIND-001", "binds", "lifecycle", MUST, S, "Each sample reaches Bound.", "See what the runtime waits for in the message.")
ROW("BIND-002", "binds-after-failures", "lifecycle", MUST, S, "Bound is reached although mountUFS fails or hangs at first.", "Make mountUFS repeatable: it is run again until it succeeds.")
ROW("FLT-001", "single-faults", "lifecycle", MUST, S, "Each sample reaches Bound, with the same objects, whatever single fault meets whatever request of the controller.", "Let what the class brings stand being created again: fixed names, and entries that may run twice.")
ROW("CTL-001", "controller-restart", "lifecycle", MUST, S, "A restart of the controller changes nothing.", "Let entries answer the same when they are run again.")
ROW("SCALE-001", "scale-workers", "lifecycle", MUST, S, "Workers scale from one to three and back.", "Take a worker's identity from its ordinal.")
ROW("SCALE-003", "scale-to-zero", "lifecycle", SHOULD, S, "Workers scale to zero and back.", "Tolerate that there is no worker.")
ROW("MNT-001", "mount-added", "lifecycle", MUST, S, "A mount that is added while bound is mounted without a restart.", "Let mountUFS read runtime.json each time it runs.")
ROW("MNT-003", "mounts-restored", "lifecycle", MUST, S, "After a restart of the master all mounts are restored.", "Let mountUFS mount everything that is wanted and not mounted.")
ROW("MNT-004", "mount-changed", "lifecycle", SHOULD, S | X, "A changed mount is applied.", "Compare options and mountPoint, not only the path.")
ROW("EXEC-008", "mount-removed", "execution", MUST, S | X, "A removed mount is unmounted and no longer listed.", "Unmount what runtime.json no longer lists.")
ROW("HLTH-001", "container-restart", "lifecycle", MUST, S, "A restart of any container is recovered from without help.", "Do not format existing data at start.")
ROW("HLTH-003", "node-loss", "lifecycle", SHOULD, S, "The loss of a node is survived.", "Let the other pods serve on.")
ROW("UPG-002", "image-change", "lifecycle", MUST, S, "A changed image keeps names, volumes and identity.", "Start on existing data.")
ROW("DEL-004", "nothing-left", "deletion", MUST, S, "After deletion nothing that the class brought is left.", "Remove what outlives the runtime in cleanCache.")
ROW("DEL-005", "delete-one-of-two", "deletion", SHOULD, S, "Deleting one of two runtimes leaves the other intact.", "Share nothing but extra ConfigMaps between runtimes.")
ROW("PERF-001", "request-budget", "lifecycle", SHOULD, S, "Requests until Bound are within the budget, and none are written at rest.", "Let entries print the same output while nothing changes.")

/* scripts, in the sandbox */
ROW("CONF-001", "config-path", "configuration", MUST, X, "The configuration is read from $FLUID_RUNTIME_CONFIG_PATH, wherever that is, and each container starts with the sample.", "Read the path from FLUID_RUNTIME_CONFIG_PATH, and let the start succeed with the sample.")
ROW("CONF-002", "facts-arrive", "configuration", MUST, X, "Each changed fact of runtime.json (options, mounts, target path, services) changes what the scripts do.", "Take the value from runtime.json instead of writing it out.")
ROW("CONF-003", "omitted-keys", "configuration", MUST, X, "Keys that are omitted when they are empty may be missing.", "Treat a missing key as an empty value.")
ROW("CONF-004", "real-json", "configuration", MUST, X, "runtime.json is read as JSON: any order of keys, white space, escapes and characters.", "Use a JSON parser instead of patterns over the text.")
ROW("CONF-005", "unknown-keys", "configuration", MUST, X, "Unknown keys in runtime.json are ignored.", "Ignore what the script does not know: later versions add keys.")
ROW("CONF-006", "any-name", "configuration", MUST, X, "Scripts do the same under any name and in any namespace.", "Take names from the environment or runtime.json.")
ROW("CONF-007", "strings-stay", "configuration", MUST, X, "Options are strings and stay what they are.", "Write the value as it is, in quotes, or refuse it; do not turn it into a number.")
ROW("EXEC-003", "mount-output", "execution", MUST, X, "mountUFS prints one JSON object {\"mounted\": [paths]} on stdout, and nothing else.", "Send everything else to stderr.")
ROW("EXEC-004", "mount-list", "execution", MUST, X, "mountUFS lists exactly the wanted paths, for none, one and many mounts.", "Print the path of each mount of runtime.json, and compare paths as a whole.")
ROW("EXEC-005", "mount-idempotent", "execution", MUST, X, "Ten runs of mountUFS give the same result and mount nothing twice.", "Leave what is mounted already as it is, and exit with status 0.")
ROW("EXEC-006", "mount-failure", "execution", MUST, X, "A mount that fails makes mountUFS fail, with a reason on stderr.", "Check the status of each command; `exit` in a pipeline's loop ends only the loop.")
ROW("EXEC-007", "entries-end", "execution", MUST, X, "Entries end in time when the engine hangs, and leave no process behind.", "Call the engine's command through timeout, with less time than the entry has.")
ROW("EXEC-009", "report-output", "execution", MUST, X, "reportSummary prints one JSON object with known keys and strings as values.", "Put each value in quotes, and use the keys that the documentation lists.")
ROW("HARD-005", "no-injection", "hardening", MUST, X, "No text of a user is run as a command.", "Put variables in double quotes, and never give them to eval or to a sourced file.")
ROW("SEC-003", "secrets-kept", "secrets", MUST, X, "No secret is printed or written to a file that everybody can read.", "Write files with secrets under umask 077, and do not print what holds them.")
ROW("SEC-004", "secrets-off-command-lines", "secrets", SHOULD, X, "No secret is on a command line, where every process can read it.", "Give the secret in a file, on standard input or in the environment.")
ROW("TIER-001", "all-tiers", "tiered-store", MUST, X, "Each level and path of the tiered store reaches the worker's configuration with its quota; where all is memory, other levels are refused with a reason.", "Write each mountPath with its quota, not only the first one.")
ROW("TIER-002", "quota-spellings", "tiered-store", MUST, X, "Quotas are read to the byte in every spelling of a quantity.", "Multiply by the suffix: Ki, Mi, Gi are powers of 1024, k, M, G of 1000.")

#undef ROW
};
/* clang-format on */

const struct check *catalogue_at(size_t index) {
    return index < COUNT_OF(checks) ? &checks[index] : NULL;
}

const struct check *catalogue_find(struct sv id) {
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        if (sv_eq(checks[i].id, id))
            return &checks[i];
    }
    return NULL;
}

struct sv catalogue_version(void) {
    return SV("1.0");
}
