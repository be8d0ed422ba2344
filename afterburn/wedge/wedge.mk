# SPDX-License-Identifier: Apache-2.0
# The wedges: $(BUILD)/afterburn/wedge-NAME, of the common files and the mapping's NAME*.[cS].

WEDGE_DIR := $(BUILD)/afterburn
WEDGE_GROUNDS := kvm xen mullion
wedge_files = $(wildcard afterburn/wedge/$(1).[cS] afterburn/wedge/$(1)_*.[cS])
WEDGE_NAMES := $(foreach name,count $(WEDGE_GROUNDS),$(if $(call wedge_files,$(name)),$(name))) auto
WEDGE_MAPPINGS := $(foreach name,count $(WEDGE_GROUNDS),$(call wedge_files,$(name)))
WEDGE_COMMON := $(filter-out $(WEDGE_MAPPINGS),$(wildcard afterburn/wedge/*.[cS])) \
	$(wildcard afterburn/format/*.c) monitor/lib/fmt.c monitor/lib/string.c

# Code of the resident part runs under addresses that the linker doesn't know, on the guest's stack.
WEDGE_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fpie -fvisibility=hidden -mno-red-zone \
	-mgeneral-regs-only -fno-jump-tables -fno-tree-vectorize -fno-tree-loop-distribute-patterns -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none -Imonitor -Iinclude -Iafterburn -Iafterburn/wedge \
	$(WARNINGS) -MD -MP
WEDGE_LD := ld -nostdlib -static -z noexecstack -z max-page-size=4096 -T afterburn/wedge/wedge.ld
wedge_objects = $(patsubst %,$(BUILD)/obj/wedge/%.o,$(1))

.PHONY: wedges

wedges: $(addprefix $(WEDGE_DIR)/wedge-,$(WEDGE_NAMES))

$(BUILD)/obj/wedge/%.c.o: %.c afterburn/wedge/wedge.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(WEDGE_CFLAGS) -c -o $@ $<

$(BUILD)/obj/wedge/%.S.o: %.S afterburn/wedge/wedge.mk
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(CC) -D__ASSEMBLER__ -ffreestanding -Iafterburn/wedge -Iinclude -MD -MP -c -o $@ $<

# Linked once more with the resident part elsewhere, which must not change one byte of it.
define wedge
$(WEDGE_DIR)/wedge-$(1): $(call wedge_objects,$(WEDGE_COMMON) $(2)) afterburn/wedge/wedge.ld
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$(WEDGE_LD) --section-start=.resident=0x7654000 -o $$@.moved $$(filter %.o,$$^)
	@$(WEDGE_LD) -Map $(BUILD)/obj/wedge/$(1).map -o $$@.new $$(filter %.o,$$^)
	@objcopy -O binary -j .resident $$@.moved $$@.moved.resident
	@objcopy -O binary -j .resident $$@.new $$@.resident
	@cmp $$@.resident $$@.moved.resident || \
		{ echo "wedge-$(1): code or data in .resident depends on its address"; exit 1; }
	@rm -f $$@.moved $$@.moved.resident $$@.resident
	@mv $$@.new $$@
endef

$(foreach name,$(filter-out auto,$(WEDGE_NAMES)),$(eval $(call wedge,$(name),$(call wedge_files,$(name)))))
$(eval $(call wedge,auto,$(foreach name,$(WEDGE_GROUNDS),$(call wedge_files,$(name)))))

# The host's side: what knows no hardware, with the sanitizers.
WEDGE_PURE_OBJ := $(patsubst %,$(UNIT)/obj/afterburn/%.o,format/crc32 wedge/pack wedge/place wedge/print wedge/pvh)

$(WEDGE_PURE_OBJ): UNIT_CFLAGS += -Iafterburn

$(UNIT)/libwedge.a: $(WEDGE_PURE_OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(UNIT)/test_wedge_%: $(UNIT)/obj/tests/unit/test_wedge_%.o $(UNIT)/libwedge.a $(UNIT)/libmonitor.a
	@echo "  LD      $@"
	@$(HOST_CC) $(UNIT_CFLAGS) -o $@ $^ -lcmocka

-include $(patsubst %.o,%.d,$(call wedge_objects,$(WEDGE_COMMON) $(WEDGE_MAPPINGS)))

include tests/unit/wedge.mk
