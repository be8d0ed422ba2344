# SPDX-License-Identifier: Apache-2.0
# The ground Xen: each test boots dom0 and a guest, which takes minutes: for check-all.

.PHONY: check-afterburn-long

check-afterburn-long: guests $(AFTERBURN_NEEDS) $(BUILD)/afterburn/wedge-xen
	@tools/deps.sh build run afterburn
	@BUILD=$(BUILD) tests/afterburn/run.py tests/afterburn/long_xen.py
