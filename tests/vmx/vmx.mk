# SPDX-License-Identifier: Apache-2.0
# Tests of the VT-x back end, in Bochs: hostile guests, kicks, events, Linux. Their logs: $(BUILD)/run-vmx/.

.PHONY: bochs check-vmx

# Built from Debian's source, once: about four minutes on two cores.
bochs:
	@tools/deps.sh run vmx
	@tools/bochs.py --build $(BUILD)

check-vmx: $(BUILD)/mullion.elf guests guests-small attack live-guests bochs
	@BUILD=$(BUILD) tests/vmx/run.py

