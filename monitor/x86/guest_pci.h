/* SPDX-License-Identifier: Apache-2.0 */
/* PCI configuration mechanism 1 with a VM's own small bus: host bridge, UART, virtio functions. */
#pragma once

#include "core/types.h"
#include "x86/boot/acpi.h"

#define PCI_ADDRESS      0xcf8u
#define PCI_DATA         0xcfcu
#define PCI_CONFIG_BYTES 256u
#define PCI_NOWHERE      0xffu

/* The functions of a bus; which there are depends on the VM. */
enum pci_slot { PCI_BRIDGE, PCI_UART, PCI_NET, PCI_SOCKET, PCI_MEMORY, PCI_SLOTS };

struct guest_pci {
    uint32_t address;
    uint8_t device[PCI_SLOTS]; /* its number on bus 0, or PCI_NOWHERE */
    uint8_t config[PCI_SLOTS][PCI_CONFIG_BYTES];
    uint8_t writable[PCI_SLOTS][PCI_CONFIG_BYTES]; /* mask of the bits that the guest may set */
};

/* An empty bus: what the service VM sees beside the machine's own functions. */
void guest_pci_clear(struct guest_pci *pci);
/* The bus of another VM: a host bridge and, with UART, that. */
void guest_pci_reset(struct guest_pci *pci, bool uart);
/* A virtio function at DEVICE of bus 0, of virtio's device type ID, with so many MSI-X vectors. */
void guest_pci_add_virtio(struct guest_pci *pci, enum pci_slot slot, uint8_t device, uint16_t id,
                          unsigned vectors);
/* The slot of the function that the address register selects, or -1. */
int guest_pci_selected(const struct guest_pci *pci);
uint32_t guest_pci_read(const struct guest_pci *pci, uint16_t port, unsigned size);
void guest_pci_write(struct guest_pci *pci, uint16_t port, unsigned size, uint32_t value);
/* Where the driver has put a virtio function's ports and its MSI-X page; 0 if switched off. */
uint16_t guest_pci_virtio_port(const struct guest_pci *pci, enum pci_slot slot);
uint64_t guest_pci_virtio_page(const struct guest_pci *pci, enum pci_slot slot);
/* Are messages of the function switched on and not masked as a whole? */
bool guest_pci_virtio_messages(const struct guest_pci *pci, enum pci_slot slot);
/* First port of the UART's BAR, or 0 if the guest has switched I/O off. */
uint16_t guest_pci_uart_port(const struct guest_pci *pci);
/* The UART's message: false if MSI is off. */
bool guest_pci_uart_msi(const struct guest_pci *pci, uint64_t *address, uint32_t *data);
