# SPDX-License-Identifier: Apache-2.0
# The second system: memtest86+ as it is, prepared, and packed.

.PHONY: memtest

memtest: $(AFTERBURN)/memtest.pack

$(AFTERBURN)/memtest.elf: $(wildcard afterburn/prelude/*.s) tools/mullion_host/memtest.py
	@tools/deps.sh build run
	@tools/memtest.py --build $(BUILD)
	@touch $@

$(AFTERBURN)/memtest.pack: $(AFTERBURN)/memtest.elf $(AFTERBURN)/afterburn
	@$(AFTERBURN)/afterburn pack --guest $< --output $@ --entry linux32 --name memtest86+

AFTERBURN_NEEDS += $(AFTERBURN)/memtest.pack $(AFTERBURN)/wedge-count $(AFTERBURN)/wedge-mullion \
	$(BUILD)/mullion.elf $(BUILD)/host/qemu-system-x86_64
