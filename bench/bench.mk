# SPDX-License-Identifier: Apache-2.0
# Counts beside bare metal, KVM and Xen, by a plugin of QEMU's: SECONDS of the guest's clock a load.

BUILD ?= build
BENCH_PLUGIN := $(wildcard bench/plugin/*.c)

.PHONY: bench bench-afterburn

$(BUILD)/bench/count.so: $(BENCH_PLUGIN) $(wildcard bench/plugin/*.h)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) -std=gnu17 -O2 -Wall -Wextra -Wconversion -Wshadow -Werror -shared -fPIC \
		-fvisibility=hidden $(BENCH_PLUGIN) -o $@

# The initramfs of VMs with a network; no key opens it.
$(BUILD)/bench/net.img: guest/mknet.py guest/mkinitrd.py $(wildcard guest/net/*) \
		$(BUILD)/guests/init $(BUILD)/guests/busybox | guests
	@mkdir -p $(@D)
	@guest/mknet.py --build $(BUILD) --key /dev/null $@

bench: $(BUILD)/mullion.elf guests $(BUILD)/bench/count.so $(BUILD)/bench/net.img live-guests
	@tools/deps.sh build run
	@bench/bench.py --build $(BUILD) --seconds $(call seconds,20)
	@$(MAKE) bench-afterburn

# One prepared kernel with and without wedges: docs/AFTERBURN-BENCH.md.
bench-afterburn: $(BUILD)/mullion.elf guests $(BUILD)/bench/count.so $(BUILD)/afterburn/afterburn wedges \
		$(BUILD)/afterburn/linux-6.1/vmlinux $(BUILD)/afterburn/linux-6.1-plain/vmlinux
	@tools/deps.sh build run afterburn
	@bench/afterburn.py --build $(BUILD)
