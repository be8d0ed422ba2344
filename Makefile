# SPDX-License-Identifier: Apache-2.0
# Mullion: `make` alone prints help; the monitor's image is build/mullion.elf.

BUILD ?= build
CC := gcc
.DEFAULT_GOAL := help

include monitor/x86/boot/boot.mk

MONITOR_C := $(wildcard monitor/core/*.c monitor/lib/*.c monitor/x86/*.c monitor/x86/svm/*.c \
	monitor/x86/boot/*.c)
MONITOR_S := $(wildcard monitor/x86/*.S monitor/x86/svm/*.S)
MONITOR_OBJ := $(patsubst %,$(BUILD)/obj/%.o,$(MONITOR_C) $(MONITOR_S))

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wcast-qual -Wvla -Wundef -Werror
MONITOR_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pic -mno-red-zone -mgeneral-regs-only \
	-mcmodel=small -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fstack-protector-strong -mstack-protector-guard=global \
	-Imonitor -Iinclude -I$(BUILD) $(WARNINGS) -MMD -MP

$(BUILD)/obj/%.c.o: %.c $(BOOT_DSDT)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(MONITOR_CFLAGS) -c -o $@ $<

$(BUILD)/obj/%.S.o: %.S
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(CC) -D__ASSEMBLER__ -Imonitor -MMD -MP -c -o $@ $<

$(BUILD)/mullion64.elf: $(MONITOR_OBJ) monitor/x86/mullion.ld
	@echo "  LD      $@"
	@ld -nostdlib -static -z noexecstack -z max-page-size=4096 -T monitor/x86/mullion.ld \
		-Map $(BUILD)/mullion.map -o $@ $(MONITOR_OBJ)

# Multiboot 1 loaders take 32-bit ELF files only; the code in it is 64 bit all the same.
$(BUILD)/mullion.elf: $(BUILD)/mullion64.elf
	@objcopy -O elf32-i386 $< $@

-include $(MONITOR_OBJ:.o=.d)

include tools/host.mk
include tests/unit/unit.mk
