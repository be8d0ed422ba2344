/* SPDX-License-Identifier: Apache-2.0 */
/* PCI configuration mechanism 1 with a VM's own small bus: a host bridge and its UART. */
#pragma once

#include "core/types.h"
#include "x86/boot/acpi.h"

#define PCI_ADDRESS      0xcf8u
#define PCI_DATA         0xcfcu
#define PCI_CONFIG_BYTES 256u
#define PCI_SLOTS        2u

struct guest_pci {
    unsigned slots; /* that hold a device */
    uint32_t address;
    uint8_t config[PCI_SLOTS][PCI_CONFIG_BYTES];
    uint8_t writable[PCI_SLOTS][PCI_CONFIG_BYTES]; /* mask of the bits that the guest may set */
};

/* Without UART the bus has the bridge alone. */
void guest_pci_reset(struct guest_pci *pci, bool uart);
uint32_t guest_pci_read(const struct guest_pci *pci, uint16_t port, unsigned size);
void guest_pci_write(struct guest_pci *pci, uint16_t port, unsigned size, uint32_t value);
/* First port of the UART's BAR, or 0 if the guest has switched I/O off. */
uint16_t guest_pci_uart_port(const struct guest_pci *pci);
/* The UART's message: false if MSI is off. */
bool guest_pci_uart_msi(const struct guest_pci *pci, uint64_t *address, uint32_t *data);
