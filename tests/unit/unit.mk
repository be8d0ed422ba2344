# SPDX-License-Identifier: Apache-2.0
# The host's side: the `mullion` command, unit tests with sanitizers, the check that core is portable.
#
# A new test is a new file: tests/unit/test_X.c (cmocka) or test_X.py (pytest); each is run and counted.

BUILD ?= build
UNIT := $(BUILD)/unit

ifndef BOOT_DSDT
include monitor/x86/boot/boot.mk
endif

CORE_SRC := $(wildcard monitor/core/*.c)
BOOT_SRC := $(wildcard monitor/x86/boot/*.c)
CLI_SRC := $(wildcard cli/*.c)
# What the command needs of the monitor.
CLI_CORE_SRC := $(wildcard monitor/core/config*.c monitor/core/place*.c) monitor/core/text.c \
	$(wildcard monitor/core/controls*.c) \
	monitor/lib/fmt.c monitor/x86/vmx/capability.c

CLI_LIBS := -lncurses -ltinfo

HOST_CC ?= gcc
HOST_CFLAGS := -std=c17 -D_XOPEN_SOURCE=700 -Imonitor -Iinclude -I$(BUILD) -Wall -Wextra \
	-Wconversion -Wshadow -Wmissing-prototypes -Wcast-qual -Wvla -Wundef -Werror -MMD -MP
UNIT_CFLAGS := $(HOST_CFLAGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all

UNIT_TESTS := $(patsubst tests/unit/%.c,$(UNIT)/%,$(wildcard tests/unit/test_*.c))
X86_PURE_SRC := $(addprefix monitor/x86/,memory.c pagetable.c guest_pci.c boot_info.c multiboot1.c multiboot2.c \
	vmx/capability.c vmx/entry_check.c vmx/entry_segments.c vmx/instruction_error.c vmx/mtrr.c \
	cpuid_mask.c)
UNIT_OBJ := $(patsubst %.c,$(UNIT)/obj/%.o,$(CORE_SRC) $(BOOT_SRC) $(X86_PURE_SRC) monitor/lib/fmt.c)
CLI_OBJ := $(patsubst %.c,$(BUILD)/cli/%.o,$(CLI_SRC) $(CLI_CORE_SRC))
CLI_UNIT_OBJ := $(patsubst %.c,$(UNIT)/obj/%.o,$(CLI_SRC) $(CLI_CORE_SRC))

.PHONY: cli check-unit check-portable
.PRECIOUS: $(UNIT)/obj/%.o

cli: $(BUILD)/mullion

# Static, so that it runs in an initial RAM disk, too.
$(BUILD)/mullion: $(CLI_OBJ)
	@echo "  LD      $@"
	@$(HOST_CC) -static -o $@ $^ $(CLI_LIBS)

$(BUILD)/cli/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(HOST_CC) $(HOST_CFLAGS) -O2 -c -o $@ $<

$(UNIT)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC-ASAN $<"
	@$(HOST_CC) $(UNIT_CFLAGS) -c -o $@ $<

# One of them includes a table that iasl compiles.
$(UNIT)/obj/monitor/x86/boot/acpi_guest.o: $(BOOT_DSDT)

# An archive, so that a test takes in only what it calls, and what that calls.
$(UNIT)/libmonitor.a: $(UNIT_OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(UNIT)/test_%: $(UNIT)/obj/tests/unit/test_%.o $(UNIT)/libmonitor.a
	@echo "  LD      $@"
	@$(HOST_CC) $(UNIT_CFLAGS) -o $@ $^ -lcmocka

# The command with the sanitizers, for its tests.
$(UNIT)/mullion: $(CLI_UNIT_OBJ)
	@echo "  LD      $@"
	@$(HOST_CC) $(UNIT_CFLAGS) -o $@ $^ $(CLI_LIBS)

check-unit: export MULLION_KERNEL = $(BUILD)/guests/vmlinuz-6.1
check-unit: export MULLION = $(UNIT)/mullion
check-unit: export MULLION_BUILD = $(BUILD)
check-unit: $(UNIT_TESTS) $(UNIT)/mullion $(BUILD)/guests/vmlinuz-6.1 $(BUILD)/mullion.elf
	@failed=0; \
	tests/unit/run.py --results $(BUILD)/results/unit.json $(UNIT_TESTS) || failed=1; \
	/usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/unit || failed=1; \
	test $$failed = 0

# monitor/core holds no hardware: it compiles for another processor and includes nothing of x86.
check-portable:
	@for file in $(CORE_SRC); do \
		clang --target=aarch64-none-elf -std=c17 -ffreestanding -mgeneral-regs-only -fsyntax-only \
			-Imonitor -Iinclude -Wall -Wextra -Werror $$file || exit 1; \
	done
	@! grep -nE 'include.*(x86|immintrin|cpuid)|\<(asm|__asm__)\>' $(CORE_SRC) monitor/core/*.h || \
		{ echo "monitor/core must not know the hardware: move this to monitor/x86"; exit 1; }
	@echo "portable: $(words $(CORE_SRC)) files of monitor/core compile for aarch64"

-include $(shell find $(UNIT)/obj $(BUILD)/cli -name '*.d' 2>/dev/null)
