// SPDX-License-Identifier: Apache-2.0

// The stock control plane in one binary: its first argument is the command to be, and the rest are
// that command's own. Only that command is constructed, since the constructors of two of them
// change the same feature gates of a process.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	// What the commands' own main packages import for their effect.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: controlplane COMMAND [OPTION...], COMMAND being etcd, "+
			"kube-apiserver, kube-controller-manager or kube-scheduler")
		os.Exit(2)
	}
	os.Args = os.Args[1:]

	var command *cobra.Command
	switch os.Args[0] {
	case "etcd":
		etcdmain.Main(os.Args)
		return
	case "kube-apiserver":
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		command = manager.NewControllerManagerCommand()
	case "kube-scheduler":
		command = scheduler.NewSchedulerCommand()
	default:
		fmt.Fprintf(os.Stderr, "controlplane: %q is not a command of the control plane\n", os.Args[0])
		os.Exit(2)
	}
	os.Exit(cli.Run(command))
}
