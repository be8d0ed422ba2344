# SPDX-License-Identifier: Apache-2.0
# Linux on VT-x in Bochs, and the same on SVM in QEMU. Logs: $(BUILD)/vmx/.

.PHONY: check-vmx-linux

$(BUILD)/bochs/bochs:
	@tools/deps.sh vmx
	@tools/bochs.py --build $(BUILD)

check-vmx-linux: $(BUILD)/mullion.elf $(BUILD)/host/qemu-system-x86_64 guests-small $(BUILD)/bochs/bochs
	@BUILD=$(BUILD) /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/vmx/test_linux.py
