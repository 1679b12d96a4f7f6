// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func pointer[T any](value T) *T { return &value }

// Objects of the kinds that operators own, each with fields of every wire type that it has.
func ownedObjects() []client.Object {
	labels := map[string]string{"app": "typed"}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	amounts := corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("64Mi")}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"note": "ü"}},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: pointer(int64(7)),
			NodeSelector:                  map[string]string{"none": "such"},
			Tolerations:                   []corev1.Toleration{{Key: "a", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: pointer(int64(9))}},
			Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
				PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{Weight: 3,
					PodAffinityTerm: corev1.PodAffinityTerm{LabelSelector: selector, TopologyKey: "zone"}}}}},
			TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{MaxSkew: 2, TopologyKey: "zone",
				WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: selector}},
			SecurityContext: &corev1.PodSecurityContext{RunAsUser: pointer(int64(1000)), FSGroup: pointer(int64(0)),
				Sysctls: []corev1.Sysctl{{Name: "kernel.x", Value: "1"}}},
			Volumes: []corev1.Volume{
				{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
					LocalObjectReference: corev1.LocalObjectReference{Name: "c"}, DefaultMode: pointer(int32(0o400)),
					Items: []corev1.KeyToPath{{Key: "k", Path: "p", Mode: pointer(int32(0))}}}}},
				{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
					Medium: "Memory", SizeLimit: pointer(resource.MustParse("1Gi"))}}},
				{Name: "all", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
					Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
						Audience: "a", ExpirationSeconds: pointer(int64(3607)), Path: "token"}}}}}},
			},
			InitContainers: []corev1.Container{{Name: "side", Image: "i", RestartPolicy: pointer(corev1.ContainerRestartPolicyAlways)}},
			Containers: []corev1.Container{{
				Name: "main", Image: "i:1", Args: []string{"", "b"}, Resources: corev1.ResourceRequirements{Requests: amounts, Limits: amounts},
				Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}},
				Env: []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", ValueFrom: &corev1.EnvVarSource{
					FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}},
				ReadinessProbe: &corev1.Probe{PeriodSeconds: 3, ProbeHandler: corev1.ProbeHandler{
					HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromString("web"), Path: "/up"}}},
				LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 8080}}},
				Lifecycle:     &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 1}}},
			}},
		},
	}
	once := *template.DeepCopy()
	once.Spec.RestartPolicy = corev1.RestartPolicyNever
	once.Spec.InitContainers = nil
	claim := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "typed"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{"ReadWriteOnce"}, StorageClassName: pointer(""),
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("1.5Gi")}}}}
	job := batchv1.JobSpec{Suspend: pointer(true), BackoffLimit: pointer(int32(0)), Completions: pointer(int32(2)),
		CompletionMode: pointer(batchv1.IndexedCompletion), Template: once, TTLSecondsAfterFinished: pointer(int32(0))}
	rules := []rbacv1.PolicyRule{{APIGroups: []string{"", "apps"}, Resources: []string{"*"}, Verbs: []string{"get"}, ResourceNames: []string{"x"}}}
	port := []networkingv1.NetworkPolicyPort{{Port: pointer(intstr.FromInt32(53)), Protocol: pointer(corev1.ProtocolUDP), EndPort: pointer(int32(60))}}
	return []client.Object{
		&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: pointer(int32(0)), Selector: selector, Template: template,
			Strategy: appsv1.DeploymentStrategy{Type: "RollingUpdate", RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxSurge: pointer(intstr.FromString("30%")), MaxUnavailable: pointer(intstr.FromInt32(0))}}}},
		&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: pointer(int32(0)), Selector: selector, Template: template, ServiceName: "s",
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{claim}, PodManagementPolicy: "Parallel",
			UpdateStrategy: appsv1.StatefulSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: pointer(int32(2))}}}},
		&appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template, MinReadySeconds: 4}},
		&batchv1.Job{Spec: job},
		&batchv1.CronJob{Spec: batchv1.CronJobSpec{Schedule: "0 0 1 1 *", TimeZone: pointer("Europe/Berlin"), Suspend: pointer(true),
			JobTemplate: batchv1.JobTemplateSpec{Spec: job}, StartingDeadlineSeconds: pointer(int64(5))}},
		&corev1.Service{Spec: corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{
			{Name: "a", Port: 80, TargetPort: intstr.FromString("web")}, {Name: "b", Port: 53, Protocol: "UDP", TargetPort: intstr.FromInt32(5353)}}}},
		&claim,
		&corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{Capacity: corev1.ResourceList{"storage": resource.MustParse("3Gi")},
			AccessModes: []corev1.PersistentVolumeAccessMode{"ReadOnlyMany"}, StorageClassName: "other", PersistentVolumeReclaimPolicy: "Retain",
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: "d.x.io", VolumeHandle: "h", VolumeAttributes: map[string]string{"k": "v"}}}}},
		&corev1.Secret{Type: "Opaque", Data: map[string][]byte{"k": {0, 255, 10}, "empty": {}}},
		&corev1.ConfigMap{Data: map[string]string{"k": "v"}, BinaryData: map[string][]byte{"b": {0}}, Immutable: pointer(true)},
		&corev1.ServiceAccount{AutomountServiceAccountToken: pointer(false), ImagePullSecrets: []corev1.LocalObjectReference{{Name: "x"}}},
		&corev1.ResourceQuota{Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"count/leases.coordination.k8s.io": resource.MustParse("100")}}},
		&corev1.LimitRange{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: "PersistentVolumeClaim",
			Max: corev1.ResourceList{"storage": resource.MustParse("10Ti")}}}}},
		&rbacv1.Role{Rules: rules},
		&rbacv1.ClusterRole{Rules: append(rules, rbacv1.PolicyRule{NonResourceURLs: []string{"/x"}, Verbs: []string{"get"}})},
		&rbacv1.RoleBinding{RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "typed"},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "typed", Namespace: "default"}}},
		&autoscalingv2.HorizontalPodAutoscaler{Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 3,
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "none", APIVersion: "apps/v1"},
			Metrics: []autoscalingv2.MetricSpec{{Type: "Resource", Resource: &autoscalingv2.ResourceMetricSource{Name: "cpu",
				Target: autoscalingv2.MetricTarget{Type: "Utilization", AverageUtilization: pointer(int32(50))}}}}}},
		&policyv1.PodDisruptionBudget{Spec: policyv1.PodDisruptionBudgetSpec{Selector: selector, MaxUnavailable: pointer(intstr.FromString("10%"))}},
		&networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{PodSelector: *selector, PolicyTypes: []networkingv1.PolicyType{"Egress"},
			Egress: []networkingv1.NetworkPolicyEgressRule{{Ports: port, To: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{
				CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}}}}}}},
		&networkingv1.Ingress{Spec: networkingv1.IngressSpec{IngressClassName: pointer("none"), Rules: []networkingv1.IngressRule{{Host: "x.example",
			IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
				Path: "/", PathType: pointer(networkingv1.PathTypePrefix), Backend: networkingv1.IngressBackend{
					Service: &networkingv1.IngressServiceBackend{Name: "s", Port: networkingv1.ServiceBackendPort{Number: 80}}}}}}}}}}},
		&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: pointer("me"), LeaseDurationSeconds: pointer(int32(15)),
			RenewTime: &metav1.MicroTime{Time: time.Unix(1767225600, 123456000)}}},
		&discoveryv1.EndpointSlice{AddressType: "IPv4", Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"192.0.2.1"},
			Conditions: discoveryv1.EndpointConditions{Ready: pointer(false)}, NodeName: pointer("n")}},
			Ports: []discoveryv1.EndpointPort{{Name: pointer(""), Port: pointer(int32(80)), Protocol: pointer(corev1.ProtocolTCP)}}},
		&schedulingv1.PriorityClass{Value: -5, PreemptionPolicy: pointer(corev1.PreemptNever)},
		&storagev1.StorageClass{Provisioner: "p.x.io", VolumeBindingMode: pointer(storagev1.VolumeBindingWaitForFirstConsumer),
			AllowVolumeExpansion: pointer(true), Parameters: map[string]string{"a": "b"}},
		&corev1.Pod{Spec: once.Spec},
	}
}

// The path of the first thing in `sent` that `made` has otherwise; "" when there is none.
func lost(path string, sent, made any) string {
	switch sent := sent.(type) {
	case map[string]any:
		other, _ := made.(map[string]any)
		for key, value := range sent {
			if key == "kind" || key == "apiVersion" {
				if strings.Contains(path, "volumeClaimTemplates") {
					continue // protobuf has no place for them there
				}
			}
			if below := lost(path+"."+key, value, other[key]); below != "" && value != nil {
				return below
			}
		}
		return ""
	case []any:
		other, _ := made.([]any)
		for i, value := range sent {
			if i >= len(other) {
				return fmt.Sprintf("%s[%d]", path, i)
			}
			if below := lost(fmt.Sprintf("%s[%d]", path, i), value, other[i]); below != "" {
				return below
			}
		}
		return ""
	}
	if reflect.DeepEqual(sent, made) {
		return ""
	}
	return fmt.Sprintf("%s: %v became %v", path, sent, made)
}

func differs(sent, made client.Object) string {
	before, err := runtime.DefaultUnstructuredConverter.ToUnstructured(sent)
	if err != nil {
		return err.Error()
	}
	after, err := runtime.DefaultUnstructuredConverter.ToUnstructured(made)
	if err != nil {
		return err.Error()
	}
	return lost(reflect.TypeOf(sent).Elem().String(), before, after)
}

// Each kind is the same however it travels, and keeps what was sent.
func (s *steps) kindsTravelAsProtobuf() error {
	only := rest.CopyConfig(s.config)
	only.ContentType = "application/vnd.kubernetes.protobuf"
	only.AcceptContentTypes = only.ContentType
	binary, err := client.New(only, client.Options{})
	if err != nil {
		return err
	}
	for _, sent := range ownedObjects() {
		kind := reflect.TypeOf(sent).Elem()
		sent.SetName("typed")
		if namespaced, err := binary.IsObjectNamespaced(sent); err != nil {
			return err
		} else if namespaced {
			sent.SetNamespace("default")
		}
		made := sent.DeepCopyObject().(client.Object)
		if err := binary.Create(s.ctx, made); err != nil {
			return fmt.Errorf("%v: %w", kind, err)
		}
		if what := differs(sent, made); what != "" {
			return errors.New(what)
		}
		inJSON, inProtobuf := reflect.New(kind).Interface().(client.Object), reflect.New(kind).Interface().(client.Object)
		err := s.eventually(func() error { // controllers write at the same time
			if err := s.client.Get(s.ctx, client.ObjectKeyFromObject(made), inJSON); err != nil {
				return err
			}
			if err := binary.Get(s.ctx, client.ObjectKeyFromObject(made), inProtobuf); err != nil {
				return err
			}
			if what := differs(inJSON, inProtobuf); what != "" {
				return errors.New("in protobuf: " + what)
			}
			if what := differs(inProtobuf, inJSON); what != "" {
				return errors.New("in JSON: " + what)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%v: %w", kind, err)
		}
		if err := binary.Delete(s.ctx, made, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			return fmt.Errorf("%v: %w", kind, err)
		}
	}
	return nil
}

// The subresources that have bodies of their own, over a typed protobuf client.
func (s *steps) subresourcesAreTyped() error {
	deployments := s.typed.AppsV1().Deployments("default")
	labels := map[string]string{"app": "scaled"}
	_, err := deployments.Create(s.ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "scaled"},
		Spec: appsv1.DeploymentSpec{Replicas: pointer(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}}}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	err = s.eventually(func() error { // the controller writes at the same time
		scale, err := deployments.GetScale(s.ctx, "scaled", metav1.GetOptions{})
		if err == nil {
			scale.Spec.Replicas = 2
			_, err = deployments.UpdateScale(s.ctx, "scaled", scale, metav1.UpdateOptions{})
		}
		return err
	})
	if err != nil {
		return err
	}
	pods := s.typed.CoreV1().Pods("default")
	var evicted string
	err = s.eventually(func() error {
		list, err := pods.List(s.ctx, metav1.ListOptions{LabelSelector: "app=scaled"})
		if err == nil && len(list.Items) != 2 {
			err = fmt.Errorf("%d pods", len(list.Items))
		}
		if err == nil {
			evicted = list.Items[0].Name
		}
		return err
	})
	if err != nil {
		return err
	}
	err = pods.EvictV1(s.ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: evicted, Namespace: "default"}})
	if err != nil {
		return err
	}
	token, err := s.typed.CoreV1().ServiceAccounts("default").CreateToken(s.ctx, "default", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: pointer(int64(600))}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	review, err := s.typed.AuthenticationV1().TokenReviews().Create(s.ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token.Status.Token}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if !review.Status.Authenticated || review.Status.User.Username != "system:serviceaccount:default:default" {
		return fmt.Errorf("the token is reviewed as %+v", review.Status)
	}
	access, err := s.typed.AuthorizationV1().SelfSubjectAccessReviews().Create(s.ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: "create", Resource: "pods", Namespace: "default"}}}, metav1.CreateOptions{})
	if err == nil && !access.Status.Allowed {
		err = fmt.Errorf("the administrator may not: %+v", access.Status)
	}
	return err
}

// A cache that holds the pods of one node only.
func (s *steps) cacheSelectsFields() error {
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	pods, err := cache.New(s.config, cache.Options{ByObject: map[client.Object]cache.ByObject{
		&corev1.Pod{}: {Field: fields.OneTermEqualSelector("spec.nodeName", "node-1")}}})
	if err != nil {
		return err
	}
	go func() { _ = pods.Start(ctx) }()
	for name, node := range map[string]string{"here": "node-1", "there": "node-2"} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"},
			Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
		if err := s.client.Create(s.ctx, pod); err != nil {
			return err
		}
	}
	return s.eventually(func() error {
		var list corev1.PodList
		if err := pods.List(ctx, &list, client.InNamespace("default")); err != nil {
			return err
		}
		found := false
		for _, pod := range list.Items {
			if pod.Spec.NodeName != "node-1" {
				return fmt.Errorf("%s is on %s", pod.Name, pod.Spec.NodeName)
			}
			found = found || pod.Name == "here"
		}
		if !found {
			return errors.New("the pod is not in the cache")
		}
		return nil
	})
}

// Metadata alone: a watch of a custom type, and a cache of a built-in one.
func (s *steps) metadataIsWatched() error {
	things := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "things"}
	small, err := metadata.NewForConfig(s.config)
	if err != nil {
		return err
	}
	watch, err := small.Resource(things).Namespace("default").Watch(s.ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	defer watch.Stop()
	patch := []byte(`{"metadata":{"labels":{"seen":"yes"}}}`)
	if _, err = small.Resource(things).Namespace("default").Patch(s.ctx, "t", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	deadline := time.After(5 * time.Second)
	for seen := false; !seen; {
		select {
		case event := <-watch.ResultChan():
			object, ok := event.Object.(*metav1.PartialObjectMetadata)
			if !ok {
				return fmt.Errorf("the event holds %T", event.Object)
			}
			seen = object.Labels["seen"] == "yes"
		case <-deadline:
			return errors.New("no event")
		}
	}
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	all, err := cache.New(s.config, cache.Options{})
	if err != nil {
		return err
	}
	go func() { _ = all.Start(ctx) }()
	return s.eventually(func() error {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceAccountList"))
		err := all.List(ctx, &list)
		if err == nil && len(list.Items) == 0 {
			err = errors.New("no accounts")
		}
		return err
	})
}

// A status that is applied belongs to its manager, and leaves the rest alone.
func (s *steps) statusIsApplied() error {
	dynamicClient, err := dynamic.NewForConfig(s.config)
	if err != nil {
		return err
	}
	things := dynamicClient.Resource(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "things"}).Namespace("default")
	status := func(phase string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Thing",
			"metadata": map[string]any{"name": "t"}, "status": map[string]any{"phase": phase}, "spec": map[string]any{"size": int64(9)}}}
	}
	if _, err = things.ApplyStatus(s.ctx, "t", status("Applied"), metav1.ApplyOptions{FieldManager: "one", Force: true}); err != nil {
		return err
	}
	if _, err = things.ApplyStatus(s.ctx, "t", status("Other"), metav1.ApplyOptions{FieldManager: "two"}); err == nil {
		return errors.New("a conflict was expected")
	}
	thing, err := things.Get(s.ctx, "t", metav1.GetOptions{})
	if err != nil {
		return err
	}
	phase, _, _ := unstructured.NestedString(thing.Object, "status", "phase")
	size, _, _ := unstructured.NestedInt64(thing.Object, "spec", "size")
	if phase != "Applied" || size != 3 || thing.GetGeneration() != 1 {
		return fmt.Errorf("phase %s, size %d, generation %d", phase, size, thing.GetGeneration())
	}
	for _, entry := range thing.GetManagedFields() {
		if entry.Manager == "one" && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == "status" {
			return nil
		}
	}
	return fmt.Errorf("the manager of the status is missing: %v", thing.GetManagedFields())
}

// A leader whose lease is taken from it stops leading.
func (s *steps) leaderLosesItsLease() error {
	started, stopped := make(chan struct{}), make(chan struct{})
	lock := &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Name: "contested", Namespace: "default"},
		Client: s.typed.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: "first"}}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: 3 * time.Second, RenewDeadline: time.Second, RetryPeriod: 100 * time.Millisecond,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(started) }, OnStoppedLeading: func() { close(stopped) }}})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	go elector.Run(ctx)
	select {
	case <-started:
	case <-time.After(10 * time.Second):
		return errors.New("it never led")
	}
	leases := s.typed.CoordinationV1().Leases("default")
	err = s.eventually(func() error {
		lease, err := leases.Get(s.ctx, "contested", metav1.GetOptions{})
		if err != nil {
			return err
		}
		lease.Spec.HolderIdentity = pointer("second")
		lease.Spec.RenewTime = &metav1.MicroTime{Time: time.Now().Add(time.Minute)}
		_, err = leases.Update(s.ctx, lease, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	select {
	case <-stopped:
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("it leads on")
	}
}

// The OpenAPI document that client-go asks for as protobuf.
func (s *steps) openAPIIsRead() error {
	document, err := s.typed.Discovery().OpenAPISchema()
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, definition := range document.GetDefinitions().GetAdditionalProperties() {
		for _, extension := range definition.GetValue().GetVendorExtension() {
			if extension.GetName() == "x-kubernetes-group-version-kind" && extension.GetValue().GetYaml() != "" {
				found[definition.GetName()] = len(definition.GetValue().GetProperties().GetAdditionalProperties()) > 0
			}
		}
	}
	for _, name := range []string{"io.k8s.api.apps.v1.Deployment", "com.example.v1.Thing"} {
		if !found[name] {
			return fmt.Errorf("%s is missing among %d kinds", name, len(found))
		}
	}
	for _, path := range document.GetPaths().GetPath() {
		if path.GetName() == "/api/v1/namespaces/{namespace}/pods/{name}" {
			patch := path.GetValue().GetPatch()
			if len(patch.GetConsumes()) < 3 || len(path.GetValue().GetParameters()) != 2 {
				return fmt.Errorf("the path of pods is %v", path)
			}
			for _, parameter := range patch.GetParameters() {
				if parameter.GetParameter().GetNonBodyParameter().GetQueryParameterSubSchema().GetName() == "fieldValidation" {
					return nil
				}
			}
		}
	}
	return errors.New("pods have no PATCH that knows fieldValidation")
}
