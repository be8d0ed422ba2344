# SPDX-License-Identifier: Apache-2.0
# Fuzzing, natively: libFuzzer (clang) on what reads a user's, a file's, the firmware's, a boot
# loader's or a guest's bytes. `make check-fuzz SECONDS=600` is a long run. What breaks a target: $(FUZZ)/found.

FUZZ := $(BUILD)/fuzz
FUZZ_CFLAGS := $(HOST_CFLAGS) -D_DEFAULT_SOURCE -g -O1 \
	-fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_TARGETS := config kernel acpi multiboot devices sockets memory
FUZZ_SRC := $(CORE_SRC) $(BOOT_SRC) $(X86_PURE_SRC) monitor/lib/fmt.c
FUZZ_OBJ := $(patsubst %.c,$(FUZZ)/obj/%.o,$(FUZZ_SRC))
fuzz_objects = $(patsubst %,$(FUZZ)/obj/tests/fuzz/%.o,$(1))

.PHONY: check-fuzz
.PRECIOUS: $(FUZZ)/obj/%.o

$(FUZZ)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC-FUZZ $<"
	@clang $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ)/obj/monitor/x86/boot/acpi_guest.o: $(BOOT_DSDT)

$(FUZZ)/libmonitor.a: $(FUZZ_OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(FUZZ)/config: $(call fuzz_objects,fuzz_place)
$(FUZZ)/kernel: $(call fuzz_objects,fuzz_guest)
$(addprefix $(FUZZ)/,$(FUZZ_TARGETS)): $(FUZZ)/%: $(FUZZ)/obj/tests/fuzz/fuzz_%.o \
		$(FUZZ)/libmonitor.a
	@echo "  LD      $@"
	@clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(FUZZ)/libmonitor.a

$(FUZZ)/seed_acpi: tests/fuzz/seed_acpi.c tests/unit/firmware.h
	@mkdir -p $(@D)
	@$(HOST_CC) $(filter-out -MMD -MP,$(HOST_CFLAGS)) -o $@ $< -lcmocka

# A hostile guest is a seed too, without what only a debugger reads.
$(FUZZ)/seeds.done: tests/fuzz/seeds.py $(FUZZ)/seed_acpi $(firstword $(ATTACK_ELFS)) README.md \
		docs/mullion.conf.5 monitor/core/config_vm.c
	@rm -rf $(FUZZ)/seeds
	@mkdir -p $(FUZZ)/seeds
	@objcopy --strip-all $(firstword $(ATTACK_ELFS)) $(FUZZ)/guest.elf
	@tests/fuzz/seeds.py $(FUZZ)/seeds $(FUZZ)/guest.elf
	@$(FUZZ)/seed_acpi $(FUZZ)/seeds/acpi
	@touch $@

check-fuzz: $(addprefix $(FUZZ)/,$(FUZZ_TARGETS)) $(FUZZ)/seeds.done
	@tests/fuzz/run.py --build $(BUILD) --seconds $(call seconds,30) $(FUZZ_TARGETS)

-include $(shell find $(FUZZ)/obj -name '*.d' 2>/dev/null)
