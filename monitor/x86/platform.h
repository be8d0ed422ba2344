/* SPDX-License-Identifier: Apache-2.0 */
/* The real machine's ports that the service VM doesn't get: power, reset, the monitor's own. */
#pragma once

#include "x86/exit.h"
#include "x86/uart.h"

/* Note the ports from the FADT and switch ACPI on, so that no guest needs the SMI port. */
void platform_init(const struct acpi_info *acpi);
/* Accesses to PORT leave the service VM. */
bool platform_guards_port(uint32_t port);
void platform_port(struct vcpu *vcpu, const struct port_access *access, uint32_t *value);
/* The service VM has stopped: no device may write to its memory or interrupt it. */
void platform_quiesce(void);
/* Switch the machine off (ACPI S5); returns if that fails. */
void platform_power_off(void);
