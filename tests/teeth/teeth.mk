# SPDX-License-Identifier: Apache-2.0
# Monitors broken on purpose, each caught by a named test? ONLY=NAME,NAME tries these alone.

ONLY ?=

.PHONY: check-teeth

check-teeth: guests
	@tools/deps.sh build run check
	@MAKE="$(MAKE)" /usr/bin/python3 -B tests/teeth/teeth.py --build $(BUILD) $(if $(ONLY),--only $(ONLY))
