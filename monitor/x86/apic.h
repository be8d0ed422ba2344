/* SPDX-License-Identifier: Apache-2.0 */
/* This core's local APIC, always in x2APIC mode (Intel SDM 3, 10.12; AMD APM 2, 16). */
#pragma once

#include "core/types.h"

void apic_enable_x2apic(void);
/* Raw interrupt command: DELIVERY_*, vector, physical destination. */
void apic_send(apic_id_t to, uint32_t delivery, uint8_t vector);
void apic_send_nmi(apic_id_t to);
/*
 * Does the timer's LVT keep a delivery mode? Processors refuse those reserved bits; QEMU 10 obeys
 * them, SMI included. The first call, on the boot core before any VM runs, leaves the timer masked.
 */
bool apic_timer_takes_delivery(void);
/* Does an interrupt wait that this core would take now, if its flags let it? */
bool apic_interrupt_waits(void);
/* As after reset: all LVTs masked, timer off, nothing in service or requested. IF is off. */
void apic_reset_this(void);
