/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine has: memory, cores, nodes, from the loader's map and ACPI. */
#pragma once

#include "x86/boot/acpi.h"
#include "x86/boot_info.h"

/*
 * Fill MACHINE, and ALL_RAM as an untouched copy of it. False, after a message, without ACPI or
 * RAM. Boot core, once.
 */
bool inventory_read(const struct boot_info *boot, struct acpi_info *acpi, struct machine *m,
                    struct machine *all_ram);
void inventory_report(const struct machine *m);
