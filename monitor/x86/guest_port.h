/* SPDX-License-Identifier: Apache-2.0 */
/* The ports of a VM without real devices: console, PCI configuration, reset, power. */
#pragma once

#include "x86/exit.h"

#define UART_COM1 0x3f8u

enum exit_reason guest_port(struct vcpu *vcpu, const struct port_access *access, uint32_t *value);
/* Ports of the monitor's devices: those that no guest can move, and all. */
bool guest_port_fixed(const struct vm *vm, uint16_t port);
bool guest_port_emulated(const struct vm *vm, uint16_t port);
/* A place where stock kernels look for a device of the old PC: denied without a word. */
bool guest_port_absent(uint16_t port);
/* A byte, or SERIAL_BREAK, for the VM's console to read; false if its FIFO is full or it has none.
 * Any core. */
bool guest_console_input(struct vm *vm, uint16_t byte);
/* LENGTH bytes of the VM's memory as if written to its UART, up to a line's end: how many. Any
 * core.
 */
uint64_t guest_console_output(struct vm *vm, gpa_t at, uint64_t length);
/* Where the guest has its UART; 0: nowhere. */
uint16_t guest_console_port(const struct vm *vm);

/* For both kinds of VM (exit_port.c). */
void port_deny(struct vcpu *vcpu, const struct port_access *access);
uint32_t port_real_read(uint16_t port, unsigned size);
void port_real_write(uint16_t port, unsigned size, uint32_t value);
