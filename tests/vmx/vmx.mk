# SPDX-License-Identifier: Apache-2.0
# Tests of the VT-x back end, in Bochs: hostile guests, kicks, events, Linux. Their logs: $(BUILD)/run-vmx/.

.PHONY: bochs check-vmx check-vmx-long

# Built from Debian's source, once: about four minutes on two cores.
bochs:
	@tools/deps.sh run vmx
	@tools/bochs.py --build $(BUILD)

check-vmx: $(BUILD)/mullion.elf guests $(BUILD)/guests/control.img attack live-guests bochs
	@BUILD=$(BUILD) tests/vmx/run.py

# What check-vmx leaves out since its kernel takes minutes to build: for check-all.
check-vmx-long: $(BUILD)/mullion.elf $(BUILD)/host/qemu-system-x86_64 guests guests-small attack bochs \
		$(BUILD)/afterburn/afterburn $(BUILD)/afterburn/wedge-mullion $(BUILD)/afterburn/linux-6.1/vmlinux
	@BUILD=$(BUILD) tests/vmx/run.py tests/vmx/small_linux.py tests/vmx/prepared.py

