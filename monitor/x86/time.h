/* SPDX-License-Identifier: Apache-2.0 */
/* Time: the TSC's frequency against the ACPI timer, and the wall clock at boot. */
#pragma once

#include "x86/boot/acpi.h"

/* Measure the TSC against the PM timer, else the PIT. Boot core, once. */
void time_calibrate(const struct acpi_info *acpi);
uint64_t time_tsc_khz(void);
/* Microseconds since time_calibrate. */
uint64_t time_us(void);
/* Seconds since 1970 as the RTC said at boot, and the TSC of that moment. */
uint64_t time_wall_seconds(uint64_t *tsc);
