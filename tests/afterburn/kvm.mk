# SPDX-License-Identifier: Apache-2.0
# What the tests on KVM start and count with.

AFTERBURN_NEEDS += guests $(BUILD)/bench/count.so $(BUILD)/afterburn/wedge-kvm
