# SPDX-License-Identifier: Apache-2.0
# The service VM runs the machine: its Debian on a disk, and what the VMs share. Logs: $(BUILD)/fabric/.

BUILD ?= build

.PHONY: check-fabric check-fabric-long

FABRIC_PROGRAMS := $(BUILD)/fabric/mark $(BUILD)/fabric/blocks

$(FABRIC_PROGRAMS): $(BUILD)/fabric/%: tests/fabric/%.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu17 -Os -static -Wall -Wextra -Werror -o $@ $<

FABRIC_NEEDS := $(BUILD)/mullion.elf $(BUILD)/mullion guests service-disk $(BUILD)/guests/net.img \
	$(FABRIC_PROGRAMS)

check-fabric: $(FABRIC_NEEDS) $(BUILD)/bench/count.so
	@tools/deps.sh build run disk check
	@BUILD=$(BUILD) tests/fabric/run.py

# Cycles and restarts, more of them than check-fabric has time for: for check-all.
check-fabric-long: $(FABRIC_NEEDS)
	@tools/deps.sh build run disk check
	@BUILD=$(BUILD) tests/fabric/run.py tests/fabric/long_rounds.py
