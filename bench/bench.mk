# SPDX-License-Identifier: Apache-2.0
# Counts beside bare metal, KVM and Xen, by a plugin of QEMU's: SECONDS of the guest's clock a load.

BUILD ?= build
BENCH_PLUGIN := $(wildcard bench/plugin/*.c)

.PHONY: bench

$(BUILD)/bench/count.so: $(BENCH_PLUGIN) $(wildcard bench/plugin/*.h)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) -std=gnu17 -O2 -Wall -Wextra -Wconversion -Wshadow -Werror -shared -fPIC \
		-fvisibility=hidden $(BENCH_PLUGIN) -o $@

bench: $(BUILD)/mullion.elf guests $(BUILD)/bench/count.so
	@tools/deps.sh build run
	@bench/bench.py --build $(BUILD) --seconds $(call seconds,20)
