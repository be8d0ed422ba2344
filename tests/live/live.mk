# SPDX-License-Identifier: Apache-2.0
# Controls of running VMs, and guests that do all that controls watch. Logs: $(BUILD)/live/.

BUILD ?= build

LIVE_ELFS := $(BUILD)/live/events.elf $(BUILD)/live/locked.elf

.PHONY: live-guests check-live

LIVE_PROGRAMS := $(BUILD)/live/instruction $(BUILD)/live/hold $(BUILD)/live/process_events

$(LIVE_PROGRAMS): $(BUILD)/live/%: tests/live/%.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu17 -Os -static -Wall -Wextra -Werror -o $@ $<

$(BUILD)/live/obj/%.o: tests/live/%
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(ATTACK_CFLAGS) -Itests/attack -c -o $@ $<

$(BUILD)/live/events.elf: $(call attack_objects,$(ATTACK_COMMON)) \
		$(BUILD)/live/obj/events.c.o $(BUILD)/live/obj/events_list.c.o
$(BUILD)/live/locked.elf: $(BUILD)/live/obj/locked.S.o

$(LIVE_ELFS): tests/attack/guest.ld
	@echo "  LD      $@"
	@ld -nostdlib -static -z noexecstack --no-warn-rwx-segments -T tests/attack/guest.ld -o $@ \
		$(filter %.o,$^)

live-guests: $(LIVE_ELFS)

check-live: $(FABRIC_NEEDS) $(LIVE_PROGRAMS) live-guests
	@tools/deps.sh build run disk check
	@BUILD=$(BUILD) tests/fabric/run.py tests/live

-include $(wildcard $(BUILD)/live/obj/*.d)
