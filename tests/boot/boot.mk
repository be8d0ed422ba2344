# SPDX-License-Identifier: Apache-2.0
# Boot tests: real kernels in emulated machines. Their logs stay under $(BUILD)/boot/.

.PHONY: check-boot

check-boot: $(BUILD)/mullion.elf $(BUILD)/mullion guests guests-6.12
	@/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/boot --build $(BUILD)
