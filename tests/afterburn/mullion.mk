# SPDX-License-Identifier: Apache-2.0
AFTERBURN_NEEDS += guests attack $(BUILD)/mullion.elf $(BUILD)/guests/control.img \
	$(BUILD)/afterburn/wedge-mullion $(BUILD)/afterburn/wedge-mullion-1

# A wedge that knows the first version of Mullion's interface only, as an older release would.

$(BUILD)/obj/wedge-1/mullion.c.o: afterburn/wedge/mullion.c afterburn/wedge/wedge.mk
	@mkdir -p $(@D)
	@echo "  CC      $< (interface 1)"
	@$(CC) $(WEDGE_CFLAGS) -DWEDGE_INTERFACE=1 -c -o $@ $<

$(WEDGE_DIR)/wedge-mullion-1: $(call wedge_objects,$(WEDGE_COMMON)) $(BUILD)/obj/wedge-1/mullion.c.o \
		afterburn/wedge/wedge.ld
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(WEDGE_LD) -o $@ $(filter %.o,$^)

-include $(BUILD)/obj/wedge-1/mullion.c.d
