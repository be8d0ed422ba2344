# SPDX-License-Identifier: Apache-2.0
# Mullion: `make` alone prints help; the monitor's image is build/mullion.elf.

BUILD ?= build
CC := gcc
.DEFAULT_GOAL := help
# SECONDS as given to make, not as some shell may have it; else so many.
seconds = $(if $(filter command,$(origin SECONDS)),$(SECONDS),$(1))

include monitor/x86/boot/boot.mk

MONITOR_C := $(wildcard monitor/core/*.c monitor/lib/*.c monitor/x86/*.c monitor/x86/svm/*.c \
	monitor/x86/vmx/*.c monitor/x86/boot/*.c)
MONITOR_S := $(wildcard monitor/x86/*.S monitor/x86/*/*.S)
MONITOR_OBJ := $(patsubst %,$(BUILD)/obj/%.o,$(MONITOR_C) $(MONITOR_S))

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wcast-qual -Wvla -Wundef -Werror
MONITOR_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pic -mno-red-zone -mgeneral-regs-only \
	-mcmodel=small -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fstack-protector-strong -mstack-protector-guard=global \
	-Imonitor -Iinclude -I$(BUILD) $(WARNINGS) -MD -MP

$(BUILD)/obj/%.c.o: %.c $(BOOT_DSDT) Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(MONITOR_CFLAGS) -c -o $@ $<

$(BUILD)/obj/%.S.o: %.S Makefile
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(CC) -D__ASSEMBLER__ -ffreestanding -Imonitor -MD -MP -c -o $@ $<

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
-include tests/boot/boot.mk tests/attack/attack.mk tests/teeth/teeth.mk tests/fabric/fabric.mk tests/live/live.mk \
	tests/vmx/vmx.mk
-include afterburn/afterburn.mk tests/afterburn/afterburn.mk
include tests/fuzz/fuzz.mk bench/bench.mk

.PHONY: help all check check-all evidence lint format loc reuse clean

help:
	@echo "Mullion divides one x86-64 machine into several, each with a Linux of its own."
	@echo
	@echo "  make run              boot it in QEMU and leave you at a prompt of the service VM"
	@echo "                        (VMS=3 CPUS=6 ACCEL=tcg; ACCEL=kvm with nested virtualization)"
	@echo "  make check            all tests: about an hour on two cores"
	@echo
	@echo "  make smoke            the same boot without a terminal; exits in the steady state"
	@echo "  make all              only build: build/mullion.elf and the command build/mullion"
	@echo "  make check-unit check-portable check-boot check-attack    parts of make check"
	@echo "  make check-fabric     the service VM's Debian, and what VMs share; part of it, too"
	@echo "  make check-vmx        the tests of Intel VT-x, in Bochs, which it builds; part of it, too"
	@echo "  make check-live       what leaves running VMs, changed by configuration; part of it, too"
	@echo "  make afterburn        the command afterburn and the wedges: docs/PREPARE.md"
	@echo "  make check-afterburn  prepared systems, bare, on Mullion and on KVM; part of it, too"
	@echo "  make check-afterburn-long  the same on Xen; Linux 6.12 and hardened kernels"
	@echo "  make service-disk     makes the service VM's disk alone"
	@echo "  make check-fuzz       any input for parsers, loaders and a guest's devices (SECONDS=30)"
	@echo "  make check-all        make check, what takes longer, and docs/EVIDENCE.md from all of it"
	@echo "                        (FUZZ_SECONDS=600)"
	@echo "  make check-attack-long  hostile guests over every page of RAM"
	@echo "  make check-vmx-long   a service VM that changes another one on VT-x; with a small kernel"
	@echo "  make check-fabric-long  1,000 VMs that come and go, 20 restarts of the service VM"
	@echo "  make check-teeth      is each of some broken monitors caught by a test? (ONLY=NAME)"
	@echo "  make bench            counts beside bare metal, KVM and Xen: docs/BENCH.md (SECONDS=20)"
	@echo "  make bench-afterburn  exits of a prepared kernel with and without wedges; part of it, too"
	@echo "  make loc              lines of code of the monitor"
	@echo "  make lint, format     the monitor with clang, too; the sources in the committed style"
	@echo "  make clean            remove what was built; downloads stay in build/"

all: $(BUILD)/mullion.elf cli

# Every part runs even if one before it fails; the last line adds them up.
check:
	@tools/deps.sh build run disk check vmx afterburn
	@MAKE="$(MAKE)" BUILD=$(BUILD) tools/check.py check

check-all:
	@tools/deps.sh build run disk check vmx small afterburn
	@MAKE="$(MAKE)" BUILD=$(BUILD) FUZZ_SECONDS=$(or $(FUZZ_SECONDS),600) tools/check.py check-all

loc: $(BUILD)/mullion.elf
	@tools/loc.py $(BUILD)

# The same, written into the table of docs/REUSE.md.
reuse: $(BUILD)/mullion.elf
	@tools/loc.py $(BUILD) docs/REUSE.md

# What a part's pytest has seen, for `make evidence`.
check-unit check-boot check-attack check-attack-long check-fabric check-fabric-long check-live \
		check-vmx check-vmx-long check-afterburn check-afterburn-long: \
	export PYTEST_ADDOPTS = --rootdir=$(CURDIR) --junitxml=$(BUILD)/results/$@.xml -o junit_family=xunit1

# The claims beside the results of the last `make check-all`, which does this at its end.
evidence:
	@tools/evidence.py --build $(BUILD) docs/EVIDENCE.md
	@tools/processors.py --build $(BUILD) docs/PROCESSORS.md

# The same sources with the other compiler, warnings and all.
lint: $(BOOT_DSDT)
	@for file in $(MONITOR_C); do \
		clang $(filter-out -MD -MP -mstack-protector-guard=global,$(MONITOR_CFLAGS)) -fsyntax-only $$file || exit 1; \
	done
	@for file in $(CLI_SRC); do clang $(filter-out -MMD -MP,$(HOST_CFLAGS)) -fsyntax-only $$file || exit 1; done
	@for file in $(AFTERBURN_TOOL_SRC); do \
		clang $(filter-out -MMD -MP,$(AFTERBURN_TOOL_CFLAGS)) -fsyntax-only $$file || exit 1; \
	done
	@echo "lint: $(words $(MONITOR_C) $(CLI_SRC) $(AFTERBURN_TOOL_SRC)) files clean with clang"

# The committed style; not part of the tests, since each release of clang-format has its own mind.
format:
	@clang-format -i $(MONITOR_C) $(wildcard afterburn/format/*.[ch] afterburn/tool/*.[ch] monitor/*/*.h monitor/x86/*/*.h cli/*.[ch] guest/*.[ch] \
		tests/unit/*.[ch] tests/attack/*.[ch] tests/fuzz/*.[ch] tests/boot/*.c tests/live/*.[ch] include/mullion/*.h \
		bench/plugin/*.[ch] afterburn/wedge/*.[ch])

clean:
	@rm -rf $(BUILD)/obj $(BUILD)/gen $(BUILD)/unit $(BUILD)/cli $(BUILD)/fuzz $(BUILD)/teeth \
		$(BUILD)/results $(BUILD)/mullion* $(BUILD)/afterburn/obj $(BUILD)/afterburn/checked
