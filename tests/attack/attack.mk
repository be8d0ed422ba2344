# SPDX-License-Identifier: Apache-2.0
# Hostile guests: small ELF files that start through PVH, and the tests that run them.

BUILD ?= build

ATTACK_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pic -mno-red-zone -mgeneral-regs-only \
	-mcmodel=small -fno-asynchronous-unwind-tables -fno-stack-protector -fcf-protection=none \
	-fno-tree-loop-distribute-patterns -Wall -Wextra -Wshadow -Wmissing-prototypes -Wvla -Wundef \
	-Werror -MMD -MP
ATTACK_ELFS := $(addprefix $(BUILD)/attack/,nmi.elf hostile.elf hostile-service.elf service.elf \
	message.elf neighbour.elf neighbour-service.elf)
ATTACK_HOSTILE := $(wildcard tests/attack/hostile*.c)
ATTACK_COMMON := $(filter-out $(ATTACK_HOSTILE) \
	$(addprefix tests/attack/,nmi.c service.c message.c neighbour.c),$(wildcard tests/attack/*.c tests/attack/*.S))
attack_objects = $(patsubst tests/attack/%,$(BUILD)/attack/obj/%.o,$(1))

.PHONY: attack check-attack check-attack-long

$(BUILD)/attack/obj/%.o: tests/attack/%
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(ATTACK_CFLAGS) -c -o $@ $<

$(BUILD)/attack/nmi.elf: $(call attack_objects,$(ATTACK_COMMON) tests/attack/nmi.c)
$(BUILD)/attack/message.elf: $(call attack_objects,$(ATTACK_COMMON) tests/attack/message.c)
$(BUILD)/attack/neighbour.elf: $(call attack_objects,$(ATTACK_COMMON) tests/attack/neighbour.c)
$(BUILD)/attack/neighbour-service.elf: $(call attack_objects,$(ATTACK_COMMON) tests/attack/neighbour.c)
$(BUILD)/attack/hostile.elf: $(call attack_objects,$(ATTACK_COMMON) $(ATTACK_HOSTILE))
$(BUILD)/attack/hostile-service.elf: $(call attack_objects,$(ATTACK_COMMON) $(ATTACK_HOSTILE))
$(BUILD)/attack/service.elf: $(call attack_objects,$(ATTACK_COMMON) tests/attack/service.c)
# A service VM has its memory where the machine has it: the monitor lies at 1 MiB.
$(addprefix $(BUILD)/attack/,service.elf hostile-service.elf neighbour-service.elf): ATTACK_LDFLAGS := --defsym=guest_base=0x1000000

$(ATTACK_ELFS): tests/attack/guest.ld
	@echo "  LD      $@"
	@ld -nostdlib -static -z noexecstack --no-warn-rwx-segments $(ATTACK_LDFLAGS) -T tests/attack/guest.ld \
		-o $@ \
		$(filter %.o,$^)

attack: $(ATTACK_ELFS)

check-attack: $(BUILD)/mullion.elf guests attack
	@tools/deps.sh build run check
	@MULLION_BUILD=$(BUILD) /usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/attack

# What check-attack leaves out since it takes minutes: for check-all.
check-attack-long: $(BUILD)/mullion.elf guests attack
	@tools/deps.sh build run check
	@MULLION_BUILD=$(BUILD) /usr/bin/python3 -B -m pytest -q -p no:cacheprovider \
		tests/attack/long_sweeps.py

-include $(wildcard $(BUILD)/attack/obj/*.d)
