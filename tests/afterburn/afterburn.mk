# SPDX-License-Identifier: Apache-2.0
# Tests of pre-virtualization. A new part brings its files, and what they need in its own NAME.mk:
# it adds to AFTERBURN_NEEDS.

BUILD ?= build

AFTERBURN_NEEDS := $(BUILD)/afterburn/afterburn $(BUILD)/afterburn/afterburn-checked \
	$(BUILD)/afterburn/linux-6.1/vmlinux

-include $(filter-out tests/afterburn/afterburn.mk,$(wildcard tests/afterburn/*.mk))

.PHONY: check-afterburn check-afterburn-long

check-afterburn: $(AFTERBURN_NEEDS)
	@tools/deps.sh build run afterburn
	@BUILD=$(BUILD) tests/afterburn/run.py

# Xen, where each test boots dom0 and a guest; and the other kernels, whose builds take about half an
# hour on two cores, once.
check-afterburn-long: $(AFTERBURN_NEEDS) $(BUILD)/afterburn/wedge-xen \
		$(foreach name,6.12 6.1-hardened 6.12-hardened,$(BUILD)/afterburn/linux-$(name)/vmlinux)
	@tools/deps.sh build run afterburn
	@BUILD=$(BUILD) tests/afterburn/run.py tests/afterburn/long_xen.py tests/afterburn/prepared_kernels.py
