/* SPDX-License-Identifier: Apache-2.0 */
/* The PCI bus of a VM without devices (PCI 3.0, 3.2.2.3.2 and 6.8.1). */
#include "x86/guest_pci.h"

#include "lib/string.h"

#define SLOT_BRIDGE 0u
#define SLOT_UART   1u
#define UART_PORT   0x3f8u /* where stock kernels look for COM1: one UART, early and late */

#define CFG_COMMAND 0x04u
#define COMMAND_IO  1u
#define CFG_BAR1    0x14u
#define CFG_MSI     0x40u
#define MSI_ENABLE  1u

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

void guest_pci_reset(struct guest_pci *pci, bool uart)
{
    memset(pci, 0, sizeof(*pci));
    pci->slots = uart ? PCI_SLOTS : SLOT_UART;
    set32(pci, SLOT_BRIDGE, 0x00, 0x00081b36, 0); /* a plain PCI host bridge */
    set32(pci, SLOT_BRIDGE, 0x08, 0x06000000, 0);

    /*
     * HPE's PCI serial port, one 16550 in BAR 1: one of the few UARTs for which stock 8250_pci uses
     * MSI, and so the only kind that is driven by interrupts in a VM without interrupt controllers.
     * (NetMos 9900 is another; for it the driver asks the user to report a redundant table entry.)
     */
    set32(pci, SLOT_UART, 0x00, 0x037e1590, 0);
    set16(pci, SLOT_UART, CFG_COMMAND, COMMAND_IO, 0x0407);
    set16(pci, SLOT_UART, 0x06, 0x0010, 0);     /* status: has capabilities */
    set32(pci, SLOT_UART, 0x08, 0x07800000, 0); /* other communication device */
    set32(pci, SLOT_UART, CFG_BAR1, UART_PORT | 1, 0xfff8);
    set32(pci, SLOT_UART, 0x34, CFG_MSI, 0);
    set32(pci, SLOT_UART, 0x3c, 0, 0xff);
    set16(pci, SLOT_UART, CFG_MSI, 0x0005, 0);
    set16(pci, SLOT_UART, CFG_MSI + 2, 0x0080, MSI_ENABLE); /* 64-bit address, one vector */
    set32(pci, SLOT_UART, CFG_MSI + 4, 0, 0xfffffffc);
    set32(pci, SLOT_UART, CFG_MSI + 8, 0, 0xffffffff);
    set16(pci, SLOT_UART, CFG_MSI + 12, 0, 0xffff);
}

/* The slot that the address register selects, or -1; OFFSET of the byte at PORT. */
static int selected(const struct guest_pci *pci, uint16_t port, unsigned *offset)
{
    uint32_t address = pci->address;
    unsigned bus_function = address >> 8 & 0xff07;
    unsigned slot = address >> 11 & 0x1f;
    *offset = (address & 0xfc) + (port - PCI_DATA);
    if ((address & 1u << 31) == 0 || bus_function != 0 || slot >= pci->slots)
        return -1;
    return (int)slot;
}

uint32_t guest_pci_read(const struct guest_pci *pci, uint16_t port, unsigned size)
{
    unsigned offset;
    uint32_t value = UINT32_MAX;
    if (port < PCI_DATA)
        return port == PCI_ADDRESS && size == 4 ? pci->address : value;
    int slot = selected(pci, port, &offset);
    if (slot >= 0 && offset + size <= PCI_CONFIG_BYTES) {
        value = 0;
        memcpy(&value, &pci->config[slot][offset], size);
    }
    return value;
}

void guest_pci_write(struct guest_pci *pci, uint16_t port, unsigned size, uint32_t value)
{
    unsigned offset;
    if (port == PCI_ADDRESS && size == 4)
        pci->address = value;
    if (port < PCI_DATA)
        return;
    int slot = selected(pci, port, &offset);
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
    if ((get32(pci, SLOT_UART, CFG_COMMAND) & COMMAND_IO) == 0)
        return 0;
    return get32(pci, SLOT_UART, CFG_BAR1) & 0xfff8;
}

bool guest_pci_uart_msi(const struct guest_pci *pci, uint64_t *address, uint32_t *data)
{
    if ((get32(pci, SLOT_UART, CFG_MSI) >> 16 & MSI_ENABLE) == 0)
        return false;
    *address = get32(pci, SLOT_UART, CFG_MSI + 4) | (uint64_t)get32(pci, SLOT_UART, CFG_MSI + 8)
                                                        << 32;
    *data = get32(pci, SLOT_UART, CFG_MSI + 12) & 0xffff;
    return true;
}
