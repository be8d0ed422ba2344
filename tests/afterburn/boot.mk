# SPDX-License-Identifier: Apache-2.0
AFTERBURN_NEEDS += $(BUILD)/afterburn/wedge-kvm $(BUILD)/afterburn/wedge-auto $(BUILD)/guests/initrd.img
