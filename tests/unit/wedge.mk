# SPDX-License-Identifier: Apache-2.0
# Unit tests that run what a wedge makes and puts into a guest, natively. The wedge's files are built
# as for a wedge; the tests around them have the sanitizers.

WEDGE_RUN_TESTS := $(addprefix test_wedge_,stubs console cpuid module table)
WEDGE_RUN_OBJ := $(call wedge_objects,$(addprefix afterburn/wedge/,absent.S cache.c console.c encode.c \
	ipi.c module.c patch.c runtime.S runtime.c stub.c count.c count_encode.c count_stub.c com1.c) tests/unit/wedge_ground.c)
WEDGE_RUN_HOST_OBJ := $(addprefix $(UNIT)/obj/tests/unit/wedge_,machine.o faults.o)

$(WEDGE_RUN_HOST_OBJ) $(WEDGE_RUN_TESTS:%=$(UNIT)/obj/tests/unit/%.o): \
	UNIT_CFLAGS += -Iafterburn/wedge -D_GNU_SOURCE

$(WEDGE_RUN_TESTS:%=$(UNIT)/%): $(UNIT)/%: $(UNIT)/obj/tests/unit/%.o $(WEDGE_RUN_HOST_OBJ) \
		$(WEDGE_RUN_OBJ) tests/unit/wedge_resident.ld
	@echo "  LD      $@"
	@$(HOST_CC) $(UNIT_CFLAGS) -no-pie -o $@ $(filter %.o,$^) -Wl,-T,tests/unit/wedge_resident.ld -lcmocka -lpthread

-include $(patsubst %.o,%.d,$(WEDGE_RUN_OBJ) $(WEDGE_RUN_HOST_OBJ) \
	$(WEDGE_RUN_TESTS:%=$(UNIT)/obj/tests/unit/%.o))
