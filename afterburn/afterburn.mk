# SPDX-License-Identifier: Apache-2.0
# Pre-virtualization: the command `afterburn`.

BUILD ?= build
HOST_CC ?= gcc

AFTERBURN := $(BUILD)/afterburn
AFTERBURN_TOOL_SRC := $(wildcard afterburn/tool/*.c)
AFTERBURN_TOOL_OBJ := $(patsubst %.c,$(AFTERBURN)/obj/%.o,$(AFTERBURN_TOOL_SRC))
AFTERBURN_TOOL_CFLAGS := -std=c17 -D_XOPEN_SOURCE=700 -Iinclude -Wall -Wextra -Wconversion -Wshadow \
	-Wmissing-prototypes -Wcast-qual -Wvla -Wundef -Werror -MMD -MP
AFTERBURN_TOOL_LIBS := -lcapstone -lelf

.PHONY: afterburn

afterburn: $(AFTERBURN)/afterburn

$(AFTERBURN)/afterburn: $(AFTERBURN_TOOL_OBJ)
	@echo "  LD      $@"
	@$(HOST_CC) -o $@ $^ $(AFTERBURN_TOOL_LIBS)

$(AFTERBURN)/obj/afterburn/tool/%.o: afterburn/tool/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(HOST_CC) $(AFTERBURN_TOOL_CFLAGS) -O2 -c -o $@ $<

-include $(AFTERBURN_TOOL_OBJ:.o=.d)
