/* SPDX-License-Identifier: Apache-2.0 */
/* Of template_dump.h: the Go types of a pod template, as reflection shows those of k8s.io/api 0.34.
 * Fields in their order: the name, the type, and the name in JSON where it is not the first one
 * with a small letter; "." means that it is inlined. A type that is another name of a scalar has it
 * behind "=". */
#include "fakeapi/cluster/template_dump_parts.h"

#include "core/base/base.h"

const struct go_type template_types[] = {
    {SV("time.Time"), SV("wall uint64;ext int64;loc *time.Location")},
    {SV("v1.AWSElasticBlockStoreVolumeSource"),
     SV("VolumeID string;FSType string fsType;Partition int32;ReadOnly bool")},
    {SV("v1.Affinity"), SV("NodeAffinity *v1.NodeAffinity;PodAffinity "
                           "*v1.PodAffinity;PodAntiAffinity *v1.PodAntiAffinity")},
    {SV("v1.AppArmorProfile"), SV("Type v1.AppArmorProfileType=string;LocalhostProfile *string")},
    {SV("v1.AzureDiskVolumeSource"), SV("DiskName string;DataDiskURI string diskURI;CachingMode "
                                        "*v1.AzureDataDiskCachingMode;FSType *string "
                                        "fsType;ReadOnly *bool;Kind *v1.AzureDataDiskKind")},
    {SV("v1.AzureFileVolumeSource"), SV("SecretName string;ShareName string;ReadOnly bool")},
    {SV("v1.CSIVolumeSource"),
     SV("Driver string;ReadOnly *bool;FSType *string fsType;VolumeAttributes "
        "map[string]string;NodePublishSecretRef *v1.LocalObjectReference")},
    {SV("v1.Capabilities"), SV("Add []v1.Capability;Drop []v1.Capability")},
    {SV("v1.CephFSVolumeSource"), SV("Monitors []string;Path string;User string;SecretFile "
                                     "string;SecretRef *v1.LocalObjectReference;ReadOnly bool")},
    {SV("v1.CinderVolumeSource"),
     SV("VolumeID string;FSType string fsType;ReadOnly bool;SecretRef *v1.LocalObjectReference")},
    {SV("v1.ClusterTrustBundleProjection"), SV("Name *string;SignerName *string;LabelSelector "
                                               "*v1.LabelSelector;Optional *bool;Path string")},
    {SV("v1.ConfigMapEnvSource"),
     SV("LocalObjectReference v1.LocalObjectReference .;Optional *bool")},
    {SV("v1.ConfigMapKeySelector"),
     SV("LocalObjectReference v1.LocalObjectReference .;Key string;Optional *bool")},
    {SV("v1.ConfigMapProjection"),
     SV("LocalObjectReference v1.LocalObjectReference .;Items []v1.KeyToPath;Optional *bool")},
    {SV("v1.ConfigMapVolumeSource"), SV("LocalObjectReference v1.LocalObjectReference .;Items "
                                        "[]v1.KeyToPath;DefaultMode *int32;Optional *bool")},
    {SV("v1.Container"),
     SV("Name string;Image string;Command []string;Args []string;WorkingDir string;Ports "
        "[]v1.ContainerPort;EnvFrom []v1.EnvFromSource;Env []v1.EnvVar;Resources "
        "v1.ResourceRequirements;ResizePolicy []v1.ContainerResizePolicy;RestartPolicy "
        "*v1.ContainerRestartPolicy;RestartPolicyRules []v1.ContainerRestartRule;VolumeMounts "
        "[]v1.VolumeMount;VolumeDevices []v1.VolumeDevice;LivenessProbe *v1.Probe;ReadinessProbe "
        "*v1.Probe;StartupProbe *v1.Probe;Lifecycle *v1.Lifecycle;TerminationMessagePath "
        "string;TerminationMessagePolicy v1.TerminationMessagePolicy=string;ImagePullPolicy "
        "v1.PullPolicy=string;SecurityContext *v1.SecurityContext;Stdin bool;StdinOnce bool;TTY "
        "bool tty")},
    {SV("v1.ContainerPort"), SV("Name string;HostPort int32;ContainerPort int32;Protocol "
                                "v1.Protocol=string;HostIP string")},
    {SV("v1.ContainerResizePolicy"),
     SV("ResourceName v1.ResourceName=string;RestartPolicy v1.ResourceResizeRestartPolicy=string")},
    {SV("v1.ContainerRestartRule"), SV("Action v1.ContainerRestartRuleAction=string;ExitCodes "
                                       "*v1.ContainerRestartRuleOnExitCodes")},
    {SV("v1.ContainerRestartRuleOnExitCodes"),
     SV("Operator v1.ContainerRestartRuleOnExitCodesOperator=string;Values []int32")},
    {SV("v1.DownwardAPIProjection"), SV("Items []v1.DownwardAPIVolumeFile")},
    {SV("v1.DownwardAPIVolumeFile"),
     SV("Path string;FieldRef *v1.ObjectFieldSelector;ResourceFieldRef "
        "*v1.ResourceFieldSelector;Mode *int32")},
    {SV("v1.DownwardAPIVolumeSource"), SV("Items []v1.DownwardAPIVolumeFile;DefaultMode *int32")},
    {SV("v1.EmptyDirVolumeSource"),
     SV("Medium v1.StorageMedium=string;SizeLimit *resource.Quantity")},
    {SV("v1.EnvFromSource"),
     SV("Prefix string;ConfigMapRef *v1.ConfigMapEnvSource;SecretRef *v1.SecretEnvSource")},
    {SV("v1.EnvVar"), SV("Name string;Value string;ValueFrom *v1.EnvVarSource")},
    {SV("v1.EnvVarSource"),
     SV("FieldRef *v1.ObjectFieldSelector;ResourceFieldRef "
        "*v1.ResourceFieldSelector;ConfigMapKeyRef *v1.ConfigMapKeySelector;SecretKeyRef "
        "*v1.SecretKeySelector;FileKeyRef *v1.FileKeySelector")},
    {SV("v1.EphemeralContainer"),
     SV("EphemeralContainerCommon v1.EphemeralContainerCommon .;TargetContainerName string")},
    {SV("v1.EphemeralContainerCommon"),
     SV("Name string;Image string;Command []string;Args []string;WorkingDir string;Ports "
        "[]v1.ContainerPort;EnvFrom []v1.EnvFromSource;Env []v1.EnvVar;Resources "
        "v1.ResourceRequirements;ResizePolicy []v1.ContainerResizePolicy;RestartPolicy "
        "*v1.ContainerRestartPolicy;RestartPolicyRules []v1.ContainerRestartRule;VolumeMounts "
        "[]v1.VolumeMount;VolumeDevices []v1.VolumeDevice;LivenessProbe *v1.Probe;ReadinessProbe "
        "*v1.Probe;StartupProbe *v1.Probe;Lifecycle *v1.Lifecycle;TerminationMessagePath "
        "string;TerminationMessagePolicy v1.TerminationMessagePolicy=string;ImagePullPolicy "
        "v1.PullPolicy=string;SecurityContext *v1.SecurityContext;Stdin bool;StdinOnce bool;TTY "
        "bool tty")},
    {SV("v1.EphemeralVolumeSource"), SV("VolumeClaimTemplate *v1.PersistentVolumeClaimTemplate")},
    {SV("v1.ExecAction"), SV("Command []string")},
    {SV("v1.FCVolumeSource"),
     SV("TargetWWNs []string;Lun *int32;FSType string fsType;ReadOnly bool;WWIDs []string wwids")},
    {SV("v1.FileKeySelector"), SV("VolumeName string;Path string;Key string;Optional *bool")},
    {SV("v1.FlexVolumeSource"),
     SV("Driver string;FSType string fsType;SecretRef *v1.LocalObjectReference;ReadOnly "
        "bool;Options map[string]string")},
    {SV("v1.FlockerVolumeSource"), SV("DatasetName string;DatasetUUID string")},
    {SV("v1.GCEPersistentDiskVolumeSource"),
     SV("PDName string pdName;FSType string fsType;Partition int32;ReadOnly bool")},
    {SV("v1.GRPCAction"), SV("Port int32;Service *string")},
    {SV("v1.GitRepoVolumeSource"), SV("Repository string;Revision string;Directory string")},
    {SV("v1.GlusterfsVolumeSource"),
     SV("EndpointsName string endpoints;Path string;ReadOnly bool")},
    {SV("v1.HTTPGetAction"), SV("Path string;Port intstr.IntOrString;Host string;Scheme "
                                "v1.URIScheme=string;HTTPHeaders []v1.HTTPHeader httpHeaders")},
    {SV("v1.HTTPHeader"), SV("Name string;Value string")},
    {SV("v1.HostAlias"), SV("IP string ip;Hostnames []string")},
    {SV("v1.HostPathVolumeSource"), SV("Path string;Type *v1.HostPathType")},
    {SV("v1.ISCSIVolumeSource"),
     SV("TargetPortal string;IQN string iqn;Lun int32;ISCSIInterface string iscsiInterface;FSType "
        "string fsType;ReadOnly bool;Portals []string;DiscoveryCHAPAuth bool "
        "chapAuthDiscovery;SessionCHAPAuth bool chapAuthSession;SecretRef "
        "*v1.LocalObjectReference;InitiatorName *string")},
    {SV("v1.ImageVolumeSource"), SV("Reference string;PullPolicy v1.PullPolicy=string")},
    {SV("v1.KeyToPath"), SV("Key string;Path string;Mode *int32")},
    {SV("v1.LabelSelector"),
     SV("MatchLabels map[string]string;MatchExpressions []v1.LabelSelectorRequirement")},
    {SV("v1.LabelSelectorRequirement"),
     SV("Key string;Operator v1.LabelSelectorOperator=string;Values []string")},
    {SV("v1.Lifecycle"),
     SV("PostStart *v1.LifecycleHandler;PreStop *v1.LifecycleHandler;StopSignal *v1.Signal")},
    {SV("v1.LifecycleHandler"),
     SV("Exec *v1.ExecAction;HTTPGet *v1.HTTPGetAction httpGet;TCPSocket *v1.TCPSocketAction "
        "tcpSocket;Sleep *v1.SleepAction")},
    {SV("v1.LocalObjectReference"), SV("Name string")},
    {SV("v1.NFSVolumeSource"), SV("Server string;Path string;ReadOnly bool")},
    {SV("v1.NodeAffinity"), SV("RequiredDuringSchedulingIgnoredDuringExecution "
                               "*v1.NodeSelector;PreferredDuringSchedulingIgnoredDuringExecution "
                               "[]v1.PreferredSchedulingTerm")},
    {SV("v1.NodeSelector"), SV("NodeSelectorTerms []v1.NodeSelectorTerm")},
    {SV("v1.NodeSelectorRequirement"),
     SV("Key string;Operator v1.NodeSelectorOperator=string;Values []string")},
    {SV("v1.NodeSelectorTerm"),
     SV("MatchExpressions []v1.NodeSelectorRequirement;MatchFields []v1.NodeSelectorRequirement")},
    {SV("v1.ObjectFieldSelector"), SV("APIVersion string apiVersion;FieldPath string")},
    {SV("v1.ObjectMeta"),
     SV("Name string;GenerateName string;Namespace string;SelfLink string;UID types.UID=string "
        "uid;ResourceVersion string;Generation int64;CreationTimestamp v1.Time;DeletionTimestamp "
        "*v1.Time;DeletionGracePeriodSeconds *int64;Labels map[string]string;Annotations "
        "map[string]string;OwnerReferences []v1.OwnerReference;Finalizers []string;ManagedFields "
        "[]v1.ManagedFieldsEntry")},
    {SV("v1.OwnerReference"), SV("APIVersion string apiVersion;Kind string;Name string;UID "
                                 "types.UID=string uid;Controller *bool;BlockOwnerDeletion *bool")},
    {SV("v1.PersistentVolumeClaimSpec"),
     SV("AccessModes []v1.PersistentVolumeAccessMode;Selector *v1.LabelSelector;Resources "
        "v1.VolumeResourceRequirements;VolumeName string;StorageClassName *string;VolumeMode "
        "*v1.PersistentVolumeMode;DataSource *v1.TypedLocalObjectReference;DataSourceRef "
        "*v1.TypedObjectReference;VolumeAttributesClassName *string")},
    {SV("v1.PersistentVolumeClaimTemplate"),
     SV("ObjectMeta v1.ObjectMeta metadata;Spec v1.PersistentVolumeClaimSpec")},
    {SV("v1.PersistentVolumeClaimVolumeSource"), SV("ClaimName string;ReadOnly bool")},
    {SV("v1.PhotonPersistentDiskVolumeSource"), SV("PdID string;FSType string fsType")},
    {SV("v1.PodAffinity"),
     SV("RequiredDuringSchedulingIgnoredDuringExecution "
        "[]v1.PodAffinityTerm;PreferredDuringSchedulingIgnoredDuringExecution "
        "[]v1.WeightedPodAffinityTerm")},
    {SV("v1.PodAffinityTerm"),
     SV("LabelSelector *v1.LabelSelector;Namespaces []string;TopologyKey string;NamespaceSelector "
        "*v1.LabelSelector;MatchLabelKeys []string;MismatchLabelKeys []string")},
    {SV("v1.PodAntiAffinity"),
     SV("RequiredDuringSchedulingIgnoredDuringExecution "
        "[]v1.PodAffinityTerm;PreferredDuringSchedulingIgnoredDuringExecution "
        "[]v1.WeightedPodAffinityTerm")},
    {SV("v1.PodCertificateProjection"),
     SV("SignerName string;KeyType string;MaxExpirationSeconds *int32;CredentialBundlePath "
        "string;KeyPath string;CertificateChainPath string")},
    {SV("v1.PodDNSConfig"),
     SV("Nameservers []string;Searches []string;Options []v1.PodDNSConfigOption")},
    {SV("v1.PodDNSConfigOption"), SV("Name string;Value *string")},
    {SV("v1.PodOS"), SV("Name v1.OSName=string")},
    {SV("v1.PodReadinessGate"), SV("ConditionType v1.PodConditionType=string")},
    {SV("v1.PodResourceClaim"),
     SV("Name string;ResourceClaimName *string;ResourceClaimTemplateName *string")},
    {SV("v1.PodSchedulingGate"), SV("Name string")},
    {SV("v1.PodSecurityContext"),
     SV("SELinuxOptions *v1.SELinuxOptions seLinuxOptions;WindowsOptions "
        "*v1.WindowsSecurityContextOptions;RunAsUser *int64;RunAsGroup *int64;RunAsNonRoot "
        "*bool;SupplementalGroups []int64;SupplementalGroupsPolicy "
        "*v1.SupplementalGroupsPolicy;FSGroup *int64 fsGroup;Sysctls "
        "[]v1.Sysctl;FSGroupChangePolicy *v1.PodFSGroupChangePolicy "
        "fsGroupChangePolicy;SeccompProfile *v1.SeccompProfile;AppArmorProfile "
        "*v1.AppArmorProfile;SELinuxChangePolicy *v1.PodSELinuxChangePolicy seLinuxChangePolicy")},
    {SV("v1.PodSpec"),
     SV("Volumes []v1.Volume;InitContainers []v1.Container;Containers "
        "[]v1.Container;EphemeralContainers []v1.EphemeralContainer;RestartPolicy "
        "v1.RestartPolicy=string;TerminationGracePeriodSeconds *int64;ActiveDeadlineSeconds "
        "*int64;DNSPolicy v1.DNSPolicy=string dnsPolicy;NodeSelector "
        "map[string]string;ServiceAccountName string;DeprecatedServiceAccount string "
        "serviceAccount;AutomountServiceAccountToken *bool;NodeName string;HostNetwork "
        "bool;HostPID bool;HostIPC bool;ShareProcessNamespace *bool;SecurityContext "
        "*v1.PodSecurityContext;ImagePullSecrets []v1.LocalObjectReference;Hostname "
        "string;Subdomain string;Affinity *v1.Affinity;SchedulerName string;Tolerations "
        "[]v1.Toleration;HostAliases []v1.HostAlias;PriorityClassName string;Priority "
        "*int32;DNSConfig *v1.PodDNSConfig dnsConfig;ReadinessGates "
        "[]v1.PodReadinessGate;RuntimeClassName *string;EnableServiceLinks *bool;PreemptionPolicy "
        "*v1.PreemptionPolicy;Overhead v1.ResourceList;TopologySpreadConstraints "
        "[]v1.TopologySpreadConstraint;SetHostnameAsFQDN *bool;OS *v1.PodOS os;HostUsers "
        "*bool;SchedulingGates []v1.PodSchedulingGate;ResourceClaims "
        "[]v1.PodResourceClaim;Resources *v1.ResourceRequirements;HostnameOverride *string")},
    {SV("v1.PodTemplateSpec"), SV("ObjectMeta v1.ObjectMeta metadata;Spec v1.PodSpec")},
    {SV("v1.PortworxVolumeSource"), SV("VolumeID string;FSType string fsType;ReadOnly bool")},
    {SV("v1.PreferredSchedulingTerm"), SV("Weight int32;Preference v1.NodeSelectorTerm")},
    {SV("v1.Probe"), SV("ProbeHandler v1.ProbeHandler .;InitialDelaySeconds int32;TimeoutSeconds "
                        "int32;PeriodSeconds int32;SuccessThreshold int32;FailureThreshold "
                        "int32;TerminationGracePeriodSeconds *int64")},
    {SV("v1.ProbeHandler"), SV("Exec *v1.ExecAction;HTTPGet *v1.HTTPGetAction httpGet;TCPSocket "
                               "*v1.TCPSocketAction tcpSocket;GRPC *v1.GRPCAction grpc")},
    {SV("v1.ProjectedVolumeSource"), SV("Sources []v1.VolumeProjection;DefaultMode *int32")},
    {SV("v1.QuobyteVolumeSource"),
     SV("Registry string;Volume string;ReadOnly bool;User string;Group string;Tenant string")},
    {SV("v1.RBDVolumeSource"), SV("CephMonitors []string monitors;RBDImage string image;FSType "
                                  "string fsType;RBDPool string pool;RadosUser string user;Keyring "
                                  "string;SecretRef *v1.LocalObjectReference;ReadOnly bool")},
    {SV("v1.ResourceClaim"), SV("Name string;Request string")},
    {SV("v1.ResourceFieldSelector"),
     SV("ContainerName string;Resource string;Divisor resource.Quantity")},
    {SV("v1.ResourceRequirements"),
     SV("Limits v1.ResourceList;Requests v1.ResourceList;Claims []v1.ResourceClaim")},
    {SV("v1.SELinuxOptions"), SV("User string;Role string;Type string;Level string")},
    {SV("v1.ScaleIOVolumeSource"),
     SV("Gateway string;System string;SecretRef *v1.LocalObjectReference;SSLEnabled bool "
        "sslEnabled;ProtectionDomain string;StoragePool string;StorageMode string;VolumeName "
        "string;FSType string fsType;ReadOnly bool")},
    {SV("v1.SeccompProfile"), SV("Type v1.SeccompProfileType=string;LocalhostProfile *string")},
    {SV("v1.SecretEnvSource"), SV("LocalObjectReference v1.LocalObjectReference .;Optional *bool")},
    {SV("v1.SecretKeySelector"),
     SV("LocalObjectReference v1.LocalObjectReference .;Key string;Optional *bool")},
    {SV("v1.SecretProjection"),
     SV("LocalObjectReference v1.LocalObjectReference .;Items []v1.KeyToPath;Optional *bool")},
    {SV("v1.SecretVolumeSource"),
     SV("SecretName string;Items []v1.KeyToPath;DefaultMode *int32;Optional *bool")},
    {SV("v1.SecurityContext"),
     SV("Capabilities *v1.Capabilities;Privileged *bool;SELinuxOptions *v1.SELinuxOptions "
        "seLinuxOptions;WindowsOptions *v1.WindowsSecurityContextOptions;RunAsUser "
        "*int64;RunAsGroup *int64;RunAsNonRoot *bool;ReadOnlyRootFilesystem "
        "*bool;AllowPrivilegeEscalation *bool;ProcMount *v1.ProcMountType;SeccompProfile "
        "*v1.SeccompProfile;AppArmorProfile *v1.AppArmorProfile")},
    {SV("v1.ServiceAccountTokenProjection"),
     SV("Audience string;ExpirationSeconds *int64;Path string")},
    {SV("v1.SleepAction"), SV("Seconds int64")},
    {SV("v1.StorageOSVolumeSource"), SV("VolumeName string;VolumeNamespace string;FSType string "
                                        "fsType;ReadOnly bool;SecretRef *v1.LocalObjectReference")},
    {SV("v1.Sysctl"), SV("Name string;Value string")},
    {SV("v1.TCPSocketAction"), SV("Port intstr.IntOrString;Host string")},
    {SV("v1.Time"), SV("Time time.Time .")},
    {SV("v1.Toleration"), SV("Key string;Operator v1.TolerationOperator=string;Value string;Effect "
                             "v1.TaintEffect=string;TolerationSeconds *int64")},
    {SV("v1.TopologySpreadConstraint"),
     SV("MaxSkew int32;TopologyKey string;WhenUnsatisfiable "
        "v1.UnsatisfiableConstraintAction=string;LabelSelector *v1.LabelSelector;MinDomains "
        "*int32;NodeAffinityPolicy *v1.NodeInclusionPolicy;NodeTaintsPolicy "
        "*v1.NodeInclusionPolicy;MatchLabelKeys []string")},
    {SV("v1.TypedLocalObjectReference"), SV("APIGroup *string apiGroup;Kind string;Name string")},
    {SV("v1.TypedObjectReference"),
     SV("APIGroup *string apiGroup;Kind string;Name string;Namespace *string")},
    {SV("v1.Volume"), SV("Name string;VolumeSource v1.VolumeSource .")},
    {SV("v1.VolumeDevice"), SV("Name string;DevicePath string")},
    {SV("v1.VolumeMount"),
     SV("Name string;ReadOnly bool;RecursiveReadOnly *v1.RecursiveReadOnlyMode;MountPath "
        "string;SubPath string;MountPropagation *v1.MountPropagationMode;SubPathExpr string")},
    {SV("v1.VolumeProjection"),
     SV("Secret *v1.SecretProjection;DownwardAPI *v1.DownwardAPIProjection;ConfigMap "
        "*v1.ConfigMapProjection;ServiceAccountToken "
        "*v1.ServiceAccountTokenProjection;ClusterTrustBundle "
        "*v1.ClusterTrustBundleProjection;PodCertificate *v1.PodCertificateProjection")},
    {SV("v1.VolumeResourceRequirements"), SV("Limits v1.ResourceList;Requests v1.ResourceList")},
    {SV("v1.VolumeSource"),
     SV("HostPath *v1.HostPathVolumeSource;EmptyDir *v1.EmptyDirVolumeSource;GCEPersistentDisk "
        "*v1.GCEPersistentDiskVolumeSource gcePersistentDisk;AWSElasticBlockStore "
        "*v1.AWSElasticBlockStoreVolumeSource awsElasticBlockStore;GitRepo "
        "*v1.GitRepoVolumeSource;Secret *v1.SecretVolumeSource;NFS *v1.NFSVolumeSource nfs;ISCSI "
        "*v1.ISCSIVolumeSource iscsi;Glusterfs *v1.GlusterfsVolumeSource;PersistentVolumeClaim "
        "*v1.PersistentVolumeClaimVolumeSource;RBD *v1.RBDVolumeSource rbd;FlexVolume "
        "*v1.FlexVolumeSource;Cinder *v1.CinderVolumeSource;CephFS *v1.CephFSVolumeSource "
        "cephfs;Flocker *v1.FlockerVolumeSource;DownwardAPI *v1.DownwardAPIVolumeSource;FC "
        "*v1.FCVolumeSource fc;AzureFile *v1.AzureFileVolumeSource;ConfigMap "
        "*v1.ConfigMapVolumeSource;VsphereVolume *v1.VsphereVirtualDiskVolumeSource;Quobyte "
        "*v1.QuobyteVolumeSource;AzureDisk *v1.AzureDiskVolumeSource;PhotonPersistentDisk "
        "*v1.PhotonPersistentDiskVolumeSource;Projected *v1.ProjectedVolumeSource;PortworxVolume "
        "*v1.PortworxVolumeSource;ScaleIO *v1.ScaleIOVolumeSource;StorageOS "
        "*v1.StorageOSVolumeSource storageos;CSI *v1.CSIVolumeSource csi;Ephemeral "
        "*v1.EphemeralVolumeSource;Image *v1.ImageVolumeSource")},
    {SV("v1.VsphereVirtualDiskVolumeSource"),
     SV("VolumePath string;FSType string fsType;StoragePolicyName string;StoragePolicyID string")},
    {SV("v1.WeightedPodAffinityTerm"), SV("Weight int32;PodAffinityTerm v1.PodAffinityTerm")},
    {SV("v1.WindowsSecurityContextOptions"),
     SV("GMSACredentialSpecName *string gmsaCredentialSpecName;GMSACredentialSpec *string "
        "gmsaCredentialSpec;RunAsUserName *string;HostProcess *bool")},
};
const size_t template_type_count = COUNT_OF(template_types);
