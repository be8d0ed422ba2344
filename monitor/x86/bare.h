/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: the service VM's kernel on the bare machine, so that it stays reachable. */
#pragma once

#include "x86/boot/acpi.h"
#include "x86/boot_info.h"

/* Boot the service VM's kernel without Mullion because of REASON; halts if that is impossible, or
 * if the configuration is strict. Boot core; the other cores have not been started. */
_Noreturn void bare_boot(const struct boot_info *boot, const struct acpi_info *acpi,
                         const struct machine *m, const char *reason);
