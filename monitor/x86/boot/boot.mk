# SPDX-License-Identifier: Apache-2.0
# The DSDT of the VMs as a C header: $(BUILD)/gen/dsdt.h, included as "gen/dsdt.h" (-I$(BUILD)).

IASL ?= iasl
BOOT_DSDT := $(BUILD)/gen/dsdt.h

# iasl -tc writes dsdt.hex with an array `unsigned char dsdt_aml_code[]`; ours is static and const.
$(BOOT_DSDT): monitor/x86/boot/dsdt.asl
	@mkdir -p $(@D)
	@$(IASL) -we -p $(BUILD)/gen/dsdt -tc $< >$(BUILD)/gen/dsdt.log 2>&1 || \
		{ cat $(BUILD)/gen/dsdt.log; exit 1; }
	@sed 's/^unsigned char/static const unsigned char/' $(BUILD)/gen/dsdt.hex >$@.new
	@mv $@.new $@

# The unit tests compile the same file (unit.mk); nothing finds a generated header by itself.
$(BUILD)/unit/obj/monitor/x86/boot/acpi_guest.o: $(BOOT_DSDT)
