# SPDX-License-Identifier: Apache-2.0
# Controls of running VMs. Logs: $(BUILD)/live/.

BUILD ?= build

.PHONY: check-live

LIVE_PROGRAMS := $(BUILD)/live/instruction $(BUILD)/live/hold $(BUILD)/live/events

$(LIVE_PROGRAMS): $(BUILD)/live/%: tests/live/%.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu17 -Os -static -Wall -Wextra -Werror -o $@ $<

check-live: $(FABRIC_NEEDS) $(LIVE_PROGRAMS)
	@tools/deps.sh build run disk check
	@BUILD=$(BUILD) tests/fabric/run.py tests/live
