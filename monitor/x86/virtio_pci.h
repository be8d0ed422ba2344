/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's virtio devices as PCI functions: ports, a page of messages, interrupts. */
#pragma once

#include "core/switch.h"
#include "core/vsock.h"
#include "x86/exit.h"

/* Give the VM the devices that its configuration asks for; false: the monitor's memory is used up.
 */
bool virtio_pci_init(struct vm *vm);
/* The devices leave their networks; their memory returns. */
void virtio_pci_free(struct vm *vm);
/* Keep all cores from the VM's memory by way of its queues, or no more. Any core. */
void virtio_pci_hold(struct vm *vm, bool hold);
/* As after power-on. The VM's cores are stopped, or it is being built. */
void virtio_pci_reset(struct vm *vm);
/*
 * An access to a device's ports, or to PCI configuration; false: it was not. A kick that is not
 * done with leaves RIP where it is: the guest repeats it. The vCPU's core.
 */
bool virtio_pci_port(struct vcpu *vcpu, const struct port_access *access, uint32_t *value);
bool virtio_pci_config(struct vm *vm, const struct port_access *access, uint32_t *value);
/* Does a device of VM's lie at PORT? */
bool virtio_pci_has_port(struct vm *vm, uint16_t port);
