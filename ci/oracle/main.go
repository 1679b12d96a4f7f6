// SPDX-License-Identifier: Apache-2.0

// The oracle of runtime.json: makes random classes, runtimes and datasets, and prints for each
// what Go's encoder and Kubernetes' own quantities make of them, by the rules of upstream. It
// shares no code with the controller. One line is one case:
//
//	{"namespace": …, "name": …, "class": …, "runtime": …, "dataset": …, "expected": "…"}
//
// core/reconcile/testdata/runtime_json.vectors is "go run . -cases 150 -seed 1".
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

type mountConfig struct {
	MountPoint     string            `json:"mountPoint"`
	Options        map[string]string `json:"options,omitempty"`
	EncryptOptions map[string]string `json:"encryptOptions,omitempty"`
	Name           string            `json:"name,omitempty"`
	Path           string            `json:"path,omitempty"`
	ReadOnly       bool              `json:"readOnly,omitempty"`
	Shared         bool              `json:"shared,omitempty"`
}

type serviceConfig struct {
	Name string `json:"name"`
}

type levelConfig struct {
	MountPaths []string `json:"mountPaths,omitempty"`
	MediumType string   `json:"mediumType,omitempty"`
	Quotas     []string `json:"quotas,omitempty"`
	High       string   `json:"high,omitempty"`
	Low        string   `json:"low,omitempty"`
}

type componentConfig struct {
	Enabled  bool              `json:"enabled,omitempty"`
	Name     string            `json:"name,omitempty"`
	Options  map[string]string `json:"options,omitempty"`
	Replicas int32             `json:"replicas,omitempty"`
	Service  serviceConfig     `json:"service"`
	Levels   []levelConfig     `json:"tieredStoreLevels,omitempty"`
}

type runtimeConfig struct {
	Mounts      []mountConfig    `json:"mounts,omitempty"`
	AccessModes []string         `json:"accessModes,omitempty"`
	TargetPath  string           `json:"targetPath,omitempty"`
	Master      *componentConfig `json:"master,omitempty"`
	Worker      *componentConfig `json:"worker,omitempty"`
	Client      *componentConfig `json:"client,omitempty"`
}

type object = map[string]any

type maker struct{ random *rand.Rand }

func (m maker) often(percent int) bool { return m.random.Intn(100) < percent }

func (m maker) pick(from ...string) string { return from[m.random.Intn(len(from))] }

// Texts that encoders disagree about.
func (m maker) text() string {
	return m.pick("a", "b", "<tag>", "x&y", "quo\"te", "back\\slash", "tab\there", "new\nline",
		"\u2028\u2029", "\u007f", "\u0001\u001f", "é", "日本", "😀", "a/b", "", "'", "0", "true",
		"\b\f\r", "\ufffd", "s3://bucket/?a=1&b=<2>")
}

func (m maker) textMap() map[string]string {
	texts := map[string]string{}
	for i := m.random.Intn(5); i > 0; i-- {
		texts[m.pick("a", "B", "a.b", "a-b", "a_b", "é", "<", "&", "Z", "z", "10", "9", "aa")] = m.text()
	}
	return texts
}

func (m maker) quantity() string {
	if m.often(30) {
		return fmt.Sprintf("%d%s", m.random.Intn(3000), m.pick("", "Ki", "Mi", "Gi", "k", "M", "m", "e3", "E2"))
	}
	if m.often(20) {
		return fmt.Sprintf("%d.%d%s", m.random.Intn(30), m.random.Intn(1200), m.pick("", "Ki", "Gi", "k", "m", "e-1"))
	}
	return m.pick("1024Mi", "1Gi", "1.5Gi", "1536Mi", "0.5", "500m", "1e3", "12E6", "1000", "1000k",
		"0.1Gi", "1025Mi", "100M", "1Ti", "1024Gi", "3", "1k", "1.5", "0.001", "1E", "1Ei", "2048Ki",
		"5e-3", "1100m", "10.25Gi", "007", "+5Gi", "1e0", "1023Ki", "1000Ti",
		"0.0", "1.000", "10.000k", "8Gi", "123456789012345678", "1234567890123456789", "99999Pi")
}

func overlay(maps ...map[string]string) map[string]string {
	result := map[string]string{}
	for _, from := range maps {
		for key, value := range from {
			result[key] = value
		}
	}
	return result
}

func (m maker) secrets(count int) ([]any, map[string]string) {
	list, files := []any{}, map[string]string{}
	for i := 0; i < count; i++ {
		name, secret, key := m.pick("ak", "sk", "<t>"), m.pick("sec", "other"), m.pick("k", "k.json")
		list = append(list, object{"name": name, "valueFrom": object{"secretKeyRef": object{"name": secret, "key": key}}})
		files[name] = "/etc/fluid/secrets/" + secret + "/" + key
	}
	return list, files
}

func (m maker) mounts(spec object) []mountConfig {
	var configs []mountConfig
	mounts := []any{}
	sharedOptions := m.textMap()
	sharedList, sharedFiles := m.secrets(m.random.Intn(2))
	spec["sharedOptions"], spec["sharedEncryptOptions"] = sharedOptions, sharedList
	for i := m.random.Intn(4); i > 0; i-- {
		options := m.textMap()
		list, files := m.secrets(m.random.Intn(3))
		config := mountConfig{
			MountPoint: m.pick("s3://bkt/", "local:///data", "pvc://claim", "oss://a?b=<c>&d"),
			Options:    overlay(sharedOptions, options), EncryptOptions: overlay(sharedFiles, files),
			Name: m.pick("", "m", "/m", "//m/x", "<m>"), Path: m.pick("", "relative", "/abs", "/"),
			ReadOnly: m.often(30), Shared: m.often(30)}
		mounts = append(mounts, object{"mountPoint": config.MountPoint, "options": options,
			"encryptOptions": list, "name": config.Name, "path": config.Path,
			"readOnly": config.ReadOnly, "shared": config.Shared})
		if !strings.HasPrefix(config.Path, "/") {
			config.Path = "/" + strings.TrimLeft(config.Name, "/")
		}
		configs = append(configs, config)
	}
	spec["mounts"] = mounts
	return configs
}

func canonical(text string) string {
	quantity := resource.MustParse(text)
	return quantity.String()
}

func (m maker) level(index int, mayBeMemory bool) (object, levelConfig) {
	declared, config := object{}, levelConfig{MediumType: "HDD", High: m.pick("", "0.9", "<"), Low: m.pick("", "0.5")}
	declared["high"], declared["low"] = config.High, config.Low
	prefix := fmt.Sprintf("/etc/fluid/mount/tiered-store/level-%d-index-", index)
	switch choice := m.random.Intn(4); {
	case choice == 0 && mayBeMemory:
		quota := m.quantity()
		declared["processMemory"] = object{"quota": quota}
		config.MediumType, config.MountPaths, config.Quotas = "MEM", []string{"/dev/shm"}, []string{canonical(quota)}
	case choice == 1:
		quota, medium := m.quantity(), m.pick("", "Memory")
		declared["emptyDir"] = object{"quota": quota, "medium": medium}
		if medium == "Memory" {
			config.MediumType = "MEM"
		}
		config.MountPaths, config.Quotas = []string{prefix + "0-emptydir"}, []string{canonical(quota)}
	case choice == 2:
		paths, quotas := []string{}, []string{}
		for i := 0; i <= m.random.Intn(3); i++ {
			quota := m.quantity()
			paths, quotas = append(paths, fmt.Sprintf("/mnt/disk%d", i)), append(quotas, quota)
			config.MountPaths = append(config.MountPaths, fmt.Sprintf("%s%d-hostpath", prefix, i))
			config.Quotas = append(config.Quotas, canonical(quota))
		}
		declared["hostPath"] = object{"paths": paths, "quotas": quotas}
	}
	return declared, config
}

func (m maker) levels(spec object) []levelConfig {
	var configs []levelConfig
	levels, hasMemory := []any{}, false
	for i := m.random.Intn(4); i > 0; i-- {
		declared, config := m.level(len(levels), !hasMemory)
		_, isMemory := declared["processMemory"]
		hasMemory = hasMemory || isMemory
		levels, configs = append(levels, declared), append(configs, config)
	}
	spec["tieredStore"] = object{"levels": levels}
	return configs
}

func (m maker) component(kind, name string, shared map[string]string, topology, runtime object) *componentConfig {
	classOptions, options := m.textMap(), m.textMap()
	config := &componentConfig{Enabled: true, Name: name + "-" + kind, Options: overlay(classOptions, shared, options)}
	declared, spec := object{"options": classOptions}, object{"options": options}
	if m.often(50) {
		declared["service"] = object{"headless": object{}}
		config.Service.Name = "svc-" + name + "-" + kind
	}
	if kind != "client" {
		config.Replicas = int32(m.random.Intn(4))
		spec["replicas"] = config.Replicas
	}
	if kind != "master" {
		config.Levels = m.levels(spec)
	}
	runtime[kind] = spec
	if m.often(15) {
		spec["disabled"] = true
		topology[kind] = declared
		return nil
	}
	if m.often(15) {
		return nil
	}
	topology[kind] = declared
	return config
}

func (m maker) vector() object {
	namespace, name := m.pick("default", "team-a"), m.pick("demo", "a-long-name")
	datasetSpec, topology, runtimeSpec := object{}, object{}, object{}
	config := runtimeConfig{AccessModes: []string{"ReadOnlyMany"}}
	config.TargetPath = "/runtime-mnt/cache/" + namespace + "/" + name + "/cache-fuse"
	config.Mounts = m.mounts(datasetSpec)
	if m.often(40) {
		config.AccessModes = []string{"ReadWriteMany", "ReadOnlyMany"}[:1+m.random.Intn(2)]
		datasetSpec["accessModes"] = config.AccessModes
	}
	shared := m.textMap()
	runtimeSpec["options"] = shared
	config.Master = m.component("master", name, shared, topology, runtimeSpec)
	config.Worker = m.component("worker", name, shared, topology, runtimeSpec)
	config.Client = m.component("client", name, shared, topology, runtimeSpec)
	expected, err := json.Marshal(config)
	if err != nil {
		panic(err)
	}
	return object{"namespace": namespace, "name": name, "class": object{"topology": topology},
		"runtime": object{"spec": runtimeSpec}, "dataset": object{"spec": datasetSpec},
		"expected": string(expected)}
}

func main() {
	cases := flag.Int("cases", 150, "how many cases to print")
	seed := flag.Int64("seed", 1, "the same seed prints the same cases")
	flag.Parse()
	m := maker{rand.New(rand.NewSource(*seed))}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for i := 0; i < *cases; i++ {
		if err := encoder.Encode(m.vector()); err != nil {
			panic(err)
		}
	}
}
