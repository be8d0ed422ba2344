# SPDX-License-Identifier: Apache-2.0
# Pre-virtualization: the command `afterburn`, prepared Linux, the wedges.

BUILD ?= build
HOST_CC ?= gcc

AFTERBURN := $(BUILD)/afterburn
AFTERBURN_TOOL_SRC := $(wildcard afterburn/tool/*.c afterburn/format/*.c)
AFTERBURN_TOOL_CFLAGS := -std=c17 -D_XOPEN_SOURCE=700 -Iinclude -Iafterburn -Wall -Wextra -Wconversion -Wshadow \
	-Wmissing-prototypes -Wcast-qual -Wvla -Wundef -Werror -MMD -MP
AFTERBURN_TOOL_LIBS := -lcapstone -lelf
AFTERBURN_SANITIZE := -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
AFTERBURN_PREPARED := $(wildcard afterburn/prelude/*.s) tools/mullion_host/prepared_config.py \
	tools/mullion_host/prepared_linux.py tools/mullion_host/linux_source.py

.PHONY: afterburn

# The command and all wedges.
afterburn:
	@tools/deps.sh build afterburn
	@$(MAKE) --no-print-directory BUILD=$(BUILD) $(AFTERBURN)/afterburn wedges

$(AFTERBURN)/afterburn: $(patsubst %.c,$(AFTERBURN)/obj/%.o,$(AFTERBURN_TOOL_SRC))
	@echo "  LD      $@"
	@$(HOST_CC) -o $@ $^ $(AFTERBURN_TOOL_LIBS)

$(AFTERBURN)/obj/afterburn/%.o: afterburn/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(HOST_CC) $(AFTERBURN_TOOL_CFLAGS) -O2 -c -o $@ $<

# The command with the sanitizers, for its tests.
$(AFTERBURN)/afterburn-checked: $(patsubst %.c,$(AFTERBURN)/checked/%.o,$(AFTERBURN_TOOL_SRC))
	@echo "  LD      $@"
	@$(HOST_CC) $(AFTERBURN_SANITIZE) -o $@ $^ $(AFTERBURN_TOOL_LIBS)

$(AFTERBURN)/checked/afterburn/%.o: afterburn/%.c
	@mkdir -p $(@D)
	@echo "  CC-ASAN $<"
	@$(HOST_CC) $(AFTERBURN_TOOL_CFLAGS) $(AFTERBURN_SANITIZE) -c -o $@ $<

# linux-6.1, linux-6.12-hardened, linux-6.1-plain ...: several minutes each.
$(AFTERBURN)/linux-%/vmlinux: $(AFTERBURN_PREPARED) | $(AFTERBURN)/afterburn
	@tools/deps.sh run afterburn
	@$(AFTERBURN)/afterburn build-linux $(firstword $(subst -, ,$*)) \
		$(addprefix --,$(wordlist 2,3,$(subst -, ,$*))) --build $(BUILD)

-include $(shell find $(AFTERBURN)/obj $(AFTERBURN)/checked -name '*.d' 2>/dev/null)
-include $(wildcard afterburn/wedge/*.mk)
