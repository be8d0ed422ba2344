# SPDX-License-Identifier: Apache-2.0
# The host's side: guests, kernels and QEMU under $(BUILD), and the two commands that use them.

BUILD ?= build
VMS   ?= 3
CPUS  ?= 6
ACCEL ?= tcg
APPEND ?=

GUEST_DIR    := $(BUILD)/guests
GUEST_SRC    := $(wildcard guest/*.c)
GUEST_CFLAGS := -std=gnu17 -Os -static -D_GNU_SOURCE -Wall -Wextra -Wconversion -Wshadow \
                -Wmissing-prototypes -Wcast-qual -Wvla -Wundef -Werror \
                -ffile-prefix-map=$(CURDIR)=. -Wl,--build-id=none
RUN          := tools/run.py --build $(BUILD) --vms $(VMS) --cpus $(CPUS) --accel $(ACCEL) \
                $(if $(APPEND),--append "$(APPEND)")

.PHONY: guests guests-6.12 guests-small service-disk run smoke

guests: $(BUILD)/host/qemu-system-x86_64 $(GUEST_DIR)/vmlinuz-6.1 $(GUEST_DIR)/initrd.img

guests-6.12: $(GUEST_DIR)/vmlinuz-6.12

# For slow emulators: few instructions to user space.
guests-small: $(GUEST_DIR)/vmlinuz-small $(GUEST_DIR)/small.img

# The service VM's Debian: build/service/disk.img, made only if what it is made from has changed.
service-disk:
	@tools/deps.sh run disk
	@tools/disk.py --build $(BUILD)

run:
	@tools/deps.sh build run disk
	@MAKE="$(MAKE)" $(RUN)

smoke:
	@tools/deps.sh build run
	@MAKE="$(MAKE)" $(RUN) --smoke

$(BUILD)/host/qemu-system-x86_64:
	@tools/fetch.py --build $(BUILD) qemu

$(GUEST_DIR)/vmlinuz-small: tools/mullion_host/small_kernel.py
	@tools/deps.sh run small
	@tools/small_kernel.py --build $(BUILD)

$(GUEST_DIR)/vmlinuz-%:
	@tools/fetch.py --build $(BUILD) kernel-$*

$(GUEST_DIR)/busybox:
	@tools/fetch.py --build $(BUILD) busybox

$(GUEST_DIR)/init: $(GUEST_SRC) $(wildcard guest/*.h)
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) $(GUEST_SRC) -o $@

$(GUEST_DIR)/initrd.img: guest/mkinitrd.py $(GUEST_DIR)/init $(GUEST_DIR)/busybox
	guest/mkinitrd.py --init $(GUEST_DIR)/init --busybox $(GUEST_DIR)/busybox $@

$(GUEST_DIR)/small.img: guest/mkinitrd.py $(GUEST_DIR)/init $(BUILD)/mullion
	guest/mkinitrd.py --init $(GUEST_DIR)/init --program $(BUILD)/mullion --plain $@

# A service VM that changes another one, with a stock kernel.
$(GUEST_DIR)/control.img: guest/mkcontrol.py guest/mkinitrd.py guest/mknet.py $(GUEST_DIR)/init \
		$(GUEST_DIR)/busybox $(GUEST_DIR)/vmlinuz-6.1 $(BUILD)/mullion
	@guest/mkcontrol.py --build $(BUILD) $@

# Further VMs' own: who may log in by ssh is the service VM's root.
$(GUEST_DIR)/net.img: guest/mknet.py guest/mkinitrd.py $(wildcard guest/net/*) $(GUEST_DIR)/init \
		$(GUEST_DIR)/busybox $(GUEST_DIR)/vmlinuz-6.1 $(BUILD)/service/id_ed25519.pub
	@guest/mknet.py --build $(BUILD) --key $(BUILD)/service/id_ed25519.pub $@

$(BUILD)/service/id_ed25519.pub:
	@$(MAKE) service-disk
