# SPDX-License-Identifier: Apache-2.0
# Tests that run whole programs. Unit tests stand beside their sources and register themselves.
