/* SPDX-License-Identifier: Apache-2.0 */
/* Building a VM's memory: nested tables once, contents at each boot. */
#pragma once

#include "x86/boot/acpi.h"
#include "x86/boot_info.h"
#include "x86/vm.h"

/* Remember what all VMs are built from. Boot core, once. */
void vm_boot_init(const struct boot_info *boot, const struct acpi_info *acpi,
                  const struct machine *all_ram);
/* Nested paging for the VM's extents; the service VM sees the devices, too. */
bool vm_map_memory(struct vm *vm);
/* Is PAGE where this VM's devices may be, and no memory? What it sees there by itself returns. */
bool vm_is_device_space(const struct vm *vm, gpa_t page);
void vm_restore_device_space(struct vm *vm, gpa_t page);
/* Load kernel, initrd and tables; NULL, or what is wrong. The VM's boot core. */
const char *vm_build(struct vm *vm, struct guest_start *start);
