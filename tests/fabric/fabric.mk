# SPDX-License-Identifier: Apache-2.0
# The service VM runs the machine: its Debian on a disk, and what the VMs share. Logs: $(BUILD)/fabric/.

BUILD ?= build

.PHONY: check-fabric

FABRIC_PROGRAMS := $(BUILD)/fabric/mark $(BUILD)/fabric/blocks

$(FABRIC_PROGRAMS): $(BUILD)/fabric/%: tests/fabric/%.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu17 -Os -static -Wall -Wextra -Werror -o $@ $<

check-fabric: $(BUILD)/mullion.elf $(BUILD)/mullion guests service-disk $(BUILD)/guests/net.img $(FABRIC_PROGRAMS) $(BUILD)/bench/count.so
	@tools/deps.sh build run disk check
	@BUILD=$(BUILD) tests/fabric/run.py
