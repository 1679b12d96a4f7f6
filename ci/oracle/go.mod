// SPDX-License-Identifier: Apache-2.0
module cacheruntime/ci/oracle

go 1.22

require k8s.io/apimachinery v0.29.15

require (
	github.com/gogo/protobuf v1.3.2 // indirect
	gopkg.in/inf.v0 v0.9.1 // indirect
)
