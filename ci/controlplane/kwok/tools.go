// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package tools names the program that this module is there to build.
package tools

import _ "sigs.k8s.io/kwok/cmd/kwok"
