/* SPDX-License-Identifier: Apache-2.0 */
/* The PCI bus of a VM without devices (PCI 3.0, 3.2.2.3.2 and 6.8; virtio 1.2, 4.1.4). */
#include "x86/guest_pci.h"

#include "core/virtio.h"
#include "lib/string.h"

#define UART_PORT 0x3f8u /* where stock kernels look for COM1: one UART, early and late */

#define CFG_COMMAND    0x04u
#define COMMAND_IO     1u
#define COMMAND_MEMORY 2u
#define CFG_BAR0       0x10u
#define CFG_BAR1       0x14u
#define CFG_MSI        0x40u /* MSI of the UART, MSI-X of virtio functions */
#define MSI_ENABLE     1u
#define MSIX_ENABLE    0x8000u
#define MSIX_MASK      0x4000u
#define CAPS_FIRST     0x50u /* virtio's, 20 bytes each */
#define CAP_BYTES      20u

static void set16(struct guest_pci *pci, unsigned slot, unsigned at, uint16_t value,
                  uint16_t writable)
{
    memcpy(&pci->config[slot][at], &value, sizeof(value));
    memcpy(&pci->writable[slot][at], &writable, sizeof(writable));
}

static void set32(struct guest_pci *pci, unsigned slot, unsigned at, uint32_t value,
                  uint32_t writable)
{
    memcpy(&pci->config[slot][at], &value, sizeof(value));
    memcpy(&pci->writable[slot][at], &writable, sizeof(writable));
}

static uint32_t get32(const struct guest_pci *pci, unsigned slot, unsigned at)
{
    uint32_t value;
    memcpy(&value, &pci->config[slot][at], sizeof(value));
    return value;
}

void guest_pci_clear(struct guest_pci *pci)
{
    memset(pci, 0, sizeof(*pci));
    memset(pci->device, PCI_NOWHERE, sizeof(pci->device));
}

void guest_pci_reset(struct guest_pci *pci, bool uart)
{
    guest_pci_clear(pci);
    pci->device[PCI_BRIDGE] = PCI_BRIDGE;
    pci->device[PCI_UART] = uart ? PCI_UART : PCI_NOWHERE;
    set32(pci, PCI_BRIDGE, 0x00, 0x00081b36, 0); /* a plain PCI host bridge */
    set32(pci, PCI_BRIDGE, 0x08, 0x06000000, 0);

    /*
     * HPE's PCI serial port, one 16550 in BAR 1: one of the few UARTs for which stock 8250_pci uses
     * MSI, and so the only kind that is driven by interrupts in a VM without interrupt controllers.
     * (NetMos 9900 is another; for it the driver asks the user to report a redundant table entry.)
     */
    set32(pci, PCI_UART, 0x00, 0x037e1590, 0);
    set16(pci, PCI_UART, CFG_COMMAND, COMMAND_IO, 0x0407);
    set16(pci, PCI_UART, 0x06, 0x0010, 0);     /* status: has capabilities */
    set32(pci, PCI_UART, 0x08, 0x07800000, 0); /* other communication device */
    set32(pci, PCI_UART, CFG_BAR1, UART_PORT | 1, 0xfff8);
    set32(pci, PCI_UART, 0x34, CFG_MSI, 0);
    set32(pci, PCI_UART, 0x3c, 0, 0xff);
    set16(pci, PCI_UART, CFG_MSI, 0x0005, 0);
    set16(pci, PCI_UART, CFG_MSI + 2, 0x0080, MSI_ENABLE); /* 64-bit address, one vector */
    set32(pci, PCI_UART, CFG_MSI + 4, 0, 0xfffffffc);
    set32(pci, PCI_UART, CFG_MSI + 8, 0, 0xffffffff);
    set16(pci, PCI_UART, CFG_MSI + 12, 0, 0xffff);
}

/* One structure of virtio's in BAR 0, named by a vendor's capability. */
static void add_structure(struct guest_pci *pci, enum pci_slot slot, unsigned index, uint8_t type,
                          uint32_t offset, uint32_t length)
{
    unsigned at = CAPS_FIRST + index * CAP_BYTES;
    uint32_t next = type < 4 ? at + CAP_BYTES : 0;
    set32(pci, slot, at, (uint32_t)type << 24 | CAP_BYTES << 16 | next << 8 | 0x09, 0);
    set32(pci, slot, at + 8, offset, 0);
    set32(pci, slot, at + 12, length, 0);
}

void guest_pci_add_virtio(struct guest_pci *pci, enum pci_slot slot, uint8_t device, uint16_t id,
                          unsigned vectors)
{
    pci->device[slot] = device;
    set32(pci, slot, 0x00, 0x10401af4u + ((uint32_t)id << 16), 0);
    set16(pci, slot, CFG_COMMAND, 0, 0x0407);
    set16(pci, slot, 0x06, 0x0010, 0);
    set32(pci, slot, 0x08, id == 1 ? 0x02000001 : id == 24 ? 0x00ff0001 : 0x07800001, 0);
    set32(pci, slot, CFG_BAR0, 1, 0x10000 - VIRTIO_BAR_BYTES);
    set32(pci, slot, CFG_BAR1, 0, (uint32_t)-PAGE_SIZE);
    set32(pci, slot, 0x2c, 0x11001af4, 0);
    set32(pci, slot, 0x34, CFG_MSI, 0);
    set32(pci, slot, 0x3c, 0, 0xff);
    set16(pci, slot, CFG_MSI, CAPS_FIRST << 8 | 0x11, 0);
    set16(pci, slot, CFG_MSI + 2, (uint16_t)(vectors - 1), MSIX_ENABLE | MSIX_MASK);
    set32(pci, slot, CFG_MSI + 4, 1, 0); /* the table at the start of BAR 1 */
    set32(pci, slot, CFG_MSI + 8, PAGE_SIZE / 2 | 1, 0);
    add_structure(pci, slot, 0, 1, VIRTIO_COMMON, VIRTIO_ISR - VIRTIO_COMMON);
    add_structure(pci, slot, 1, 2, VIRTIO_NOTIFY, 4); /* all queues at the same port */
    add_structure(pci, slot, 2, 3, VIRTIO_ISR, 1);
    add_structure(pci, slot, 3, 4, VIRTIO_CONFIG, VIRTIO_BAR_BYTES - VIRTIO_CONFIG);
}

int guest_pci_selected(const struct guest_pci *pci)
{
    unsigned device = pci->address >> 11 & 0x1f;
    if ((pci->address & 1u << 31) == 0 || (pci->address >> 8 & 0xff07) != 0)
        return -1;
    for (int slot = 0; slot < PCI_SLOTS; slot++)
        if (pci->device[slot] == device)
            return slot;
    return -1;
}

uint32_t guest_pci_read(const struct guest_pci *pci, uint16_t port, unsigned size)
{
    unsigned offset = (pci->address & 0xfc) + (port - PCI_DATA);
    uint32_t value = UINT32_MAX;
    if (port < PCI_DATA)
        return port == PCI_ADDRESS && size == 4 ? pci->address : value;
    int slot = guest_pci_selected(pci);
    if (slot >= 0 && offset + size <= PCI_CONFIG_BYTES) {
        value = 0;
        memcpy(&value, &pci->config[slot][offset], size);
    }
    return value;
}

void guest_pci_write(struct guest_pci *pci, uint16_t port, unsigned size, uint32_t value)
{
    unsigned offset = (pci->address & 0xfc) + (port - PCI_DATA);
    if (port == PCI_ADDRESS && size == 4)
        pci->address = value;
    if (port < PCI_DATA)
        return;
    int slot = guest_pci_selected(pci);
    if (slot < 0)
        return;
    for (unsigned i = 0; i < size && offset + i < PCI_CONFIG_BYTES; i++) {
        uint8_t mask = pci->writable[slot][offset + i];
        uint8_t *byte = &pci->config[slot][offset + i];
        *byte = (uint8_t)((*byte & ~mask) | (value >> 8 * i & mask));
    }
}

uint16_t guest_pci_uart_port(const struct guest_pci *pci)
{
    if ((get32(pci, PCI_UART, CFG_COMMAND) & COMMAND_IO) == 0)
        return 0;
    return get32(pci, PCI_UART, CFG_BAR1) & 0xfff8;
}

bool guest_pci_uart_msi(const struct guest_pci *pci, uint64_t *address, uint32_t *data)
{
    if ((get32(pci, PCI_UART, CFG_MSI) >> 16 & MSI_ENABLE) == 0)
        return false;
    *address = get32(pci, PCI_UART, CFG_MSI + 4) | (uint64_t)get32(pci, PCI_UART, CFG_MSI + 8)
                                                       << 32;
    *data = get32(pci, PCI_UART, CFG_MSI + 12) & 0xffff;
    return true;
}

uint16_t guest_pci_virtio_port(const struct guest_pci *pci, enum pci_slot slot)
{
    bool on = (get32(pci, slot, CFG_COMMAND) & COMMAND_IO) != 0;
    return on ? (uint16_t)(get32(pci, slot, CFG_BAR0) & ~1u) : 0;
}

uint64_t guest_pci_virtio_page(const struct guest_pci *pci, enum pci_slot slot)
{
    bool on = (get32(pci, slot, CFG_COMMAND) & COMMAND_MEMORY) != 0;
    return on ? get32(pci, slot, CFG_BAR1) : 0;
}

bool guest_pci_virtio_messages(const struct guest_pci *pci, enum pci_slot slot)
{
    return (get32(pci, slot, CFG_MSI) >> 16 & (MSIX_ENABLE | MSIX_MASK)) == MSIX_ENABLE;
}
