// SPDX-License-Identifier: Apache-2.0

// A manager of controller-runtime, unmodified, against `crctl serve`: informers, protobuf clients,
// leader election, finalizers, status, server-side apply, events, paging, watches that end, exec.
// Prints a line for each step; exit status 1 when one fails.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const finalizer = "example.com/copy"

// copier keeps a Secret beside each labelled ConfigMap, owned by it.
type copier struct {
	client.Client
	events record.EventRecorder
}

func (c *copier) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var source corev1.ConfigMap
	if err := c.Get(ctx, request.NamespacedName, &source); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if source.Labels["copy"] != "true" {
		return ctrl.Result{}, nil
	}
	if !source.DeletionTimestamp.IsZero() {
		if controllerutil.RemoveFinalizer(&source, finalizer) {
			return ctrl.Result{}, c.Update(ctx, &source)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(&source, finalizer) {
		return ctrl.Result{}, c.Update(ctx, &source)
	}
	target := corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: source.Name, Namespace: source.Namespace}}
	result, err := controllerutil.CreateOrUpdate(ctx, c.Client, &target, func() error {
		target.StringData = source.Data
		return controllerutil.SetControllerReference(&source, &target, c.Scheme())
	})
	if err == nil && result != controllerutil.OperationResultNone {
		c.events.Event(&source, corev1.EventTypeNormal, "Copied", "copied to a Secret")
	}
	return ctrl.Result{}, err
}

type steps struct {
	ctx    context.Context
	config *rest.Config
	client client.Client // not cached
	typed  *kubernetes.Clientset
	failed int
}

func (s *steps) run(name string, step func() error) {
	err := step()
	if err != nil {
		s.failed++
		fmt.Printf("FAILED %s: %v\n", name, err)
		return
	}
	fmt.Printf("ok     %s\n", name)
}

// eventually asks until there is no error.
func (s *steps) eventually(check func() error) error {
	var last error
	err := wait.PollUntilContextTimeout(s.ctx, 20*time.Millisecond, 20*time.Second, true,
		func(context.Context) (bool, error) {
			last = check()
			return last == nil, nil
		})
	if err != nil {
		return fmt.Errorf("%w; last: %v", err, last)
	}
	return nil
}

func (s *steps) startManager(id string) (context.CancelFunc, error) {
	manager, err := ctrl.NewManager(s.config, ctrl.Options{
		Metrics:                       server.Options{BindAddress: "0"},
		LeaderElection:                true,
		LeaderElectionID:              "copier",
		LeaderElectionNamespace:       "default",
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, err
	}
	err = ctrl.NewControllerManagedBy(manager).Named("copier-" + id).For(&corev1.ConfigMap{}).Owns(&corev1.Secret{}).
		Complete(&copier{manager.GetClient(), manager.GetEventRecorderFor("copier")})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(s.ctx)
	go func() {
		if err := manager.Start(ctx); err != nil {
			fmt.Println("manager:", err)
		}
	}()
	return stop, nil
}

func (s *steps) copyIsMade() error {
	source := corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "one", Namespace: "default", Labels: map[string]string{"copy": "true"}},
		Data:       map[string]string{"key": "value"},
	}
	if err := s.client.Create(s.ctx, &source); err != nil {
		return err
	}
	return s.eventually(func() error {
		secret, err := s.typed.CoreV1().Secrets("default").Get(s.ctx, "one", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if string(secret.Data["key"]) != "value" {
			return fmt.Errorf("data is %v", secret.Data)
		}
		return nil
	})
}

func (s *steps) copyFollows() error {
	patch := client.RawPatch(types.MergePatchType, []byte(`{"data":{"key":"other"}}`))
	source := corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one", Namespace: "default"}}
	if err := s.client.Patch(s.ctx, &source, patch); err != nil {
		return err
	}
	return s.eventually(func() error {
		secret, err := s.typed.CoreV1().Secrets("default").Get(s.ctx, "one", metav1.GetOptions{})
		if err == nil && string(secret.Data["key"]) != "other" {
			err = fmt.Errorf("data is %v", secret.Data)
		}
		return err
	})
}

func (s *steps) eventIsRecorded() error {
	return s.eventually(func() error {
		events, err := s.typed.CoreV1().Events("default").List(s.ctx, metav1.ListOptions{
			FieldSelector: "involvedObject.name=one,reason=Copied"})
		if err == nil && len(events.Items) == 0 {
			err = errors.New("no event")
		}
		return err
	})
}

func (s *steps) sourceGoesWithItsCopy() error {
	source := corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one", Namespace: "default"}}
	if err := s.client.Delete(s.ctx, &source); err != nil {
		return err
	}
	return s.eventually(func() error {
		_, errSource := s.typed.CoreV1().ConfigMaps("default").Get(s.ctx, "one", metav1.GetOptions{})
		_, errCopy := s.typed.CoreV1().Secrets("default").Get(s.ctx, "one", metav1.GetOptions{})
		if apierrors.IsNotFound(errSource) && apierrors.IsNotFound(errCopy) {
			return nil
		}
		return fmt.Errorf("source: %v, copy: %v", errSource, errCopy)
	})
}

func (s *steps) leaderIs(previous string) (string, error) {
	var holder string
	err := s.eventually(func() error {
		lease, err := s.typed.CoordinationV1().Leases("default").Get(s.ctx, "copier", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" || *lease.Spec.HolderIdentity == previous {
			return fmt.Errorf("the holder is %v", lease.Spec.HolderIdentity)
		}
		holder = *lease.Spec.HolderIdentity
		return nil
	})
	return holder, err
}

func (s *steps) applyOwnsFields() error {
	maps := s.typed.CoreV1().ConfigMaps("default")
	apply := func(manager, value string, force bool) error {
		_, err := maps.Apply(s.ctx, applycore.ConfigMap("applied", "default").WithData(map[string]string{"k": value}),
			metav1.ApplyOptions{FieldManager: manager, Force: force})
		return err
	}
	if err := apply("one", "1", false); err != nil {
		return err
	}
	if err := apply("two", "2", false); !apierrors.IsConflict(err) {
		return fmt.Errorf("a conflict was expected, not %v", err)
	}
	return apply("two", "2", true)
}

func (s *steps) staleUpdateConflicts() error {
	maps := s.typed.CoreV1().ConfigMaps("default")
	first, err := maps.Get(s.ctx, "applied", metav1.GetOptions{})
	if err != nil {
		return err
	}
	second := first.DeepCopy()
	first.Data["k"] = "3"
	if _, err = maps.Update(s.ctx, first, metav1.UpdateOptions{}); err != nil {
		return err
	}
	second.Data["k"] = "4"
	if _, err = maps.Update(s.ctx, second, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("a conflict was expected, not %v", err)
	}
	return nil
}

func (s *steps) pagesAreConsistent() error {
	maps := s.typed.CoreV1().ConfigMaps("kube-public")
	for i := 0; i < 25; i++ {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "page-"}}
		if _, err := maps.Create(s.ctx, object, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	seen, token := 0, ""
	for {
		page, err := maps.List(s.ctx, metav1.ListOptions{Limit: 10, Continue: token})
		if err != nil {
			return err
		}
		seen += len(page.Items)
		if token = page.Continue; token == "" {
			break
		}
	}
	all, err := maps.List(s.ctx, metav1.ListOptions{})
	if err == nil && (seen != len(all.Items) || seen < 25) {
		err = fmt.Errorf("%d in pages, %d at once", seen, len(all.Items))
	}
	return err
}

func (s *steps) watchEnds() error {
	seconds := int64(1)
	watch, err := s.typed.CoreV1().ConfigMaps("default").Watch(s.ctx, metav1.ListOptions{TimeoutSeconds: &seconds})
	if err != nil {
		return err
	}
	defer watch.Stop()
	deadline := time.After(5 * time.Second)
	for {
		select {
		case _, open := <-watch.ResultChan():
			if !open {
				return nil
			}
		case <-deadline:
			return errors.New("the watch did not end after its timeoutSeconds")
		}
	}
}

func (s *steps) customResources() error {
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	things := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "things"}
	dynamicClient, err := dynamic.NewForConfig(s.config)
	if err != nil {
		return err
	}
	crd := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "things.example.com"},
		"spec": map[string]any{
			"group": "example.com", "scope": "Namespaced",
			"names": map[string]any{"plural": "things", "kind": "Thing"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true, "subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "properties": map[string]any{
					"spec":   map[string]any{"type": "object", "properties": map[string]any{"size": map[string]any{"type": "integer", "default": int64(3)}}},
					"status": map[string]any{"type": "object", "properties": map[string]any{"phase": map[string]any{"type": "string"}}},
				}}},
			}},
		},
	}}
	if _, err = dynamicClient.Resource(crds).Create(s.ctx, crd, metav1.CreateOptions{}); err != nil {
		return err
	}
	thing := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "Thing",
		"metadata": map[string]any{"name": "t"}, "spec": map[string]any{},
	}}
	var made *unstructured.Unstructured
	err = s.eventually(func() error {
		var err error
		made, err = dynamicClient.Resource(things).Namespace("default").Create(s.ctx, thing, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	if size, _, _ := unstructured.NestedInt64(made.Object, "spec", "size"); size != 3 {
		return fmt.Errorf("the default is missing: %v", made.Object)
	}
	if err = unstructured.SetNestedField(made.Object, "Ready", "status", "phase"); err != nil {
		return err
	}
	made, err = dynamicClient.Resource(things).Namespace("default").UpdateStatus(s.ctx, made, metav1.UpdateOptions{})
	if err == nil && made.GetGeneration() != 1 {
		err = fmt.Errorf("a status write made generation %d", made.GetGeneration())
	}
	return err
}

func (s *steps) podRuns() error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "shell", Namespace: "default"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "c", Image: "busybox", Command: []string{"sh", "-c", "echo started; sleep 3600"}}}},
	}
	if err := s.client.Create(s.ctx, pod); err != nil {
		return err
	}
	return s.eventually(func() error {
		pod, err := s.typed.CoreV1().Pods("default").Get(s.ctx, "shell", metav1.GetOptions{})
		if err == nil && pod.Status.Phase != corev1.PodRunning {
			err = fmt.Errorf("the phase is %s", pod.Status.Phase)
		}
		return err
	})
}

func (s *steps) logIsRead() error {
	stream, err := s.typed.CoreV1().Pods("default").GetLogs("shell", &corev1.PodLogOptions{}).Stream(s.ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	if err == nil && string(text) != "started\n" {
		err = fmt.Errorf("the log is %q", text)
	}
	return err
}

func (s *steps) exec(isSpdy bool, input string, command ...string) (string, string, error) {
	request := s.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace("default").Name("shell").SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: command, Stdin: input != "", Stdout: true, Stderr: true}, scheme.ParameterCodec)
	var executor remotecommand.Executor
	var err error
	if isSpdy {
		executor, err = remotecommand.NewSPDYExecutor(s.config, "POST", request.URL())
	} else {
		executor, err = remotecommand.NewWebSocketExecutor(s.config, "GET", request.URL().String())
	}
	if err != nil {
		return "", "", err
	}
	var stdout, stderr bytes.Buffer
	options := remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr}
	if input != "" {
		options.Stdin = strings.NewReader(input)
	}
	err = executor.StreamWithContext(s.ctx, options)
	return stdout.String(), stderr.String(), err
}

func (s *steps) execWorks(isSpdy bool) error {
	stdout, stderr, err := s.exec(isSpdy, "", "sh", "-c", "echo out; echo err >&2; exit 3")
	var exit utilexec.CodeExitError
	if !errors.As(err, &exit) || exit.Code != 3 || stdout != "out\n" || stderr != "err\n" {
		return fmt.Errorf("exit 3: stdout %q, stderr %q, error %v", stdout, stderr, err)
	}
	stdout, _, err = s.exec(isSpdy, "typed\n", "cat")
	if err != nil || stdout != "typed\n" {
		return fmt.Errorf("cat: stdout %q, error %v", stdout, err)
	}
	stdout, _, err = s.exec(isSpdy, strings.Repeat("x", 1<<20), "cat")
	if err != nil || len(stdout) != 1<<20 {
		return fmt.Errorf("1 MiB through cat: %d bytes, error %v", len(stdout), err)
	}
	return nil
}

func main() {
	ctrl.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	config.QPS, config.Burst = 1000, 1000
	protobuf := rest.CopyConfig(config)
	protobuf.ContentType = "application/vnd.kubernetes.protobuf"
	protobuf.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	uncached, err := client.New(config, client.Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s := &steps{ctx: ctx, config: config, client: uncached, typed: kubernetes.NewForConfigOrDie(protobuf)}

	var stop context.CancelFunc
	var leader string
	s.run("a manager starts", func() (err error) { stop, err = s.startManager("one"); return })
	s.run("it becomes leader", func() (err error) { leader, err = s.leaderIs(""); return })
	s.run("it copies", s.copyIsMade)
	s.run("the copy follows", s.copyFollows)
	s.run("it records an event", s.eventIsRecorded)
	s.run("a second manager takes over", func() error {
		stopSecond, err := s.startManager("two")
		if err != nil {
			return err
		}
		_ = stopSecond
		stop()
		_, err = s.leaderIs(leader)
		return err
	})
	s.run("source and copy go", s.sourceGoesWithItsCopy)
	s.run("apply owns fields", s.applyOwnsFields)
	s.run("a stale update conflicts", s.staleUpdateConflicts)
	s.run("pages add up", s.pagesAreConsistent)
	s.run("a watch ends in time", s.watchEnds)
	s.run("custom resources", s.customResources)
	s.run("metadata is watched alone", s.metadataIsWatched)
	s.run("a status is applied", s.statusIsApplied)
	s.run("OpenAPI as protobuf", s.openAPIIsRead)
	s.run("kinds travel as protobuf", s.kindsTravelAsProtobuf)
	s.run("typed subresources", s.subresourcesAreTyped)
	s.run("a cache selects by fields", s.cacheSelectsFields)
	s.run("a leader loses its lease", s.leaderLosesItsLease)
	s.run("a pod runs", s.podRuns)
	s.run("its log is read", s.logIsRead)
	s.run("exec over a WebSocket", func() error { return s.execWorks(false) })
	s.run("exec over SPDY", func() error { return s.execWorks(true) })
	if s.failed > 0 {
		os.Exit(1)
	}
}
