# SPDX-License-Identifier: Apache-2.0
# Controls of running VMs. Logs: $(BUILD)/live/.

BUILD ?= build

.PHONY: check-live

$(BUILD)/live/instruction: tests/live/instruction.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu17 -Os -static -Wall -Wextra -Werror -o $@ $<

check-live: $(FABRIC_NEEDS) $(BUILD)/live/instruction
	@tools/deps.sh build run disk check
	@BUILD=$(BUILD) tests/fabric/run.py tests/live
