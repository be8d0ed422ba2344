# SPDX-License-Identifier: Apache-2.0
AFTERBURN_NEEDS += $(BUILD)/afterburn/wedge-count $(BUILD)/guests/initrd.img $(BUILD)/bench/count.so
